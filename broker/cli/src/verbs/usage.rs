use std::collections::BTreeMap;
use std::io::Write;

use broker_client::Client;
use broker_client::wire::UsageView;
use broker_model::{GpuMillis, UnitMillis};

use crate::print;
use crate::words::{self, fill, say};

pub(crate) async fn run(
    client: &Client,
    query: &[(&str, String)],
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let mut records = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = query.to_vec();
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = client.usage(&query).await?;
        records.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if json {
        print::json(&records, out)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = records.iter().map(row).collect();
    let head = [
        "MONTH",
        "JOB",
        "PARTITION",
        "SHARE",
        "MODE",
        "SITE UNITS",
        "GPU-HOURS",
        "CHARGED",
    ];
    print::table(&head, &rows, out)?;
    writeln!(out, "{}", total(&records))?;
    Ok(0)
}

/// What adds up: GPU-hours over all, and each site unit by itself. What was charged is in the units of
/// the allocations, which may differ.
fn total(records: &[UsageView]) -> String {
    let gpu: GpuMillis = records.iter().map(|view| view.record.charge.gpu).sum();
    let mut units: BTreeMap<&str, UnitMillis> = BTreeMap::new();
    for charge in records.iter().map(|view| &view.record.charge) {
        let sum = units.entry(&charge.site_unit).or_default();
        *sum = *sum + charge.site_units;
    }
    let units: Vec<String> = units
        .iter()
        .map(|(unit, sum)| format!("{sum} {}", words::units(unit)))
        .collect();
    let by_site = if units.is_empty() {
        say("none").to_owned()
    } else {
        units.join(", ")
    };
    fill("total of {records} records: {gpu} physical GPU-hours; in units of the sites: {by_site}")
        .with("gpu", gpu)
        .with("by_site", &by_site)
        .with("records", records.len())
        .to_string()
}

fn row(view: &UsageView) -> Vec<String> {
    let charge = &view.record.charge;
    vec![
        view.month.clone(),
        view.record.job.to_string(),
        view.record.partition.to_string(),
        view.record.share.to_string(),
        view.record.mode.clone().unwrap_or_else(|| "-".to_owned()),
        format!("{} {}", charge.site_units, words::units(&charge.site_unit)),
        charge.gpu.to_string(),
        charge.charged.to_string(),
    ]
}
