//! Referrals as their organisation, and the centres that have them, see them.

use std::io::Write;

use broker_client::Client;
use broker_client::wire::ReferralView;
use broker_model::{
    Referral, ReferralDraft, ReferralDue, ReferralLeg, ReferralMove, ReferralOutcome, ReferralState,
};

use super::keyed::Keyed;
use super::{contact, own};
use crate::cli::{MovedArgs, ReferArgs, ReferralVerb};
use crate::print;
use crate::words::{self, fill, say};

pub(super) async fn refer(
    client: &Client,
    args: ReferArgs,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let organisation = match (args.organisation, args.job) {
        (None, Some(_)) => None,
        (given, _) => Some(own::organisation_option(client, given).await?),
    };
    let draft = ReferralDraft {
        organisation,
        centre: args.centre,
        need: args.need.need(),
        words: args.words,
        job: args.job,
    };
    let making = Keyed::new(args.key, "the referral was sent", "sends a second one");
    let sent = making.send(async |key| client.refer(&draft, key).await);
    let refused = |error| contact::refused(error, json);
    let sent = sent.await.map_err(|lost| lost.explained(refused))?;
    if json {
        print::json(&sent, out)?;
        return Ok(0);
    }
    writeln!(
        out,
        "{}",
        fill("{id} is {standing}")
            .with("id", sent.id)
            .with("standing", standing(&sent))
    )?;
    writeln!(
        out,
        "{}",
        fill("`alcyone referral show {id}` tells what becomes of it").with("id", sent.id)
    )?;
    Ok(0)
}

pub(super) fn list(all: &[ReferralView], json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    if json {
        print::json(&all, out)?;
        return Ok(0);
    }
    let row = |it: &ReferralView| {
        vec![
            it.referral.id.to_string(),
            it.organisation_name.clone(),
            it.centre.to_string(),
            state(it),
            own::day_in_brussels(it.clock.sent_at).to_string(),
            clock(it),
            it.referral.need.services.join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let head = [
        "REFERRAL",
        "ORGANISATION",
        "CENTRE",
        "STATE",
        "SENT",
        "ACKNOWLEDGED",
        "SERVICES",
    ];
    print::table(&head, &rows, out)?;
    Ok(0)
}

pub(super) async fn run(
    client: &Client,
    verb: ReferralVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let (of, made) = match verb {
        ReferralVerb::Show { referral } => {
            let found = client.referral(referral).await?;
            if json {
                print::json(&found, out)?;
            } else {
                show(&found, out)?;
            }
            return Ok(0);
        }
        ReferralVerb::Acknowledge { of } => (of, ReferralMove::Acknowledge {}),
        ReferralVerb::Accept { of } => (of, ReferralMove::Accept {}),
        ReferralVerb::Decline { of, reason } => (of, ReferralMove::Decline { reason }),
        ReferralVerb::HandOver { of, to, reason } => (of, ReferralMove::HandOver { to, reason }),
        ReferralVerb::Close { of, outcome, words } => (of, ReferralMove::Close { outcome, words }),
        ReferralVerb::Withdraw { of, words } => {
            let words = words.unwrap_or_default();
            (of, ReferralMove::Withdraw { words })
        }
    };
    let MovedArgs { referral, key } = of;
    let making = Keyed::new(key, "the referral was moved", "moves it twice");
    let moved = making.send(async |key| client.move_referral(referral, &made, key).await);
    let refused = |error| contact::refused(error, json);
    let moved = moved.await.map_err(|lost| lost.explained(refused))?;
    if json {
        print::json(&moved, out)?;
    } else {
        writeln!(
            out,
            "{}",
            fill("{id} is {standing}")
                .with("id", moved.id)
                .with("standing", standing(&moved))
        )?;
    }
    Ok(0)
}

/// Where it is now, and what is to come there.
fn standing(one: &Referral) -> String {
    let Some(leg) = one.leg() else {
        return say("at no centre").to_owned();
    };
    match &leg.state {
        ReferralState::Sent => {
            fill("sent to {centre}, which should acknowledge it by {days}{first_sent}")
                .with("centre", &leg.centre)
                .with("days", days(leg.due))
                .with("first_sent", first_sent(one))
                .to_string()
        }
        ReferralState::Closed { outcome, .. } => fill("{closed} at {centre}")
            .with("closed", closed(*outcome))
            .with("centre", &leg.centre)
            .to_string(),
        state => fill("{state} at {centre}")
            .with("state", words::word(state.as_str()))
            .with("centre", &leg.centre)
            .to_string(),
    }
}

/// Each centre has a clock of its own; whoever waits has waited since the first.
fn first_sent(one: &Referral) -> String {
    match one.legs.as_slice() {
        [first, .., _] => {
            let day = own::day_in_brussels(first.sent_at);
            fill("; it was first sent on {day}, to {centre}")
                .with("day", day)
                .with("centre", &first.centre)
                .to_string()
        }
        _ => String::new(),
    }
}

/// One that was taken back ends there, too, and nobody at the centre closed it.
fn closed(outcome: ReferralOutcome) -> String {
    match outcome {
        ReferralOutcome::Withdrawn => say("withdrawn").to_owned(),
        outcome => fill("closed, {outcome}")
            .with("outcome", words::word(outcome.as_str()))
            .to_string(),
    }
}

fn state(one: &ReferralView) -> String {
    match one.referral.leg().map(|it| &it.state) {
        Some(ReferralState::Closed { outcome, .. }) => closed(*outcome),
        _ => words::word(&one.state),
    }
}

fn days(due: ReferralDue) -> String {
    if due.on == due.at_latest {
        return due.on.to_string();
    }
    fill("{on} or {at_latest}")
        .with("on", due.on)
        .with("at_latest", due.at_latest)
        .to_string()
}

/// When the centre said that it saw it, or by when it should; one may accept without having said so.
fn clock(one: &ReferralView) -> String {
    let clock = &one.clock;
    let is_sent = { one.referral.leg() }.is_some_and(|it| it.state == ReferralState::Sent);
    match clock.acknowledged_at {
        Some(at) => own::day_in_brussels(at).to_string(),
        None if !is_sent => "-".to_owned(),
        None if clock.overdue => fill("due by {days}, overdue")
            .with("days", days(clock.due))
            .to_string(),
        None => fill("due by {days}")
            .with("days", days(clock.due))
            .to_string(),
    }
}

fn show(one: &ReferralView, out: &mut impl Write) -> anyhow::Result<()> {
    let (referral, need) = (&one.referral, &one.referral.need);
    writeln!(out, "{}: {}", referral.id, standing(referral))?;
    let who = format!("{} ({})", one.organisation_name, referral.organisation);
    let mut lines = vec![
        ("organisation", who),
        ("services", need.services.join(", ")),
    ];
    lines.extend(need.sector.clone().map(|it| ("sector", it)));
    lines.push(("data", say(need.data_class.as_str()).to_owned()));
    lines.extend(
        need.size
            .map(|it| ("size", say(&print::word(&it)).to_owned())),
    );
    lines.extend(need.country.clone().map(|it| ("country", it)));
    lines.extend(need.language.clone().map(|it| ("language", it)));
    lines.push(("timing", say(need.timing.as_str()).to_owned()));
    lines.push(("words", referral.words.clone()));
    if let Some(sender) = &one.sender {
        let parts = [sender.name.clone(), sender.email.clone()];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            lines.push(("sender", parts.join(", ")));
        }
    }
    lines.extend(referral.project.map(|it| ("project", it.to_string())));
    if let Some(job) = &referral.job {
        let words = format!("{} ({}) {}", job.job, job.name, job.state.as_str());
        lines.push(("job", words));
        lines.extend(job.refusals.iter().map(|it| ("refused", it.clone())));
        let logs = job.logs.iter();
        lines.extend(logs.map(|it| ("log", format!("{}:\n{}", it.stream, it.text))));
    }
    lines.push(("acknowledged", clock(one)));
    for leg in &referral.legs {
        lines.push(("centre", history(leg)));
    }
    print::facts(&lines, 12, out)?;
    Ok(())
}

/// One line for each thing that happened at a centre.
fn history(leg: &ReferralLeg) -> String {
    let mut lines = vec![
        leg.centre.to_string(),
        fill("{sent_at} sent")
            .with("sent_at", leg.sent_at)
            .to_string(),
    ];
    for step in &leg.steps {
        let what = match &step.state {
            ReferralState::Declined { reason } => fill("declined: {reason}")
                .with("reason", reason)
                .to_string(),
            ReferralState::HandedOver { to, reason } => fill("handed over to {to}: {reason}")
                .with("to", to)
                .with("reason", reason)
                .to_string(),
            ReferralState::Closed { outcome, words } => fill("closed, {outcome}: {words}")
                .with("words", words)
                .with("outcome", words::word(outcome.as_str()))
                .to_string(),
            state => say(state.as_str()).to_owned(),
        };
        let what = what.trim_end_matches([':', ' ']);
        lines.push(format!("{} {what}", step.at));
    }
    lines.join("\n")
}
