use broker_model::{EvidenceFinding, Invite, InviteFate};
use broker_store::{Change, Write};
use serde_json::{Value, json};

use super::case::{Case, EMAIL, NAME, ada};
use crate::world::principal;

#[tokio::test]
async fn an_export_holds_one_of_each_thing_that_is_kept_of_a_person() {
    let case = Case::new().await;
    let evidence = case.evidence("ours").await;
    let referral = case.referral().await;
    let profile = case.profile().await;
    let job = case.job().await;
    case.session().await;
    case.answer().await;
    let invite = invite(&case);
    let write = Write::InsertInvite(Box::new(invite.clone()));
    let change = Change {
        writes: vec![write],
        entries: Vec::new(),
    };
    case.broker.store().commit(change).await.unwrap();
    let export = case.broker.export_me(&case.ada).await.unwrap();
    let export = serde_json::to_value(export).unwrap();
    assert_eq!(export["format"], "alcyone-person-export/1");
    assert_eq!(export["person"], json!(case.ada.person));
    let identity = &export["identity"];
    assert_eq!(
        (&identity["name"], &identity["email"], &identity["subject"]),
        (&json!(NAME), &json!(EMAIL), &json!("ada"))
    );
    assert_eq!(export["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(export["sessions"][0]["signed_in"]["name"], NAME);
    let text = export.to_string();
    assert!(!text.contains("sealed"), "what could be used is no copy");
    assert_eq!(export["answers"][0]["answer"]["contact"], EMAIL);
    let roles = export["roles"].to_string();
    assert!(
        roles.contains("lead") && roles.contains("representative"),
        "{roles}"
    );
    assert_eq!(export["jobs"][0]["job"]["id"], json!(job.id));
    assert_eq!(export["invites"][0]["id"], json!(invite.id));
    assert!(!text.contains(&invite.public_key));
    let dossier = |kind: &str| -> Value {
        let all = export["dossiers"].as_array().unwrap();
        let found: Vec<_> = all.iter().filter(|it| it["kind"] == kind).collect();
        assert_eq!(found.len(), 1, "{kind}");
        found[0].clone()
    };
    assert_eq!(dossier("evidence")["content"]["id"], json!(evidence.id));
    assert_eq!(dossier("profile")["content"]["id"], json!(profile.id));
    let sent = dossier("referral");
    assert_eq!(sent["content"]["id"], json!(referral.id));
    assert_eq!(sent["contact"], json!({ "name": NAME, "email": EMAIL }));
    entries_are_those_of_the_ledger(&case, &export).await;
}

async fn entries_are_those_of_the_ledger(case: &Case, export: &Value) {
    let all = case.broker.store().entries(0, 10_000).await.unwrap();
    let id = case.ada.person.to_string();
    let expected: Vec<u64> = { all.iter() }
        .filter(|it| it.text.contains(&id))
        .map(|it| it.seq)
        .collect();
    let told = export["ledger"].as_array().unwrap();
    let told: Vec<u64> = told.iter().map(|it| it["seq"].as_u64().unwrap()).collect();
    assert!(told.len() > 5, "{told:?}");
    assert_eq!(told, expected);
}

fn invite(case: &Case) -> Invite {
    Invite {
        id: case.world.ids.next(&*case.world.clock),
        site: "lumi".parse().unwrap(),
        public_key: "public-half-of-a-key".to_owned(),
        note: Some("login node of Ada".to_owned()),
        made_by: Some(case.ada.person),
        created_at: case.world.now(),
        expires_at: case.world.now(),
        wrong_proofs: 0,
        fate: InviteFate::Open,
        version: 0,
    }
}

#[tokio::test]
async fn a_reviewer_is_told_what_they_said_and_not_what_others_handed_in() {
    for accepted in [false, true] {
        let case = Case::new().await;
        let evidence = case.evidence("a secret of the house").await;
        let finding = EvidenceFinding {
            again: false,
            accepted,
            words: "I looked at it.".to_owned(),
            files: None,
        };
        let of = (case.ours.id, evidence.id);
        let checked = case.broker.check_evidence(&case.reviewer, of, finding);
        checked.await.unwrap();
        let export = case.broker.export_me(&case.reviewer).await.unwrap();
        let export = serde_json::to_value(export).unwrap();
        let content = export["dossiers"][0]["content"].as_array().unwrap();
        let check = content.iter().find(|it| it["at"] == "/check").unwrap();
        assert_eq!(check["said"]["words"], "I looked at it.");
        assert!(!export.to_string().contains("a secret of the house"));
    }
}

#[tokio::test]
async fn an_export_is_of_one_person_alone() {
    let case = Case::new().await;
    case.evidence("ours").await;
    case.profile().await;
    let other = case.broker.caller(principal("somebody")).await.unwrap();
    let export = case.broker.export_me(&other).await.unwrap();
    let export = serde_json::to_value(export).unwrap();
    for empty in [
        "roles", "sessions", "answers", "jobs", "dossiers", "invites",
    ] {
        assert_eq!(export[empty], json!([]), "{empty}");
    }
    let text = export.to_string();
    assert!(!text.contains(NAME) && !text.contains(&case.ada.person.to_string()));
    assert_eq!(ada().subject, "ada");
}
