use broker_app::{Caller, Error};
use broker_model::{Organisation, Profile, ProfileDraft, ProfileSide};
use serde_json::Value;

use super::case::{Case, faults, founded};

/// What the ledger has, oldest first.
pub(super) async fn entries(case: &Case) -> Vec<Value> {
    let store = case.broker.store();
    let rows = store.entries(0, 1000).await.unwrap();
    let parse = |text: &str| serde_json::from_str(text).unwrap();
    rows.iter().map(|row| parse(&row.text)).collect()
}

fn draft(side: ProfileSide, sectors: &[&str]) -> ProfileDraft {
    ProfileDraft {
        side,
        sectors: sectors.iter().map(|it| (*it).to_owned()).collect(),
        seeks: "A partner with robots on a shop floor.".to_owned(),
        offers: "A model that plans grips.".to_owned(),
        contact: format!("ask for the {side} desk at desk@{side}.example.eu"),
    }
}

impl Case {
    async fn published(&self, who: (&Caller, &Organisation), draft: ProfileDraft) -> Profile {
        let (caller, of) = who;
        self.broker
            .publish_profile(caller, of.id, &draft)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn two_sides_learn_who_they_are_once_both_agreed_and_no_longer_than_that() {
    let case = Case::new().await;
    let (chief, theirs) = founded(&case.broker, "chief", "Grand Works", false).await;
    let (us, them) = ((&case.founder, &case.ours), (&chief, &theirs));
    let mine = case
        .published(us, draft(ProfileSide::Startup, &["robotics", "health"]))
        .await;
    let other = draft(ProfileSide::Established, &["robotics", "energy"]);
    let other = case.published(them, other).await;
    let ours = async || {
        case.broker
            .matches(us.0, (us.1.id, None))
            .await
            .unwrap()
            .remove(0)
    };
    let seen = ours().await;
    assert_eq!(
        (seen.profile, seen.shared),
        (other.id, vec!["robotics".to_owned()])
    );
    assert_eq!((seen.ours, seen.theirs, seen.contact), (false, false, None));
    let hidden = serde_json::to_string(&ours().await).unwrap();
    for word in ["Grand Works", "desk@", &theirs.id.to_string()] {
        assert!(!hidden.contains(word), "{word}");
    }
    let half = case
        .broker
        .show_interest(us.0, (us.1.id, other.id))
        .await
        .unwrap();
    assert_eq!((half.ours, half.contact), (true, None));
    let whole = case
        .broker
        .show_interest(them.0, (them.1.id, mine.id))
        .await
        .unwrap();
    assert_eq!(whole.contact.unwrap().organisation, "Pleione Labs");
    let contact = ours().await.contact.unwrap();
    assert_eq!(contact.organisation, "Grand Works");
    assert!(contact.contact.contains("desk@established"));
    case.broker
        .withdraw_interest(them.0, (them.1.id, mine.id))
        .await
        .unwrap();
    assert_eq!(ours().await.contact, None, "one side suffices to end it");
    case.broker
        .show_interest(them.0, (them.1.id, mine.id))
        .await
        .unwrap();
    assert!(ours().await.contact.is_some());
    let gone = case
        .broker
        .withdraw_profile(them.0, them.1.id)
        .await
        .unwrap();
    assert!(gone.contact.is_empty() && gone.seeks.is_empty());
    let left = case.broker.matches(us.0, (us.1.id, None)).await.unwrap();
    assert!(left.is_empty());
    let late = case.broker.show_interest(us.0, (us.1.id, other.id)).await;
    assert!(matches!(late, Err(Error::NotWaiting(_))), "{late:?}");
}

#[tokio::test]
async fn who_comes_back_is_met_anew() {
    let case = Case::new().await;
    let (chief, theirs) = founded(&case.broker, "chief", "Grand Works", false).await;
    let (us, them) = ((&case.founder, &case.ours), (&chief, &theirs));
    let mine = case
        .published(us, draft(ProfileSide::Startup, &["robotics"]))
        .await;
    let established = || draft(ProfileSide::Established, &["robotics"]);
    let first = case.published(them, established()).await;
    case.broker
        .show_interest(us.0, (us.1.id, first.id))
        .await
        .unwrap();
    case.broker
        .withdraw_profile(them.0, them.1.id)
        .await
        .unwrap();
    let second = case.published(them, established()).await;
    assert_ne!(first.id, second.id);
    let met = case
        .broker
        .show_interest(them.0, (them.1.id, mine.id))
        .await
        .unwrap();
    assert_eq!(
        (met.theirs, met.contact),
        (false, None),
        "that was for the one before"
    );
}

#[tokio::test]
async fn only_the_other_side_in_a_sector_of_both_is_matched() {
    let case = Case::new().await;
    let (chief, theirs) = founded(&case.broker, "chief", "Grand Works", false).await;
    let (second, others) = founded(&case.broker, "second", "Other Labs", true).await;
    let us = (&case.founder, &case.ours);
    case.published(us, draft(ProfileSide::Startup, &["robotics"]))
        .await;
    let far = draft(ProfileSide::Established, &["energy"]);
    let far = case.published((&chief, &theirs), far).await;
    let same = draft(ProfileSide::Startup, &["robotics"]);
    let same = case.published((&second, &others), same).await;
    assert!(
        case.broker
            .matches(us.0, (us.1.id, None))
            .await
            .unwrap()
            .is_empty()
    );
    for id in [far.id, same.id] {
        let refused = case.broker.show_interest(us.0, (us.1.id, id)).await;
        assert!(
            matches!(refused, Err(Error::NotFound("profile"))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_profile_says_nothing_of_who_wrote_it_before_both_agreed() {
    let case = Case::new().await;
    let publish = async |draft: ProfileDraft| {
        case.broker
            .publish_profile(&case.founder, case.ours.id, &draft)
            .await
    };
    let mut loud = draft(ProfileSide::Startup, &["robotics"]);
    loud.seeks = "PLEIONE LABS seeks robots".to_owned();
    loud.offers = "write to me@example.eu".to_owned();
    let refused: Vec<_> = faults(publish(loud).await)
        .into_iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(refused, ["seeks", "offers"]);
    let mut wrong = draft(ProfileSide::Established, &["poetry"]);
    wrong.contact = String::new();
    let refused: Vec<_> = faults(publish(wrong).await)
        .into_iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(refused, ["side", "sectors", "contact"]);
    let unpublished = case
        .broker
        .matches(&case.founder, (case.ours.id, None))
        .await;
    assert!(matches!(unpublished, Err(Error::NotWaiting(_))));
    let by_stranger = case.broker.profile(&case.stranger, case.ours.id).await;
    assert!(matches!(by_stranger, Err(Error::NotFound("organisation"))));
}

#[tokio::test]
async fn a_profile_said_anew_keeps_its_agreements_and_the_ledger_has_only_ids() {
    let case = Case::new().await;
    let (chief, theirs) = founded(&case.broker, "chief", "Grand Works", false).await;
    let us = (&case.founder, &case.ours);
    let first = case
        .published(us, draft(ProfileSide::Startup, &["robotics"]))
        .await;
    let other = draft(ProfileSide::Established, &["robotics"]);
    let other = case.published((&chief, &theirs), other).await;
    case.broker
        .show_interest(us.0, (us.1.id, other.id))
        .await
        .unwrap();
    case.broker
        .show_interest(us.0, (us.1.id, other.id))
        .await
        .unwrap();
    let again = case
        .published(us, draft(ProfileSide::Startup, &["robotics", "energy"]))
        .await;
    assert_eq!((again.id, again.interests.len()), (first.id, 1));
    case.broker
        .withdraw_interest(us.0, (us.1.id, other.id))
        .await
        .unwrap();
    case.broker.withdraw_profile(us.0, us.1.id).await.unwrap();
    let rows = entries(&case).await;
    let kinds = rows.iter().filter_map(|it| it["kind"].as_str());
    let kinds: Vec<&str> = kinds
        .filter(|it| it.starts_with("profile.") || it.starts_with("interest."))
        .collect();
    assert_eq!(
        kinds,
        [
            "profile.published",
            "profile.published",
            "interest.recorded",
            "profile.published",
            "interest.withdrawn",
            "profile.withdrawn"
        ]
    );
    let text = format!("{rows:?}");
    for word in ["desk@", "robots", "Grand Works"] {
        assert!(!text.contains(word), "{word}");
    }
}
