//! Logs and events that survive a reconnect.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker_app::RevocationOrder;
use broker_model::{EntryKind, Role};
use broker_store::{Change, Commits as _, Identities as _, Ledger as _, StoredGrant, Write};
use serde_json::{Value, json};

use crate::ask::Event;
use crate::world::World;

/// A job that runs, and its attempt.
async fn running(world: &World, token: &str) -> (String, String) {
    let id = world.submitted(token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let attempt = world.leased().await;
    world.started(&attempt).await;
    (id, attempt)
}

/// The exact bytes of log events.
fn bytes(events: &[Event]) -> Vec<u8> {
    let logs = events.iter().filter(|event| event.kind == "log");
    logs.flat_map(|event| {
        let view: Value = serde_json::from_str(&event.data).unwrap();
        match view["base64"].as_str() {
            Some(exact) => STANDARD.decode(exact).unwrap(),
            None => view["text"].as_str().unwrap().as_bytes().to_vec(),
        }
    })
    .collect()
}

#[tokio::test]
async fn a_followed_log_comes_as_it_is_written_and_ends_once_all_is_settled() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (id, attempt) = running(&world, &token).await;
    let mut events = world
        .get(format!("/api/v1/jobs/{id}/logs?follow=true"))
        .token(&token)
        .follow()
        .await;
    let mut seen = Vec::new();
    let mut offset = 0;
    for line in ["one\n", "two\n", "three\n"] {
        world.wrote(&attempt, offset, line.as_bytes()).await;
        offset += line.len();
        let event = events.next().await.unwrap();
        assert_eq!(event.id, offset.to_string());
        seen.push(event);
    }
    world.ended(&attempt).await;
    seen.extend(events.rest().await);
    assert_eq!(bytes(&seen), b"one\ntwo\nthree\n");
    assert_eq!(seen.last().unwrap().kind, "end");
}

#[tokio::test]
async fn a_stream_ends_when_its_person_loses_the_role() {
    let world = World::start().await;
    let (ada, operator) = (world.token("ada").await, world.token("operator").await);
    let (id, attempt) = running(&world, &ada).await;
    let mut events = world
        .get(format!("/api/v1/jobs/{id}/logs?follow=true"))
        .token(&operator)
        .follow()
        .await;
    world.wrote(&attempt, 0, b"one\n").await;
    assert_eq!(events.next().await.unwrap().kind, "log");
    let issuer = world.issuer.issuer();
    let person = world.store.person_by_subject(issuer, "operator").await;
    let grant = StoredGrant {
        person: person.unwrap().unwrap().id,
        role: Role::Operator,
    };
    let change = Change {
        writes: vec![Write::RemoveGrant(grant)],
        entries: Vec::new(),
    };
    world.store.commit(change).await.unwrap();
    world.broker.forget_callers();
    let last = events.rest().await.pop().unwrap();
    assert_eq!(
        (last.kind.as_str(), last.data.contains("see")),
        ("error", true)
    );
}

#[tokio::test]
async fn a_revoked_persons_tokens_and_streams_end_and_a_new_sign_in_counts() {
    let world = World::start().await;
    let (ada, bo) = (world.token("ada").await, world.token("bo").await);
    let (id, attempt) = running(&world, &ada).await;
    let mut events = world
        .get(format!("/api/v1/jobs/{id}/logs?follow=true"))
        .token(&ada)
        .follow()
        .await;
    world.wrote(&attempt, 0, b"one\n").await;
    assert_eq!(events.next().await.unwrap().kind, "log");
    let order = RevocationOrder {
        issuer: world.issuer.issuer().to_owned(),
        subject: "ada".to_owned(),
        reason: "a lost laptop".to_owned(),
        until: None,
    };
    let done = world.broker.revoke(order).await.unwrap();
    assert!(!done.first_seen);
    world.read_revocations().await;
    assert_eq!(events.rest().await.pop().unwrap().kind, "token");
    let whoami = async |token: &str| world.get("/api/v1/whoami").token(token).send().await;
    whoami(&ada).await.problem(401, "token-refused");
    assert_eq!(whoami(&bo).await.status, 200);
    let entries = world.store.entries(0, 200).await.unwrap();
    let revoked = entries.iter().map(|row| row.body().unwrap());
    let revoked: Vec<_> = revoked
        .filter(|body| body.kind == EntryKind::AccessRevoked)
        .collect();
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0].actor, Some(done.person));
    // Until then it may be an older one of an issuer whose clock is ahead by the leeway.
    world.advance(31);
    assert_eq!(whoami(&world.token("ada").await).await.status, 200);
}

#[tokio::test]
async fn a_log_resumed_after_any_event_has_no_byte_twice_and_none_missing() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (id, attempt) = running(&world, &token).await;
    let text = "gr\u{fc}\u{df} dich\n".repeat(20).into_bytes();
    // Cut through letters, as a buffer of a site's agent may.
    for (at, chunk) in text.chunks(7).enumerate() {
        world.wrote(&attempt, at * 7, chunk).await;
    }
    world
        .wrote(&attempt, 7, b"sent again, not acknowledged")
        .await;
    world.ended(&attempt).await;
    let path = format!("/api/v1/jobs/{id}/logs");
    for cut in [0, 1, 2, 3, 10, text.len() - 1, text.len()] {
        let rest = world.get(format!("{path}?follow=true")).token(&token);
        let rest = rest
            .header("last-event-id", cut.to_string())
            .follow()
            .await
            .rest()
            .await;
        assert_eq!(bytes(&rest), &text[cut..], "cut at {cut}");
        let stored = world
            .get(format!("{path}?offset={cut}"))
            .token(&token)
            .send()
            .await;
        assert_eq!(stored.bytes, &text[cut..], "cut at {cut}");
    }
}

#[tokio::test]
async fn a_log_that_is_not_utf_8_arrives_as_it_was() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (id, attempt) = running(&world, &token).await;
    let raw: Vec<u8> = (0..=255).collect();
    world.wrote(&attempt, 0, &raw).await;
    world.ended(&attempt).await;
    let path = format!("/api/v1/jobs/{id}/logs");
    let events = world
        .get(&*path)
        .token(&token)
        .header("accept", "text/event-stream")
        .follow()
        .await;
    assert_eq!(bytes(&events.rest().await), raw);
    let stored = world.get(&*path).token(&token).send().await;
    assert_eq!(
        (stored.header("content-type"), &stored.bytes),
        ("application/octet-stream", &raw)
    );
    assert_eq!(stored.header("x-content-type-options"), "nosniff");
    let stderr = world
        .get(format!("{path}?stream=stderr"))
        .token(&token)
        .send()
        .await;
    assert_eq!(stderr.bytes, b"");
    let other = world
        .get(format!("{path}?stream=stdin"))
        .token(&token)
        .send()
        .await;
    other.problem(400, "invalid-request");
}

#[tokio::test]
async fn a_stored_log_longer_than_one_read_is_given_whole() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (id, attempt) = running(&world, &token).await;
    let block = "0123456789abcdef".repeat(40_000);
    for at in 0..4 {
        world
            .wrote(&attempt, at * block.len(), block.as_bytes())
            .await;
    }
    let path = format!("/api/v1/jobs/{id}/logs");
    let stored = world.get(&*path).token(&token).send().await;
    assert_eq!(stored.bytes.len(), 4 * block.len());
    let events = world.get(format!("{path}?follow=false")).token(&token);
    let events = events
        .header("accept", "text/event-stream")
        .follow()
        .await
        .rest()
        .await;
    assert_eq!(bytes(&events), stored.bytes);
    assert_eq!(
        events.last().unwrap().kind,
        "end",
        "it ends although the job still runs"
    );
}

#[tokio::test]
async fn a_token_that_ends_while_a_log_is_followed_ends_the_stream_and_a_new_one_goes_on() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (id, attempt) = running(&world, &token).await;
    let path = format!("/api/v1/jobs/{id}/logs?follow=true");
    let mut events = world.get(&*path).token(&token).follow().await;
    world.wrote(&attempt, 0, b"before\n").await;
    let mut seen = vec![events.next().await.unwrap()];
    world.outlive_tokens().await;
    // Still silent: the stream looks at its token by itself.
    let last = events.next().await.unwrap();
    assert_eq!((last.kind.as_str(), last.id.as_str()), ("token", ""));
    assert_eq!(events.next().await, None);
    world.wrote(&attempt, 7, b"meanwhile\n").await;

    let resume = |token: String| {
        world
            .get(&*path)
            .token(&token)
            .header("last-event-id", &*seen[0].id)
    };
    resume(token).send().await.problem(401, "token-refused");
    let mut events = resume(world.token("ada").await).follow().await;
    let next = events.next().await.unwrap();
    world.wrote(&attempt, 17, b"after\n").await;
    world.ended(&attempt).await;
    seen.push(next);
    seen.extend(events.rest().await);
    assert_eq!(bytes(&seen), b"before\nmeanwhile\nafter\n");
}

#[tokio::test]
async fn a_token_that_ends_under_a_log_that_never_falls_silent_ends_the_stream_too() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (id, attempt) = running(&world, &token).await;
    let path = format!("/api/v1/jobs/{id}/logs?follow=true");
    let mut events = world.get(&*path).token(&token).follow().await;
    for at in 0..3 {
        world.wrote(&attempt, at, b"x").await;
        assert_eq!(events.next().await.unwrap().kind, "log");
    }
    world.outlive_tokens().await;
    world.wrote(&attempt, 3, b"x").await;
    let kinds: Vec<String> = events
        .rest()
        .await
        .into_iter()
        .map(|event| event.kind)
        .collect();
    assert!(
        kinds.len() <= 2,
        "at most what was already on its way: {kinds:?}"
    );
    assert_eq!(kinds.last().unwrap(), "token");
}

#[tokio::test]
async fn events_tell_the_life_of_a_job_and_are_resumed_after_any_of_them() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (id, attempt) = running(&world, &token).await;
    let path = format!("/api/v1/jobs/{id}/events");
    let following = world.get(&*path).token(&token).follow().await;
    let ended = async { world.ended(&attempt).await };
    let (all, ()) = tokio::join!(following.rest(), ended);
    let kinds: Vec<&str> = all.iter().map(|event| event.kind.as_str()).collect();
    insta::assert_json_snapshot!(kinds, @r#"
    [
      "job.accepted",
      "job.placed",
      "attempt.leased",
      "attempt.state_changed",
      "attempt.state_changed",
      "job.state_changed",
      "job.state_changed",
      "attempt.state_changed",
      "job.state_changed",
      "usage.charged",
      "end"
    ]
    "#);
    for (at, event) in all.iter().enumerate().take(all.len() - 1) {
        let rest = world
            .get(&*path)
            .token(&token)
            .header("last-event-id", &*event.id);
        assert_eq!(rest.follow().await.rest().await, &all[at + 1..]);
    }
    let entry: Value = serde_json::from_str(&all[0].data).unwrap();
    assert_eq!(entry["job"], json!(id));
}

#[tokio::test]
async fn an_event_id_that_no_stream_gave_is_refused_and_an_empty_one_is_none() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (id, attempt) = running(&world, &token).await;
    world.wrote(&attempt, 0, b"all").await;
    world.ended(&attempt).await;
    for path in ["logs?follow=true", "events"] {
        let path = format!("/api/v1/jobs/{id}/{path}");
        for bad in ["x", "-1", "1.5", "99999999999999999999999"] {
            let answer = world
                .get(&*path)
                .token(&token)
                .header("last-event-id", bad)
                .send()
                .await;
            answer.problem(400, "invalid-request");
        }
        let whole = world.get(&*path).token(&token).follow().await.rest().await;
        let empty = world.get(&*path).token(&token).header("last-event-id", "");
        assert_eq!(empty.follow().await.rest().await, whole);
        let beyond = world
            .get(&*path)
            .token(&token)
            .header("last-event-id", u64::MAX.to_string());
        assert_eq!(beyond.follow().await.rest().await.len(), 1, "only the end");
    }
}
