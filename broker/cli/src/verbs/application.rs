//! Applications as their organisation, and whoever decides, sees them.

use std::io::Write;

use broker_client::Client;
use broker_model::{
    AiAct, Application, ApplicationDue, ApplicationState, FundingShare, Given, GrantScope,
    OrganisationId, Ruling,
};
use jiff::civil::Date;

use super::{decision, own};
use crate::cli::ApplicationVerb;
use crate::print;
use crate::words::{self, fill, say};

pub(super) async fn list(
    client: &Client,
    of: Option<OrganisationId>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let all = client.applications(of).await?;
    if json {
        print::json(&all, out)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = all.iter().map(|it| row(it, own::today())).collect();
    let head = [
        "APPLICATION",
        "PROJECT",
        "MODE",
        "SYSTEM",
        "STATE",
        "APPLIED",
        "DECIDED BY",
    ];
    print::table(&head, &rows, out)?;
    Ok(0)
}

pub(super) async fn run(
    client: &Client,
    verb: ApplicationVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let (application, is_show) = match verb {
        ApplicationVerb::Show { application } => (client.application(application).await?, true),
        ApplicationVerb::Withdraw { application } => {
            (client.withdraw_application(application).await?, false)
        }
    };
    if json {
        print::json(&application, out)?;
        return Ok(0);
    }
    show(&application, own::today(), out)?;
    if is_show {
        decision::rules(client, application.last_found(), out).await?;
    }
    Ok(0)
}

fn row(one: &Application, today: Date) -> Vec<String> {
    vec![
        one.id.to_string(),
        one.project.name.clone(),
        one.mode.clone(),
        one.system.clone(),
        say(one.state.as_str()).to_owned(),
        own::day_in_brussels(one.applied_at).to_string(),
        clock(one, today),
    ]
}

pub(super) fn show(one: &Application, today: Date, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{}: {}", one.id, say(one.state.as_str()))?;
    let mut lines = vec![
        ("organisation", one.organisation.to_string()),
        (
            "access",
            fill("{mode} at {system}")
                .with("mode", &one.mode)
                .with("system", &one.system)
                .to_string(),
        ),
        ("project", one.project.name.clone()),
        ("purpose", one.project.purpose.clone()),
        ("civilian", yes_or_no(one.project.civilian)),
        ("EU project", yes_or_no(one.project.eu_project)),
        ("sectors", listed(&one.project.sectors)),
        ("need", need(one)),
    ];
    lines.extend(under_the_act(one.project.ai_act.as_ref()));
    if let Some(share) = &one.share {
        lines.push(("hours of", share_words(share)));
    }
    for (name, said) in [("data", &one.need.data), ("support", &one.need.support)] {
        if !said.is_empty() {
            lines.push((name, listed(said)));
        }
    }
    lines.extend(
        one.answers
            .iter()
            .map(|(kind, it)| (kind.as_str(), it.clone())),
    );
    lines.push((
        "applied",
        fill("{applied_at} by {applied_by}")
            .with("applied_at", one.applied_at)
            .with("applied_by", one.applied_by)
            .to_string(),
    ));
    if one.is_open() {
        lines.push(("decided by", clock(one, today)));
    }
    lines.push(("rules found", one.found.to_string()));
    lines.extend(outcome(&one.state));
    print::facts(&lines, 12, out)?;
    Ok(())
}

/// With what was looked at and found to be none.
fn under_the_act(said: Option<&AiAct>) -> Vec<(&'static str, String)> {
    let Some(said) = said else {
        return vec![("AI Act", say("not assessed").to_owned())];
    };
    let listed = |codes: &[String]| match codes {
        [] => say("none").to_owned(),
        codes => codes.join(", "),
    };
    let training = said.training_exaflop.map_or_else(
        || say("not said").to_owned(),
        |count| fill("{count} exaflop").with("count", count).to_string(),
    );
    vec![
        ("prohibited practices", listed(&said.prohibited)),
        ("high-risk areas", listed(&said.high_risk)),
        ("outside the AI Act by", listed(&said.exclusions)),
        ("general-purpose model", yes_or_no(said.gpai)),
        ("training takes", training),
    ]
}

/// What became of it.
fn outcome(state: &ApplicationState) -> Vec<(&'static str, String)> {
    let ruled = |it: &Ruling| {
        vec![
            (
                "decided",
                fill("{at} by {by}")
                    .with("at", it.at)
                    .with("by", it.by)
                    .to_string(),
            ),
            ("reasons", it.reasons.clone()),
            ("rules then", it.found.to_string()),
        ]
    };
    match state {
        ApplicationState::Submitted => Vec::new(),
        ApplicationState::Withdrawn { at } => vec![("withdrawn", at.to_string())],
        ApplicationState::Rejected { ruling } => ruled(ruling),
        ApplicationState::Accepted {
            ruling,
            project,
            allocation,
            given,
        } => {
            let made = fill("{project} with {allocation}: `alcyone whoami` shows what is left")
                .with("project", project)
                .with("allocation", allocation)
                .to_string();
            let mut lines = ruled(ruling);
            lines.extend({ given.iter() }.map(|it| ("given", words_of(it))));
            lines.push(("became", made));
            lines
        }
    }
}

fn words_of(given: &Given) -> String {
    let Given {
        hours,
        unit,
        share,
        scope,
        first_day,
        last_day,
    } = given;
    let anywhere = match scope {
        GrantScope::Federation => say(", at any system"),
        GrantScope::System => "",
    };
    fill("{hours} {units} of {share}{anywhere}, from {first_day} to {last_day}")
        .with("hours", hours)
        .with("units", words::units(unit))
        .with("share", share_words(share))
        .with("anywhere", anywhere)
        .with("first_day", first_day)
        .with("last_day", last_day)
        .to_string()
}

/// Whose hours, and that they are paid for where they are sold.
fn share_words(share: &FundingShare) -> String {
    match share {
        FundingShare::Commercial => say("commercial (they are paid for)").to_owned(),
        share => share.to_string(),
    }
}

/// By when a decision is promised, and whether that is over.
pub(super) fn clock(one: &Application, today: Date) -> String {
    let Some(due) = one.due else {
        return say("not promised").to_owned();
    };
    let days = days(due);
    if !one.is_open() || today <= due.on {
        days
    } else if today <= due.at_latest {
        fill("{days}, perhaps overdue")
            .with("days", &days)
            .to_string()
    } else {
        fill("{days}, overdue").with("days", &days).to_string()
    }
}

/// Of an application that has just been handed in.
pub(super) fn promised(one: &Application) -> String {
    one.due.map_or_else(
        || say("; its mode promises no day of decision").to_owned(),
        |due| {
            fill(", to be decided by {days}")
                .with("days", days(due))
                .to_string()
        },
    )
}

fn days(due: ApplicationDue) -> String {
    if due.on == due.at_latest {
        return due.on.to_string();
    }
    fill("{on} or {at_latest}")
        .with("on", due.on)
        .with("at_latest", due.at_latest)
        .to_string()
}

fn need(one: &Application) -> String {
    let (hours, months) = (one.need.gpu_hours, one.need.months);
    let compute = fill("{hours} GPU-hours in {months} months")
        .with("hours", hours)
        .with("months", months)
        .to_string();
    match one.need.storage_tib {
        Some(tib) => format!("{compute}, {tib} TiB"),
        None => compute,
    }
}

fn yes_or_no(said: Option<bool>) -> String {
    let english = match said {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not said",
    };
    say(english).to_owned()
}

fn listed(words: &[String]) -> String {
    if words.is_empty() {
        return say("none said").to_owned();
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_clock_runs_out_on_its_last_day_and_a_holiday_nobody_is_sure_of_is_said() {
        let id = "0192f0c1d2e37abc8def0123456789ab";
        let mut one: Application = serde_json::from_value(json!({
            "id": format!("app_{id}"), "organisation": format!("org_{id}"), "mode": "m",
            "system": "s/s", "project": { "name": "n", "purpose": "p" },
            "need": { "gpu_hours": 1, "months": 1 }, "applied_by": format!("per_{id}"),
            "applied_at": "2026-11-20T12:00:00Z", "found": format!("dec_{id}"),
            "due": { "on": "2026-11-24", "at_latest": "2026-11-25" },
            "state": { "state": "submitted" },
        }))
        .unwrap();
        let both = "2026-11-24 or 2026-11-25";
        assert_eq!(clock(&one, date(2026, 11, 24)), both);
        assert_eq!(
            clock(&one, date(2026, 11, 25)),
            format!("{both}, perhaps overdue")
        );
        assert_eq!(clock(&one, date(2026, 11, 26)), format!("{both}, overdue"));
        one.state = ApplicationState::Withdrawn { at: one.applied_at };
        assert_eq!(clock(&one, date(2026, 11, 26)), both);
        one.due = None;
        assert_eq!(clock(&one, date(2026, 11, 26)), "not promised");
    }
}
