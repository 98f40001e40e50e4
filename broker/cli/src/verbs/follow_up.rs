//! What is owed after allocations, as who owes it and who checks see it.

use std::io::Write;

use broker_client::Client;
use broker_client::wire::FollowUpView;
use broker_model::{
    FollowUp, FollowUpState, FulfilmentDraft, OrganisationId, ReopeningDraft, Role, WaiverDraft,
};

use super::contact;
use super::keyed::{Keyed, Lost};
use crate::cli::FollowUpVerb;
use crate::print;
use crate::words::{self, fill, say};

pub(super) async fn list(
    client: &Client,
    (of, overdue): (Option<OrganisationId>, bool),
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let mut found = match of {
        Some(of) => client.organisation_follow_ups(of).await?,
        None if overdue && checks(client).await? => client.overdue_follow_ups().await?,
        None => client.follow_ups().await?,
    };
    if overdue {
        found.retain(|it| it.overdue);
    }
    if json {
        print::json(&found, out)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    let head = [
        "FOLLOW-UP",
        "KIND",
        "ORGANISATION",
        "PROJECT",
        "DUE",
        "STATE",
    ];
    print::table(&head, &rows, out)?;
    if found.iter().any(|it| it.overdue && it.blocks) {
        writeln!(
            out,
            "{}",
            say(
                "what is overdue and blocks stands in the way of the organisation's next application: \
             `alcyone follow-up fulfil` hands it in"
            )
        )?;
    }
    Ok(0)
}

/// Whether the caller sees what is overdue everywhere.
async fn checks(client: &Client) -> anyhow::Result<bool> {
    let me = client.whoami().await?;
    Ok(me.roles.iter().any(|it| {
        matches!(
            it.role,
            Role::Reviewer | Role::Auditor { .. } | Role::Operator
        )
    }))
}

fn row(one: &FollowUpView) -> Vec<String> {
    vec![
        one.follow_up.id.to_string(),
        words::word(&one.follow_up.kind),
        one.organisation_name.clone(),
        one.project_name.clone(),
        due(&one.follow_up),
        standing(one),
    ]
}

fn due(one: &FollowUp) -> String {
    let day = one.due_on.map(|it| it.to_string());
    day.unwrap_or_else(|| say("no day").to_owned())
}

fn standing(one: &FollowUpView) -> String {
    let state = match (one.overdue, one.blocks, one.pressing) {
        (true, true, _) => "overdue, blocks",
        (true, false, _) => "overdue",
        (false, _, true) => "due soon",
        _ if is_early(&one.follow_up) => "handed in early, owed still",
        _ => one.follow_up.state.as_str(),
    };
    say(state).to_owned()
}

fn is_early(one: &FollowUp) -> bool {
    one.is_open() && matches!(one.state, FollowUpState::Fulfilled { .. })
}

pub(super) async fn run(
    client: &Client,
    verb: FollowUpVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let (id, settled) = match verb {
        FollowUpVerb::Show { follow_up } => (follow_up, Ok(())),
        FollowUpVerb::Fulfil {
            of,
            words,
            link,
            sha256,
        } => {
            let draft = FulfilmentDraft {
                words,
                link,
                sha256,
            };
            let making = making(of.key, "it was handed in");
            let made = async |key: &str| client.fulfil_follow_up(of.follow_up, &draft, key).await;
            (of.follow_up, making.send(made).await.map(drop))
        }
        FollowUpVerb::Waive { of, reason } => {
            let draft = WaiverDraft { reason };
            let making = making(of.key, "it was waived");
            let made = async |key: &str| client.waive_follow_up(of.follow_up, &draft, key).await;
            (of.follow_up, making.send(made).await.map(drop))
        }
        FollowUpVerb::Reopen { of, words, due_on } => {
            let draft = ReopeningDraft {
                words,
                due_on,
                postpones: false,
            };
            let making = making(of.key, "it was reopened");
            let made = async |key: &str| client.reopen_follow_up(of.follow_up, &draft, key).await;
            (of.follow_up, making.send(made).await.map(drop))
        }
        FollowUpVerb::Postpone { of, words, due_on } => {
            let draft = ReopeningDraft {
                words,
                due_on: Some(due_on),
                postpones: true,
            };
            let making = making(of.key, "it was postponed");
            let made = async |key: &str| client.reopen_follow_up(of.follow_up, &draft, key).await;
            (of.follow_up, making.send(made).await.map(drop))
        }
    };
    let refused = |error| contact::refused(error, json);
    settled.map_err(|lost: Lost| lost.explained(refused))?;
    let found = client.follow_up(id).await?;
    if json {
        print::json(&found, out)?;
    } else {
        show(&found, out)?;
    }
    Ok(0)
}

fn making(key: Option<String>, done: &'static str) -> Keyed {
    Keyed::new(key, done, "does it twice")
}

/// Hours of before, and of others' calls, may be by a mode that nobody noted.
fn mode(it: &FollowUp) -> &str {
    if it.mode.is_empty() {
        say("a mode that nobody knows")
    } else {
        &it.mode
    }
}

fn show(one: &FollowUpView, out: &mut impl Write) -> anyhow::Result<()> {
    let it = &one.follow_up;
    writeln!(out, "{}: {}", it.id, standing(one))?;
    let mut lines = vec![
        ("kind", words::word(&it.kind)),
        ("organisation", one.organisation_name.clone()),
        ("project", format!("{} ({})", one.project_name, it.project)),
        (
            "allocation",
            fill("{allocation}, {share} by {mode}")
                .with("allocation", it.allocation)
                .with("share", &it.share)
                .with("mode", mode(it))
                .to_string(),
        ),
        ("due", due(it)),
    ];
    lines.extend(it.reminders.last().map(|told| {
        let words = fill("{at}, {days_before} days before {due_on}")
            .with("at", told.at)
            .with("days_before", told.days_before)
            .with("due_on", told.due_on)
            .to_string();
        ("reminded", words)
    }));
    lines.extend(
        it.earlier
            .iter()
            .filter_map(history)
            .map(|it| ("before", it)),
    );
    lines.extend(history(&it.state).map(|it| ("now", it)));
    print::facts(&lines, 12, out)?;
    Ok(())
}

/// Who did what when, with their words; nothing of what is owed as from the beginning.
fn history(state: &FollowUpState) -> Option<String> {
    Some(match state {
        FollowUpState::Open { reopened } => {
            let it = reopened.as_ref()?;
            let day = it.was_due_on.map(|day| {
                fill(", due on {day} until then")
                    .with("day", day)
                    .to_string()
            });
            let day = day.unwrap_or_default();
            fill("reopened {at} by {by}{day}: {words}")
                .with("day", &day)
                .with("at", it.at)
                .with("by", it.by)
                .with("words", &it.words)
                .to_string()
        }
        FollowUpState::Fulfilled {
            at,
            by,
            words,
            link,
            sha256,
            early,
        } => {
            let link = link.as_ref().map(|it| format!("\n{it}"));
            let sha256 = sha256.as_ref().map(|it| format!("\nsha256 {it}"));
            let beside = link.unwrap_or_default() + &sha256.unwrap_or_default();
            let words_of = if *early {
                fill(
                    "handed in {at} by {by}, before the hours began: it is owed still: {words}{beside}",
                )
            } else {
                fill("handed in {at} by {by}: {words}{beside}")
            };
            words_of
                .with("at", at)
                .with("by", by)
                .with("words", words)
                .with("beside", &beside)
                .to_string()
        }
        FollowUpState::Waived { at, by, reason } => fill("waived {at} by {by}: {reason}")
            .with("at", at)
            .with("by", by)
            .with("reason", reason)
            .to_string(),
    })
}
