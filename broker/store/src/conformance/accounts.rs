use broker_model::{Organisation, SiteReadiness, SiteSnapshot, SiteState};

use super::fixtures::{World, commit};
use crate::{CommitError, Entity, Page, Store, Write};

pub async fn organisations_are_found_by_id_and_domain(store: &dyn Store) {
    let world = World::new();
    let mut organisation = world.organisation();
    let put = |it: &Organisation| vec![Write::PutOrganisation(Box::new(it.clone()))];
    commit(store, put(&organisation)).await.unwrap();
    organisation.version = 1;
    let read = store.find_organisation(organisation.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&organisation));
    let nobody = store.organisation_by_domain("pleione.example").await;
    assert_eq!(nobody.unwrap(), None);
    organisation.domain = Some("Pleione.example".to_owned());
    commit(store, put(&organisation)).await.unwrap();
    let found = store.organisation_by_domain("pleione.EXAMPLE").await;
    organisation.version = 2;
    assert_eq!(found.unwrap(), Some(organisation));
}

pub async fn an_organisation_is_changed_from_what_was_read(store: &dyn Store) {
    let world = World::new();
    let mut organisation = world.organisation();
    let put = |it: &Organisation| vec![Write::PutOrganisation(Box::new(it.clone()))];
    commit(store, put(&organisation)).await.unwrap();
    let again = commit(store, put(&organisation)).await.unwrap_err();
    let is_conflict = matches!(again, CommitError::Conflict(Entity::Organisation));
    assert!(is_conflict, "{again}");
    organisation.version = 1;
    "Pleione".clone_into(&mut organisation.name);
    commit(store, put(&organisation)).await.unwrap();
    let late = commit(store, put(&organisation)).await.unwrap_err();
    assert!(matches!(late, CommitError::Conflict(_)), "{late}");
    organisation.version = 2;
    let read = store.find_organisation(organisation.id).await.unwrap();
    assert_eq!(read, Some(organisation));
}

pub async fn organisations_are_listed_by_page_and_by_id(store: &dyn Store) {
    let world = World::new();
    let mut all: Vec<Organisation> = (0..5).map(|_| world.organisation()).collect();
    for it in &mut all {
        let write = Write::PutOrganisation(Box::new(it.clone()));
        commit(store, vec![write]).await.unwrap();
        it.version = 1;
    }
    let mut page = Page {
        limit: 2,
        before: None,
    };
    let newest = store.list_organisations(&page).await.unwrap();
    assert_eq!(newest, [all[4].clone(), all[3].clone()]);
    page.before = Some(all[3].id);
    let next = store.list_organisations(&page).await.unwrap();
    assert_eq!(next, [all[2].clone(), all[1].clone()]);
    let asked = [all[0].id, world.id(), all[2].id];
    let found = store.find_organisations(&asked).await.unwrap();
    assert_eq!(found, [all[0].clone(), all[2].clone()]);
    assert_eq!(store.find_organisations(&[]).await.unwrap(), []);
    let project = world.project(all[1].id);
    let write = Write::PutProject(Box::new(project.clone()));
    commit(store, vec![write]).await.unwrap();
    assert_eq!(store.projects_of(all[1].id).await.unwrap(), [project]);
    assert_eq!(store.projects_of(all[2].id).await.unwrap(), []);
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
