use std::io::Write;

use broker_client::Client;
use broker_model::SiteId;
use serde_json::Value;

use crate::print;

pub(crate) async fn run(
    client: &Client,
    site: Option<SiteId>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let sites = match site {
        Some(site) => vec![client.site(&site).await?],
        None => client.sites().await?.items,
    };
    if json {
        print::json(&sites, out)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = sites.iter().flat_map(rows).collect();
    let head = ["SITE", "STATE", "PARTITION", "TARGET", "NODES FREE", "QUEUED"];
    print::table(&head, &rows, out)?;
    Ok(0)
}

fn rows(view: &Value) -> Vec<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let mut rows = Vec::new();
    for system in view["site"]["system"].as_array().into_iter().flatten() {
        for partition in system["partition"].as_array().into_iter().flatten() {
            let seen = view["snapshot"]["partitions"].as_array().into_iter().flatten().find(|seen| {
                seen["system"] == system["id"] && seen["partition"] == partition["id"]
            });
            let seen = seen.unwrap_or(&Value::Null);
            rows.push(vec![
                text(&view["site"]["id"]),
                text(&view["readiness"]),
                format!("{}/{}", text(&system["id"]), text(&partition["id"])),
                text(&partition["container_target"]),
                format!("{} of {}", text(&seen["nodes_free"]), text(&seen["nodes_total"])),
                text(&seen["jobs_queued"]),
            ]);
        }
    }
    rows
}
