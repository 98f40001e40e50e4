//! `alcyone evidence`: what an organisation can show, with its files.

mod file;
mod signatories;
mod upload;

use std::io::Write;

use broker_client::Client;
use broker_model::{Evidence, EvidenceDraft, EvidenceFile, OrganisationId, PLEDGE_EVIDENCE};
use jiff::civil::Date;

use super::keyed::Keyed;
use super::own;
use crate::cli::{EvidenceAdd, EvidenceVerb};
use crate::print;
use crate::words::{fill, say};

pub(super) async fn list(
    client: &Client,
    organisation: Option<OrganisationId>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let of = own::organisation(client, organisation).await?;
    let all = client.evidence(of).await?;
    if json {
        print::json(&all, out)?;
        return Ok(0);
    }
    let today = own::today();
    let rows: Vec<Vec<String>> = all.iter().map(|it| row(it, today)).collect();
    print::table(
        &["EVIDENCE", "KIND", "FROM", "TO", "SOURCE", "STATE"],
        &rows,
        out,
    )?;
    let files = { all.iter() }.flat_map(|it| it.files.iter().map(|file| file_row(it, file)));
    let files: Vec<Vec<String>> = files.collect();
    if !files.is_empty() {
        writeln!(out)?;
        print::table(
            &["EVIDENCE", "FILE", "KIND", "BYTES", "SHA256"],
            &files,
            out,
        )?;
    }
    if all.iter().any(|it| it.kind.0 == PLEDGE_EVIDENCE) {
        signatories::tell(client, of, out).await?;
    }
    Ok(0)
}

pub(super) async fn run(
    client: &Client,
    verb: EvidenceVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        EvidenceVerb::Add(args) => add(client, args, json, out).await?,
        EvidenceVerb::File { what } => file::run(client, what, json, out).await?,
        EvidenceVerb::Withdraw {
            evidence,
            organisation,
        } => {
            let of = own::organisation_option(client, organisation).await?;
            let withdrawn = client.withdraw_evidence(of, evidence).await?;
            said(&withdrawn, json, out)?;
        }
    }
    Ok(0)
}

/// Reads every file first: what cannot be uploaded is found before anything is handed in.
async fn add(
    client: &Client,
    args: EvidenceAdd,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let files = upload::read(&args.files)?;
    let of = own::organisation(client, args.organisation).await?;
    let draft = EvidenceDraft {
        kind: args.kind,
        issued_on: args.issued_on,
        expires_on: args.expires_on,
        source: args.source,
        files: files.iter().map(upload::Local::announced).collect(),
    };
    let making = Keyed::new(args.key, "it was handed in", "hands it in twice");
    let made = making.send(async |key| client.hand_in_evidence(of, &draft, key).await);
    let made = made.await?;
    let last = upload::send(client, (of, made.id), &files).await?;
    said(&last.unwrap_or(made), json, out)
}

fn said(evidence: &Evidence, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        return print::json(evidence, out);
    }
    let files = match evidence.files.len() {
        0 => say("without a file").to_owned(),
        1 => say("with 1 file").to_owned(),
        several => fill("with {several} files")
            .with("several", several)
            .to_string(),
    };
    let (id, kind) = (evidence.id, &evidence.kind.0);
    writeln!(
        out,
        "{id}: {kind} {files}; {}",
        state(evidence, own::today())
    )?;
    Ok(())
}

fn row(evidence: &Evidence, today: Date) -> Vec<String> {
    let to = evidence.expires_on.as_ref();
    vec![
        evidence.id.to_string(),
        evidence.kind.0.clone(),
        evidence.issued_on.to_string(),
        to.map_or_else(|| "-".to_owned(), ToString::to_string),
        evidence.source.clone(),
        state(evidence, today),
    ]
}

fn file_row(evidence: &Evidence, file: &EvidenceFile) -> Vec<String> {
    vec![
        evidence.id.to_string(),
        file.name.clone(),
        file.media_type.clone(),
        file.size_bytes.to_string(),
        file.sha256.clone(),
    ]
}

/// Where it stands, and with a refusal its words.
fn state(evidence: &Evidence, today: Date) -> String {
    if evidence.withdrawn_at.is_some() {
        return say("withdrawn").to_owned();
    }
    match &evidence.check {
        Some(check) if !check.accepted => fill("refused: {words}")
            .with("words", &check.words)
            .to_string(),
        _ if evidence.expires_on.is_some_and(|last| last < today) => say("expired").to_owned(),
        _ if evidence.is_checked() => say("checked").to_owned(),
        _ => say("waits for a reviewer").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use broker_model::{EvidenceCheck, EvidenceKind};
    use jiff::civil::date;

    use super::*;

    fn evidence() -> Evidence {
        Evidence {
            id: "evi_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            organisation: "org_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            kind: EvidenceKind("ai_pact_pledge".to_owned()),
            person: None,
            issued_on: date(2026, 1, 1),
            expires_on: Some(date(2026, 11, 20)),
            source: "no. 4".to_owned(),
            checked_by: None,
            added_by: None,
            added_at: None,
            check: None,
            files: Vec::new(),
            accepted_at: None,
            withdrawn_at: None,
            version: 1,
        }
    }

    #[test]
    fn evidence_says_where_it_stands_and_its_last_day_counts() {
        let (last, after) = (date(2026, 11, 20), date(2026, 11, 21));
        let mut it = evidence();
        assert_eq!(state(&it, last), "waits for a reviewer");
        it.checked_by = Some("a reviewer".to_owned());
        assert_eq!(state(&it, last), "checked");
        assert_eq!(state(&it, after), "expired");
        it.check = Some(EvidenceCheck {
            accepted: false,
            words: "not signed".to_owned(),
            by: "per_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            at: "2026-11-20T12:00:00Z".parse().unwrap(),
        });
        assert_eq!(state(&it, after), "refused: not signed");
        it.withdrawn_at = Some("2026-11-20T12:00:00Z".parse().unwrap());
        assert_eq!(state(&it, after), "withdrawn");
    }
}
