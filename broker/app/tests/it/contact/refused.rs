use broker_app::{Caller, Directory, DirectoryTexts, Error};
use broker_model::SizeClass::{Large, Medium, Micro, Small, Unclear};
use broker_model::{ReferralDraft, ReferralMove, ReferralOutcome};

use super::case::{Case, centre, decline, faults, hand_over, need};
use crate::world::{engineer, principal};

/// The shipped one, as if the centre had another name from now on.
fn without_lumi() -> Directory {
    let shipped = DirectoryTexts::shipped();
    let centres = shipped.centres.replace("id = \"lumi\"", "id = \"lumi-2\"");
    let centres = centres.replace("value = [\"lumi\"]", "value = [\"lumi-2\"]");
    let texts = DirectoryTexts {
        centres: &centres,
        ..shipped
    };
    Directory::read(&texts).unwrap()
}

#[tokio::test]
async fn bad_input_is_refused_with_what_is_allowed() {
    let case = Case::new().await;
    let hand_in =
        async |draft: ReferralDraft| case.broker.send_referral(&case.founder, &draft).await;
    let unknown = ReferralDraft {
        centre: centre("atlantis"),
        words: " ".to_owned(),
        need: need(&["tea"]),
        ..case.draft()
    };
    let refused = faults(hand_in(unknown).await);
    let fields: Vec<&str> = refused.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(fields, ["words", "need.services", "centre"]);
    assert!(refused[2].1.contains("bsc, it4lia, lumi"));
    let unable = ReferralDraft {
        need: need(&["regulatory_help"]),
        ..case.draft()
    };
    let refused = faults(hand_in(unable).await);
    assert_eq!(refused[0].0, "centre");
    assert!(refused[0].1.contains("meluxina") && !refused[0].1.contains("lumi"));
    let nobody = ReferralDraft {
        organisation: None,
        ..case.draft()
    };
    assert_eq!(faults(hand_in(nobody).await)[0].0, "organisation");
    let sent = case.sent().await;
    let answer = async |what| case.moved(&case.at_lumi, sent.id, what).await;
    assert_eq!(faults(answer(decline(" ")).await)[0].0, "reason");
    assert_eq!(faults(answer(hand_over("lumi")).await)[0].0, "to");
    assert!(
        faults(answer(hand_over("atlantis")).await)[0]
            .1
            .contains("bsc")
    );
    let taken_back = ReferralMove::Close {
        outcome: ReferralOutcome::Withdrawn,
        words: "no".to_owned(),
    };
    let refused = faults(answer(taken_back).await);
    assert_eq!(refused[0].0, "outcome");
    assert!(refused[0].1.starts_with("helped, not_helped"));
}

#[tokio::test]
async fn a_hand_over_goes_to_who_offers_something_of_it_or_back() {
    let case = Case::new().await;
    let draft = ReferralDraft {
        need: need(&["talent"]),
        ..case.draft()
    };
    let sent = { case.broker.send_referral(&case.founder, &draft).await }.unwrap();
    let over = case
        .moved(&case.at_lumi, sent.id, hand_over("bsc"))
        .await
        .unwrap_err();
    let there = ReferralDraft {
        centre: centre("bsc"),
        ..draft
    };
    let straight = { case.broker.send_referral(&case.founder, &there).await }.unwrap_err();
    let (Error::Invalid(_, over), Error::Invalid(_, straight)) = (over, straight) else {
        panic!("one of them is refused for something else");
    };
    assert_eq!(over[0].field, "to");
    assert_eq!(over[0].reason, straight[0].reason);
    assert!(over[0].reason.contains("offers none"), "{over:?}");
    assert_eq!(over[0].allowed, straight[0].allowed);

    let sent = case.sent().await;
    case.moved(&case.at_lumi, sent.id, hand_over("bsc"))
        .await
        .unwrap();
    let shipped = DirectoryTexts::shipped();
    let offered = "[\"data\", \"talent\", \"training\"]";
    assert!(shipped.centres.contains(offered));
    let centres = shipped.centres.replacen(offered, "[\"data\"]", 1);
    let texts = DirectoryTexts {
        centres: &centres,
        ..shipped
    };
    case.broker.put_directory(Directory::read(&texts).unwrap());
    let back = case.moved(&case.at_bsc, sent.id, hand_over("lumi")).await;
    assert_eq!(back.unwrap().legs.len(), 3);
}

#[tokio::test]
async fn an_answer_to_what_is_settled_says_since_when_it_is() {
    let case = Case::new().await;
    let sent = case.sent().await;
    let words = String::new();
    let taken_back = ReferralMove::Withdraw { words };
    let by_centre = case.moved(&case.at_lumi, sent.id, taken_back.clone()).await;
    assert!(
        matches!(by_centre, Err(Error::Forbidden(_))),
        "{by_centre:?}"
    );
    case.moved(&case.founder, sent.id, taken_back)
        .await
        .unwrap();
    for late in [ReferralMove::Accept {}, decline("late"), hand_over("bsc")] {
        let late = case.moved(&case.at_lumi, sent.id, late).await.unwrap_err();
        assert!(
            matches!(&late, Error::NotWaiting(words) if words.contains("closed since 2026-11-20")),
            "{late}"
        );
    }
}

#[tokio::test]
async fn strangers_learn_nothing_and_nobody_answers_for_another_centre() {
    let case = Case::new().await;
    let sent = case.sent().await;
    for who in [&case.stranger, &case.at_bsc, &engineer(&case.broker).await] {
        let seen = case.broker.referral(who, sent.id).await;
        assert!(matches!(seen, Err(Error::NotFound("referral"))), "{seen:?}");
        let moved = case.moved(who, sent.id, ReferralMove::Accept {}).await;
        assert!(
            matches!(moved, Err(Error::NotFound("referral"))),
            "{moved:?}"
        );
    }
    let by_sender = case
        .moved(&case.founder, sent.id, ReferralMove::Accept {})
        .await;
    assert!(
        matches!(by_sender, Err(Error::Forbidden(_))),
        "{by_sender:?}"
    );
    let desk = case.desk(&case.at_bsc, "lumi").await;
    assert!(matches!(desk, Err(Error::Forbidden(_))));
    let nowhere = case.desk(&case.at_bsc, "atlantis");
    assert!(matches!(
        nowhere.await,
        Err(Error::NotFound("support centre"))
    ));
    let foreign = case
        .broker
        .send_referral(&case.stranger, &case.draft())
        .await;
    assert!(matches!(foreign, Err(Error::NotFound("organisation"))));
}

#[tokio::test]
async fn a_role_for_a_centre_that_is_not_there_is_not_granted() {
    let case = Case::new().await;
    let file = r#"
        [[grants]]
        issuer = "https://id.example.eu"
        subject = "somebody"
        role = "centre_staff"
        centre = "atlantis"
    "#;
    let refused = case.broker.import(&toml::from_str(file).unwrap()).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("no support centre `atlantis`; there are bsc"),
        "{refused}"
    );
    let bare = file.replace("centre = \"atlantis\"", "");
    let refused = case.broker.import(&toml::from_str(&bare).unwrap()).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("`centre_staff` with a `centre`")
    );
}

#[tokio::test]
async fn what_waits_at_a_centre_that_left_the_directory_is_found_by_its_staff_and_by_operators() {
    let case = Case::new().await;
    let operator = case.broker.caller(principal("operator")).await.unwrap();
    let at_desk = async |who: &Caller| case.desk(who, "lumi").await.map(|it| it.len());
    let refused = at_desk(&operator).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    let sent = case.sent().await;
    assert!(case.broker.stranded_referrals().await.unwrap().is_empty());
    case.broker.put_directory(without_lumi());
    let stranded = case.broker.stranded_referrals().await.unwrap();
    assert_eq!(
        stranded.into_iter().collect::<Vec<_>>(),
        [(centre("lumi"), 1)]
    );
    assert_eq!(at_desk(&case.at_lumi).await.unwrap(), 1);
    assert_eq!(at_desk(&operator).await.unwrap(), 1);
    let hidden = at_desk(&case.stranger).await;
    assert!(matches!(hidden, Err(Error::NotFound(_))), "{hidden:?}");
    case.moved(&case.at_lumi, sent.id, hand_over("bsc"))
        .await
        .unwrap();
    assert!(case.broker.stranded_referrals().await.unwrap().is_empty());
    let gone = at_desk(&operator).await;
    assert!(matches!(gone, Err(Error::NotFound(_))), "{gone:?}");
}

#[tokio::test]
async fn an_organisation_has_so_many_open_referrals_and_no_more() {
    let case = Case::new().await;
    let sizes = [Micro, Small, Medium, Large, Unclear].map(Some);
    let mut sent = Vec::new();
    for (size, sector) in sizes.iter().flat_map(|size| {
        let sectors = [None, Some("health"), Some("biotech"), Some("energy")];
        sectors.map(|sector| (*size, sector.map(str::to_owned)))
    }) {
        let mut draft = case.draft();
        (draft.need.size, draft.need.sector) = (size, sector);
        let taken = case.broker.send_referral(&case.founder, &draft).await;
        sent.push(taken.unwrap());
    }
    let first = sent.remove(0);
    let mut draft = case.draft();
    draft.need.services.push("data".to_owned());
    let more = case.broker.send_referral(&case.founder, &draft).await;
    assert!(matches!(more, Err(Error::AlreadySo(_))), "{more:?}");
    let words = String::new();
    let back = ReferralMove::Withdraw { words };
    case.moved(&case.founder, first.id, back).await.unwrap();
    let sent = case.broker.send_referral(&case.founder, &draft).await;
    sent.unwrap();
}

#[tokio::test]
async fn the_same_need_is_sent_to_a_centre_once_while_it_is_open_there() {
    let case = Case::new().await;
    let first = case.sent().await;
    let again = case
        .broker
        .send_referral(&case.founder, &case.draft())
        .await;
    let Err(Error::AlreadySo(words)) = again else {
        panic!("sent twice: {again:?}");
    };
    assert!(words.contains(&first.id.to_string()), "{words}");
    let mut elsewhere = case.draft();
    elsewhere.centre = centre("bsc");
    let mut other = case.draft();
    other.need.services.push("data".to_owned());
    for draft in [elsewhere, other] {
        let sent = case.broker.send_referral(&case.founder, &draft).await;
        sent.unwrap();
    }
    let words = String::new();
    let back = ReferralMove::Withdraw { words };
    case.moved(&case.founder, first.id, back).await.unwrap();
    case.sent().await;
}

#[tokio::test]
async fn referrals_that_are_withdrawn_at_once_count_for_a_month() {
    let case = Case::new().await;
    for _ in 0..60 {
        let sent = case.sent().await;
        let words = String::new();
        let back = ReferralMove::Withdraw { words };
        case.moved(&case.founder, sent.id, back).await.unwrap();
    }
    let draft = case.draft();
    let more = case.broker.send_referral(&case.founder, &draft).await;
    assert!(matches!(more, Err(Error::AlreadySo(_))), "{more:?}");
    case.world.pass(30 * 24 * 3600);
    case.sent().await;
}
