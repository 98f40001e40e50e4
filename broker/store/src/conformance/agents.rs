//! Agents, their keys, their invites, and what was said before.

use broker_model::{AgentKey, AgentRevoked, EnrolledAgent, Invite, InviteFate};
use jiff::SignedDuration;

use super::fixtures::{World, commit};
use crate::{AgentNonce, CommitError, Entity, Store, Write};

fn invite(world: &World, site: &str) -> Invite {
    Invite {
        id: world.id(),
        site: site.parse().unwrap(),
        public_key: "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs".to_owned(),
        note: Some("login node 1".to_owned()),
        made_by: Some(world.id()),
        created_at: world.now(),
        expires_at: world.now() + SignedDuration::from_hours(24),
        wrong_proofs: 0,
        fate: InviteFate::Open,
        version: 0,
    }
}

fn agent(world: &World, site: &str) -> EnrolledAgent {
    EnrolledAgent {
        id: world.id(),
        site: site.parse().unwrap(),
        invite: world.id(),
        host: "login1".to_owned(),
        program_version: "0.1.0".to_owned(),
        enrolled_at: world.now(),
        revoked: None,
        version: 0,
    }
}

fn key(world: &World, agent: &EnrolledAgent, id: &str) -> AgentKey {
    AgentKey {
        id: id.to_owned(),
        agent: agent.id,
        public_key: format!("public {id}"),
        added_at: world.now(),
        until: None,
        version: 0,
    }
}

pub async fn an_invite_is_used_by_the_version_that_was_read(store: &dyn Store) {
    let world = World::new();
    let (first, later) = (invite(&world, "lumi"), invite(&world, "lumi"));
    let other = invite(&world, "bsc");
    for it in [&first, &later, &other] {
        let write = Write::InsertInvite(Box::new(it.clone()));
        commit(store, vec![write]).await.unwrap();
    }
    let lumi = "lumi".parse().unwrap();
    let stored = store.invites_of(&lumi).await.unwrap();
    let ids: Vec<_> = stored.iter().map(|it| it.id).collect();
    assert_eq!(ids, [later.id, first.id], "newest first, of this site");

    let mut used = store.find_invite(first.id).await.unwrap().unwrap();
    assert_eq!(used.version, 1);
    used.fate = InviteFate::Used {
        agent: world.id(),
        at: world.now(),
        public_key: "k".to_owned(),
    };
    let write = || vec![Write::UpdateInvite(Box::new(used.clone()))];
    commit(store, write()).await.unwrap();
    let again = commit(store, write()).await.unwrap_err();
    assert!(
        matches!(again, CommitError::Conflict(Entity::Invite)),
        "{again}"
    );
    let read = store.find_invite(first.id).await.unwrap().unwrap();
    assert_eq!((read.version, &read.fate), (2, &used.fate));
    let taken = commit(store, vec![Write::InsertInvite(Box::new(first))]).await;
    assert!(matches!(taken, Err(CommitError::Conflict(Entity::Invite))));
}

pub async fn an_agent_is_found_by_each_of_its_keys(store: &dyn Store) {
    let world = World::new();
    let (ours, theirs) = (agent(&world, "lumi"), agent(&world, "lumi"));
    let (old, new) = (key(&world, &ours, "old"), key(&world, &ours, "new"));
    let writes = vec![
        Write::InsertAgent(Box::new(ours.clone())),
        Write::InsertAgent(Box::new(theirs.clone())),
        Write::InsertAgentKey(Box::new(old)),
        Write::InsertAgentKey(Box::new(new)),
    ];
    commit(store, writes).await.unwrap();
    let (mut old, found) = store.find_agent_key("old").await.unwrap().unwrap();
    assert_eq!((found.id, found.version, old.version), (ours.id, 1, 1));
    assert_eq!(store.find_agent_key("none").await.unwrap(), None);
    old.until = Some(world.now());
    commit(store, vec![Write::UpdateAgentKey(Box::new(old.clone()))])
        .await
        .unwrap();
    let keys = store.keys_of(ours.id).await.unwrap();
    let ends: Vec<_> = keys.iter().map(|it| (it.id.as_str(), it.until)).collect();
    assert_eq!(ends, [("new", None), ("old", old.until)]);
    assert_eq!(store.keys_of(theirs.id).await.unwrap(), []);
    let stolen = key(&world, &theirs, "new");
    let stolen = commit(store, vec![Write::InsertAgentKey(Box::new(stolen))]).await;
    assert!(matches!(
        stolen,
        Err(CommitError::Conflict(Entity::AgentKey))
    ));
}

pub async fn a_revoked_agent_is_read_as_revoked(store: &dyn Store) {
    let world = World::new();
    let made = agent(&world, "lumi");
    let writes = vec![
        Write::InsertAgent(Box::new(made.clone())),
        Write::InsertAgentKey(Box::new(key(&world, &made, "k"))),
    ];
    commit(store, writes).await.unwrap();
    let mut agent = store.find_agent(made.id).await.unwrap().unwrap();
    agent.revoked = Some(AgentRevoked {
        at: world.now(),
        reason: "the machine is gone".to_owned(),
    });
    let write = || vec![Write::UpdateAgent(Box::new(agent.clone()))];
    commit(store, write()).await.unwrap();
    let (_, found) = store.find_agent_key("k").await.unwrap().unwrap();
    assert_eq!(found.revoked, agent.revoked);
    assert!(matches!(
        commit(store, write()).await,
        Err(CommitError::Conflict(Entity::Agent))
    ));
    let listed = store.agents_of(&made.site).await.unwrap();
    assert_eq!(listed, [found]);
    let elsewhere = store.agents_of(&"bsc".parse().unwrap()).await.unwrap();
    assert_eq!(elsewhere, []);
}

pub async fn what_a_key_said_before_it_cannot_say_again(store: &dyn Store) {
    let world = World::new();
    let said = |key: &str, nonce: &str| {
        vec![Write::InsertNonce(AgentNonce {
            key: key.to_owned(),
            nonce: nonce.to_owned(),
            seen_at: world.now(),
        })]
    };
    let first = world.now();
    commit(store, said("a", "1")).await.unwrap();
    let again = commit(store, said("a", "1")).await.unwrap_err();
    assert!(
        matches!(again, CommitError::Duplicate(Entity::Nonce)),
        "{again}"
    );
    commit(store, said("b", "1")).await.unwrap();
    let twice = [said("a", "2"), said("a", "2")].concat();
    let twice = commit(store, twice).await.unwrap_err();
    assert!(
        matches!(twice, CommitError::Duplicate(Entity::Nonce)),
        "{twice}"
    );
    let _later: broker_model::AgentId = world.id();
    commit(store, said("a", "2")).await.unwrap();
    assert_eq!(store.heard_at("a").await.unwrap(), Some(world.now()));
    assert_eq!(store.heard_at("b").await.unwrap(), Some(first));
    assert_eq!(store.heard_at("c").await.unwrap(), None);
    assert_eq!(store.forget_nonces(world.now()).await.unwrap(), 2);
    assert_eq!(store.heard_at("b").await.unwrap(), None);
    assert_eq!(store.heard_at("a").await.unwrap(), Some(world.now()));
}
