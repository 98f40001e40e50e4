use axum::Json;
use axum::extract::State;
use broker_client::wire::{Page, UnknownAccountView};
use broker_model::SiteId;
use broker_store::AccountUse;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, Query, Whole};

/// Lists the local accounts that the site told of and that no allocation names, the latest first.
pub(crate) async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(site): Id<SiteId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<UnknownAccountView>>, Problem> {
    let caller = &authenticated.caller;
    let found = state.broker.unknown_accounts(caller, &site).await?;
    let accounts = found.into_iter().map(view).collect();
    Ok(Json(query.page(accounts, |one| one.account.clone())?))
}

fn view(found: AccountUse) -> UnknownAccountView {
    UnknownAccountView {
        account: found.account,
        first_seen: found.first_seen,
        last_seen: found.last_seen,
        jobs: found.jobs,
        gpu: found.gpu,
    }
}
