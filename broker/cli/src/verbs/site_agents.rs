use std::io::Write;

use broker_client::Client;
use broker_client::wire::{AgentView, InviteRequest, InviteView};
use broker_model::SiteId;

use crate::cli::AgentVerb;
use crate::print;

pub(crate) async fn run(
    client: &Client,
    what: AgentVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match what {
        AgentVerb::Invite {
            site,
            valid_hours,
            note,
        } => {
            let request = InviteRequest { valid_hours, note };
            invite(&client.invite(&site, &request).await?, json, out)
        }
        AgentVerb::Invites { site } => invites(client, &site, json, out).await,
        AgentVerb::WithdrawInvite { site, invite } => {
            let view = client.withdraw_invite(&site, invite).await?;
            let said = format!("{}: {}", view.id, print::word(&view.state));
            one(&view, &said, json, out)
        }
        AgentVerb::Agents { site } => agents(client, &site, json, out).await,
        AgentVerb::RevokeAgent {
            site,
            agent,
            reason,
        } => {
            let view = client.revoke_agent(&site, agent, &reason).await?;
            let said = format!("{} is revoked; its very next request is refused", view.id);
            one(&view, &said, json, out)
        }
    }
}

/// The line alone on standard output, so that it can be handed on by a pipe.
fn invite(view: &InviteView, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    if !json {
        eprintln!(
            "one agent of {} may come in with it until {}; it is shown this once",
            view.site, view.expires_at
        );
    }
    one(view, view.text.as_deref().unwrap_or_default(), json, out)
}

fn one(
    view: &impl serde::Serialize,
    said: &str,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    if json {
        print::json(view, out)?;
    } else {
        writeln!(out, "{said}")?;
    }
    Ok(0)
}

async fn invites(
    client: &Client,
    site: &SiteId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let invites = client.invites(site).await?.items;
    if json {
        print::json(&invites, out)?;
        return Ok(0);
    }
    let row = |view: &InviteView| {
        vec![
            view.id.to_string(),
            print::word(&view.state),
            view.expires_at.to_string(),
            view.agent.map_or_else(dash, |agent| agent.to_string()),
            view.note.clone().unwrap_or_else(dash),
        ]
    };
    let rows: Vec<Vec<String>> = invites.iter().map(row).collect();
    print::table(
        &["INVITE", "STATE", "GOOD UNTIL", "AGENT", "NOTE"],
        &rows,
        out,
    )?;
    Ok(0)
}

async fn agents(
    client: &Client,
    site: &SiteId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let agents = client.agents(site).await?.items;
    if json {
        print::json(&agents, out)?;
        return Ok(0);
    }
    let row = |view: &AgentView| {
        vec![
            view.id.to_string(),
            print::word(&view.status),
            view.host.clone(),
            view.version.clone(),
            view.heard_at.map_or_else(dash, |at| at.to_string()),
            view.key_since.map_or_else(dash, |at| at.to_string()),
        ]
    };
    let rows: Vec<Vec<String>> = agents.iter().map(row).collect();
    let head = ["AGENT", "STATE", "HOST", "VERSION", "HEARD", "KEY SINCE"];
    print::table(&head, &rows, out)?;
    for view in &agents {
        if let Some(reason) = &view.revoked_reason {
            writeln!(out, "{}: {reason}", view.id)?;
        }
    }
    Ok(0)
}

fn dash() -> String {
    "-".to_owned()
}
