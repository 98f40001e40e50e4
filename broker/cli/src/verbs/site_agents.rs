use std::io::Write;

use broker_client::Client;
use broker_client::wire::{AgentView, InviteRequest, InviteView};
use broker_model::SiteId;

use crate::cli::AgentVerb;
use crate::print;
use crate::words::fill;

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
            withdrawn(&client.withdraw_invite(&site, invite).await?, json, out)
        }
        AgentVerb::Agents { site } => agents(client, &site, json, out).await,
        AgentVerb::RevokeAgent {
            site,
            agent,
            reason,
        } => {
            let view = client.revoke_agent(&site, agent, &reason).await?;
            let said = fill("{id} is revoked; its very next request is refused")
                .with("id", view.id)
                .to_string();
            one(&view, &said, json, out)
        }
    }
}

/// The line alone on standard output, so that it can be handed on by a pipe.
fn invite(view: &InviteView, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    if !json {
        let words = fill(
            "one agent of {site} may come in with it until {expires_at}; it is shown this once",
        );
        let words = words
            .with("site", &view.site)
            .with("expires_at", view.expires_at);
        eprintln!("{words}");
    }
    one(view, view.text.as_deref().unwrap_or_default(), json, out)
}

/// An invite that somebody came in by cannot be taken back: that is no success.
fn withdrawn(view: &InviteView, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let (id, state) = (view.id, print::word(&view.state));
    let Some(agent) = view.agent else {
        return one(view, &format!("{id}: {state}"), json, out);
    };
    let said = fill("{id}: {state} already, by {agent}; `revoke-agent` puts that out")
        .with("id", id)
        .with("state", &state)
        .with("agent", agent)
        .to_string();
    one(view, &said, json, out)?;
    Ok(1)
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

#[cfg(test)]
mod tests {
    use broker_model::InviteState;

    use super::*;

    fn invite(state: InviteState, agent: Option<&str>) -> InviteView {
        InviteView {
            id: "inv_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            site: "lumi".parse().unwrap(),
            state,
            note: None,
            created_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            expires_at: "2026-11-21T12:00:00Z".parse().unwrap(),
            agent: agent.map(|it| it.parse().unwrap()),
            text: None,
        }
    }

    #[test]
    fn an_invite_that_was_used_is_not_withdrawn_and_the_way_out_is_named() {
        let mut out = Vec::new();
        let open = invite(InviteState::Withdrawn, None);
        assert_eq!(withdrawn(&open, false, &mut out).unwrap(), 0);
        let used = invite(
            InviteState::Used,
            Some("agt_0192f0c1d2e37abc8def0123456789ab"),
        );
        assert_eq!(withdrawn(&used, false, &mut out).unwrap(), 1);
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("used already, by agt_"), "{out}");
        assert!(out.contains("`revoke-agent`"), "{out}");
    }
}
