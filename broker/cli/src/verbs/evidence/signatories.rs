//! What a list of signatories says beside a pledge, for whoever checks it.

use std::io::Write;

use broker_client::{Client, Error};
use broker_model::{OrganisationId, Signatory, SignatoryHint};

use crate::words::{fill, say};

/// Others than reviewers and operators are told nothing: it is no answer to their organisation.
pub(super) async fn tell(
    client: &Client,
    of: OrganisationId,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let hint = match client.signatory_hint(of).await {
        Ok(hint) => hint,
        Err(Error::Problem(problem)) if problem.status == 403 => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    writeln!(
        out,
        "\n{}",
        fill("AI Pact: {words}").with("words", words(&hint))
    )?;
    Ok(())
}

fn words(hint: &SignatoryHint) -> String {
    let Some(list) = &hint.list else {
        return say("no list of signatories was imported; ask whoever runs the broker for one")
            .to_owned();
    };
    if hint.reads_like.is_empty() {
        return fill("no name on the list of {as_of} ({source}) reads like this organisation")
            .with("as_of", list.as_of)
            .with("source", &list.source)
            .to_string();
    }
    let name = |it: &Signatory| {
        let name = match &it.country {
            Some(country) => format!("{} ({country})", it.name),
            None => it.name.clone(),
        };
        match it.pledged_on {
            Some(day) => fill("{name} (pledged on {day})")
                .with("name", name)
                .with("day", day)
                .to_string(),
            None => name,
        }
    };
    let names: Vec<String> = hint.reads_like.iter().map(name).collect();
    fill("the list of {as_of} ({source}) names {names}, which reads like this organisation: check that it is the same").with("as_of", list.as_of).with("source", &list.source).with("names", names.join("; ")).to_string()
}

#[cfg(test)]
mod tests {
    use broker_model::SignatoryList;

    use super::*;

    #[test]
    fn a_name_that_reads_alike_is_a_thing_to_check_and_silence_says_of_which_day() {
        let mut hint = SignatoryHint::default();
        assert!(words(&hint).starts_with("no list of signatories was imported"));
        hint.list = Some(SignatoryList {
            as_of: jiff::civil::date(2026, 11, 1),
            sha256: "00".to_owned(),
            source: "page of the Commission".to_owned(),
            names: 2,
            imported_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        });
        assert_eq!(
            words(&hint),
            "no name on the list of 2026-11-01 (page of the Commission) reads like this organisation"
        );
        hint.reads_like = vec![Signatory {
            name: "Pleione Labs".to_owned(),
            country: Some("FR".to_owned()),
            pledged_on: None,
        }];
        assert!(words(&hint).contains("names Pleione Labs (FR), which reads like"));
        hint.reads_like[0].pledged_on = Some(jiff::civil::date(2024, 9, 25));
        assert!(words(&hint).contains("names Pleione Labs (FR) (pledged on 2024-09-25), which"));
        assert!(words(&hint).ends_with("check that it is the same"));
    }
}
