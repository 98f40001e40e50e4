//! From an organisation that nobody knows to a project with hours.

mod aid;
mod applications;
mod audited;
mod evidence;
mod follow_ups;
mod grants;
mod members;
mod organisations;
mod policies;
mod rulings;
mod screenings;
mod shares;
mod signatories;
mod vetoes;

use broker_app::{Broker, Caller, Error, RouteQuery, Upload, organisation_tag};
use broker_model::{
    AnnouncedFile, Application, ApplicationDraft, ApplicationNeed, ApplicationProject,
    ApplicationState, ApplicationVerdict, Evidence, EvidenceDraft, EvidenceFinding, GrantDraft,
    Organisation, OrganisationDraft, RulingDraft,
};
use policy_engine::Outcome;
use serde_json::json;

use crate::world::{ISSUER, World, principal};

/// A founder, a reviewer, and what they work with.
struct Case {
    world: World,
    broker: Broker,
    founder: Caller,
    reviewer: Caller,
}

impl Case {
    async fn new() -> Self {
        let world = World::sqlite().await;
        let broker = world.broker().await;
        let grants = format!(
            r#"
            [[grants]]
            issuer = "{ISSUER}"
            subject = "reviewer"
            role = "reviewer"
            "#
        );
        broker
            .import(&toml::from_str(&grants).unwrap())
            .await
            .unwrap();
        Self {
            founder: broker.caller(principal("founder")).await.unwrap(),
            reviewer: broker.caller(principal("reviewer")).await.unwrap(),
            world,
            broker,
        }
    }

    async fn founder(&self) -> Caller {
        self.broker.caller(principal("founder")).await.unwrap()
    }

    /// Registers the founder's organisation; they speak for it from then on.
    async fn registered(&mut self) -> Organisation {
        let draft = organisation();
        let made = self.broker.register_organisation(&self.founder, &draft);
        let made = made.await.unwrap();
        self.founder = self.founder().await;
        made
    }

    async fn evidence(&self, of: &Organisation) -> Evidence {
        let draft = evidence();
        let handed_in = self.broker.hand_in_evidence(&self.founder, of.id, &draft);
        handed_in.await.unwrap()
    }

    async fn checked(&self, of: &Organisation, accepted: bool) -> Evidence {
        let evidence = self.evidence(of).await;
        let finding = EvidenceFinding {
            again: false,
            accepted,
            words: "the form is whole and signed".to_owned(),
            files: None,
        };
        let checked = self
            .broker
            .check_evidence(&self.reviewer, (of.id, evidence.id), finding);
        checked.await.unwrap()
    }

    async fn applied(&self, of: &Organisation) -> Application {
        let draft = application(of);
        self.broker.apply(&self.founder, &draft).await.unwrap()
    }

    /// An eligible organisation with an application that waits.
    async fn waiting(&mut self) -> (Organisation, Application) {
        let organisation = self.registered().await;
        self.checked(&organisation, true).await;
        let application = self.applied(&organisation).await;
        (organisation, application)
    }
}

/// Accepted a day after it was handed in; its project hands in a job two days later.
pub(crate) async fn first_job_after_three_days() -> (World, Broker) {
    let mut case = Case::new().await;
    let (_, waiting) = case.waiting().await;
    case.world.pass(24 * 3600);
    let (reviewer, accepted) = (&case.reviewer, acceptance());
    let ruled = case.broker.rule(reviewer, waiting.id, &accepted).await;
    let ApplicationState::Accepted { project, .. } = ruled.unwrap().state else {
        panic!("it was accepted");
    };
    case.world.pass(2 * 24 * 3600);
    let mut spec = crate::world::at(&["meluxina"]);
    spec.project = project;
    let founder = case.founder().await;
    case.broker.submit(&founder, spec, None).await.unwrap();
    (case.world, case.broker)
}

fn organisation() -> OrganisationDraft {
    let draft = json!({
        "name": "Pleione Labs", "country": "FR", "kind": "company", "startup": true,
        "founded_on": "2024-02-29", "size": "small",
        "identifiers": { "vat": "FR40303265045" },
    });
    serde_json::from_value(draft).unwrap()
}

fn evidence() -> EvidenceDraft {
    EvidenceDraft {
        files: Vec::new(),
        kind: "ai_act_self_assessment".to_owned(),
        issued_on: "2026-10-01".parse().unwrap(),
        expires_on: Some("2027-09-30".parse().unwrap()),
        source: "form of 1 October".to_owned(),
    }
}

fn application(of: &Organisation) -> ApplicationDraft {
    ApplicationDraft {
        organisation: of.id,
        mode: "aif_playground".to_owned(),
        system: "meluxina/meluxina".to_owned(),
        project: ApplicationProject {
            name: "Folding".to_owned(),
            purpose: "Structures of proteins for vaccines.".to_owned(),
            civilian: Some(true),
            eu_project: None,
            sectors: vec!["health".to_owned()],
            ai_act: None,
        },
        need: ApplicationNeed {
            gpu_hours: 5000,
            months: 3,
            ..ApplicationNeed::default()
        },
        aid: None,
        answers: ["data_and_licence_statement", "civilian_and_ai_act_plan"]
            .map(|kind| (kind.to_owned(), "See page 3.".to_owned()))
            .into(),
    }
}

fn acceptance() -> RulingDraft {
    RulingDraft {
        verdict: ApplicationVerdict::Accept,
        reasons: "A sound plan.".to_owned(),
        grant: Some(GrantDraft {
            hours: 1250,
            scope: broker_model::GrantScope::System,
            unit: None,
            share: None,
            worth_eur: None,
            valid_from: "2026-11-23".parse().unwrap(),
            valid_to: "2027-02-22".parse().unwrap(),
            call_reference: Some("EHPC-AIF-2026PG01-1147".to_owned()),
            local_accounts: [("meluxina".parse().unwrap(), "p200981".to_owned())].into(),
        }),
    }
}

fn rejection() -> RulingDraft {
    RulingDraft {
        verdict: ApplicationVerdict::Reject,
        reasons: "The plan says nothing of checkpoints.".to_owned(),
        grant: None,
    }
}

fn fields(error: &Error) -> Vec<&str> {
    let Error::Invalid(_, faults) = error else {
        panic!("{error:?}");
    };
    faults.iter().map(|it| it.field.as_str()).collect()
}
