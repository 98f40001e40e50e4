use broker_model::OrganisationId;
use jiff::SignedDuration;

use super::fixtures::{World, commit};
use crate::{CommitError, Entity, Store, StoredDossier, Write};

fn dossier(id: &str, organisation: OrganisationId, desk: Option<&str>) -> StoredDossier {
    StoredDossier {
        id: id.to_owned(),
        kind: "application".to_owned(),
        organisation,
        desk: desk.map(str::to_owned),
        due_at: None,
        version: 0,
        document: format!(r#"{{"id":"{id}"}}"#),
    }
}

fn put(dossier: &StoredDossier) -> Vec<Write> {
    vec![Write::PutDossier(Box::new(dossier.clone()))]
}

pub async fn a_dossier_is_changed_from_what_was_read(store: &dyn Store) {
    let world = World::new();
    let organisation = world.account(store).await.organisation;
    let mut first = dossier("app_1", organisation, Some("reviewers"));
    commit(store, put(&first)).await.unwrap();
    let again = commit(store, put(&first)).await.unwrap_err();
    assert!(
        matches!(again, CommitError::Conflict(Entity::Dossier)),
        "{again}"
    );
    first.version = 1;
    let read = store.find_dossier("app_1").await.unwrap();
    assert_eq!(read.as_ref(), Some(&first));
    "{}".clone_into(&mut first.document);
    commit(store, put(&first)).await.unwrap();
    let late = commit(store, put(&first)).await.unwrap_err();
    assert!(
        matches!(late, CommitError::Conflict(Entity::Dossier)),
        "{late}"
    );
    first.version = 2;
    assert_eq!(store.find_dossier("app_1").await.unwrap(), Some(first));
    assert_eq!(store.find_dossier("app_2").await.unwrap(), None);
}

pub async fn a_dossier_is_found_by_its_organisation_and_kind(store: &dyn Store) {
    let world = World::new();
    let (ours, theirs) = (world.account(store).await, world.account(store).await);
    for (id, organisation, kind) in [
        ("app_2", ours.organisation, "application"),
        ("app_1", ours.organisation, "application"),
        ("evi_1", ours.organisation, "evidence"),
        ("app_3", theirs.organisation, "application"),
    ] {
        let mut one = dossier(id, organisation, None);
        one.kind = kind.to_owned();
        commit(store, put(&one)).await.unwrap();
    }
    let listed = store.dossiers_of(ours.organisation, "application").await;
    let ids: Vec<String> = listed.unwrap().into_iter().map(|it| it.id).collect();
    assert_eq!(ids, ["app_1", "app_2"]);
}

pub async fn a_desk_has_what_lies_on_it(store: &dyn Store) {
    let world = World::new();
    let organisation = world.account(store).await.organisation;
    let on = |id, desk| dossier(id, organisation, desk);
    let mut first = on("app_1", Some("reviewers"));
    for one in [&first, &on("app_2", None), &on("app_3", Some("reviewers"))] {
        commit(store, put(one)).await.unwrap();
    }
    let ids = |listed: Vec<StoredDossier>| -> Vec<String> {
        listed.into_iter().map(|it| it.id).collect()
    };
    let all = store
        .dossiers_on("reviewers", "application", None, 10)
        .await;
    assert_eq!(ids(all.unwrap()), ["app_1", "app_3"]);
    let one = store.dossiers_on("reviewers", "application", None, 1).await;
    assert_eq!(ids(one.unwrap()), ["app_1"]);
    let rest = store.dossiers_on("reviewers", "application", Some("app_1"), 10);
    assert_eq!(ids(rest.await.unwrap()), ["app_3"]);
    (first.version, first.desk) = (1, None);
    commit(store, put(&first)).await.unwrap();
    let left = store
        .dossiers_on("reviewers", "application", None, 10)
        .await;
    assert_eq!(ids(left.unwrap()), ["app_3"]);
}

pub async fn what_is_due_is_found_by_its_kind_and_time(store: &dyn Store) {
    let world = World::new();
    let organisation = world.account(store).await.organisation;
    let now = world.now();
    for (id, hours) in [("app_1", 2), ("app_2", 1), ("app_3", 3), ("ref_1", 1)] {
        let mut one = dossier(id, organisation, None);
        one.due_at = Some(now + SignedDuration::from_hours(hours));
        if id.starts_with("ref") {
            "referral".clone_into(&mut one.kind);
        }
        commit(store, put(&one)).await.unwrap();
    }
    let due = async |limit| -> Vec<String> {
        let by = now + SignedDuration::from_hours(2);
        let due = store.dossiers_due("application", by, limit).await;
        due.unwrap().into_iter().map(|it| it.id).collect()
    };
    assert_eq!(
        due(10).await,
        ["app_2", "app_1"],
        "the earliest first, to the instant"
    );
    assert_eq!(
        due(1).await,
        ["app_2"],
        "others do not take the place of its kind"
    );
}

pub async fn what_was_made_in_a_time_is_found_by_its_ids(store: &dyn Store) {
    let world = World::new();
    let organisation = world.account(store).await.organisation;
    for id in ["app_01a", "app_01b", "app_02a", "app_03a", "ref_02a"] {
        let mut one = dossier(id, organisation, None);
        if id.starts_with("ref") {
            "referral".clone_into(&mut one.kind);
        }
        commit(store, put(&one)).await.unwrap();
    }
    let between = async |kind, ids, limit| -> Vec<String> {
        let found = store.dossiers_between(kind, ids, limit).await;
        found.unwrap().into_iter().map(|it| it.id).collect()
    };
    let time = ("app_01", "app_03");
    let made = between("application", time, 10).await;
    assert_eq!(made, ["app_01a", "app_01b", "app_02a"]);
    assert_eq!(
        between("application", time, 2).await,
        ["app_01a", "app_01b"]
    );
    let rest = between("application", ("app_01b", "app_03"), 2).await;
    assert_eq!(rest, ["app_02a"], "the page goes on behind its last id");
    assert!(between("referral", time, 10).await.is_empty());
}

pub async fn a_name_is_held_by_one_alone(store: &dyn Store) {
    let claim = |name: &str, holder: &str| Write::Claim {
        name: name.to_owned(),
        holder: holder.to_owned(),
    };
    let unclaim = || Write::Unclaim {
        name: "vat:FI1".to_owned(),
    };
    commit(store, vec![claim("vat:FI1", "org_1")])
        .await
        .unwrap();
    commit(store, vec![claim("vat:FI1", "org_1")])
        .await
        .unwrap();
    let taken = vec![claim("vat:FI2", "org_2"), claim("vat:FI1", "org_2")];
    let taken = commit(store, taken).await.unwrap_err();
    assert!(
        matches!(taken, CommitError::Duplicate(Entity::Claim)),
        "{taken}"
    );
    let holder = store.claim_holder("vat:FI2").await.unwrap();
    assert_eq!(holder, None, "nothing of a change that fails is kept");
    let given = vec![unclaim(), claim("vat:FI1", "org_2")];
    commit(store, given).await.unwrap();
    let holder = store.claim_holder("vat:FI1").await.unwrap();
    assert_eq!(holder.as_deref(), Some("org_2"));
    commit(store, vec![unclaim()]).await.unwrap();
    commit(store, vec![unclaim()]).await.unwrap();
    assert_eq!(store.claim_holder("vat:FI1").await.unwrap(), None);
}

pub async fn names_are_found_by_how_they_begin(store: &dyn Store) {
    let names = [
        "allocation:csv:2",
        "allocation:csv:1%",
        "allocation:csv2:1",
        "allocation:csv",
    ];
    let claim = |name: &&str| Write::Claim {
        name: (*name).to_owned(),
        holder: format!("of {name}"),
    };
    commit(store, names.iter().map(claim).collect())
        .await
        .unwrap();
    let held = |name: &str| (name.to_owned(), format!("of {name}"));
    let of = "allocation:csv:";
    let first = store.claims_under(of, None, 1).await.unwrap();
    assert_eq!(first, [held("allocation:csv:1%")]);
    let next = store.claims_under(of, Some(&first[0].0), 10).await.unwrap();
    assert_eq!(next, [held("allocation:csv:2")]);
    let none = store.claims_under("allocation_csv%", None, 10).await;
    assert_eq!(none.unwrap(), []);
}
