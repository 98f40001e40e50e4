use axum::Json;
use axum::extract::State;
use broker_app::Caller;
use broker_client::wire::{AllocationView, Page, ProjectView};
use broker_model::{Allocation, AllocationScope};

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Query, Whole};

pub(crate) async fn projects(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(query): Query<Whole>,
) -> Result<Json<Page<ProjectView>>, Problem> {
    let projects = project_views(&state, &authenticated.caller).await?;
    Ok(Json(
        query.page(projects, |project| project.id.to_string())?,
    ))
}

pub(crate) async fn allocations(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(query): Query<Whole>,
) -> Result<Json<Page<AllocationView>>, Problem> {
    let projects = project_views(&state, &authenticated.caller).await?;
    let allocations = projects
        .into_iter()
        .flat_map(|project| project.allocations)
        .collect();
    Ok(Json(query.page(allocations, |one| one.id.to_string())?))
}

/// The caller's projects with their organisation and balances, read now.
pub(crate) async fn project_views(
    state: &ApiState,
    caller: &Caller,
) -> Result<Vec<ProjectView>, Problem> {
    let mut views = Vec::new();
    for standing in state.broker.my_projects(caller).await? {
        views.push(ProjectView {
            id: standing.project.id,
            name: standing.project.name,
            organisation: standing.organisation.name,
            call_reference: standing.project.call_reference,
            allocations: standing.allocations.iter().map(allocation_view).collect(),
        });
    }
    Ok(views)
}

fn allocation_view(allocation: &Allocation) -> AllocationView {
    AllocationView {
        id: allocation.id,
        share: allocation.share.clone(),
        scope: match &allocation.scope {
            AllocationScope::Federation => "federation".to_owned(),
            AllocationScope::System { site, system } => format!("{site}/{system}"),
        },
        unit: allocation.unit.clone(),
        balance: allocation.balance,
        remaining: allocation.balance.remaining(),
        valid_from: allocation.valid_from,
        valid_until: allocation.valid_until,
        suspended: allocation.suspended,
        local_accounts: allocation.local_accounts.clone(),
    }
}
