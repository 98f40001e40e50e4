use std::io::Write;

use broker_client::Client;
use broker_client::wire::{DecisionResult, DecisionView};
use broker_model::ProjectId;
use serde::Serialize;

use crate::exit::Failure;
use crate::print;

/// Exit code 1 when the answer is not "eligible".
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
    if json {
        print::json(&answer, out)?;
    } else {
        decision(&answer.organisation, &answer.decision, out)?;
        if let Some(allocation) = &answer.allocation {
            writeln!(out, "under allocation {allocation}")?;
        }
    }
    Ok(u8::from(!eligible))
}

async fn only_project(client: &Client) -> anyhow::Result<ProjectId> {
    let me = client.whoami().await?;
    match me.projects.as_slice() {
        [project] => Ok(project.id),
        [] => Err(Failure::Usage("you work in no project yet".to_owned()).into()),
        projects => {
            let ids: Vec<String> = projects
                .iter()
                .map(|p| format!("  {}  {}", p.id, p.name))
                .collect();
            let words = format!("which project? give --project:\n{}", ids.join("\n"));
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
    writeln!(out, "\npolicy {}", decision.policy_digest)?;
    Ok(())
}

/// Every rule that spoke, with its legal source and what would change the answer.
pub(super) fn rules(decision: &DecisionView, out: &mut impl Write) -> anyhow::Result<()> {
    for rule in &decision.rules {
        let effect = plain(&rule.effect);
        writeln!(out, "\n  [{effect}] {} ({})", rule.title, rule.rule)?;
        writeln!(out, "    {}", rule.words)?;
        let (source, effective) = (&rule.source, rule.effective);
        writeln!(out, "    source: {source}, effective {effective}")?;
        if let Some(remedy) = &rule.remedy {
            writeln!(out, "    remedy: {remedy}")?;
        }
    }
    Ok(())
}

pub(super) fn plain(word: &impl Serialize) -> String {
    print::word(word).replace('_', " ")
}
