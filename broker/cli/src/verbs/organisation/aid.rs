use std::io::Write;

use broker_client::Client;
use broker_model::{AidRecord, OrganisationId};

use crate::print;
use crate::words::{fill, say};

/// The register of de minimis aid, as far as the platform keeps it.
pub(super) async fn run(
    client: &Client,
    id: OrganisationId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let records = client.aid(id).await?;
    if json {
        return print::json(&records, out);
    }
    let undertaking = client.undertaking(id).await?;
    let row = |one: &AidRecord| {
        vec![
            one.granted_on.to_string(),
            one.state.clone(),
            one.worth_eur.to_string(),
            one.allocation.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = records.iter().map(row).collect();
    print::table(&["GRANTED", "STATE", "EUR", "ALLOCATION"], &rows, out)?;
    if rows.is_empty() {
        writeln!(
            out,
            "{}",
            say("no national hours that are aid were given here")
        )?;
    }
    for other in undertaking
        .members
        .iter()
        .filter(|it| it.organisation != id)
    {
        let (whom, eur) = (other.organisation, other.counted_eur);
        writeln!(
            out,
            "{}",
            fill("counts too, as linked: {whom}, {eur} EUR in three years")
                .with("whom", whom)
                .with("eur", eur)
        )?;
    }
    for name in &undertaking.not_counted {
        writeln!(
            out,
            "{}",
            fill("not counted, as it is not registered here: {name}").with("name", name)
        )?;
    }
    Ok(())
}
