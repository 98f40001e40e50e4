//! Who belongs to projects and organisations, and how others come in.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use broker_app::{InvitationView, Member};
use broker_client::wire::{AcceptRequest, Page};
use broker_model::{InvitationDraft, InvitationId, MembersOf, OrganisationId, PersonId, ProjectId};

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::once::{self, Early, Keyed};
use crate::operation::{Operation, delete, get, post};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, Items, Query, Whole};

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        get("/projects/{id}/members", of_project),
        delete("/projects/{id}/members/{person}", remove_from_project),
        get("/projects/{id}/invitations", into_project),
        post("/projects/{id}/invitations", invite_into_project),
        delete(
            "/projects/{id}/invitations/{invitation}",
            revoke_into_project,
        ),
        get("/organisations/{id}/members", of_organisation),
        delete(
            "/organisations/{id}/members/{person}",
            remove_from_organisation,
        ),
        get("/organisations/{id}/invitations", into_organisation),
        post("/organisations/{id}/invitations", invite_into_organisation),
        delete(
            "/organisations/{id}/invitations/{invitation}",
            revoke_into_organisation,
        ),
        post("/invitations/accept", accept),
    ]
}

type Asked = (State<ApiState>, Authenticated);

async fn of_project(
    state: State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<ProjectId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<Member>>, Problem> {
    list((state, authenticated), MembersOf::Project(id), &query).await
}

async fn of_organisation(
    state: State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<Member>>, Problem> {
    list((state, authenticated), MembersOf::Organisation(id), &query).await
}

async fn list(
    (State(state), authenticated): Asked,
    of: MembersOf,
    query: &Whole,
) -> Result<Json<Page<Member>>, Problem> {
    let listed = state.broker.members(&authenticated.caller, of).await?;
    let place = |it: &Member| {
        let roles = it.roles.iter().map(|role| (*role as u8).to_string());
        (roles.collect::<String>(), it.person)
    };
    Ok(Json(query.page_from(listed.members, place)?))
}

async fn remove_from_project(
    state: State<ApiState>,
    authenticated: Authenticated,
    Items(id, person): Items<ProjectId, PersonId>,
) -> Result<Json<Member>, Problem> {
    remove((state, authenticated), (MembersOf::Project(id), person)).await
}

async fn remove_from_organisation(
    state: State<ApiState>,
    authenticated: Authenticated,
    Items(id, person): Items<OrganisationId, PersonId>,
) -> Result<Json<Member>, Problem> {
    remove(
        (state, authenticated),
        (MembersOf::Organisation(id), person),
    )
    .await
}

/// At once; who is answered is who belongs there no more, with the roles that are gone.
async fn remove(
    (State(state), authenticated): Asked,
    whom: (MembersOf, PersonId),
) -> Result<Json<Member>, Problem> {
    let removed = state.broker.remove_member(&authenticated.caller, whom);
    Ok(Json(removed.await?))
}

async fn into_project(
    state: State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<ProjectId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<InvitationView>>, Problem> {
    invitations((state, authenticated), MembersOf::Project(id), &query).await
}

/// Those into its projects are among them.
async fn into_organisation(
    state: State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<InvitationView>>, Problem> {
    invitations((state, authenticated), MembersOf::Organisation(id), &query).await
}

async fn invitations(
    (State(state), authenticated): Asked,
    of: MembersOf,
    query: &Whole,
) -> Result<Json<Page<InvitationView>>, Problem> {
    let listed = state.broker.invitations(&authenticated.caller, of).await?;
    Ok(Json(query.page(listed, |it| it.id.to_string())?))
}

async fn invite_into_project(
    state: State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<ProjectId>,
    keyed: Keyed,
    body: JsonBody<InvitationDraft>,
) -> Result<Response, Early> {
    let of = MembersOf::Project(id);
    invite((state, authenticated), of, (keyed, body)).await
}

async fn invite_into_organisation(
    state: State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
    keyed: Keyed,
    body: JsonBody<InvitationDraft>,
) -> Result<Response, Early> {
    let of = MembersOf::Organisation(id);
    invite((state, authenticated), of, (keyed, body)).await
}

/// 201, with the code that is shown this once. With an `Idempotency-Key` a repeat makes no other, and is
/// told of the first without the code, which the broker does not keep.
async fn invite(
    (State(state), authenticated): Asked,
    of: MembersOf,
    (keyed, body): (Keyed, JsonBody<InvitationDraft>),
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let entering = keyed.enter(
        (broker, caller),
        &body.bytes,
        once::created::<InvitationView>,
    );
    let once = entering.await?;
    let made = broker.invite(caller, of, once.order(&body.value));
    once::answer(broker, &once, made.await).await
}

async fn revoke_into_project(
    state: State<ApiState>,
    authenticated: Authenticated,
    Items(id, invitation): Items<ProjectId, InvitationId>,
) -> Result<Json<InvitationView>, Problem> {
    revoke((state, authenticated), (MembersOf::Project(id), invitation)).await
}

async fn revoke_into_organisation(
    state: State<ApiState>,
    authenticated: Authenticated,
    Items(id, invitation): Items<OrganisationId, InvitationId>,
) -> Result<Json<InvitationView>, Problem> {
    revoke(
        (state, authenticated),
        (MembersOf::Organisation(id), invitation),
    )
    .await
}

async fn revoke(
    (State(state), authenticated): Asked,
    which: (MembersOf, InvitationId),
) -> Result<Json<InvitationView>, Problem> {
    let revoked = state.broker.revoke_invitation(&authenticated.caller, which);
    Ok(Json(revoked.await?))
}

/// Again by the same person it is answered as done.
async fn accept(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    body: JsonBody<AcceptRequest>,
) -> Result<Json<InvitationView>, Problem> {
    let code = &body.value.code;
    let accepted = state.broker.accept_invitation(&authenticated.caller, code);
    Ok(Json(accepted.await?))
}
