use std::io::Write;

use broker_client::Client;
use broker_client::wire::UnknownAccountView;
use broker_model::SiteId;

use crate::print;
use crate::words::fill;

/// The local accounts of a site that are no allocation's.
pub(super) async fn run(
    client: &Client,
    site: &SiteId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let page = client.unknown_accounts(site).await?;
    if json {
        return print::json(&page, out);
    }
    if page.items.is_empty() {
        writeln!(
            out,
            "{}",
            fill("every account that {site} told of is an allocation's").with("site", site)
        )?;
        return Ok(());
    }
    let head = ["ACCOUNT", "JOBS", "GPU-HOURS", "FIRST SEEN", "LAST SEEN"];
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    print::table(&head, &rows, out)?;
    Ok(())
}

fn row(one: &UnknownAccountView) -> Vec<String> {
    vec![
        one.account.clone(),
        one.jobs.to_string(),
        one.gpu.to_string(),
        one.first_seen.to_string(),
        one.last_seen.to_string(),
    ]
}
