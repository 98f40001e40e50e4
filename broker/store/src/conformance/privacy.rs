//! Finding somebody everywhere, and taking them out.

use broker_model::{AttemptState, HoldSubject};
use jiff::SignedDuration;

use super::fixtures::{World, commit};
use crate::{
    CommitError, ERASED_ISSUER, Entity, IdempotencyKey, LegalHold, Person, Remembered, Session,
    Store, StoredDossier, StoredErasure, Write,
};

fn put(person: &Person) -> Write {
    Write::PutPerson(Box::new(person.clone()))
}

fn session(person: &Person, id_hash: &str, world: &World) -> Write {
    Write::PutSession(Box::new(Session {
        id_hash: id_hash.to_owned(),
        person: person.id,
        principal: "{}".to_owned(),
        issuer_session: None,
        created_at: world.now(),
        expires_at: world.now() + SignedDuration::from_hours(1),
    }))
}

fn remembered(person: &Person, key: &str, world: &World) -> Write {
    Write::Remember {
        key: IdempotencyKey {
            person: person.id,
            key: key.to_owned(),
        },
        answer: Remembered {
            request_sha256: "00".to_owned(),
            status: 201,
            body: "{}".to_owned(),
            created_at: world.now(),
        },
    }
}

pub async fn an_erased_person_is_found_by_id_alone_and_their_subject_is_free(store: &dyn Store) {
    let world = World::new();
    let (person, other) = (world.person("maia"), world.person("taygeta"));
    commit(store, vec![put(&person), put(&other)])
        .await
        .unwrap();
    // One commit, so that the two are of one group for sure.
    let again = world.person("maia");
    let writes = vec![Write::ErasePerson(person.id), put(&again)];
    commit(store, writes).await.unwrap();
    let left = store.find_person(person.id).await.unwrap().unwrap();
    let expected = Person {
        issuer: ERASED_ISSUER.to_owned(),
        subject: person.id.to_string(),
        name: None,
        email: None,
        ..person.clone()
    };
    assert_eq!(left, expected);
    let found = store.person_by_subject(&person.issuer, "maia").await;
    assert_eq!(found.unwrap().map(|it| it.id), Some(again.id));
    let late = commit(store, vec![put(&person)]).await;
    assert!(
        matches!(late, Err(CommitError::Conflict(Entity::Person))),
        "whoever remembers the name cannot write it back"
    );
    commit(store, vec![Write::ErasePerson(person.id)])
        .await
        .unwrap();
    let nobody = commit(store, vec![Write::ErasePerson(world.id())]).await;
    assert!(matches!(nobody, Err(CommitError::Missing(Entity::Person))));
    let untouched = store.find_person(other.id).await.unwrap();
    assert_eq!(untouched, Some(other));
}

pub async fn what_is_of_a_person_is_found_by_their_id(store: &dyn Store) {
    let world = World::new();
    let (person, other) = (world.person("maia"), world.person("taygeta"));
    let organisation = world.account(store).await.organisation;
    let mut writes = vec![put(&person), put(&other)];
    for who in [&person, &other] {
        let name = &who.subject;
        writes.push(session(who, name, &world));
        writes.push(remembered(who, name, &world));
        writes.push(Write::PutDossier(Box::new(StoredDossier {
            id: format!("evi_{name}"),
            kind: "evidence".to_owned(),
            organisation,
            desk: (who.id == other.id).then(|| "reviewers".to_owned()),
            due_at: None,
            version: 0,
            document: format!(r#"{{"added_by":"{}"}}"#, who.id),
        })));
    }
    let mut job = world.stored_job(store).await;
    job.owner = person.id;
    writes.push(Write::UpdateJob(Box::new(job.clone())));
    commit(store, writes).await.unwrap();
    world.stored_job(store).await;

    let sessions = store.sessions_of(person.id).await.unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].id_hash, "maia");
    let answers = store.remembered_of(person.id).await.unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!(
        (answers[0].0.key.as_str(), answers[0].1.status),
        ("maia", 201)
    );
    let owned = store.jobs_owned_by(person.id, None, 10).await.unwrap();
    let ids: Vec<_> = owned.iter().map(|it| it.id).collect();
    assert_eq!(ids, [job.id]);
    let behind = store.jobs_owned_by(person.id, Some(job.id), 10).await;
    assert_eq!(behind.unwrap(), []);
    let naming = store
        .dossiers_naming(&person.id.to_string(), None, 10)
        .await;
    assert_eq!(naming.unwrap()[0].id, "evi_maia");
    let settled = store.settled_dossiers("evidence", None, 10).await.unwrap();
    let ids: Vec<_> = settled.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["evi_maia"], "the other lies on a desk");

    let key = answers[0].0.clone();
    commit(store, vec![Write::RemoveRemembered(key)])
        .await
        .unwrap();
    assert_eq!(store.remembered_of(person.id).await.unwrap(), []);
    assert_eq!(store.remembered_of(other.id).await.unwrap().len(), 1);
}

pub async fn entries_that_name_a_person_are_read_in_order(store: &dyn Store) {
    let world = World::new();
    let person = world.person("maia");
    for actor in [Some(person.id), None, Some(world.id()), Some(person.id)] {
        let mut entry = world.entry(None);
        entry.actor = actor;
        let change = crate::Change {
            writes: Vec::new(),
            entries: vec![entry],
        };
        store.commit(change).await.unwrap();
    }
    let of = async |from, limit| {
        let found = store.entries_naming(person.id, from, limit).await.unwrap();
        found.iter().map(|it| it.seq).collect::<Vec<_>>()
    };
    assert_eq!(of(0, 10).await, [0, 3]);
    assert_eq!(of(0, 1).await, [0]);
    assert_eq!(of(1, 10).await, [3]);
}

pub async fn a_dossier_is_removed_at_the_version_that_was_read(store: &dyn Store) {
    let world = World::new();
    let organisation = world.account(store).await.organisation;
    let mut dossier = StoredDossier {
        id: "evi_1".to_owned(),
        kind: "evidence".to_owned(),
        organisation,
        desk: None,
        due_at: None,
        version: 0,
        document: "{}".to_owned(),
    };
    for version in 0..2 {
        dossier.version = version;
        let write = Write::PutDossier(Box::new(dossier.clone()));
        commit(store, vec![write]).await.unwrap();
    }
    let remove = |version| {
        vec![Write::RemoveDossier {
            id: "evi_1".to_owned(),
            version,
        }]
    };
    let stale = commit(store, remove(1)).await;
    assert!(matches!(stale, Err(CommitError::Conflict(Entity::Dossier))));
    commit(store, remove(2)).await.unwrap();
    assert_eq!(store.find_dossier("evi_1").await.unwrap(), None);
    assert!(commit(store, remove(2)).await.is_err());
}

pub async fn a_log_that_is_removed_is_gone_with_its_length(store: &dyn Store) {
    let world = World::new();
    let job = world.stored_job(store).await.id;
    let mut attempt = world.attempt(job);
    attempt.state = AttemptState::Lost;
    let attempt_id = attempt.id;
    let mut writes = vec![Write::InsertAttempt(Box::new(attempt))];
    for (stream, offset) in [("stdout", 0), ("stdout", 3), ("stderr", 0)] {
        writes.push(Write::AppendLog {
            job,
            attempt: attempt_id,
            stream,
            offset,
            bytes: b"one".to_vec(),
        });
    }
    commit(store, writes).await.unwrap();
    let chunks = store.log_chunks_of(attempt_id).await.unwrap();
    assert_eq!(chunks.len(), 3);
    let attempt = attempt_id;
    commit(store, vec![Write::RemoveLog { attempt, chunks }])
        .await
        .unwrap();
    assert_eq!(store.log_chunks_of(attempt_id).await.unwrap(), []);
    assert_eq!(store.log_length(attempt_id, "stdout").await.unwrap(), 0);
}

pub async fn what_is_held_outlives_its_time(store: &dyn Store) {
    let world = World::new();
    let (kept, free) = (world.person("maia"), world.person("taygeta"));
    let hold = LegalHold {
        subject: HoldSubject::Person(kept.id),
        reason: "a dispute".to_owned(),
        set_at: world.now(),
    };
    let mut writes = vec![put(&kept), put(&free), Write::PutLegalHold(hold.clone())];
    for who in [&kept, &free] {
        writes.push(session(who, &who.subject, &world));
        writes.push(remembered(who, "key", &world));
    }
    commit(store, writes).await.unwrap();
    let read = async || store.legal_holds().await.unwrap();
    assert_eq!(read().await, std::slice::from_ref(&hold));
    let late = world.now() + SignedDuration::from_hours(2);
    assert_eq!(store.forget_sessions(late).await.unwrap(), 1);
    assert_eq!(store.forget_keys(late).await.unwrap(), 1);
    assert_eq!(store.sessions_of(kept.id).await.unwrap().len(), 1);
    assert_eq!(store.remembered_of(kept.id).await.unwrap().len(), 1);
    let other = LegalHold {
        reason: "another".to_owned(),
        ..hold
    };
    commit(store, vec![Write::PutLegalHold(other.clone())])
        .await
        .unwrap();
    assert_eq!(read().await, std::slice::from_ref(&other));
    commit(store, vec![Write::RemoveLegalHold(other.subject)])
        .await
        .unwrap();
    assert_eq!(read().await, []);
    assert_eq!(store.forget_sessions(late).await.unwrap(), 1);
    assert_eq!(store.forget_keys(late).await.unwrap(), 1);
}

pub async fn an_erasure_is_open_until_it_is_settled(store: &dyn Store) {
    let world = World::new();
    let person = world.person("maia");
    let mut erasure = StoredErasure {
        person: person.id,
        asked_at: Some(world.now()),
        erased_at: None,
        settled: false,
    };
    let writes = vec![put(&person), Write::PutErasure(erasure)];
    commit(store, writes).await.unwrap();
    assert_eq!(store.open_erasures().await.unwrap(), [erasure]);
    erasure.erased_at = Some(world.now());
    erasure.settled = true;
    commit(store, vec![Write::PutErasure(erasure)])
        .await
        .unwrap();
    assert_eq!(store.open_erasures().await.unwrap(), []);
    let found = store.find_erasure(person.id).await.unwrap();
    assert_eq!(found, Some(erasure));
    let removal = |sha256: &str| Write::PutFileRemoval {
        sha256: sha256.to_owned(),
        decided_at: world.now(),
    };
    let writes = vec![removal("02"), removal("01"), removal("02")];
    commit(store, writes).await.unwrap();
    assert_eq!(store.file_removals(10).await.unwrap(), ["01", "02"]);
    let sha256 = "01".to_owned();
    commit(store, vec![Write::RemoveFileRemoval { sha256 }])
        .await
        .unwrap();
    assert_eq!(store.file_removals(10).await.unwrap(), ["02"]);
}
