use std::ffi::OsString;
use std::io::Write;

use clap::error::{ContextKind, ContextValue};
use clap::{ArgAction, Command, CommandFactory as _, Error, Parser as _};
use serde_json::json;

use super::Cli;
use crate::print;

/// Reads the command line. Wrong use and help are said here, and the exit code comes back.
pub fn parse(
    words: impl IntoIterator<Item = OsString>,
    out: &mut impl Write,
) -> anyhow::Result<Result<Cli, u8>> {
    let words: Vec<OsString> = words.into_iter().collect();
    let error = match Cli::try_parse_from(&words) {
        Ok(cli) => return Ok(Ok(cli)),
        Err(error) => with_plain_usage(error, &words),
    };
    error.print()?;
    if error.use_stderr() && words.iter().any(|word| word == "--json") {
        let words = error.to_string();
        let detail = words.strip_prefix("error: ").unwrap_or(&words).trim_end();
        print::line(&json!({ "code": "usage", "detail": detail }), out)?;
    }
    Ok(Err(u8::try_from(error.exit_code()).unwrap_or(2)))
}

/// clap puts every option that was given into the usage line of an error, as if it were required, and
/// counts one from the environment among them. The usage line of the verb's own help takes its place.
fn with_plain_usage(mut error: Error, words: &[OsString]) -> Error {
    if error.get(ContextKind::Usage).is_none() {
        return error;
    }
    let mut command = Cli::command();
    command.build();
    let usage = named(&command, words).clone().render_usage();
    error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
    error
}

/// The innermost verb that the words name; the value of an option is none.
fn named<'a>(command: &'a Command, words: &[OsString]) -> &'a Command {
    let mut at = command;
    let mut words = words.iter().skip(1).filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        if takes_next(at, word) {
            words.next();
        } else {
            at = at.find_subcommand(word).unwrap_or(at);
        }
    }
    at
}

fn takes_next(command: &Command, word: &str) -> bool {
    let Some(name) = word.strip_prefix("--") else {
        return false;
    };
    let option = command
        .get_arguments()
        .find(|it| it.get_long() == Some(name));
    option.is_some_and(|it| matches!(it.get_action(), ArgAction::Set | ArgAction::Append))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &[&str]) -> String {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let error = Cli::try_parse_from(&words).unwrap_err();
        with_plain_usage(error, &words).to_string()
    }

    #[test]
    fn a_usage_line_shows_what_the_verb_needs_and_no_option_that_was_given() {
        let begin = ["alcyone", "--broker", "http://site", "--home", "jobs"];
        for (verb, usage) in [
            (
                &["site", "drain"][..],
                "alcyone site drain [OPTIONS] --reason <REASON> <SITE>",
            ),
            (&["show"], "alcyone show [OPTIONS] <JOB>"),
            (
                &["site", "windows", "close", "--json", "lumi"],
                "alcyone site windows close [OPTIONS] <SITE> <WINDOW>",
            ),
            (&["shout"], "alcyone [OPTIONS] <COMMAND>"),
        ] {
            let words = said(&[&begin[..], verb].concat());
            assert!(words.contains(&format!("\nUsage: {usage}\n")), "{words}");
        }
    }
}
