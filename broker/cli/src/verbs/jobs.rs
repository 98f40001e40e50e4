use std::io::Write;

use broker_client::Client;
use broker_client::wire::JobView;

use crate::print;
use crate::words::{fill, say};

pub(crate) async fn run(
    client: &Client,
    query: &[(&str, String)],
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let page = client.jobs(query).await?;
    if json {
        print::json(&page, out)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    print::table(
        &["JOB", "NAME", "STATE", "PARTITION", "CREATED"],
        &rows,
        out,
    )?;
    for job in &page.items {
        if let Some(words) = job.waits() {
            writeln!(
                out,
                "{}",
                fill("{id} waits for {words}")
                    .with("words", &words)
                    .with("id", job.id)
            )?;
        }
    }
    if let Some(cursor) = &page.next_cursor {
        writeln!(
            out,
            "{}",
            fill("There are more: add --cursor {cursor}").with("cursor", cursor)
        )?;
    }
    Ok(0)
}

fn row(job: &JobView) -> Vec<String> {
    vec![
        job.id.to_string(),
        job.name.clone(),
        say(job.state.as_str()).to_owned(),
        job.partition
            .as_ref()
            .map_or_else(|| "-".to_owned(), ToString::to_string),
        job.created_at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    ]
}
