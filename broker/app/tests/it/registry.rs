//! The registry: documents, files, what administrators set, and what placement makes of it.

use std::sync::Arc;

use broker_app::replay::replay_placement;
use broker_app::{Adopted, Error, FiledAs};
use broker_model::{
    Clause, DrainDraft, Job, JobState, LimitDraft, MissingFrom, Principal, QueuedJobs, Role,
    SiteScope, StateName, VetoDraft,
};
use broker_store::{Jobs as _, Page};

use crate::agent::Agent;
use crate::sites::{
    admin, clauses, lumi, maintenance, new_site, opened, operator, submitted, window, with_role,
};
use crate::world::{World, engineer, principal};

#[tokio::test]
async fn files_are_the_first_import_and_stay_behind_what_people_changed() {
    for mut world in World::each().await {
        world.sites.truncate(2);
        let broker = world.broker().await;
        let [first, second] = [0, 1].map(|at| world.sites[at].id.clone());
        let told = broker.register_files().await.unwrap();
        let registered = [first.clone(), second.clone()].map(Adopted::Registered);
        assert_eq!(told, registered);
        assert_eq!(broker.register_files().await.unwrap(), []);

        let op = operator(&world, &broker).await;
        let mut edited = world.sites[0].clone();
        edited.city = "By hand".to_owned();
        let sha256 = broker.site_document(&first).unwrap().sha256;
        let filed = broker
            .file_site(&op, edited, Some(&sha256), false)
            .await
            .unwrap();
        assert_eq!(filed.filed, FiledAs::Changed);

        for site in &mut world.sites {
            site.name.push_str(", renamed");
        }
        let restarted = world.broker().await;
        let told = restarted.register_files().await.unwrap();
        assert_eq!(
            told,
            [
                Adopted::Kept(first.clone()),
                Adopted::Changed(second.clone())
            ]
        );
        let site = |id| restarted.board().find(id).unwrap();
        assert_eq!(site(&first).city, "By hand");
        assert!(site(&second).name.ends_with(", renamed"));
        assert_eq!(
            broker.board().find(&second).unwrap().name,
            world.sites[1].name.replace(", renamed", "")
        );
        broker.listen_once().await.unwrap();
        assert!(
            broker
                .board()
                .find(&second)
                .unwrap()
                .name
                .ends_with(", renamed")
        );
    }
}

#[tokio::test]
async fn a_document_is_changed_by_whoever_may_and_read_it_and_by_nobody_else() {
    let (world, broker) = opened().await;
    let ada = engineer(&broker).await;
    let lena = with_role(&world, &broker, "lena", admin()).await;
    let op = operator(&world, &broker).await;
    let fresh = new_site("turku");
    let of_oulu = Role::SiteAdmin {
        site: "oulu".parse().unwrap(),
        sees_people: false,
    };
    let olli = with_role(&world, &broker, "olli", of_oulu).await;
    let filed = broker.file_site(&olli, new_site("oulu"), None, false).await;
    assert_eq!(filed.unwrap().filed, FiledAs::New);
    for caller in [&ada, &lena, &olli] {
        let refused = broker.file_site(caller, fresh.clone(), None, false).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
    let dry = broker
        .file_site(&op, fresh.clone(), None, true)
        .await
        .unwrap();
    assert_eq!(dry.filed, FiledAs::New);
    assert!(
        dry.differences
            .iter()
            .any(|it| it.field == "system[m].partition[p].nodes")
    );
    assert!(broker.board().find(&fresh.id).is_none());
    let filed = broker
        .file_site(&op, fresh.clone(), None, false)
        .await
        .unwrap();
    assert_eq!((filed.filed, &filed.sha256), (FiledAs::New, &dry.sha256));
    let again = broker.file_site(&op, fresh, None, false).await.unwrap();
    assert_eq!(again.filed, FiledAs::Unchanged);

    let before = broker.site_document(&lumi()).unwrap();
    let mut changed = before.site.clone();
    changed.web = Some("https://lumi.example".to_owned());
    let refused = broker
        .file_site(&ada, changed.clone(), Some(&before.sha256), false)
        .await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let blind = broker.file_site(&lena, changed.clone(), None, false).await;
    assert!(matches!(blind, Err(Error::NoDocumentNamed)));
    let filed = broker
        .file_site(&lena, changed.clone(), Some(&before.sha256), false)
        .await;
    let fields: Vec<String> = filed
        .unwrap()
        .differences
        .into_iter()
        .map(|it| it.field)
        .collect();
    assert_eq!(fields, ["web"]);
    changed.city = "Oulu".to_owned();
    let stale = broker
        .file_site(&lena, changed.clone(), Some(&before.sha256), false)
        .await;
    assert!(
        matches!(stale, Err(Error::OtherDocument { current: Some(_) })),
        "{stale:?}"
    );
    changed.country = "Suomi".to_owned();
    let wrong = broker
        .file_site(&lena, changed, Some(&before.sha256), false)
        .await;
    let Err(Error::InvalidSite(fields)) = wrong else {
        panic!("{wrong:?}")
    };
    assert_eq!(fields[0].field, "country");
}

#[tokio::test]
async fn a_partition_with_jobs_cannot_vanish_and_the_refusal_names_them() {
    let (world, broker) = opened().await;
    let op = operator(&world, &broker).await;
    let job = submitted(&broker).await;
    let at = job.state.partition().unwrap().clone();
    let before = broker.site_document(&lumi()).unwrap();
    let mut without = before.site.clone();
    for system in &mut without.systems {
        system.partitions.retain(|it| it.id != at.partition);
    }
    let refused = broker
        .file_site(&op, without.clone(), Some(&before.sha256), true)
        .await;
    let Err(Error::LiveJobs {
        partitions,
        jobs,
        more: 0,
    }) = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!((partitions, jobs), (vec![at], vec![job.id]));
    let ada = engineer(&broker).await;
    broker.cancel(&ada, job.id).await.unwrap();
    broker
        .file_site(&op, without, Some(&before.sha256), false)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_partition_with_a_job_that_waits_for_people_of_the_site_cannot_vanish_either() {
    let mut world = World::sqlite().await;
    for site in world.sites.iter_mut().filter(|it| it.id == lumi()) {
        site.automation = broker_model::Automation::HumanConfirm;
    }
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    let op = operator(&world, &broker).await;
    let job = submitted(&broker).await;
    assert_eq!(job.state.name(), StateName::Held);
    let at = job.state.partition().unwrap().clone();
    let before = broker.site_document(&lumi()).unwrap();
    let mut without = before.site.clone();
    for system in &mut without.systems {
        system.partitions.retain(|it| it.id != at.partition);
    }
    let refused = { broker.file_site(&op, without, Some(&before.sha256), true) }.await;
    let Err(Error::LiveJobs { jobs, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(jobs, [job.id]);
}

/// A site whose partition says nothing of how it charges: its document stays so.
#[tokio::test]
async fn what_is_assumed_of_a_billing_is_marked_where_it_counts_and_not_in_the_document() {
    let mut world = World::sqlite().await;
    for site in world.sites.iter_mut().filter(|it| it.id == lumi()) {
        for partition in &mut site.systems[0].partitions {
            partition.billing = None;
        }
    }
    let broker = world.broker().await;
    broker.register_files().await.unwrap();
    Agent::of(&world, "lumi").show(&broker).await;
    let document = broker.site_document(&lumi()).unwrap();
    assert!(!document.site.says_its_billing());
    let op = operator(&world, &broker).await;
    let same = broker.file_site(&op, document.site, None, false).await;
    assert_eq!(same.unwrap().filed, FiledAs::Unchanged);
    let shown = broker.site(&lumi()).unwrap().site;
    let billing = shown.systems[0].partitions[0].billing.as_ref().unwrap();
    assert!(billing.assumed_since.is_some());

    let job = submitted(&broker).await;
    assert_eq!(job.held, broker_model::UnitMillis::from_hours(4));
    let store = world.store().await;
    let stored = store.placements_of(job.id).await.unwrap().remove(0);
    assert!(
        stored
            .document
            .contains("\"billing_assumed_since\":\"2026-11-20\""),
        "{}",
        stored.document
    );
    let again = replay_placement(&store, &job.spec, &stored).await.unwrap();
    assert_eq!(again, stored.document);
}

#[tokio::test]
async fn a_drain_reaches_other_replicas_and_ends_when_somebody_ends_it() {
    for world in World::each().await {
        let (here, there) = (world.broker().await, world.broker().await);
        Agent::of(&world, "lumi").show(&here).await;
        there.listen_once().await.unwrap();
        let lena = with_role(&world, &here, "lena", admin()).await;
        let draft = DrainDraft {
            scope: SiteScope {
                system: Some("lumi".parse().unwrap()),
                partition: None,
            },
            reason: "a new file system".to_owned(),
            from: None,
            until: None,
        };
        let drain = here.drain_site(&lena, &lumi(), &draft).await.unwrap();
        let words = "lumi is drained, no end is announced: a new file system";
        let expected = [(Clause::Drained, words.to_owned())];
        assert_eq!(clauses(&here).await, expected);
        assert_eq!(clauses(&there).await, []);
        there.listen_once().await.unwrap();
        assert_eq!(clauses(&there).await, expected);
        let waiting = submitted(&there).await;
        assert_eq!(waiting.state, JobState::Pending);
        let view = there.site(&lumi()).unwrap();
        assert_eq!(view.drains, std::slice::from_ref(&drain));

        here.undrain_site(&lena, &lumi(), drain.id).await.unwrap();
        let twice = here.undrain_site(&lena, &lumi(), drain.id).await;
        assert!(matches!(twice, Err(Error::NotFound(_))));
        assert_eq!(here.place_pending_once().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_placing_under_all_that_can_be_set_is_made_again_byte_for_byte() {
    for world in World::each().await {
        let broker = world.broker().await;
        Agent::of(&world, "lumi").show(&broker).await;
        let op = operator(&world, &broker).await;
        broker
            .open_window(&op, &lumi(), &window(&world, 1000))
            .await
            .unwrap();
        let limit = LimitDraft {
            max_at_once: Some(3),
            ..LimitDraft::default()
        };
        let organisation = broker_app::setup::organisation_id("startup");
        broker
            .limit_organisation(&op, &lumi(), (organisation, limit))
            .await
            .unwrap();
        broker
            .open_incident(&op, &lumi(), &maintenance(&world, 1000))
            .await
            .unwrap();
        let first = submitted(&broker).await;
        let second = submitted(&broker).await;
        let store = world.store().await;
        for job in [&first, &second] {
            for stored in store.placements_of(job.id).await.unwrap() {
                let again = replay_placement(&store, &job.spec, &stored).await.unwrap();
                assert_eq!(again, stored.document);
            }
        }
        let stored = store.placements_of(second.id).await.unwrap().remove(0);
        assert!(stored.inputs.contains("\"held\":"), "{}", stored.inputs);
    }
}

#[tokio::test]
async fn a_veto_keeps_an_allocation_away_and_cancels_what_waits_if_asked() {
    let (world, broker) = opened().await;
    let lena = with_role(&world, &broker, "lena", admin()).await;
    let stays = submitted(&broker).await;
    let draft = |queued| VetoDraft {
        allocation: stays.allocation,
        system: None,
        reason: "export control".to_owned(),
        queued,
    };
    let veto = broker
        .veto_grant(&lena, &lumi(), &draft(QueuedJobs::Stay))
        .await
        .unwrap();
    let ada = engineer(&broker).await;
    let state = async |job: &Job| broker.job(&ada, job.id).await.unwrap().state.name();
    assert_eq!(state(&stays).await, StateName::Placed);
    assert_eq!(clauses(&broker).await[0].0, Clause::Vetoed);
    let missing = async || {
        let answer = broker.check(&ada, stays.spec.project).await.unwrap();
        let told = answer.missing.into_iter().map(|it| (it.by, it.how));
        told.collect::<Vec<_>>()
    };
    let how = format!("alcyone site lift-veto lumi {}", veto.id);
    assert_eq!(
        missing().await,
        [(MissingFrom::SiteAdministrator, how)],
        "pre-flight names who can lift it"
    );
    broker.lift_veto(&lena, &lumi(), veto.id).await.unwrap();
    assert_eq!(clauses(&broker).await, []);
    assert_eq!(missing().await, []);
    broker
        .veto_grant(&lena, &lumi(), &draft(QueuedJobs::Cancel))
        .await
        .unwrap();
    assert_eq!(state(&stays).await, StateName::Cancelled);
}

#[tokio::test]
async fn what_runs_is_for_the_sites_administrators_and_names_are_for_those_who_may_see_them() {
    let (world, broker) = opened().await;
    let job = submitted(&broker).await;
    let ada = engineer(&broker).await;
    let lena = with_role(&world, &broker, "lena", admin()).await;
    let sees = Role::SiteAdmin {
        site: lumi(),
        sees_people: true,
    };
    let nils = with_role(&world, &broker, "nils", sees).await;
    let page = || Page {
        limit: 10,
        before: None,
    };
    let hidden = broker.site_jobs(&ada, &lumi(), page()).await;
    assert!(matches!(hidden, Err(Error::NotFound(_))));
    let elsewhere = broker
        .site_jobs(&lena, &"bsc".parse().unwrap(), page())
        .await;
    assert!(matches!(elsewhere, Err(Error::NotFound(_))));
    let jobs = broker.site_jobs(&lena, &lumi(), page()).await.unwrap().jobs;
    assert_eq!(
        (jobs[0].job, jobs[0].person, &jobs[0].name),
        (job.id, job.owner, &None)
    );
    assert_eq!(jobs[0].allocation, job.allocation);
    // Ada was imported, and her name is known once she has signed in with it.
    let jobs = broker.site_jobs(&nils, &lumi(), page()).await.unwrap().jobs;
    assert_eq!(jobs[0].name, None);
    let mut named = Principal::clone(&principal("engineer"));
    named.name = Some("Ada Example".to_owned());
    let signed_in = broker.caller(Arc::new(named)).await.unwrap();
    assert_eq!(signed_in.person, job.owner);
    let unnamed = broker.caller(principal("engineer")).await.unwrap();
    assert_eq!(unnamed.person, job.owner);
    let jobs = broker.site_jobs(&nils, &lumi(), page()).await.unwrap().jobs;
    assert_eq!(jobs[0].name.as_deref(), Some("Ada Example"));
    for refused in [
        broker.controls(&ada, &lumi()).await.map(drop),
        broker
            .drain_site(
                &ada,
                &lumi(),
                &DrainDraft {
                    scope: SiteScope::default(),
                    reason: "x".to_owned(),
                    from: None,
                    until: None,
                },
            )
            .await
            .map(drop),
    ] {
        assert!(
            matches!(refused, Err(Error::NotFound(_) | Error::Forbidden(_))),
            "{refused:?}"
        );
    }
}
