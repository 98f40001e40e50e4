use broker_model::{
    Evidence, EvidenceKind, OrganisationId, SiteReadiness, SiteSnapshot, SiteState,
};
use jiff::civil::{Date, date};

use super::fixtures::{World, commit};
use crate::{CommitError, Entity, Store, Write};

pub async fn organisations_are_found_by_id_and_domain(store: &dyn Store) {
    let world = World::new();
    let mut organisation = world.organisation();
    let put = |it: &broker_model::Organisation| vec![Write::PutOrganisation(Box::new(it.clone()))];
    commit(store, put(&organisation)).await.unwrap();
    let read = store.find_organisation(organisation.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&organisation));
    let nobody = store.organisation_by_domain("pleione.example").await;
    assert_eq!(nobody.unwrap(), None);
    organisation.domain = Some("Pleione.example".to_owned());
    commit(store, put(&organisation)).await.unwrap();
    let found = store.organisation_by_domain("pleione.EXAMPLE").await;
    assert_eq!(found.unwrap(), Some(organisation));
}

pub async fn the_newest_evidence_of_a_kind_is_first(store: &dyn Store) {
    let world = World::new();
    let organisation = world.account(store).await.organisation;
    let evidence = [
        evidence(organisation, "sme_declaration", date(2026, 1, 1), "a"),
        evidence(organisation, "ai_pact_pledge", date(2025, 1, 1), "b"),
        evidence(organisation, "ai_pact_pledge", date(2026, 1, 1), "c"),
        evidence(organisation, "ai_pact_pledge", date(2026, 1, 1), "d"),
    ];
    for it in &evidence {
        let write = Write::InsertEvidence(Box::new(it.clone()));
        commit(store, vec![write]).await.unwrap();
    }
    let listed = store.evidence_of(organisation).await.unwrap();
    let sources: Vec<&str> = listed.iter().map(|it| it.source.as_str()).collect();
    assert_eq!(sources, ["d", "c", "b", "a"]);
    assert_eq!(listed[3], evidence[0]);
    assert_eq!(store.evidence_of(world.id()).await.unwrap(), []);
}

fn evidence(organisation: OrganisationId, kind: &str, issued_on: Date, source: &str) -> Evidence {
    Evidence {
        organisation,
        kind: EvidenceKind(kind.to_owned()),
        issued_on,
        expires_on: None,
        source: source.to_owned(),
        checked_by: None,
    }
}

pub async fn projects_and_their_allocations_are_read_back(store: &dyn Store) {
    let world = World::new();
    let organisation = world.organisation();
    let project = world.project(organisation.id);
    let (first, second) = (
        world.allocation(project.id, 1),
        world.allocation(project.id, 2),
    );
    let writes = vec![
        Write::PutOrganisation(Box::new(organisation)),
        Write::PutProject(Box::new(project.clone())),
        Write::InsertAllocation(Box::new(second.clone())),
        Write::InsertAllocation(Box::new(first.clone())),
    ];
    commit(store, writes).await.unwrap();
    let read = store.find_project(project.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&project));
    let read = store.find_allocation(first.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&first));
    let all = store.allocations_of(project.id).await.unwrap();
    assert_eq!(all, [first, second]);
    assert_eq!(store.find_project(world.id()).await.unwrap(), None);
    assert_eq!(store.find_allocation(world.id()).await.unwrap(), None);
    assert_eq!(store.allocations_of(world.id()).await.unwrap(), []);
}

pub async fn site_states_and_snapshots_are_replaced(store: &dyn Store) {
    let world = World::new();
    let site: broker_model::SiteId = "lumi".parse().unwrap();
    let said = [SiteReadiness::Ready, SiteReadiness::Draining];
    for (readiness, version) in said.into_iter().zip(0..) {
        let mut state = SiteState {
            site: site.clone(),
            readiness,
            reason: None,
            observed_at: world.now(),
            ttl_seconds: 60,
            agents: Vec::new(),
            systems: Vec::new(),
            version,
        };
        let snapshot = SiteSnapshot {
            observed_at: world.now(),
            readiness,
            reason: Some("patching".to_owned()),
            partitions: Vec::new(),
        };
        let writes = vec![
            Write::PutSiteState(Box::new(state.clone())),
            Write::PutSiteSnapshot {
                site: site.clone(),
                snapshot: Box::new(snapshot.clone()),
            },
        ];
        commit(store, writes).await.unwrap();
        let late = vec![Write::PutSiteState(Box::new(state.clone()))];
        let late = commit(store, late).await.unwrap_err();
        let is_conflict = matches!(late, CommitError::Conflict(Entity::SiteState));
        assert!(is_conflict, "{late}");
        state.version += 1;
        assert_eq!(store.site_states().await.unwrap(), [state]);
        let snapshots = store.site_snapshots().await.unwrap();
        assert_eq!(snapshots, [(site.clone(), snapshot)]);
    }
}
