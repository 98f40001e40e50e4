use broker_app::{CentreQuery, Error};
use broker_model::{ReferralMove, ReferralOutcome, ReferralState};

use super::case::{Case, centre, decline, faults, hand_over, need};
use crate::world::principal;

#[tokio::test]
async fn a_need_is_answered_with_ranked_centres_that_say_why() {
    let case = Case::new().await;
    let query = CentreQuery {
        organisation: Some(case.ours.id),
        need: need(&["training", "data"]),
    };
    let found = case
        .broker
        .find_centres(&case.founder, &query)
        .await
        .unwrap();
    assert_eq!(
        found.need.country.as_deref(),
        Some("FR"),
        "said once, at the register"
    );
    assert_eq!(found.centres[0].centre, centre("bsc"));
    let stranger = case.broker.find_centres(&case.stranger, &query).await;
    assert!(matches!(stranger, Err(Error::NotFound("organisation"))));
    let mut wrong = need(&["tea", "data", "data"]);
    wrong.sector = Some("poetry".to_owned());
    wrong.language = Some("xx".to_owned());
    wrong.country = Some("QQ".to_owned());
    let refused = faults(case.broker.rank_centres(&wrong));
    let fields: Vec<&str> = refused.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(
        fields,
        [
            "need.services",
            "need.services",
            "need.sector",
            "need.language",
            "need.country"
        ]
    );
    assert!(
        refused[0]
            .1
            .contains("algorithmic_support, application_development")
    );
    assert!(refused[2].1.contains("health, biotech"));
    let nothing = faults(case.broker.rank_centres(&need(&[])));
    assert_eq!(nothing[0].0, "need.services");
}

#[tokio::test]
async fn a_referral_goes_from_sent_to_closed_and_each_step_has_its_time() {
    let case = Case::new().await;
    let sent = case.sent().await;
    assert_eq!(sent.need.country.as_deref(), Some("FR"));
    let desk = case.desk(&case.at_lumi, "lumi");
    let desk = desk.await.unwrap();
    assert_eq!(desk[0].referral.id, sent.id);
    assert_eq!(desk[0].organisation_name, "Pleione Labs");
    let sender = desk[0].sender.as_ref().unwrap();
    assert_eq!(sender.email.as_deref(), Some("founder@example.eu"));
    assert_eq!(
        desk[0].clock.due.on.to_string(),
        "2026-11-27",
        "five working days"
    );
    case.world.pass(3600);
    let seen = case
        .moved(&case.at_lumi, sent.id, ReferralMove::Acknowledge {})
        .await
        .unwrap();
    let again = case
        .moved(&case.at_lumi, sent.id, ReferralMove::Acknowledge {})
        .await;
    assert_eq!(again.unwrap(), seen);
    case.world.pass(3600);
    case.moved(&case.at_lumi, sent.id, ReferralMove::Accept {})
        .await
        .unwrap();
    case.world.pass(3600);
    let close = ReferralMove::Close {
        outcome: ReferralOutcome::LedToApplication,
        words: "They apply to the playground.".to_owned(),
    };
    case.moved(&case.at_lumi, sent.id, close).await.unwrap();
    let shown = case.broker.referral(&case.founder, sent.id).await.unwrap();
    assert_eq!(shown.state, "closed");
    let clock = &shown.clock;
    let times = [clock.acknowledged_at, clock.accepted_at, clock.settled_at];
    let times: Vec<i64> = times
        .map(|it| it.unwrap().duration_since(clock.sent_at).as_hours())
        .into();
    assert_eq!(times, [1, 2, 3]);
    let desk = case.desk(&case.at_lumi, "lumi");
    assert!(desk.await.unwrap().is_empty(), "nothing is left to do");
}

#[tokio::test]
async fn a_hand_over_goes_to_the_other_desk_with_its_history_and_a_new_clock() {
    let case = Case::new().await;
    let sent = case.sent().await;
    case.world.pass(3 * 24 * 3600);
    case.moved(&case.at_lumi, sent.id, hand_over("bsc"))
        .await
        .unwrap();
    let desk = case.desk(&case.at_bsc, "bsc");
    let there = desk.await.unwrap().remove(0);
    assert_eq!(there.referral.legs.len(), 2);
    assert_eq!(there.clock.first_sent_at, sent.legs[0].sent_at);
    assert_eq!(there.clock.due.on.to_string(), "2026-11-30");
    let before = case.broker.referral(&case.at_lumi, sent.id).await.unwrap();
    assert_eq!(before.sender, None, "it is no longer theirs");
    let late = case
        .moved(&case.at_lumi, sent.id, ReferralMove::Accept {})
        .await;
    assert!(matches!(late, Err(Error::Forbidden(_))), "{late:?}");
    case.moved(&case.at_bsc, sent.id, decline("We have no room."))
        .await
        .unwrap();
    let told = case.broker.my_referrals(&case.founder).await.unwrap();
    let ReferralState::Declined { reason } = &told[0].referral.leg().unwrap().state else {
        panic!("{told:?}");
    };
    assert_eq!(reason, "We have no room.");
    let ReferralState::HandedOver { to, .. } = &told[0].referral.legs[0].state else {
        panic!("{told:?}");
    };
    assert_eq!(*to, centre("bsc"));
}

#[tokio::test]
async fn what_nobody_acknowledges_in_time_is_overdue_until_somebody_does() {
    let case = Case::new().await;
    let operator = case.broker.caller(principal("operator")).await.unwrap();
    let sent = case.sent().await;
    let overdue = async |who| case.broker.overdue_referrals(who).await.unwrap().len();
    assert_eq!(overdue(&operator).await, 0);
    case.world.pass(7 * 24 * 3600 + 12 * 3600);
    assert_eq!(
        overdue(&operator).await,
        1,
        "Saturday has begun in Brussels"
    );
    assert_eq!(overdue(&case.at_lumi).await, 1);
    assert_eq!(overdue(&case.at_bsc).await, 0, "it is not theirs");
    assert!(
        case.broker
            .referral(&case.founder, sent.id)
            .await
            .unwrap()
            .clock
            .overdue
    );
    case.moved(&case.at_lumi, sent.id, ReferralMove::Acknowledge {})
        .await
        .unwrap();
    assert_eq!(overdue(&operator).await, 0);
    let none = case.broker.overdue_referrals(&case.founder).await;
    assert!(matches!(none, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn of_two_answers_at_once_one_counts() {
    let case = Case::new().await;
    let sent = case.sent().await;
    let other = case.world.broker().await;
    let (accept, refuse) = (ReferralMove::Accept {}, decline("no room"));
    let (one, two) = tokio::join!(
        case.broker.move_referral(&case.at_lumi, sent.id, &accept),
        other.move_referral(&case.at_lumi, sent.id, &refuse),
    );
    assert_eq!(
        [one.is_ok(), two.is_ok()].iter().filter(|it| **it).count(),
        1
    );
}

#[tokio::test]
async fn the_ledger_has_ids_and_none_of_the_words() {
    let case = Case::new().await;
    let sent = case.sent().await;
    case.moved(&case.at_lumi, sent.id, ReferralMove::Acknowledge {})
        .await
        .unwrap();
    case.moved(&case.at_lumi, sent.id, hand_over("bsc"))
        .await
        .unwrap();
    case.moved(&case.at_bsc, sent.id, decline("no room"))
        .await
        .unwrap();
    let rows = super::meeting::entries(&case).await;
    let kinds: Vec<&str> = rows.iter().filter_map(|it| it["kind"].as_str()).collect();
    let kinds: Vec<&str> = kinds
        .into_iter()
        .filter(|it| it.starts_with("referral."))
        .collect();
    assert_eq!(
        kinds,
        [
            "referral.sent",
            "referral.answered",
            "referral.handed_over",
            "referral.answered"
        ]
    );
    let text = format!("{rows:?}");
    for word in [
        "many nodes",
        "no room",
        "they do health",
        "Pleione",
        "founder@",
    ] {
        assert!(!text.contains(word), "{word}");
    }
    let last = rows.last().unwrap();
    assert_eq!(last["data"]["centre"], "bsc");
    assert_eq!(last["data"]["leg"], 2);
    assert_eq!(last["data"]["answer"], "declined");
}
