use serde::{Deserialize, Serialize};
use site_adapter::LocalAccount;

use super::{AccountError, AccountQuestion, Mapping, is_account_name};

/// Longer than any answer.
pub(super) const LONGEST_ANSWER: usize = 64 * 1024;
/// Characters kept of a site's own words.
const LONGEST_WORDS: usize = 500;

/// The question as a program or a directory gets it.
#[derive(Serialize)]
struct Message<'a> {
    version: u32,
    #[serde(flatten)]
    question: &'a AccountQuestion,
}

pub(super) fn message(question: &AccountQuestion) -> Result<Vec<u8>, AccountError> {
    let version = 1;
    serde_json::to_vec(&Message { version, question })
        .map_err(|error| AccountError::Unusable(error.to_string()))
}

/// One of `user` (with what goes with it), `refused` and `later`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Answer {
    user: Option<String>,
    account: Option<String>,
    qos: Option<String>,
    partition: Option<String>,
    refused: Option<String>,
    later: Option<String>,
}

/// Reads an answer. One that makes no sense is no answer: the job waits until the site has mended it.
pub(crate) fn read(bytes: &[u8]) -> Result<Mapping, AccountError> {
    let answer: Answer = serde_json::from_slice(bytes)
        .map_err(|error| odd(&format!("{error} in `{}`", shown(bytes))))?;
    match (answer.user, answer.refused, answer.later) {
        (Some(user), None, None) => {
            let partition = answer.partition.map(|name| name.parse());
            let partition = partition.transpose();
            Ok(Mapping {
                account: LocalAccount {
                    user: name("user", user)?,
                    account: answer.account.map(|it| name("account", it)).transpose()?,
                    qos: answer.qos.map(|it| name("qos", it)).transpose()?,
                },
                partition: partition.map_err(|error| odd(&format!("`partition`: {error}")))?,
            })
        }
        (None, Some(words), None) => Err(AccountError::NoAccount(readable(&words))),
        (None, None, Some(words)) => Err(AccountError::Unavailable(readable(&words))),
        _ => Err(odd("it must have one of `user`, `refused` and `later`")),
    }
}

fn name(field: &str, text: String) -> Result<String, AccountError> {
    if is_account_name(&text) {
        return Ok(text);
    }
    let words = format!(
        "`{field}` is not a name (1 to 64 letters, digits, `_`, `-` or `.`): `{}`",
        shown(text.as_bytes())
    );
    Err(odd(&words))
}

pub(super) fn too_long() -> AccountError {
    AccountError::Unusable(format!("its answer is longer than {LONGEST_ANSWER} bytes"))
}

fn odd(why: &str) -> AccountError {
    AccountError::Unusable(format!("it is not understood: {why}"))
}

/// Words of a site for a person: one line, not too long.
pub(crate) fn readable(words: &str) -> String {
    let kept = words.chars().take(LONGEST_WORDS);
    let one_line = kept.map(|c| if c.is_control() { ' ' } else { c });
    one_line.collect::<String>().trim().to_owned()
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.escape_debug().take(80).collect()
}
