use std::io::Write;

use broker_client::Client;
use broker_client::wire::{DecisionResult, DecisionView};
use broker_model::{Missing, MissingFrom, MissingKind, ProjectId};
use serde::Serialize;

use crate::exit::Failure;
use crate::print;
use crate::words::{self, fill, say};

/// Exit code 1 when the answer is not "eligible", or when terms that every job needs are not accepted.
pub(crate) async fn run(
    client: &Client,
    project: Option<ProjectId>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let project = match project {
        Some(project) => project,
        None => only_project(client).await?,
    };
    let answer = client.check(project).await?;
    let eligible = answer.decision.result == DecisionResult::Eligible;
    let for_all = |it: &Missing| it.what == MissingKind::Terms && it.site.is_none();
    let may = eligible && !answer.missing.iter().any(for_all);
    if json {
        print::json(&answer, out)?;
    } else {
        decision(&answer.organisation, &answer.decision, out)?;
        if let Some(allocation) = &answer.allocation {
            writeln!(
                out,
                "{}",
                fill("under allocation {allocation}").with("allocation", allocation)
            )?;
        }
        missing(&answer.missing, out)?;
        closed(&answer.closed_systems, out)?;
    }
    Ok(u8::from(!may))
}

async fn only_project(client: &Client) -> anyhow::Result<ProjectId> {
    let me = client.whoami().await?;
    match me.projects.as_slice() {
        [project] => Ok(project.id),
        [] => Err(Failure::Usage(say("you work in no project yet").to_owned()).into()),
        projects => {
            let ids: Vec<String> = projects
                .iter()
                .map(|p| format!("  {}  {}", p.id, p.name))
                .collect();
            let words = fill("which project? give --project:\n{ids}")
                .with("ids", ids.join("\n"))
                .to_string();
            Err(Failure::Usage(words).into())
        }
    }
}

pub(crate) fn decision(
    organisation: &str,
    decision: &DecisionView,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(out, "{organisation}: {}", plain(&decision.result))?;
    rules(decision, out)?;
    writeln!(
        out,
        "\n{}",
        fill("policy {policy_digest}").with("policy_digest", &decision.policy_digest)
    )?;
    Ok(())
}

/// Every rule that spoke, with its legal source and what would change the answer.
pub(super) fn rules(decision: &DecisionView, out: &mut impl Write) -> anyhow::Result<()> {
    for rule in &decision.rules {
        let effect = plain(&rule.effect);
        writeln!(out, "\n  [{effect}] {} ({})", rule.title, rule.rule)?;
        writeln!(out, "    {}", rule.words)?;
        let (source, effective) = (&rule.source, rule.effective);
        let told = match rule.checked_on {
            Some(_) => fill("source: {source}, effective {effective}, checked on {checked}"),
            None => fill("source: {source}, effective {effective}"),
        };
        let checked = { rule.checked_on }.map_or_else(String::new, |on| on.to_string());
        let told = told.with("source", source).with("effective", effective);
        writeln!(out, "    {}", told.with("checked", &checked))?;
        if let Some(remedy) = &rule.remedy {
            writeln!(
                out,
                "    {}",
                fill("remedy: {remedy}").with("remedy", remedy)
            )?;
        }
    }
    Ok(())
}

/// What is still to be done, with whose turn it is and how.
pub(super) fn missing(all: &[Missing], out: &mut impl Write) -> anyhow::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", say("still missing:"))?;
    for one in all {
        let there = { one.site.as_ref() }.map_or_else(String::new, |site| {
            fill(" (for jobs at {site})").with("site", site).to_string()
        });
        writeln!(out, "  [{}]{there} {}", plain(&one.what), one.words)?;
        match one.by {
            MissingFrom::Nobody => writeln!(
                out,
                "    {}",
                fill("nobody has to do anything: {how}").with("how", &one.how)
            )?,
            by => writeln!(
                out,
                "    {}",
                fill("by {turn}: {how}")
                    .with("turn", say(turn(by)))
                    .with("how", &one.how)
            )?,
        }
    }
    Ok(())
}

/// Where jobs under the allocation do not go.
fn closed(systems: &[Missing], out: &mut impl Write) -> anyhow::Result<()> {
    if systems.is_empty() {
        return Ok(());
    }
    let title = say("closed to jobs under this allocation, which go to other systems:");
    writeln!(out, "\n{title}")?;
    for one in systems {
        writeln!(out, "  {}", one.words)?;
    }
    Ok(())
}

const fn turn(by: MissingFrom) -> &'static str {
    match by {
        MissingFrom::You => "you",
        MissingFrom::Lead => "the project's lead",
        MissingFrom::Representative => "a representative of the organisation",
        MissingFrom::Reviewer => "a reviewer",
        MissingFrom::SiteAdministrator => "the site's administrator",
        MissingFrom::Nobody => "nobody",
    }
}

pub(super) fn plain(word: &impl Serialize) -> String {
    words::word(&print::word(word))
}
