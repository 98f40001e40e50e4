use std::collections::BTreeMap;
use std::io::Write;

use broker_client::Client;
use broker_client::wire::{
    ChangeView, DecisionResult, DecisionView, NotOfferedView, RouteNeed, RouteProject, RouteView,
};
use broker_model::{AiAct, Ways, folded_ways};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::said_aid::SaidAid;
use super::{check, modes, own};
use crate::cli::RouteArgs;
use crate::exit::Failure;
use crate::print;
use crate::words::{fill, say};
use crate::written::Written;

const PLACE: (&str, &str) = (
    "--organisation ORG",
    "; or describe one that is not registered: `--country FR --size small`",
);

/// Exit code 0 where at least one route is open to who asks, else 1.
pub(crate) async fn run(
    client: &Client,
    args: &RouteArgs,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let organisation = match (&args.country, args.organisation) {
        (Some(_), Some(_)) => {
            let words = "--organisation names one that is registered, --country describes one that is not: say \
                         one of the two";
            return Err(Failure::Usage(say(words).to_owned()).into());
        }
        (Some(_), None) => None,
        (None, given) => Some(own::organisation_or(client, given, PLACE).await?),
    };
    let written = match &args.project {
        Some(path) => Written::open(path)?.read::<Asked>()?.into_parts(),
        None => <(RouteProject, RouteNeed, SaidAid)>::default(),
    };
    let (project, need, aid) = written;
    let aid = SaidAid {
        received_eur: args.aid_received.or(aid.received_eur),
        worth_eur: args.aid_worth.or(aid.worth_eur),
    };
    let query = args.query(organisation, (project, need, aid.declared()?));
    let found = client.find_routes(&query).await?;
    let (mut routes, mut absent) = (found.items, found.not_offered);
    if let Some(mode) = &args.mode {
        routes.retain(|route| route.mode == *mode);
        absent.retain(|it| it.mode == *mode);
        if routes.is_empty() {
            let words = fill("there is no access mode `{mode}`; `alcyone modes` lists them")
                .with("mode", mode)
                .to_string();
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
        writeln!(
            out,
            "{}",
            fill("{mode} is not offered at: {systems}")
                .with("mode", mode)
                .with("systems", systems.join(", "))
        )?;
    }
    if args.mode.is_some() || args.full {
        for route in &routes {
            one(route, out)?;
        }
    } else {
        writeln!(
            out,
            "{}",
            say(
                "`--full`, or `--mode MODE`, tells hours, months, documents and duties, and every rule"
            )
        )?;
    }
    Ok(code)
}

fn row(route: &RouteView) -> Vec<String> {
    let why = deciding(&route.decision);
    let since = route.since.map(|it| it.to_string());
    let due = route.decided_by.as_ref().map(modes::due);
    vec![
        route.mode.clone(),
        route.offer.value.system.clone(),
        say(&route.offer.value.state).to_owned(),
        since.unwrap_or_else(|| say("not known").to_owned()),
        check::plain(&route.decision.result),
        modes::cost(route),
        due.unwrap_or_else(|| say("not known").to_owned()),
        why.join("; "),
    ]
}

/// What the rules say that the answer comes from; what else is lacking stands below with `--full`.
fn deciding(decision: &DecisionView) -> Vec<&str> {
    if decision.result == DecisionResult::Eligible {
        return Vec::new();
    }
    let answer = match decision.result {
        DecisionResult::NotEligible => "refused".to_owned(),
        ref other => print::word(other),
    };
    let rules = decision.rules.iter();
    let of_it = rules.filter(|rule| print::word(&rule.effect) == answer);
    of_it.map(|rule| rule.words.as_str()).collect()
}

/// All that is known of a route, each value with its source, and every rule that spoke.
fn one(route: &RouteView, out: &mut impl Write) -> anyhow::Result<()> {
    let (mode, system, title) = (&route.mode, &route.offer.value.system, &route.title);
    writeln!(
        out,
        "\n{}",
        fill("{mode} at {system}: {answer}\n  {title}")
            .with("mode", mode)
            .with("system", system)
            .with("title", title)
            .with("answer", check::plain(&route.decision.result))
    )?;
    for line in modes::of_route(route) {
        writeln!(out, "  {}", line.replace('\n', "\n  "))?;
    }
    check::rules(&route.decision, out)?;
    for ways in folded(&route.changes) {
        let changes = together(&ways, &route.titles);
        writeln!(
            out,
            "  {}",
            fill("eligible with {changes}").with("changes", changes.join(say(" and ")))
        )?;
    }
    Ok(())
}

/// A file for `alcyone apply`; what no route depends on may stand in it, too.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    project: AskedProject,
    #[serde(default)]
    need: RouteNeed,
    #[serde(default)]
    aid: SaidAid,
    #[serde(default, rename = "answers")]
    _answers: IgnoredAny,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedProject {
    #[serde(default)]
    civilian: Option<bool>,
    #[serde(default)]
    eu_project: Option<bool>,
    #[serde(default)]
    sectors: Vec<String>,
    #[serde(default)]
    ai_act: Option<AiAct>,
    #[serde(default, rename = "name")]
    _name: IgnoredAny,
    #[serde(default, rename = "purpose")]
    _purpose: IgnoredAny,
}

impl Asked {
    fn into_parts(self) -> (RouteProject, RouteNeed, SaidAid) {
        let project = RouteProject {
            civilian: self.project.civilian,
            eu_project: self.project.eu_project,
            sectors: self.project.sectors,
            ai_act: self.project.ai_act,
        };
        // A form that is not filled in yet has zeros there.
        let said = |hours: Option<u32>| hours.filter(|it| *it > 0);
        let need = RouteNeed {
            gpu_hours: said(self.need.gpu_hours),
            months: said(self.need.months),
        };
        (project, need, self.aid)
    }
}

/// What is shared by all of them, and of the evidence in which they differ one.
fn together(ways: &Ways<'_, ChangeView>, titles: &BTreeMap<String, String>) -> Vec<String> {
    let first = ways.all.first().copied().unwrap_or_default();
    let told = first.iter().enumerate().map(|(place, it)| {
        if ways.differ_at != Some(place) {
            return change(it, titles);
        }
        let kinds = ways.all.iter().filter_map(|way| way.get(place));
        let kinds: Vec<String> = kinds.map(|it| value(it, titles)).collect();
        fill("one of these, checked: {kinds}")
            .with("kinds", kinds.join(", "))
            .to_string()
    });
    told.collect()
}

/// Ways that differ in one evidence alone, together.
fn folded(ways: &[Vec<ChangeView>]) -> Vec<Ways<'_, ChangeView>> {
    folded_ways(ways, |a, b| a.field == "evidence" && b.field == "evidence")
}

/// By its title, where it has one.
fn value(change: &ChangeView, titles: &BTreeMap<String, String>) -> String {
    match change.to.as_str() {
        Some(kind) if change.field == "evidence" => {
            titles.get(kind).map_or(kind, String::as_str).to_owned()
        }
        Some(text) => text.to_owned(),
        None => change.to.to_string(),
    }
}

fn change(change: &ChangeView, titles: &BTreeMap<String, String>) -> String {
    let to = value(change, titles);
    match change.field.as_str() {
        "evidence" => fill("{to}, checked").with("to", &to).to_string(),
        "aid.worth_eur" => fill("hours worth up to {to} EUR")
            .with("to", &to)
            .to_string(),
        "aid.received_eur" => say("no de minimis aid but what is registered here").to_owned(),
        field => format!("{field} = {to}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ways_that_differ_in_one_evidence_are_told_as_one() {
        let way = |months: u32, kind: &str| -> Vec<ChangeView> {
            let way = json!([{ "field": "need.months", "to": months }, { "field": "evidence", "to": kind }]);
            serde_json::from_value(way).unwrap()
        };
        let alone = |kind: &str| vec![way(1, kind).remove(1)];
        let ways = [
            way(3, "a"),
            way(3, "b"),
            way(2, "a"),
            way(3, "c"),
            alone("a"),
            alone("b"),
        ];
        let titles = BTreeMap::from([("a".to_owned(), "The first".to_owned())]);
        let told = { folded(&ways).into_iter() }.map(|ways| together(&ways, &titles).join(" and "));
        let told: Vec<String> = told.collect();
        let expected = [
            "need.months = 3 and one of these, checked: The first, b, c",
            "need.months = 2 and The first, checked",
            "The first, checked",
            "b, checked",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_told_of_an_answer_is_what_decides_it() {
        let rule = |effect: &str, words: &str, remedy: Option<&str>| {
            json!({ "rule": "a.b", "title": "t", "source": "s", "effective": "2026-01-01",
                "effect": effect, "words": words, "remedy": remedy })
        };
        let rules = [
            rule(
                "needs_evidence",
                "no accepted evidence is at hand",
                Some("hand it in"),
            ),
            rule("refused", "closed for demand", None),
            rule("satisfied", "it is civilian", None),
        ];
        let decision = |result: &str| -> DecisionView {
            serde_json::from_value(json!({ "result": result, "rules": rules,
                "policy_digest": "sha256:0", "inputs_digest": "0" }))
            .unwrap()
        };
        for (result, told) in [
            ("not_eligible", &["closed for demand"][..]),
            ("needs_evidence", &["no accepted evidence is at hand"]),
            ("eligible", &[]),
        ] {
            assert_eq!(deciding(&decision(result)), told, "{result}");
        }
    }
}
