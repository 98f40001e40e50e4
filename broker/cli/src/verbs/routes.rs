use std::io::Write;

use broker_client::Client;
use broker_client::wire::{ChangeView, DecisionResult, NotOfferedView, RouteView};

use super::{check, modes, own};
use crate::cli::RouteArgs;
use crate::exit::Failure;
use crate::print;

const DESCRIBE: &str = "; or describe one that is not registered: `--country FR --size small`";

/// Exit code 0 where at least one route is open to who asks, else 1.
pub(crate) async fn run(
    client: &Client,
    args: &RouteArgs,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let organisation = match (&args.country, args.organisation) {
        (Some(_), _) => None,
        (None, given) => Some(own::organisation_or(client, given, DESCRIBE).await?),
    };
    let found = client.find_routes(&args.query(organisation)).await?;
    let (mut routes, mut absent) = (found.items, found.not_offered);
    if let Some(mode) = &args.mode {
        routes.retain(|route| route.mode == *mode);
        absent.retain(|it| it.mode == *mode);
        if routes.is_empty() {
            let words = format!("there is no access mode `{mode}`; `alcyone modes` lists them");
            return Err(Failure::Usage(words).into());
        }
    }
    let is_open = |route: &RouteView| route.decision.result == DecisionResult::Eligible;
    let code = u8::from(!routes.iter().any(is_open));
    if json {
        print::json(&routes, out)?;
        return Ok(code);
    }
    let head = [
        "MODE",
        "SYSTEM",
        "STATE",
        "SINCE",
        "ANSWER",
        "COST",
        "DECIDED BY",
        "WHY NOT",
    ];
    let rows: Vec<Vec<String>> = routes.iter().map(row).collect();
    print::table(&head, &rows, out)?;
    if !absent.is_empty() {
        writeln!(out)?;
    }
    for NotOfferedView { mode, systems, .. } in &absent {
        writeln!(out, "{mode} is not offered at: {}", systems.join(", "))?;
    }
    if args.mode.is_some() {
        for route in &routes {
            rules(route, out)?;
        }
    }
    Ok(code)
}

fn row(route: &RouteView) -> Vec<String> {
    let refusals = route
        .decision
        .rules
        .iter()
        .filter(|rule| rule.remedy.is_some());
    let why: Vec<&str> = refusals.map(|rule| rule.words.as_str()).collect();
    let since = route.since.map(|it| it.to_string());
    let due = route.decided_by.as_ref().map(modes::due);
    vec![
        route.mode.clone(),
        route.offer.value.system.clone(),
        route.offer.value.state.clone(),
        since.unwrap_or_else(|| "not known".to_owned()),
        check::plain(&route.decision.result),
        route.cost.replace('_', " "),
        due.unwrap_or_else(|| "not known".to_owned()),
        why.join("; "),
    ]
}

fn rules(route: &RouteView, out: &mut impl Write) -> anyhow::Result<()> {
    let (mode, system) = (&route.mode, &route.offer.value.system);
    writeln!(
        out,
        "\n{mode} at {system}: {}",
        check::plain(&route.decision.result)
    )?;
    check::rules(&route.decision, out)?;
    for changes in &route.changes {
        let changes: Vec<String> = changes.iter().map(change).collect();
        writeln!(out, "  eligible with {}", changes.join(" and "))?;
    }
    Ok(())
}

fn change(change: &ChangeView) -> String {
    let to = match change.to.as_str() {
        Some(text) => text.to_owned(),
        None => change.to.to_string(),
    };
    match change.field.as_str() {
        "evidence" => format!("{to}, checked"),
        field => format!("{field} = {to}"),
    }
}
