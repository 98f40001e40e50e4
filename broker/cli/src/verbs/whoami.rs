use std::io::Write;

use broker_client::Client;
use broker_model::{Clock as _, Role, SystemClock};

use super::own;
use crate::print;

pub(crate) async fn run(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let me = client.whoami().await?;
    if json {
        print::json(&me, out)?;
        return Ok(0);
    }
    writeln!(out, "{} ({})", me.name.as_deref().unwrap_or("-"), me.person)?;
    writeln!(out, "signed in by {} as {}", me.issuer, me.subject)?;
    let identity = serde_json::to_value(me.assurance.identity)?;
    let factor = if me.assurance.multi_factor {
        ", several factors"
    } else {
        ""
    };
    writeln!(
        out,
        "identity assurance {}{factor}",
        identity.as_str().unwrap_or("none")
    )?;
    for entitlement in &me.entitlements {
        writeln!(out, "entitlement {entitlement}")?;
    }
    for role in &me.roles {
        let by = role
            .entitlement
            .as_ref()
            .map_or_else(|| "grant".to_owned(), |it| format!("entitlement {it}"));
        writeln!(out, "{} by {by}", words(&role.role))?;
    }
    for project in &me.projects {
        writeln!(
            out,
            "\n{}  {}  ({})",
            project.id, project.name, project.organisation
        )?;
        let rows: Vec<Vec<String>> = project
            .allocations
            .iter()
            .map(|allocation| {
                vec![
                    allocation.id.to_string(),
                    allocation.scope.clone(),
                    allocation.share.to_string(),
                    format!("{} {}s", allocation.remaining, allocation.unit),
                    allocation.balance.held.to_string(),
                    allocation.balance.used.to_string(),
                    allocation.valid_until.strftime("%Y-%m-%d").to_string(),
                ]
            })
            .collect();
        let head = [
            "ALLOCATION",
            "SCOPE",
            "SHARE",
            "REMAINING",
            "HELD",
            "USED",
            "UNTIL",
        ];
        print::table(&head, &rows, out)?;
        for allocation in &project.allocations {
            if allocation.valid_from > SystemClock.now() {
                let first = own::day_in_brussels(allocation.valid_from);
                writeln!(
                    out,
                    "{} begins on {first}: no job runs on it before",
                    allocation.id
                )?;
            }
            for (site, account) in &allocation.local_accounts {
                writeln!(out, "{} is the account {account} at {site}", allocation.id)?;
            }
        }
    }
    Ok(0)
}

fn words(role: &Role) -> String {
    match role {
        Role::Member { project } => format!("member of {project}"),
        Role::Lead { project } => format!("lead of {project}"),
        Role::Representative { organisation } => format!("speaks for {organisation}"),
        Role::CentreStaff { centre } => format!("staff of the support centre {centre}"),
        Role::Reviewer => "reviewer".to_owned(),
        Role::Vetted => "identity vetted by the operator".to_owned(),
        Role::SiteAdmin {
            site,
            sees_people: true,
        } => format!("administrator of site {site} who sees people's names"),
        Role::SiteAdmin { site, .. } => format!("administrator of site {site}"),
        Role::Auditor { share: Some(share) } => format!("auditor of share {share}"),
        Role::Auditor { share: None } => "auditor of every share".to_owned(),
        Role::Operator => "operator".to_owned(),
    }
}
