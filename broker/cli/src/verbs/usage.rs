use std::io::Write;

use broker_client::Client;
use broker_client::wire::UsageView;

use crate::print;

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
    let head = ["MONTH", "JOB", "PARTITION", "SHARE", "SITE UNITS", "GPU-HOURS", "CHARGED"];
    print::table(&head, &rows, out)?;
    Ok(0)
}

fn row(view: &UsageView) -> Vec<String> {
    let charge = &view.record.charge;
    vec![
        view.month.clone(),
        view.record.job.to_string(),
        view.record.partition.to_string(),
        view.record.share.to_string(),
        format!("{} {}s", charge.site_units, charge.site_unit),
        charge.gpu.to_string(),
        charge.charged.to_string(),
    ]
}
