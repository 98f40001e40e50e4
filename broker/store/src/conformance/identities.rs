use broker_model::{FundingShare, Role, TermsAcceptance};
use jiff::SignedDuration;

use super::fixtures::{World, commit};
use crate::{CommitError, Entity, Person, Revocation, Session, Store, StoredGrant, Write};

fn put(person: &Person) -> Vec<Write> {
    vec![Write::PutPerson(Box::new(person.clone()))]
}

pub async fn a_person_is_known_by_issuer_and_subject(store: &dyn Store) {
    let world = World::new();
    let person = world.person("maia");
    commit(store, put(&person)).await.unwrap();
    let later = Person {
        name: None,
        email: Some("maia@example.org".to_owned()),
        first_seen_at: world.now() + SignedDuration::from_hours(1),
        ..person.clone()
    };
    commit(store, put(&later)).await.unwrap();
    let expected = Person {
        first_seen_at: person.first_seen_at,
        ..later
    };
    let read = store.find_person(person.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&expected));
    let found = store.person_by_subject(&person.issuer, "maia").await;
    assert_eq!(found.unwrap(), Some(expected));
    let elsewhere = store.person_by_subject("https://other.example", "maia");
    assert_eq!(elsewhere.await.unwrap(), None);

    let same_subject = world.person("maia");
    let same_id = Person {
        subject: "taygeta".to_owned(),
        ..person
    };
    for wrong in [same_subject, same_id] {
        let refused = commit(store, put(&wrong)).await;
        assert!(matches!(
            refused,
            Err(CommitError::Conflict(Entity::Person))
        ));
    }
}

pub async fn two_first_logins_at_once_make_one_person(store: &dyn Store) {
    let world = World::new();
    let (one, other) = (world.person("electra"), world.person("electra"));
    let (first, second) = futures::join!(commit(store, put(&one)), commit(store, put(&other)));
    assert_ne!(first.is_ok(), second.is_ok());
    let winner = if first.is_ok() { one } else { other };
    let found = store.person_by_subject(&winner.issuer, "electra").await;
    assert_eq!(found.unwrap(), Some(winner));
}

pub async fn grants_come_and_go(store: &dyn Store) {
    let world = World::new();
    let person = world.person("merope");
    commit(store, put(&person)).await.unwrap();
    let grant = |role| StoredGrant {
        person: person.id,
        role,
    };
    let lead = grant(Role::Lead {
        project: world.id(),
    });
    let auditor = grant(Role::Auditor {
        share: Some(FundingShare::Union),
    });
    for granted in [&lead, &auditor, &lead] {
        let write = Write::PutGrant(granted.clone());
        commit(store, vec![write]).await.unwrap();
    }
    let mut roles = store.grants_of(person.id).await.unwrap();
    roles.sort();
    assert_eq!(roles, [lead.role.clone(), auditor.role.clone()]);
    let writes = vec![
        Write::RemoveGrant(lead.clone()),
        Write::RemoveGrant(grant(Role::Operator)),
        Write::PutGrant(grant(Role::Reviewer)),
        Write::RemoveGrant(grant(Role::Reviewer)),
    ];
    commit(store, writes).await.unwrap();
    let roles = store.grants_of(person.id).await.unwrap();
    assert_eq!(roles, [auditor.role]);
}

pub async fn a_session_ends_when_it_expires_or_is_removed(store: &dyn Store) {
    let world = World::new();
    let person = world.person("alcyone");
    commit(store, put(&person)).await.unwrap();
    let now = world.now();
    let second = SignedDuration::from_secs(1);
    let session = Session {
        id_hash: "9f86d081".to_owned(),
        person: person.id,
        principal: "{ }".to_owned(),
        issuer_session: Some("sid-1".to_owned()),
        created_at: now,
        expires_at: now + second,
    };
    let write = Write::PutSession(Box::new(session.clone()));
    commit(store, vec![write]).await.unwrap();
    let just_before = now + second - SignedDuration::from_micros(1);
    let found = store.find_session("9f86d081", just_before).await.unwrap();
    assert_eq!(found.as_ref(), Some(&session));
    let expired = store.find_session("9f86d081", now + second).await;
    assert_eq!(expired.unwrap(), None);

    let longer = Session {
        expires_at: now + second + second,
        ..session
    };
    let write = Write::PutSession(Box::new(longer));
    commit(store, vec![write]).await.unwrap();
    let found = store.find_session("9f86d081", now + second).await;
    assert!(found.unwrap().is_some());
    assert_eq!(store.forget_sessions(now + second).await.unwrap(), 0);
    let id_hash = "9f86d081".to_owned();
    commit(store, vec![Write::RemoveSession { id_hash }])
        .await
        .unwrap();
    assert_eq!(store.find_session("9f86d081", now).await.unwrap(), None);
}

pub async fn a_revocation_is_kept_until_it_is_lifted(store: &dyn Store) {
    let world = World::new();
    let now = world.now();
    let of = |subject: &str, reason: &str| Revocation {
        issuer: "https://issuer.example".to_owned(),
        subject: subject.to_owned(),
        issued_until: now + SignedDuration::from_secs(1),
        revoked_at: now,
        reason: reason.to_owned(),
    };
    let (first, other) = (of("celaeno", "left"), of("sterope", "a lost key"));
    let again = of("celaeno", "left for good");
    for revocation in [&first, &other, &again] {
        let write = Write::PutRevocation(Box::new(revocation.clone()));
        commit(store, vec![write]).await.unwrap();
    }
    let found = store.find_revocation(&first.issuer, "celaeno").await;
    assert_eq!(found.unwrap(), Some(again.clone()));
    let elsewhere = store.find_revocation("https://other.example", "celaeno");
    assert_eq!(elsewhere.await.unwrap(), None);
    assert_eq!(store.revocations().await.unwrap(), [again, other.clone()]);

    let lifted = Write::RemoveRevocation {
        issuer: first.issuer.clone(),
        subject: first.subject,
    };
    commit(store, vec![lifted]).await.unwrap();
    assert_eq!(store.revocations().await.unwrap(), [other]);
}

pub async fn a_text_of_terms_is_accepted_once_by_each_person(store: &dyn Store) {
    let world = World::new();
    let persons = [world.person("maia"), world.person("taygete")];
    let known = persons.iter().flat_map(put).collect();
    commit(store, known).await.unwrap();
    let of = |person: &Person, version: &str, sha256: &str| TermsAcceptance {
        person: person.id,
        document: "platform".parse().unwrap(),
        version: version.to_owned(),
        sha256: sha256.to_owned(),
        accepted_at: world.now(),
    };
    let accept = |it: &TermsAcceptance| vec![Write::AcceptTerms(Box::new(it.clone()))];
    let first = of(&persons[0], "2026-01", "aa");
    let again = TermsAcceptance {
        accepted_at: world.now() + SignedDuration::from_hours(1),
        ..first.clone()
    };
    let (one, other) = futures::join!(commit(store, accept(&first)), commit(store, accept(&first)));
    assert_ne!(one.is_ok(), other.is_ok());
    let refused = commit(store, accept(&again)).await;
    let twice = CommitError::Duplicate(Entity::TermsAcceptance);
    assert_eq!(refused.unwrap_err().to_string(), twice.to_string());
    let others = [
        of(&persons[0], "2026-01", "bb"),
        of(&persons[0], "2026-02", "aa"),
        of(&persons[1], "2026-01", "aa"),
    ];
    commit(store, others.iter().flat_map(accept).collect())
        .await
        .unwrap();
    let [text, version, theirs] = others;
    let read = store.terms_accepted_by(persons[0].id).await.unwrap();
    assert_eq!(read, [first, text, version]);
    let read = store.terms_accepted_by(persons[1].id).await.unwrap();
    assert_eq!(read, [theirs]);
}

pub async fn a_role_knows_its_holders(store: &dyn Store) {
    let world = World::new();
    let persons = [world.person("maia"), world.person("taygete")];
    let (ours, theirs) = (world.id(), world.id());
    let mut writes: Vec<Write> = persons.iter().flat_map(put).collect();
    for (person, role) in [
        (0, Role::Member { project: ours }),
        (1, Role::Member { project: ours }),
        (1, Role::Lead { project: theirs }),
        (1, Role::Auditor { share: None }),
    ] {
        let person = persons[person].id;
        writes.push(Write::PutGrant(StoredGrant { person, role }));
    }
    commit(store, writes).await.unwrap();
    let holders = async |role: Role| store.holders_of(&role).await.unwrap();
    let both = persons.each_ref().map(|person| person.id);
    assert_eq!(holders(Role::Member { project: ours }).await, both);
    assert_eq!(holders(Role::Lead { project: ours }).await, []);
    assert_eq!(holders(Role::Lead { project: theirs }).await, both[1..]);
    assert_eq!(holders(Role::Auditor { share: None }).await, both[1..]);
    let share = Some(FundingShare::Union);
    assert_eq!(holders(Role::Auditor { share }).await, []);
}
