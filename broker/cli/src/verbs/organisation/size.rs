use std::io::Write;

use broker_client::Client;
use broker_client::wire::{OrganisationSize, PeriodFound, SizeReason};
use broker_model::OrganisationId;

use crate::print;
use crate::words::{fill, say};

/// Class, reasons and figures.
pub(super) async fn run(
    client: &Client,
    id: OrganisationId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let size = client.organisation_size(id).await?;
    if json {
        return print::json(&size, out);
    }
    writeln!(
        out,
        "{}",
        fill("{size} on {on}")
            .with("size", say(&print::word(&size.size)))
            .with("on", size.on)
    )?;
    possible(&size, out)?;
    let found = size.found.iter().flat_map(|it| &it.reasons);
    for SizeReason { words, source } in found.chain(&size.reasons) {
        writeln!(out, "  {words} ({source})")?;
    }
    let periods = size.found.iter().flat_map(|it| &it.periods);
    let rows: Vec<Vec<String>> = periods.map(row).collect();
    if !rows.is_empty() {
        writeln!(out)?;
        let head = [
            "FROM",
            "TO",
            "STAFF (AWU)",
            "TURNOVER EUR",
            "BALANCE EUR",
            "BY ITSELF",
        ];
        print::table(&head, &rows, out)?;
    }
    Ok(())
}

fn possible(size: &OrganisationSize, out: &mut impl Write) -> anyhow::Result<()> {
    let Some(found) = size.found.as_ref().filter(|it| it.possible.len() > 1) else {
        return Ok(());
    };
    let classes: Vec<String> = { found.possible.iter() }
        .map(|it| say(&print::word(it)).to_owned())
        .collect();
    writeln!(
        out,
        "{}",
        fill("it can be: {classes}").with("classes", classes.join(", "))
    )?;
    Ok(())
}

fn row(period: &PeriodFound) -> Vec<String> {
    let class = say(&print::word(&period.class)).to_owned();
    vec![
        period.first_day.to_string(),
        period.last_day.to_string(),
        format!(
            "{}.{:02}",
            period.awu_hundredths / 100,
            period.awu_hundredths % 100
        ),
        period.turnover_eur.to_string(),
        period.balance_eur.to_string(),
        if period.estimated {
            fill("{class}, estimated").with("class", &class).to_string()
        } else {
            class
        },
    ]
}
