//! `alcyone terms`: what is to be accepted before a job runs.

use std::io::{BufRead, IsTerminal as _, Write};

use broker_client::Client;
use broker_client::wire::TermsView;
use broker_model::{TermsDraft, TermsId};

use crate::cli::{AcceptTermsArgs, TermsVerb};
use crate::exit::Failure;
use crate::print;
use crate::words::{fill, say};

pub(crate) async fn run(
    client: &Client,
    verb: Option<TermsVerb>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let all = client.terms().await?;
    match verb {
        None => list(&all, json, out),
        Some(TermsVerb::Show { terms }) => {
            let one = find(&all, &terms)?;
            if json {
                print::json(one, out)?;
            } else {
                show(one, out)?;
            }
            Ok(0)
        }
        Some(TermsVerb::Accept(args)) => {
            let one = find(&all, &args.terms)?;
            accept(client, one, &args, json, out).await
        }
    }
}

fn find<'a>(all: &'a [TermsView], id: &TermsId) -> anyhow::Result<&'a TermsView> {
    let none = || {
        let words = fill("no terms `{id}` are in force; `alcyone terms` lists those that are")
            .with("id", id)
            .to_string();
        Failure::Usage(words)
    };
    Ok(all.iter().find(|it| it.document == *id).ok_or_else(none)?)
}

fn list(all: &[TermsView], json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    if json {
        print::json(&all, out)?;
        return Ok(0);
    }
    if all.is_empty() {
        writeln!(out, "{}", say("no terms are in force"))?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let head = ["TERMS", "TITLE", "VERSION", "SINCE", "LANGUAGE", "ACCEPTED"];
    print::table(&head, &rows, out)?;
    writeln!(
        out,
        "{}",
        say("`alcyone terms show ID` shows one, `alcyone terms accept ID` accepts it")
    )?;
    Ok(0)
}

fn row(terms: &TermsView) -> Vec<String> {
    let accepted = terms.accepted_at.map(|at| at.to_string());
    vec![
        terms.document.to_string(),
        terms.title.clone(),
        terms.version.clone(),
        terms.effective.to_string(),
        language(terms),
        accepted.unwrap_or_else(|| say("no").to_owned()),
    ]
}

/// The one that the title is in, and those that may be asked for.
fn language(terms: &TermsView) -> String {
    let others = { terms.languages.iter() }.filter(|it| **it != terms.language);
    let others: Vec<&str> = others.map(String::as_str).collect();
    if others.is_empty() {
        return fill("{language} only")
            .with("language", &terms.language)
            .to_string();
    }
    fill("{language}; also {others}")
        .with("language", &terms.language)
        .with("others", others.join(", "))
        .to_string()
}

fn show(terms: &TermsView, out: &mut impl Write) -> anyhow::Result<()> {
    let (id, version, since) = (&terms.document, &terms.version, terms.effective);
    writeln!(out, "{}", terms.title)?;
    writeln!(
        out,
        "{}",
        fill("{id}, version {version}, in force since {since}")
            .with("id", id)
            .with("version", version)
            .with("since", since)
    )?;
    writeln!(
        out,
        "{}",
        fill("source: {source}").with("source", &terms.source)
    )?;
    let languages = terms.languages.join(", ");
    writeln!(
        out,
        "{}",
        fill("languages: {languages} (this is {language})")
            .with("languages", &languages)
            .with("language", &terms.language)
    )?;
    if let Some(text) = &terms.text {
        writeln!(out, "\n{}\n", text.trim())?;
    }
    if let Some(link) = &terms.link {
        writeln!(out, "\n{}", fill("read it at {link}\n").with("link", link))?;
    }
    writeln!(
        out,
        "{}",
        fill("SHA-256 of the text: {digest}").with("digest", &terms.digest)
    )?;
    match terms.accepted_at {
        Some(at) => writeln!(out, "{}", fill("accepted {at}").with("at", at))?,
        None => writeln!(out, "{}", say("not accepted"))?,
    }
    Ok(())
}

async fn accept(
    client: &Client,
    terms: &TermsView,
    args: &AcceptTermsArgs,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    if !args.yes {
        let stdin = std::io::stdin();
        if json || !stdin.is_terminal() {
            let words =
                "nobody can be asked here: read it with `alcyone terms show`, and add `--yes`";
            return Err(Failure::Usage(say(words).to_owned()).into());
        }
        show(terms, out)?;
        if !says_yes(&mut stdin.lock(), out)? {
            writeln!(out, "{}", say("not accepted"))?;
            return Ok(1);
        }
    }
    let read = TermsDraft {
        version: terms.version.clone(),
        digest: terms.digest.clone(),
    };
    let accepted = client.accept_terms(&terms.document, &read).await?;
    if json {
        print::json(&accepted, out)?;
    } else {
        let (id, version, at) = (&accepted.document, &accepted.version, accepted.accepted_at);
        writeln!(
            out,
            "{}",
            fill("{id}, version {version}: accepted {at}")
                .with("id", id)
                .with("version", version)
                .with("at", at)
        )?;
    }
    Ok(0)
}

fn says_yes(input: &mut impl BufRead, out: &mut impl Write) -> std::io::Result<bool> {
    write!(out, "{}", say("Do you accept this? Type `yes`: "))?;
    out.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    let answer = answer.trim().to_lowercase();
    Ok(["yes", say("yes")].contains(&answer.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_yes_accepts() {
        for (typed, accepts) in [
            ("yes\n", true),
            (" YES \n", true),
            ("y\n", false),
            ("\n", false),
            ("", false),
            ("yes, but\n", false),
        ] {
            let mut asked = Vec::new();
            let said = says_yes(&mut typed.as_bytes(), &mut asked).unwrap();
            assert_eq!(said, accepts, "{typed:?}");
            assert!(asked.ends_with(b"`yes`: "));
        }
    }
}
