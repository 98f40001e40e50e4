//! What the rules found, once more from what is stored.

use std::io::Write;

use broker_client::wire::DecisionReplayView;
use broker_client::{Client, Error};
use broker_model::DecisionId;

use super::check;
use crate::cli::DecisionVerb;
use crate::print;
use crate::words::{fill, say};

/// Of something that was checked and is not so; see the crate's documentation.
const NOT_VERIFIED: u8 = 5;

pub(super) async fn run(
    client: &Client,
    verb: DecisionVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let (id, is_replay) = match verb {
        DecisionVerb::Show { decision } => (decision, false),
        DecisionVerb::Replay { decision } => (decision, true),
    };
    let found = client.replay_decision(id).await?;
    let code = if is_replay && !found.same {
        NOT_VERIFIED
    } else {
        0
    };
    if json {
        print::json(&found, out)?;
    } else if is_replay {
        replayed(&found, out)?;
    } else {
        show(&found, out)?;
    }
    Ok(code)
}

fn show(found: &DecisionReplayView, out: &mut impl Write) -> anyhow::Result<()> {
    let id = found.decision;
    let result = { found.said.as_ref() }.map(|it| check::plain(&it.result));
    writeln!(
        out,
        "{id}: {}",
        result.unwrap_or_else(|| say("not readable by this broker").to_owned())
    )?;
    let mut lines = vec![
        ("organisation", found.organisation.to_string()),
        ("decided", found.decided_at.to_string()),
        ("policy", found.policy_digest.clone()),
    ];
    lines.extend(
        found
            .said
            .iter()
            .map(|it| ("inputs", it.inputs_digest.clone())),
    );
    print::facts(&lines, 12, out)?;
    if let Some(said) = &found.said {
        check::rules(said, out)?;
    }
    writeln!(
        out,
        "\n{}",
        fill("`alcyone decision replay {id}` makes it again").with("id", id)
    )?;
    Ok(())
}

fn replayed(found: &DecisionReplayView, out: &mut impl Write) -> anyhow::Result<()> {
    let (id, policy) = (found.decision, &found.policy_digest);
    if found.same {
        writeln!(
            out,
            "{}",
            fill("{id}: made again under policy {policy}: the same, byte for byte")
                .with("id", id)
                .with("policy", policy)
        )?;
        return Ok(());
    }
    let reason = found
        .reason
        .as_deref()
        .unwrap_or_else(|| say("no reason is given"));
    writeln!(
        out,
        "{}",
        fill("{id}: not the same under policy {policy}: {reason}")
            .with("id", id)
            .with("policy", policy)
            .with("reason", reason)
    )?;
    Ok(())
}

/// The rules of a decision that something else rests on; nothing to who may not read it.
pub(super) async fn rules(
    client: &Client,
    id: DecisionId,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let found = match client.replay_decision(id).await {
        Ok(found) => found,
        Err(Error::Problem(problem)) if problem.status == 404 => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if let Some(said) = &found.said {
        writeln!(out, "\n{id}: {}", check::plain(&said.result))?;
        check::rules(said, out)?;
    }
    writeln!(
        out,
        "\n{}",
        fill("`alcyone decision replay {id}` makes it again").with("id", id)
    )?;
    Ok(())
}
