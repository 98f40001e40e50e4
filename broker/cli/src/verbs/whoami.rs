use std::io::Write;

use broker_client::Client;

use crate::print;

pub(crate) async fn run(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let me = client.whoami().await?;
    if json {
        print::json(&me, out)?;
        return Ok(0);
    }
    writeln!(out, "{} ({})", me.name.as_deref().unwrap_or("-"), me.person)?;
    writeln!(out, "signed in by {} as {}", me.issuer, me.subject)?;
    let identity = serde_json::to_value(me.assurance.identity)?;
    let factor = if me.assurance.multi_factor {
        ", several factors"
    } else {
        ""
    };
    writeln!(
        out,
        "identity assurance {}{factor}",
        identity.as_str().unwrap_or("none")
    )?;
    for project in &me.projects {
        writeln!(
            out,
            "\n{}  {}  ({})",
            project.id, project.name, project.organisation
        )?;
        let rows: Vec<Vec<String>> = project
            .allocations
            .iter()
            .map(|allocation| {
                vec![
                    allocation.id.to_string(),
                    allocation.scope.clone(),
                    allocation.share.to_string(),
                    format!("{} {}s", allocation.remaining, allocation.unit),
                    allocation.balance.held.to_string(),
                    allocation.balance.used.to_string(),
                    allocation.valid_until.strftime("%Y-%m-%d").to_string(),
                ]
            })
            .collect();
        let head = [
            "ALLOCATION",
            "SCOPE",
            "SHARE",
            "REMAINING",
            "HELD",
            "USED",
            "UNTIL",
        ];
        print::table(&head, &rows, out)?;
    }
    Ok(0)
}
