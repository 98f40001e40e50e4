//! Coming in by an invite, changing the key, and being put out.

use agent_link::{EnrolRequest, InviteText, KeyPair, PublicKey, RotateRequest, answer};
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use broker_model::AgentId;
use broker_store::Ledger as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::ask::Answer;
use crate::site::SITE;
use crate::world::{World, agent_id, agent_key};

fn request(invite: &InviteText, key: &KeyPair) -> Value {
    let id = invite.id.to_string();
    json!(EnrolRequest::new(
        key,
        &id,
        "login2".to_owned(),
        "0.1.0".to_owned()
    ))
}

impl World {
    pub(crate) async fn enrol(&self, invite: &InviteText, key: &KeyPair) -> Answer {
        self.post("/agent/v1/enrol", &request(invite, key))
            .signed_by(invite.key.clone(), invite.id.to_string())
            .send()
            .await
    }

    async fn lease_by(&self, key: &KeyPair, agent: AgentId) -> Answer {
        let body = json!({ "agent": agent, "site": SITE, "want": 1, "wait_seconds": 0,
            "working_on": [] });
        self.post("/agent/v1/lease", &body)
            .signed_by(key.clone(), key.public().id())
            .send()
            .await
    }

    async fn rotate(&self, by: &KeyPair, to: &KeyPair) -> Answer {
        self.post(
            "/agent/v1/rotate",
            &json!(RotateRequest::new(to, agent_id())),
        )
        .signed_by(by.clone(), by.public().id())
        .send()
        .await
    }

    async fn revoke(&self, agent: AgentId) -> Answer {
        let token = self.token("operator").await;
        let path = format!("/api/v1/sites/{SITE}/agents/{agent}/revoke");
        self.post(path, &json!({ "reason": "the machine is gone" }))
            .token(&token)
            .send()
            .await
    }

    async fn last_entry(&self) -> Value {
        let size = self.store.ledger_size().await.unwrap();
        let entry = self.store.entries(size - 1, 1).await.unwrap().remove(0);
        serde_json::from_str(&entry.text).unwrap()
    }
}

#[tokio::test]
async fn an_invite_lets_one_agent_in_which_then_works_for_its_site() {
    let world = World::start().await;
    let (invite, key) = (world.invite(SITE).await, KeyPair::generate());
    let answer = world.enrol(&invite, &key).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let reply = answer.json();
    assert_eq!(reply["site"], SITE);
    assert_eq!(reply["broker_key"], json!(invite.broker_key));
    let agent: AgentId = reply["agent"].as_str().unwrap().parse().unwrap();
    let entry = world.last_entry().await;
    assert_eq!(entry["kind"], "agent.enrolled");
    assert_eq!(entry["data"]["agent"], json!(agent));

    let token = world.token("ada").await;
    let job = world.submitted(&token).await;
    let leased = world.lease_by(&key, agent).await.json();
    assert_eq!(leased["attempts"][0]["job"], job["id"]);
    let again = world.lease(1).await;
    assert_eq!(
        again["attempts"],
        json!([]),
        "the other agent gets none of it"
    );
}

#[tokio::test]
async fn an_invite_is_good_once_and_a_lost_answer_is_given_again() {
    let world = World::start().await;
    let (invite, key) = (world.invite(SITE).await, KeyPair::generate());
    let first = world.enrol(&invite, &key).await.json();
    assert_eq!(world.enrol(&invite, &key).await.json(), first);
    world.advance(25 * 3600);
    assert_eq!(world.enrol(&invite, &key).await.json(), first);
    let other = world.enrol(&invite, &KeyPair::generate()).await;
    let problem = other.problem(403, "invite-used");
    assert!(problem["remedy"].as_str().unwrap().contains("new invite"));
}

#[tokio::test]
async fn an_invite_ends_by_time_and_by_withdrawal_and_lets_no_known_key_in() {
    let world = World::start().await;
    let token = world.token("operator").await;
    let (late, withdrawn) = (world.invite(SITE).await, world.invite(SITE).await);
    let path = format!("/api/v1/sites/{SITE}/invites/{}/withdraw", withdrawn.id);
    let done = world.post(path, &json!({})).token(&token).send().await;
    assert_eq!(done.json()["state"], "withdrawn");
    let refused = world.enrol(&withdrawn, &KeyPair::generate()).await;
    refused.problem(403, "invite-withdrawn");
    let refusal = world.enrol(&late, &agent_key("lumi")).await;
    refusal.problem(403, "key-taken");
    world.advance(24 * 3600);
    let refused = world.enrol(&late, &KeyPair::generate()).await;
    refused.problem(403, "invite-expired");
}

#[tokio::test]
async fn a_man_in_the_middle_puts_no_key_of_his_own_in() {
    let world = World::start().await;
    let (invite, key, his) = (
        world.invite(SITE).await,
        KeyPair::generate(),
        KeyPair::generate(),
    );
    let id = invite.id.to_string();
    // He has the agent's own headers, and puts another body under them.
    let honest = request(&invite, &key).to_string();
    let target = ("POST", "/agent/v1/enrol");
    let headers = world.signed(&invite.key, &id, target, honest.as_bytes());
    let mut ask = world.post("/agent/v1/enrol", &request(&invite, &his));
    for name in ["signature", "signature-input", "content-digest"] {
        ask = ask.header(name, headers[name].to_str().unwrap());
    }
    ask.send().await.problem(401, "agent-body");
    // He signs a request of his own: the secret never was on the way.
    let ask = world.post("/agent/v1/enrol", &request(&invite, &his));
    let forged = ask.signed_by(his.clone(), id.clone()).send().await;
    forged.problem(401, "invite-proof");
    // He claims the agent's key, which he does not have.
    let mut claimed = request(&invite, &his);
    claimed["public_key"] = json!(key.public());
    let ask = world.post("/agent/v1/enrol", &claimed);
    let claimed = ask.signed_by(invite.key.clone(), id).send().await;
    claimed.problem(403, "key-not-shown");
    assert_eq!(world.enrol(&invite, &key).await.status, 200);
}

#[tokio::test]
async fn five_wrong_proofs_end_an_invite_and_cost_no_more_than_that() {
    let world = World::start().await;
    let invite = world.invite(SITE).await;
    let wrong = KeyPair::generate();
    let knock = async || {
        let ask = world.post("/agent/v1/enrol", &request(&invite, &wrong));
        ask.signed_by(wrong.clone(), invite.id.to_string())
            .send()
            .await
    };
    for _ in 0..5 {
        knock().await.problem(401, "invite-proof");
    }
    assert_eq!(world.last_entry().await["kind"], "agent.invite_blocked");
    let size = world.store.ledger_size().await.unwrap();
    knock().await.problem(403, "invite-blocked");
    let honest = world.enrol(&invite, &KeyPair::generate()).await;
    honest.problem(403, "invite-blocked");
    assert_eq!(world.store.ledger_size().await.unwrap(), size);
    let unknown = world.post("/agent/v1/enrol", &json!({}));
    let unknown = unknown.signed_by(wrong, "inv_00000000000000000000000000000000");
    unknown.send().await.problem(401, "invite-unknown");
}

#[tokio::test]
async fn a_new_key_takes_over_from_the_old_one_which_counts_for_ten_minutes() {
    let world = World::start().await;
    let (old, new) = (agent_key(SITE), KeyPair::generate());
    let until = world.rotate(&old, &new).await.json();
    assert_eq!(until["old_key_until"], "2026-11-20T12:10:00Z");
    assert_eq!(world.last_entry().await["kind"], "agent.rotated");
    for key in [&old, &new] {
        assert_eq!(world.lease_by(key, agent_id()).await.status, 200);
        // The answer was lost, or the agent came to an end before it read it.
        assert_eq!(world.rotate(key, &new).await.json(), until);
    }
    let thief = world.rotate(&old, &KeyPair::generate()).await;
    thief.problem(401, "agent-key-replaced");
    world.advance(600);
    let refused = world.lease_by(&old, agent_id()).await;
    refused.problem(401, "agent-key-replaced");
    assert_eq!(world.lease_by(&new, agent_id()).await.status, 200);
    let back = world.rotate(&new, &old).await;
    back.problem(401, "agent-key-replaced");
    let taken = world.rotate(&new, &agent_key("lumi")).await;
    taken.problem(403, "key-taken");
}

#[tokio::test]
async fn a_revoked_agent_is_refused_at_once_and_told_why_and_what_to_do() {
    let world = World::start().await;
    assert_eq!(world.revoke(agent_id()).await.json()["status"], "revoked");
    let entries = world.store.entries(0, 1000).await.unwrap();
    assert!(
        entries
            .iter()
            .any(|it| it.text.contains("\"agent.revoked\""))
    );
    let refused = world.lease_by(&agent_key(SITE), agent_id()).await;
    let problem = refused.problem(401, "agent-revoked");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("the machine is gone"), "{detail}");
    let remedy = problem["remedy"].as_str().unwrap();
    assert!(remedy.contains("alcyone-agent enrol"), "{remedy}");
    let size = world.store.ledger_size().await.unwrap();
    assert_eq!(world.revoke(agent_id()).await.json()["status"], "revoked");
    assert_eq!(world.store.ledger_size().await.unwrap(), size);
    let entries = world.store.entries(0, 1000).await.unwrap();
    let named = entries
        .iter()
        .find(|it| it.text.contains("machine is gone"));
    assert!(named.is_none(), "the reason stays out of the ledger");
}

#[tokio::test]
async fn a_long_poll_of_a_revoked_agent_is_ended() {
    let world = World::start().await;
    let body = json!({ "agent": agent_id(), "site": SITE, "want": 1, "wait_seconds": 60,
        "working_on": [] });
    let waiting = world.post("/agent/v1/lease", &body).agent(SITE).send();
    let revoking = async {
        // Lets the poll begin.
        tokio::task::yield_now().await;
        world.revoke(agent_id()).await
    };
    let (waited, _) = tokio::join!(waiting, revoking);
    waited.problem(401, "agent-revoked");
}

/// Its last byte comes when the agent has been put out.
#[tokio::test]
async fn a_request_that_began_before_its_agent_was_revoked_is_not_carried_out_after() {
    let world = World::start().await;
    let body = json!({ "agent": agent_id(), "site": SITE, "want": 1, "wait_seconds": 0,
        "working_on": [] })
    .to_string();
    let (revoked, until_revoked) = tokio::sync::oneshot::channel::<()>();
    let (began, until_began) = tokio::sync::oneshot::channel::<()>();
    let bytes = body.clone();
    let slow = futures::stream::once(async move {
        began.send(()).unwrap();
        until_revoked.await.unwrap();
        Ok::<_, std::io::Error>(bytes)
    });
    let key = agent_key(SITE);
    let id = key.public().id();
    let mut request = Request::builder()
        .method("POST")
        .uri("/agent/v1/lease")
        .header("content-type", "application/json");
    let headers = world.signed(&key, &id, ("POST", "/agent/v1/lease"), body.as_bytes());
    for (name, value) in headers {
        request = request.header(name.unwrap(), value);
    }
    let request = request.body(Body::from_stream(slow)).unwrap();
    let answering = world.router.clone().oneshot(request);
    let revoking = async {
        until_began.await.unwrap();
        world.revoke(agent_id()).await;
        revoked.send(()).unwrap();
    };
    let (answer, ()) = tokio::join!(answering, revoking);
    assert_eq!(answer.unwrap().status(), 401);
}

#[tokio::test]
async fn what_a_revoked_agent_said_of_its_site_counts_no_more() {
    let world = World::start().await;
    world.lease(0).await;
    let seen = async || {
        let token = world.token("ada").await;
        let uri = format!("/api/v1/sites/{SITE}/state");
        world.get(uri).token(&token).send().await.json()
    };
    assert_eq!(seen().await["readiness"], "ready");
    world.revoke(agent_id()).await;
    let after = seen().await;
    assert_eq!(after["readiness"], "unknown");
    let reason = after["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("the last agent that spoke for it was revoked at 2026-11-20T12:00:00Z"),
        "{reason}"
    );
    assert!(reason.contains("`alcyone site invite"), "{reason}");
    assert!(!reason.contains("is away"), "{reason}");
}

#[tokio::test]
async fn a_second_revocation_does_what_was_left_and_takes_no_other_reason() {
    let world = World::start().await;
    world.lease(0).await;
    assert_eq!(world.revoke(agent_id()).await.status, 200);
    assert_eq!(world.revoke(agent_id()).await.status, 200);
    let path = format!("/api/v1/sites/{SITE}/agents/{}/revoke", agent_id());
    let token = world.token("operator").await;
    let other = world.post(path, &json!({ "reason": "its key is known" }));
    let answer = other.token(&token).send().await;
    let told = answer.problem(409, "already-so")["detail"].to_string();
    assert!(
        told.contains("stays what it was: the machine is gone"),
        "{told}"
    );
}

#[tokio::test]
async fn what_a_revoked_agent_held_goes_to_another_agent_of_its_site() {
    let world = World::start().await;
    let (invite, key) = (world.invite(SITE).await, KeyPair::generate());
    let reply = world.enrol(&invite, &key).await.json();
    let other: AgentId = reply["agent"].as_str().unwrap().parse().unwrap();
    let token = world.token("ada").await;
    for _ in 0..3 {
        world.submitted(&token).await;
    }
    let reply = world.lease(3).await;
    let leased = reply["attempts"].as_array().unwrap().iter();
    let mut held: Vec<String> = leased
        .map(|it| it["attempt"].as_str().unwrap().to_owned())
        .collect();
    held.sort();
    world.started(&held[1]).await;
    world
        .told(json!([{ "event": "submitting", "attempt": held[2] }]))
        .await;
    assert_eq!(
        world.lease_by(&key, other).await.json()["attempts"],
        json!([])
    );
    world.revoke(agent_id()).await;
    let got = world.lease_by(&key, other).await.json();
    let got = got["attempts"].as_array().unwrap();
    let ids: Vec<&Value> = got.iter().map(|it| &it["attempt"]).collect();
    assert_eq!(ids, [&json!(held[0]), &json!(held[1])]);
    assert_eq!(got[0]["may_exist"], false);
    // What was announced may be on its way to the scheduler: it waits for its lease to end.
    world.advance(61);
    let late = world.lease_by(&key, other).await.json();
    let late = late["attempts"].as_array().unwrap();
    let announced = late.iter().find(|it| it["attempt"] == json!(held[2]));
    assert_eq!(announced.unwrap()["may_exist"], true);
}

#[tokio::test]
async fn an_answer_is_signed_for_its_request_a_refusal_too() {
    let world = World::start().await;
    let broker_key = *world.broker.agent_door().key.public();
    let body = json!({ "agent": agent_id(), "site": SITE, "want": 1, "wait_seconds": 0,
        "working_on": [] });
    let sent = body.to_string();
    let target = ("POST", "/agent/v1/lease");
    for (key, status) in [(agent_key(SITE), 200), (KeyPair::generate(), 401)] {
        let asked = world.signed(&key, &key.public().id(), target, sent.as_bytes());
        let answer = sent_with(&world, &body, &asked).await;
        assert_eq!(answer.status.as_u16(), status);
        let verify = |key: &PublicKey, asked: &HeaderMap| {
            answer::verify(key, asked, answer.status, &answer.headers, &answer.bytes)
        };
        assert_eq!(verify(&broker_key, &asked), Ok(()));
        let impostor = KeyPair::generate();
        assert!(verify(impostor.public(), &asked).is_err());
        let other = world.signed(&key, &key.public().id(), target, sent.as_bytes());
        assert!(verify(&broker_key, &other).is_err());
    }
}

async fn sent_with(world: &World, body: &Value, headers: &HeaderMap) -> Answer {
    let mut ask = world.post("/agent/v1/lease", body);
    for name in ["signature", "signature-input", "content-digest"] {
        ask = ask.header(name, headers[name].to_str().unwrap());
    }
    ask.send().await
}
