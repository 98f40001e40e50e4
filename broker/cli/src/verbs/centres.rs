//! `alcyone centres`: who helps, and who helps best.

use std::collections::BTreeMap;
use std::io::Write;

use broker_client::Client;
use broker_client::wire::{ContactReason, ContactService, Ranking, SourcedView, SupportCentre};

use super::contact;
use crate::cli::FindArgs;
use crate::print;
use crate::words::{self, fill, say};

pub(super) async fn list(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let centres = client.support_centres().await?;
    if json {
        print::json(&centres, out)?;
        return Ok(0);
    }
    let services = client.contact_vocabulary().await?.services;
    let titles = titles(&services, client.language());
    let row = |it: &SupportCentre| {
        vec![
            it.id.to_string(),
            words::word(&it.kind),
            it.country.clone(),
            known(&it.services, &titles),
            known(&it.languages, &BTreeMap::new()),
        ]
    };
    let rows: Vec<Vec<String>> = centres.iter().map(row).collect();
    let head = ["CENTRE", "KIND", "COUNTRY", "SERVICES", "LANGUAGES"];
    print::table(&head, &rows, out)?;
    writeln!(
        out,
        "{}",
        say(
            "`?` stands after what was not read with certainty; `alcyone centres find --service SERVICE` ranks them"
        )
    )?;
    writeln!(out, "{}", say("SERVICE is one of"))?;
    for (code, title) in &titles {
        writeln!(out, "  {code:24} {title}")?;
    }
    Ok(0)
}

/// What services are called, by their codes.
fn titles<'s>(services: &'s [ContactService], language: &str) -> BTreeMap<&'s str, &'s str> {
    let named = services.iter().filter_map(|it| {
        let title = { it.title.get(language) }.or_else(|| it.title.get("en"))?;
        Some((it.kind.as_str(), title.as_str()))
    });
    named.collect()
}

/// By title, and what has none as it is.
fn known(values: &[SourcedView<Vec<String>>], titles: &BTreeMap<&str, &str>) -> String {
    let mut words: Vec<String> = Vec::new();
    for sourced in values {
        let mark = if sourced.confidence == "certain" {
            ""
        } else {
            "?"
        };
        let said = sourced.value.iter().map(String::as_str);
        let said = said.map(|it| titles.get(it).copied().unwrap_or(it));
        words.extend(said.map(|it| format!("{it}{mark}")));
    }
    if words.is_empty() {
        return say("not known").to_owned();
    }
    words.join(", ")
}

/// Exit code 0 where at least one centre can help, else 1.
pub(super) async fn find(
    client: &Client,
    args: FindArgs,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let (reasons, language) = (args.reasons, client.language());
    let ranking = client.find_centres(&args.query()).await;
    let ranking = ranking.map_err(|error| contact::refused(error, json))?;
    let code = u8::from(ranking.centres.is_empty());
    if json {
        print::json(&ranking, out)?;
        return Ok(code);
    }
    if reasons {
        all((&ranking, language), out)?;
    } else {
        table((&ranking, language), out)?;
    }
    for note in &ranking.notes {
        writeln!(out, "{}", sentence(note, language))?;
    }
    Ok(code)
}

fn table((ranking, language): (&Ranking, &str), out: &mut impl Write) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for it in &ranking.centres {
        // What counts says why it stands here; what is only told is shown on demand.
        let counted = it.reasons.iter().filter(|it| it.weight > 0);
        let why: Vec<String> = counted.map(|it| sentence(it, language)).collect();
        rows.push(vec![
            it.rank.to_string(),
            it.centre.to_string(),
            words::word(&it.kind),
            it.country.clone(),
            it.score.to_string(),
            why.join(" "),
        ]);
    }
    let head = ["RANK", "CENTRE", "KIND", "COUNTRY", "SCORE", "WHY"];
    print::table(&head, &rows, out)?;
    if !ranking.cannot.is_empty() {
        let many = ranking.cannot.len();
        writeln!(
            out,
            "{}",
            fill("{many} cannot help with this: `--reasons` shows why").with("many", many)
        )?;
    }
    Ok(())
}

fn all((ranking, language): (&Ranking, &str), out: &mut impl Write) -> anyhow::Result<()> {
    for it in &ranking.centres {
        writeln!(out, "{}", fill("{rank}. {centre} ({name}, {country}): {score}, acknowledges within {acknowledge_within} working days").with("rank", it.rank).with("centre", &it.centre).with("name", &it.name).with("country", &it.country).with("score", it.score).with("acknowledge_within", it.acknowledge_within))?;
        for reason in &it.reasons {
            writeln!(
                out,
                "  {:>3}  {}",
                reason.weight,
                sentence(reason, language)
            )?;
        }
    }
    for it in &ranking.cannot {
        writeln!(
            out,
            "{}",
            fill("{centre} ({name}, {country}): cannot help")
                .with("centre", &it.centre)
                .with("name", &it.name)
                .with("country", &it.country)
        )?;
        for reason in &it.why {
            writeln!(out, "       {}", sentence(reason, language))?;
        }
    }
    Ok(())
}

/// In the language, or in English; its code where nobody wrote one.
fn sentence(reason: &ContactReason, language: &str) -> String {
    let words = { reason.words.get(language) }.or_else(|| reason.words.get("en"));
    let words = words.unwrap_or(&reason.code);
    let doubt = if reason.certain {
        ""
    } else {
        say(" (uncertain)")
    };
    format!("{words}{doubt}")
}
