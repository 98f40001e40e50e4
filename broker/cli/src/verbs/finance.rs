//! `alcyone finance`: where money may come from.

use std::collections::BTreeMap;
use std::io::Write;

use broker_client::Client;
use broker_client::wire::Finance;

use crate::print;

pub(super) async fn list(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let finance = client.contact_vocabulary().await?.finance;
    if json {
        print::json(&finance, out)?;
        return Ok(0);
    }
    for it in &finance {
        one(it, out)?;
    }
    writeln!(
        out,
        "`?` stands after what was not read with certainty; ask the programme itself before you count on it"
    )?;
    Ok(0)
}

fn one(it: &Finance, out: &mut impl Write) -> std::io::Result<()> {
    let mark = if it.confidence == "certain" { "" } else { "?" };
    let address = it.link.as_deref().unwrap_or("no address is known");
    writeln!(out, "{}{mark}  {address}", english(&it.title, &it.id))?;
    writeln!(out, "  {}", english(&it.what, "-"))?;
    writeln!(out, "  for: {}", english(&it.for_whom, "-"))?;
    writeln!(out, "  {}, {}\n", it.source, it.checked_on)
}

fn english<'t>(words: &'t BTreeMap<String, String>, or: &'t str) -> &'t str {
    words.get("en").map_or(or, String::as_str)
}
