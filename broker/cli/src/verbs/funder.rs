//! What a funder asks of a period.

use std::io::Write;

use broker_client::Client;
use broker_model::{AccessTimes, GpuMillis, Indicators, ObjectiveView, Spread, UsedPart};

use super::keyed::Keyed;
use super::{contact, policy};
use crate::cli::{FunderVerb, ObjectiveArgs, ObjectiveVerb};
use crate::print;
use crate::words::{self, fill, say};

pub(super) async fn run(
    client: &Client,
    verb: FunderVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        FunderVerb::Indicators { period, share } => {
            let asked = (period.from, period.to);
            let found = client.indicators(asked, share.as_ref()).await;
            let found = found.map_err(|error| contact::refused(error, json))?;
            if json {
                print::json(&found, out)?;
            } else {
                show(&found, out)?;
            }
        }
        FunderVerb::Policy { what } => return policy::run(client, what, json, out).await,
        FunderVerb::Objectives => list(&client.objectives().await?, json, out)?,
        FunderVerb::Objective {
            what: ObjectiveVerb::Add(args),
        } => add(client, args, json, out).await?,
    }
    Ok(0)
}

async fn add(
    client: &Client,
    args: ObjectiveArgs,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let draft = args.draft();
    let making = Keyed::new(args.key, "the objective was set", "sets a second one");
    let set = making.send(async |key| client.set_objective(&draft, key).await);
    let refused = |error| contact::refused(error, json);
    let set = set.await.map_err(|lost| lost.explained(refused))?;
    if json {
        return print::json(&set, out);
    }
    writeln!(out, "{}", fill("{id} is set: {indicator} from {baseline} to {target}, from {from} to {to}; nothing changes it now").with("id", set.id).with("indicator", set.indicator.as_str()).with("baseline", set.baseline).with("target", set.target).with("from", set.from).with("to", set.to))?;
    Ok(())
}

fn list(all: &[ObjectiveView], json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        return print::json(&all, out);
    }
    let row = |it: &ObjectiveView| {
        let one = &it.objective;
        let measured = it.measured.map(|number| number.to_string());
        vec![
            one.id.to_string(),
            it.owner_name.clone(),
            say(one.indicator.as_str()).to_owned(),
            one.share
                .as_ref()
                .map_or("all".to_owned(), ToString::to_string),
            fill("{from} to {to}")
                .with("from", one.from)
                .with("to", one.to)
                .to_string(),
            fill("{baseline} to {target}")
                .with("baseline", one.baseline)
                .with("target", one.target)
                .to_string(),
            measured.unwrap_or_else(|| "-".to_owned()),
            standing(it),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let head = [
        "OBJECTIVE",
        "OWNER",
        "INDICATOR",
        "SHARE",
        "PERIOD",
        "GOES",
        "MEASURED",
        "STANDS",
    ];
    print::table(&head, &rows, out)?;
    Ok(())
}

fn standing(one: &ObjectiveView) -> String {
    let way = one.progress_permille.map(tenths);
    match (one.reached, one.over, way) {
        (true, _, _) => say("reached").to_owned(),
        (false, true, _) => say("not reached").to_owned(),
        (false, false, Some(way)) => fill("{way} % of the way").with("way", &way).to_string(),
        (false, false, None) => say("nothing measured yet").to_owned(),
    }
}

fn show(found: &Indicators, out: &mut impl Write) -> anyhow::Result<()> {
    let of = found
        .share
        .as_ref()
        .map(|it| fill(", of {share}").with("share", it).to_string());
    writeln!(
        out,
        "{}",
        fill("{from} to {to}{share}: {gpu} GPU-hours by {organisations} organisations")
            .with("from", found.from)
            .with("to", found.to)
            .with("share", of.unwrap_or_default())
            .with("gpu", found.gpu)
            .with("organisations", found.organisations)
    )?;
    if let Some(top) = found.top_10_permille {
        writeln!(
            out,
            "{}",
            fill("the ten that used most: {tenths} %").with("tenths", tenths(top.into()))
        )?;
    }
    if found.gpu_by_present > GpuMillis::ZERO {
        let words = fill(
            "{gpu} of these GPU-hours count by the size and country that their organisations have on the last day: \
             the records do not say what they were then",
        );
        writeln!(out, "{}", words.with("gpu", found.gpu_by_present))?;
    }
    for (name, parts) in [
        ("SIZE", &found.by_size),
        ("COUNTRY", &found.by_country),
        ("SECTOR", &found.by_sector),
    ] {
        if !parts.is_empty() {
            writeln!(out)?;
            let rows: Vec<Vec<String>> = parts.iter().map(part).collect();
            print::table(&[name, "GPU-HOURS", "%", "ORGANISATIONS"], &rows, out)?;
        }
    }
    if !found.access.is_empty() {
        writeln!(out)?;
        let rows: Vec<Vec<String>> = found.access.iter().map(access).collect();
        let head = [
            "SHARE",
            "APPLICATIONS",
            "ACCEPTED",
            "REJECTED",
            "TO DECISION",
            "TO ACCOUNT",
            "TO FIRST JOB",
            "IN ALL",
        ];
        print::table(&head, &rows, out)?;
        writeln!(
            out,
            "{}",
            say("times are medians, with how many they are of")
        )?;
    }
    Ok(())
}

fn part(one: &UsedPart) -> Vec<String> {
    vec![
        words::word(&one.of),
        one.gpu.to_string(),
        tenths(one.permille.into()),
        one.organisations.to_string(),
    ]
}

fn access(one: &AccessTimes) -> Vec<String> {
    vec![
        one.share.to_string(),
        one.applications.to_string(),
        one.accepted.to_string(),
        one.rejected.to_string(),
        median(one.decision),
        median(one.account),
        median(one.first_job),
        median(one.whole),
    ]
}

fn median(of: Option<Spread>) -> String {
    of.map_or_else(
        || "-".to_owned(),
        |it| format!("{} h ({})", it.median_hours, it.count),
    )
}

/// Thousandths as hundredths with one decimal.
fn tenths(permille: i64) -> String {
    let sign = if permille < 0 { "-" } else { "" };
    let all = permille.unsigned_abs();
    format!("{sign}{}.{}", all / 10, all % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_are_told_as_percent() {
        let told = [633, 1000, 5, 0, -250].map(tenths);
        assert_eq!(told, ["63.3", "100.0", "0.5", "0.0", "-25.0"]);
    }
}
