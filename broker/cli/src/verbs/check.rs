use std::io::Write;

use broker_client::Client;
use broker_model::ProjectId;
use serde_json::Value;

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
    let eligible = answer.decision["result"] == "eligible";
    if json {
        print::json(&answer, out)?;
    } else {
        decision(&answer.organisation, &answer.decision, out)?;
    }
    Ok(u8::from(!eligible))
}

async fn only_project(client: &Client) -> anyhow::Result<ProjectId> {
    let me = client.whoami().await?;
    match me.projects.as_slice() {
        [project] => Ok(project.id),
        [] => Err(Failure::Usage("you work in no project yet".to_owned()).into()),
        projects => {
            let ids: Vec<String> =
                projects.iter().map(|p| format!("  {}  {}", p.id, p.name)).collect();
            let words = format!("which project? give --project:\n{}", ids.join("\n"));
            Err(Failure::Usage(words).into())
        }
    }
}

pub(crate) fn decision(organisation: &str, decision: &Value, out: &mut impl Write) -> anyhow::Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    writeln!(out, "{organisation}: {}", text(&decision["result"]).replace('_', " "))?;
    for rule in decision["rules"].as_array().into_iter().flatten() {
        let effect = text(&rule["effect"]).replace('_', " ");
        writeln!(out, "\n  [{effect}] {} ({})", text(&rule["title"]), text(&rule["rule"]))?;
        writeln!(out, "    {}", text(&rule["words"]))?;
        writeln!(out, "    source: {}, effective {}", text(&rule["source"]), text(&rule["effective"]))?;
        if let Some(remedy) = rule["remedy"].as_str() {
            writeln!(out, "    remedy: {remedy}")?;
        }
    }
    let policy = text(&decision["policy_digest"]);
    writeln!(out, "\npolicy {policy}")?;
    Ok(())
}
