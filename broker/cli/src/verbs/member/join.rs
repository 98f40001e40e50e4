use std::io::{self, BufRead, IsTerminal as _, Write};

use broker_client::Client;

use super::invitation::place;
use crate::exit::Failure;
use crate::print;
use crate::words::{fill, say};

/// A code has 48 characters; whatever is longer is something else.
const LONGEST_LINE: u64 = 1000;

pub(super) async fn run(
    client: &Client,
    code: Option<String>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let code = match code.filter(|it| it != "-") {
        Some(code) => code,
        None => from_stdin()?,
    };
    let joined = client.join(&code).await?;
    if json {
        print::json(&joined, out)?;
    } else {
        writeln!(
            out,
            "{}",
            fill("you are {role} of {place}")
                .with("role", joined.role)
                .with("place", place(&joined))
        )?;
    }
    Ok(0)
}

fn from_stdin() -> Result<String, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        eprint!("code: ");
    }
    first_line(stdin.lock())
}

fn first_line(input: impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    let read = input.take(LONGEST_LINE).read_line(&mut line);
    read.map_err(|error| {
        Failure::Usage(
            fill("standard input cannot be read: {error}")
                .with("error", &error)
                .to_string(),
        )
    })?;
    let code = line.trim();
    if code.is_empty() {
        let words = "no code was given: `alcyone join CODE`, or a line on standard input";
        return Err(Failure::Usage(say(words).to_owned()));
    }
    Ok(code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_first_line_that_is_given_without_what_is_around_it() {
        let read = |text: &str| first_line(text.as_bytes());
        assert_eq!(read(" join_abc \nmore\n").unwrap(), "join_abc");
        assert_eq!(read("join_abc").unwrap(), "join_abc");
        for nothing in ["", "\n", "  \njoin_abc"] {
            let error = read(nothing).unwrap_err();
            assert!(error.to_string().contains("`alcyone join CODE`"), "{error}");
        }
    }
}
