use std::io::Write;

use broker_client::Client;
use broker_client::wire::{ChangeView, DecisionResult, RouteView};

use super::modes;
use crate::cli::RouteArgs;
use crate::exit::Failure;
use crate::print;

/// Exit code 0 where at least one route is open to who asks, else 1.
pub(crate) async fn run(
    client: &Client,
    args: &RouteArgs,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let mut routes = client.find_routes(&args.query()).await?.items;
    if let Some(mode) = &args.mode {
        routes.retain(|route| route.mode == *mode);
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
    let head = ["MODE", "SYSTEM", "ANSWER", "COST", "DECIDED BY", "WHY NOT"];
    let rows: Vec<Vec<String>> = routes.iter().map(row).collect();
    print::table(&head, &rows, out)?;
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
    let due = route.decided_by.as_ref().map(modes::due);
    vec![
        route.mode.clone(),
        route.offer.value.system.clone(),
        answer(route.decision.result).to_owned(),
        route.cost.replace('_', " "),
        due.unwrap_or_else(|| "not known".to_owned()),
        why.join("; "),
    ]
}

/// Every rule with its legal source, and what would change the answer.
fn rules(route: &RouteView, out: &mut impl Write) -> anyhow::Result<()> {
    let (mode, system) = (&route.mode, &route.offer.value.system);
    writeln!(
        out,
        "\n{mode} at {system}: {}",
        answer(route.decision.result)
    )?;
    for rule in &route.decision.rules {
        writeln!(out, "  {} ({})", rule.words, rule.rule)?;
        writeln!(
            out,
            "    source: {}, effective {}",
            rule.source, rule.effective
        )?;
        if let Some(remedy) = &rule.remedy {
            writeln!(out, "    remedy: {remedy}")?;
        }
    }
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

const fn answer(result: DecisionResult) -> &'static str {
    match result {
        DecisionResult::Eligible => "eligible",
        DecisionResult::NotEligible => "not eligible",
        DecisionResult::NeedsEvidence => "needs evidence",
        DecisionResult::NeedsReview => "needs review",
    }
}
