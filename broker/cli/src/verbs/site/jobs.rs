use std::io::Write;

use broker_client::Client;
use broker_client::wire::SiteJobView;
use broker_model::SiteId;

use crate::print;
use crate::words::fill;

pub(super) async fn run(
    client: &Client,
    site: &SiteId,
    query: &[(&str, String)],
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let page = client.site_jobs(site, query).await?;
    if json {
        return print::json(&page, out);
    }
    let head = [
        "JOB",
        "REMOTE",
        "PARTITION",
        "STATE",
        "PROJECT",
        "ALLOCATION",
        "ORGANISATION",
        "FOR",
        "SINCE",
    ];
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    print::table(&head, &rows, out)?;
    if let Some(cursor) = &page.next_cursor {
        writeln!(
            out,
            "{}",
            fill("more: --cursor {cursor}").with("cursor", cursor)
        )?;
    }
    Ok(())
}

fn row(job: &SiteJobView) -> Vec<String> {
    let remote = job.remote_id.as_ref();
    let at = &job.partition;
    let person = job.person.to_string();
    vec![
        job.job.to_string(),
        remote.map_or_else(|| "-".to_owned(), ToString::to_string),
        format!("{}/{}", at.system, at.partition),
        print::word(&job.state),
        job.project.to_string(),
        job.allocation.to_string(),
        job.organisation
            .map_or_else(|| "-".to_owned(), |it| it.to_string()),
        job.name.clone().unwrap_or(person),
        job.started_at.unwrap_or(job.updated_at).to_string(),
    ]
}
