use broker_app::{Broker, Caller, Error, ReferralView};
use broker_model::{
    CentreId, ContactNeed, DataClass, Organisation, OrganisationDraft, Principal, Referral,
    ReferralDraft, ReferralId, ReferralMove, Timing,
};
use serde_json::json;

use crate::world::{ISSUER, World, principal};

/// A founder with an organisation, staff of two centres, and somebody who has nothing to do with it.
pub(super) struct Case {
    pub(super) world: World,
    pub(super) broker: Broker,
    pub(super) founder: Caller,
    pub(super) ours: Organisation,
    pub(super) at_lumi: Caller,
    pub(super) at_bsc: Caller,
    pub(super) stranger: Caller,
}

impl Case {
    pub(super) async fn new() -> Self {
        let world = World::sqlite().await;
        let broker = world.broker().await;
        let staff = |subject: &str, centre: &str| {
            format!(
                r#"
                [[grants]]
                issuer = "{ISSUER}"
                subject = "{subject}"
                role = "centre_staff"
                centre = "{centre}"
                "#
            )
        };
        let grants = staff("at-lumi", "lumi") + &staff("at-bsc", "bsc");
        let grants = toml::from_str(&grants).unwrap();
        broker.import(&grants).await.unwrap();
        let (founder, ours) = founded(&broker, "founder", "Pleione Labs", true).await;
        Self {
            founder,
            ours,
            at_lumi: broker.caller(principal("at-lumi")).await.unwrap(),
            at_bsc: broker.caller(principal("at-bsc")).await.unwrap(),
            stranger: broker.caller(principal("stranger")).await.unwrap(),
            world,
            broker,
        }
    }

    pub(super) fn draft(&self) -> ReferralDraft {
        ReferralDraft {
            organisation: Some(self.ours.id),
            centre: centre("lumi"),
            need: need(&["training"]),
            words: "We are three and want to learn to train on many nodes.".to_owned(),
            job: None,
        }
    }

    pub(super) async fn sent(&self) -> Referral {
        let sent = self
            .broker
            .send_referral(&self.founder, &self.draft())
            .await;
        sent.unwrap()
    }

    /// What waits at a centre.
    pub(super) async fn desk(&self, who: &Caller, at: &str) -> Result<Vec<ReferralView>, Error> {
        let at = centre(at);
        self.broker.centre_referrals(who, (&at, None)).await
    }

    pub(super) async fn moved(
        &self,
        by: &Caller,
        id: ReferralId,
        what: ReferralMove,
    ) -> Result<Referral, Error> {
        self.broker.move_referral(by, id, &what).await
    }
}

/// Somebody whom their issuer calls by a name and an address, with an organisation of theirs.
pub(super) async fn founded(
    broker: &Broker,
    subject: &str,
    name: &str,
    startup: bool,
) -> (Caller, Organisation) {
    let known = || {
        let known = Principal {
            name: Some(format!("The {subject}")),
            email: Some(format!("{subject}@example.eu")),
            ..(*principal(subject)).clone()
        };
        broker.caller(known.into())
    };
    let draft = json!({
        "name": name, "country": "FR", "kind": "company", "startup": startup,
        "size": if startup { "micro" } else { "large" },
    });
    let draft: OrganisationDraft = serde_json::from_value(draft).unwrap();
    let person = known().await.unwrap();
    let made = broker.register_organisation(&person, &draft).await.unwrap();
    (known().await.unwrap(), made)
}

pub(super) fn centre(id: &str) -> CentreId {
    id.parse().unwrap()
}

pub(super) fn need(services: &[&str]) -> ContactNeed {
    ContactNeed {
        services: services.iter().map(|it| (*it).to_owned()).collect(),
        sector: Some("health".to_owned()),
        data_class: DataClass::Open,
        size: None,
        country: None,
        language: Some("fr".to_owned()),
        timing: Timing::Weeks,
    }
}

pub(super) fn decline(reason: &str) -> ReferralMove {
    ReferralMove::Decline {
        reason: reason.to_owned(),
    }
}

pub(super) fn hand_over(to: &str) -> ReferralMove {
    ReferralMove::HandOver {
        to: centre(to),
        reason: "they do health, and we do not".to_owned(),
    }
}

/// The fields of what was refused, each with what would be allowed.
#[track_caller]
pub(super) fn faults<T: std::fmt::Debug>(answer: Result<T, Error>) -> Vec<(String, String)> {
    let Err(Error::Invalid(_, faults)) = answer else {
        panic!("{answer:?}");
    };
    let pair = |it: broker_model::InvalidSpec| (it.field, it.allowed);
    faults.into_iter().map(pair).collect()
}
