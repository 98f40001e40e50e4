use std::collections::BTreeSet;
use std::sync::Arc;

use broker_app::jobs::Accepted;
use broker_app::{Broker, Caller, SignedIn, Upload};
use broker_model::{
    Evidence, EvidenceDraft, EvidenceFinding, HoldSubject, Job, Organisation, OrganisationDraft,
    Principal, Profile, Referral,
};
use broker_store::{Change, IdempotencyKey, Remembered, Write};
use futures::TryStreamExt as _;
use object_store::ObjectStore as _;
use serde_json::{Value, json};

use crate::world::{ISSUER, World, at, principal};

pub(super) const NAME: &str = "Ada Beispiel";
pub(super) const EMAIL: &str = "ada@pleione.example";
/// A cookie's value: 43 characters of base64url.
pub(super) const COOKIE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Somebody who does everything there is to do, and a reviewer.
pub(super) struct Case {
    pub(super) world: World,
    pub(super) broker: Broker,
    pub(super) ada: Caller,
    pub(super) reviewer: Caller,
    pub(super) ours: Organisation,
}

pub(super) fn ada() -> Arc<Principal> {
    Arc::new(Principal {
        name: Some(NAME.to_owned()),
        email: Some(EMAIL.to_owned()),
        ..(*principal("ada")).clone()
    })
}

impl Case {
    pub(super) async fn new() -> Self {
        let world = World::sqlite().await;
        let broker = world.broker().await;
        let file = format!(
            r#"
            [[grants]]
            issuer = "{ISSUER}"
            subject = "reviewer"
            role = "reviewer"
            [[grants]]
            issuer = "{ISSUER}"
            subject = "at-lumi"
            role = "centre_staff"
            centre = "lumi"
            [organisations.startup]
            name = "Sample Start-up"
            country = "FR"
            size = "small"
            [projects.sample]
            organisation = "startup"
            name = "Sample"
            civilian = true
            [[projects.sample.members]]
            issuer = "{ISSUER}"
            subject = "ada"
            lead = true
            "#
        );
        broker
            .import(&toml::from_str(&file).unwrap())
            .await
            .unwrap();
        let known = broker.caller(ada()).await.unwrap();
        let draft = json!({ "name": "Pleione Labs", "country": "FR", "kind": "company",
            "startup": true, "size": "micro" });
        let draft: OrganisationDraft = serde_json::from_value(draft).unwrap();
        let ours = broker.register_organisation(&known, &draft).await.unwrap();
        broker.forget_callers();
        Self {
            ada: broker.caller(ada()).await.unwrap(),
            reviewer: broker.caller(principal("reviewer")).await.unwrap(),
            ours,
            world,
            broker,
        }
    }

    /// With a file in it.
    pub(super) async fn evidence(&self, file: &'static str) -> Evidence {
        let draft = EvidenceDraft {
            files: Vec::new(),
            kind: "ai_act_self_assessment".to_owned(),
            issued_on: "2026-10-01".parse().unwrap(),
            expires_on: None,
            source: format!("form of 1 October, {file}"),
        };
        let (broker, of) = (&self.broker, self.ours.id);
        let made = broker
            .hand_in_evidence(&self.ada, of, &draft)
            .await
            .unwrap();
        let upload = Upload {
            name: "form.txt".to_owned(),
            media_type: "text/plain".to_owned(),
            bytes: file.into(),
        };
        let added = broker.add_evidence_file(&self.ada, (of, made.id), upload);
        added.await.unwrap()
    }

    pub(super) async fn withdrawn(&self, file: &'static str) -> Evidence {
        let made = self.evidence(file).await;
        let of = (self.ours.id, made.id);
        self.broker.withdraw_evidence(&self.ada, of).await.unwrap()
    }

    pub(super) async fn judged(&self, file: &'static str, accepted: bool) -> Evidence {
        let made = self.evidence(file).await;
        let finding = EvidenceFinding {
            again: false,
            accepted,
            words: "looked at".to_owned(),
            files: Some(made.files.iter().map(|it| it.sha256.clone()).collect()),
        };
        let of = (self.ours.id, made.id);
        let judged = self.broker.check_evidence(&self.reviewer, of, finding);
        judged.await.unwrap()
    }

    pub(super) async fn referral(&self) -> Referral {
        let draft = json!({ "organisation": self.ours.id, "centre": "lumi",
            "need": { "services": ["training"], "language": "fr" },
            "words": "Call Ada at +33 1 23 45 67 89." });
        let draft = serde_json::from_value(draft).unwrap();
        self.broker.send_referral(&self.ada, &draft).await.unwrap()
    }

    pub(super) async fn closed_referral(&self) -> Referral {
        let sent = self.referral().await;
        let withdraw = json!({ "action": "withdraw", "words": "Ada found help." });
        let withdraw = serde_json::from_value(withdraw).unwrap();
        let moved = self.broker.move_referral(&self.ada, sent.id, &withdraw);
        moved.await.unwrap()
    }

    pub(super) async fn profile(&self) -> Profile {
        let draft = json!({ "side": "startup", "sectors": ["health"], "seeks": "A partner.",
            "offers": "Models.", "contact": EMAIL });
        let draft = serde_json::from_value(draft).unwrap();
        let (broker, of) = (&self.broker, self.ours.id);
        broker.publish_profile(&self.ada, of, &draft).await.unwrap()
    }

    pub(super) async fn session(&self) {
        let signed_in = SignedIn {
            principal: (*ada()).clone(),
            issuer_subject: "ada".to_owned(),
            issuer_session: Some("sid-1".to_owned()),
            sealed_id_token: Some("sealed-secret".to_owned()),
        };
        self.broker.open_session(COOKIE, &signed_in).await.unwrap();
    }

    pub(super) async fn job(&self) -> Job {
        let mut spec = at(&["lumi"]);
        for variant in spec.variants.values_mut() {
            variant.script = format!("echo mail {EMAIL}");
        }
        match self.broker.submit(&self.ada, spec, None).await.unwrap() {
            Accepted::New { job, .. } => *job,
            Accepted::Repeated(_) => panic!("no key, no repeat"),
        }
    }

    /// One that is over.
    pub(super) async fn cancelled_job(&self) -> Job {
        let job = self.job().await;
        self.broker.cancel(&self.ada, job.id).await.unwrap();
        let over = self.broker.store().find_job(job.id).await.unwrap().unwrap();
        assert!(over.state.is_final(), "{over:?}");
        over
    }

    pub(super) async fn answer(&self) {
        let write = Write::Remember {
            key: IdempotencyKey {
                person: self.ada.person,
                key: "monday".to_owned(),
            },
            answer: Remembered {
                request_sha256: "00".to_owned(),
                status: 201,
                body: json!({ "contact": EMAIL }).to_string(),
                created_at: self.world.now(),
            },
        };
        let change = Change {
            writes: vec![write],
            entries: Vec::new(),
        };
        self.broker.store().commit(change).await.unwrap();
    }

    pub(super) fn subject(&self) -> HoldSubject {
        HoldSubject::Person(self.ada.person)
    }

    pub(super) async fn exported(&self) -> Value {
        let export = self.broker.export_person(self.ada.person).await.unwrap();
        serde_json::to_value(export).unwrap()
    }

    /// Everything of the person, with the ledger's entries, as one text.
    pub(super) async fn all_text(&self) -> String {
        self.exported().await.to_string()
    }

    /// The digests of the files that are kept.
    pub(super) async fn files(&self) -> BTreeSet<String> {
        let listed: Vec<_> = self.world.files.list(None).try_collect().await.unwrap();
        let name = |path: &object_store::path::Path| path.filename().unwrap().to_owned();
        listed.iter().map(|it| name(&it.location)).collect()
    }

    pub(super) fn days(&self, days: i64) {
        self.world.pass(days * 24 * 3600);
    }
}
