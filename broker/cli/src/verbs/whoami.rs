use std::io::Write;

use broker_client::Client;
use broker_client::wire::{AllocationView, ProjectView, WhoAmI};
use broker_model::{Clock as _, Role, SystemClock};

use super::own;
use crate::print;
use crate::words::{self, fill, say};

pub(crate) async fn run(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let me = client.whoami().await?;
    if json {
        print::json(&me, out)?;
        return Ok(0);
    }
    person(&me, out)?;
    for one in &me.projects {
        project(one, out)?;
    }
    Ok(0)
}

fn person(me: &WhoAmI, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{} ({})", me.name.as_deref().unwrap_or("-"), me.person)?;
    let by = fill("signed in by {issuer} as {subject}");
    let by = by.with("issuer", &me.issuer).with("subject", &me.subject);
    writeln!(out, "{by}")?;
    let identity = serde_json::to_value(me.assurance.identity)?;
    let factor = if me.assurance.multi_factor {
        say(", several factors")
    } else {
        ""
    };
    let assurance = fill("identity assurance {identity}{factor}").with("factor", factor);
    let identity = say(identity.as_str().unwrap_or("none"));
    writeln!(out, "{}", assurance.with("identity", identity))?;
    let entitled = |it: &dyn std::fmt::Display| {
        fill("entitlement {entitlement}")
            .with("entitlement", it)
            .to_string()
    };
    for entitlement in &me.entitlements {
        writeln!(out, "{}", entitled(entitlement))?;
    }
    for role in &me.roles {
        let by = match &role.entitlement {
            Some(entitlement) => entitled(entitlement),
            None => say("grant").to_owned(),
        };
        let words = fill("{words} by {by}").with("by", by);
        writeln!(out, "{}", words.with("words", role_words(&role.role)))?;
    }
    Ok(())
}

fn project(one: &ProjectView, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "\n{}  {}  ({})", one.id, one.name, one.organisation)?;
    let rows: Vec<Vec<String>> = one.allocations.iter().map(row).collect();
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
    for allocation in &one.allocations {
        if allocation.valid_from > SystemClock.now() {
            let words = fill("{id} begins on {first}: no job runs on it before");
            let first = own::day_in_brussels(allocation.valid_from);
            writeln!(
                out,
                "{}",
                words.with("id", allocation.id).with("first", first)
            )?;
        }
        for (site, account) in &allocation.local_accounts {
            let words = fill("{id} is the account {account} at {site}").with("site", site);
            let words = words.with("id", allocation.id).with("account", account);
            writeln!(out, "{words}")?;
        }
    }
    Ok(())
}

fn row(allocation: &AllocationView) -> Vec<String> {
    let units = words::units(&allocation.unit);
    vec![
        allocation.id.to_string(),
        allocation.scope.clone(),
        allocation.share.to_string(),
        format!("{} {units}", allocation.remaining),
        allocation.balance.held.to_string(),
        allocation.balance.used.to_string(),
        allocation.valid_until.strftime("%Y-%m-%d").to_string(),
    ]
}

fn role_words(role: &Role) -> String {
    match role {
        Role::Member { project } => fill("member of {project}")
            .with("project", project)
            .to_string(),
        Role::Lead { project } => fill("lead of {project}")
            .with("project", project)
            .to_string(),
        Role::Representative { organisation } => fill("speaks for {organisation}")
            .with("organisation", organisation)
            .to_string(),
        Role::CentreStaff { centre } => fill("staff of the support centre {centre}")
            .with("centre", centre)
            .to_string(),
        Role::Reviewer => say("reviewer").to_owned(),
        Role::Vetted => say("identity vetted by the operator").to_owned(),
        Role::SiteAdmin {
            site,
            sees_people: true,
        } => fill("administrator of site {site} who sees people's names")
            .with("site", site)
            .to_string(),
        Role::SiteAdmin { site, .. } => fill("administrator of site {site}")
            .with("site", site)
            .to_string(),
        Role::Auditor { share: Some(share) } => fill("auditor of share {share}")
            .with("share", share)
            .to_string(),
        Role::Auditor { share: None } => say("auditor of every share").to_owned(),
        Role::Operator => say("operator").to_owned(),
    }
}
