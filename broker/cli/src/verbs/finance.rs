//! `alcyone finance`: where money may come from.

use std::collections::BTreeMap;
use std::io::Write;

use broker_client::Client;
use broker_client::wire::Finance;

use crate::print;
use crate::words::{fill, say};

pub(super) async fn list(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let finance = client.contact_vocabulary().await?.finance;
    if json {
        print::json(&finance, out)?;
        return Ok(0);
    }
    for it in &finance {
        one((it, client.language()), out)?;
    }
    writeln!(
        out,
        "{}",
        say(
            "`?` stands after what was not read with certainty; ask the programme itself before you count on it"
        )
    )?;
    Ok(0)
}

fn one((it, language): (&Finance, &str), out: &mut impl Write) -> std::io::Result<()> {
    let own = |words: &BTreeMap<String, String>, or: &str| {
        let found = { words.get(language) }.or_else(|| words.get("en"));
        found.map_or_else(|| or.to_owned(), Clone::clone)
    };
    let mark = if it.confidence == "certain" { "" } else { "?" };
    let address = it
        .link
        .as_deref()
        .unwrap_or_else(|| say("no address is known"));
    writeln!(out, "{}{mark}  {address}", own(&it.title, &it.id))?;
    writeln!(out, "  {}", own(&it.what, "-"))?;
    writeln!(
        out,
        "  {}",
        fill("for: {whom}").with("whom", own(&it.for_whom, "-"))
    )?;
    writeln!(out, "  {}, {}\n", it.source, it.checked_on)
}
