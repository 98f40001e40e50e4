use std::sync::LazyLock;

use regex_lite::Regex;

/// One look of a secret. Its first group that took part is what is taken out, or all of it where there is none.
pub(super) struct Pattern {
    pub(super) regex: Regex,
    pub(super) is_secret: fn(&str) -> bool,
    /// It finds paths, and the name of a file at the end of one is for a helper to read.
    pub(super) keeps_file: bool,
}

/// Where a project and its people work at a site. The path of a web address begins otherwise.
const PLACES: &str = r#"(?i)(?:^|[\s"'`=(,<>|:\[])(?:[/\\][\w.-]+){0,4}[/\\](?:scratch|projects?|projappl|flash|[a-z0-9]+_(?:scratch|work))[/\\]+([^\s"'`,;:()<>|]+)"#;

/// What else has a dot may be the login of somebody.
const FILES: [&str; 20] = [
    "bin",
    "ckpt",
    "cfg",
    "cpp",
    "csv",
    "cu",
    "err",
    "gz",
    "h5",
    "json",
    "log",
    "out",
    "pt",
    "py",
    "safetensors",
    "sh",
    "sif",
    "toml",
    "txt",
    "yaml",
];

/// How much of a path is in front of the name of a file; all of it where it ends in none.
pub(super) fn before_file(path: &str) -> usize {
    let Some((folders, file)) = path.rsplit_once(['/', '\\']) else {
        return path.len();
    };
    let is_file = { file.rsplit_once('.') }.is_some_and(|(_, kind)| FILES.contains(&kind));
    if is_file { folders.len() } else { path.len() }
}

const fn always(_: &str) -> bool {
    true
}

/// Logs of training are full of `tokens: 4096`, which is no token; neither is `max_tokens=512&…` in an address.
fn is_no_count(text: &str) -> bool {
    let is_name = |it: &str| it.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let text = match text.split_once('&') {
        Some((first, rest)) if rest.split_once('=').is_some_and(|(name, _)| is_name(name)) => first,
        _ => text,
    };
    text.is_empty()
        || text.len() > 9
        || !text
            .bytes()
            .all(|b| b.is_ascii_digit() || b".,kKmM%/".contains(&b))
}

fn is_mixed(text: &str) -> bool {
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// A path has no such mixture, as a rule, and what base64 makes of random bytes has.
fn is_random(text: &str) -> bool {
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    is_mixed(text) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
}

/// The shortest account numbers of banks have so many digits; words in capitals have none.
fn is_account(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() >= 10
}

/// So few digits in one piece are rather a count, and less than eight no number that is called from abroad.
fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let in_one = text.bytes().skip(1).all(|b| b.is_ascii_digit());
    digits >= if in_one { 10 } else { 8 }
}

/// What a password is called where Europe writes it, in words that mean nothing else.
macro_rules! passwords {
    () => {
        r"passw(?:or)?d|passphrase|passwuert|passwort|kennwort|wachtwoord|palavra[ _-]?passe|l(?:\u{f6}|\u{d6}|o)senord|salasana|contrase(?:\u{f1}|\u{d1}|n\u{303}?)a|mots?[ _-]?de[ _-]?passe"
    };
}

/// What they are called for short, with a sign behind it: alone it may be a Markov decision process.
macro_rules! abbreviated {
    () => {
        r"|pwd|mdp"
    };
}

/// Between a name and its value, where French sets a narrow space that no key has.
macro_rules! blank {
    () => {
        r"[ \t\u{a0}\u{202f}]"
    };
}

/// A regular expression, and whether what it finds is one.
type Look = (&'static str, fn(&str) -> bool);

const LOOKS: &[Look] = &[
    // Private keys, whole, and what is left of one whose head or end is cut off.
    (
        r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)",
        always,
    ),
    (
        r"\A(?:[A-Za-z0-9+/=]*\r?\n)+-----END [A-Z0-9 ]*PRIVATE KEY-----",
        always,
    ),
    // Headers, to the end of the line.
    (
        r#"(?i)\b(?:set-cookie|cookie|(?:proxy-)?authorization|x-[a-z-]*(?:key|token|auth))["']?\s*[:=][ \t]*([^\r\n]+)"#,
        always,
    ),
    (
        r"(?i)\b(?:bearer|basic)[ \t]+([A-Za-z0-9._~+/=-]{6,})",
        always,
    ),
    // Names that say what they are: `WANDB_API_KEY=…`, `"password": "…"`, `--token …`.
    (
        concat!(
            r"(?i)(?:",
            passwords!(),
            abbreviated!(),
            r#"|secret|credential)[\w.-]*["']?"#,
            blank!(),
            r"*[=:]",
            blank!(),
            r#"*(?:"((?:[^"\\\r\n]|\\[^\r\n])*)"|'([^'\r\n]*)'|([^\s"',;]+))"#
        ),
        always,
    ),
    // Passwords have blanks: to the end of the line, but for options, which have others behind them.
    (
        concat!(
            r"(?im)(?:^|[^\w-])[\w.]*(?:",
            passwords!(),
            abbreviated!(),
            r#")[\w.-]*["']?"#,
            blank!(),
            r"*[=:]",
            blank!(),
            r#"*([^\s"'][^\r\n]*|"[^"\r\n]*\r?$|'[^'\r\n]*\r?$)"#
        ),
        always,
    ),
    (
        concat!(
            r"(?i)(?:^|[^\w-])[\w.]*(?:",
            passwords!(),
            r#")s?["']?"#,
            blank!(),
            r"+([^\s:=][^\r\n]*)"
        ),
        always,
    ),
    // Whoever has an address that is signed, or with a token in it, is let in.
    (
        r#"(?i)signature["']?[ \t]*=[ \t]*["']?([^\s"'&,;]+)"#,
        always,
    ),
    (r#"(?i)\bsig=["']?([^\s"'&,;]+)"#, is_no_count),
    (
        r#"(?i)[?&](?:[\w.%-]*(?:token|sig|signature|key|auth|secret|passw(?:or)?d|jwt)|code)=([^\s"'&]+)"#,
        always,
    ),
    (
        r#"(?i)(?:tokens?(?:[_.-][\w.-]*)?|(?:api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key|session[_-]?id)[\w.-]*)["']?[ \t]*[=:][ \t]*(?:"([^"\r\n]*)"|'([^'\r\n]*)'|([^\s"',;]+))"#,
        is_no_count,
    ),
    (
        r#"(?i)--?[a-z0-9-]*(?:passw(?:or)?d|passphrase|secret|tokens?|api-?key|access-?key)(?:-[a-z0-9-]*)?[ \t]+("[^"\r\n]*"|'[^'\r\n]*'|[^\s-]\S*)"#,
        is_no_count,
    ),
    (
        r#"(?i)\b(?:user(?:[_-]?name)?|logname|login|[a-z_]+_user)["']?[ \t]*[=:][ \t]*["']?([^\s"',;]+)"#,
        is_no_count,
    ),
    // What `id` prints, and a number that is somebody's.
    (
        r#"(?i)\b[er]?[ug]id["']?[=:][ \t]*(\d+\([^)\r\n]*\))"#,
        always,
    ),
    (r#"(?i)\b[er]?uid["']?[=:][ \t]*(\d+)"#, always),
    (
        r"(?i)\bgroups?=(\d+\([^)\r\n]*\)(?:,\d+\([^)\r\n]*\))*)",
        always,
    ),
    // Tokens by their own form.
    (r"\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*", always),
    (
        r"\b(?:hf|gh[oprsu]|github_pat|glpat|gldt|npm|pypi|sk|pk|rk|xox[a-z]|dapi|nvapi|dop_v1|hvs|wandb)[_-][A-Za-z0-9_-]{10,}",
        always,
    ),
    (r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}", always),
    (r"\b(?:AIza|ya29\.)[A-Za-z0-9_-]{20,}", always),
    // Whatever is long and looks random: digests, keys, ids.
    (r"[A-Za-z0-9_=-]{32,}", is_mixed),
    (r"[A-Za-z0-9+/]{40,}=*", is_random),
    // People and machines.
    (r#"[^\s<>"'`(),;:@/\[\]]+@[^\s<>"'`(),;:@/\[\]]+"#, always),
    (r"://([^\s/@]+)@", always),
    (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", always),
    (
        r"(?i)(?:^|[^\w:.])((?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:)+:(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?|::[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)(?:$|[^\w:])",
        always,
    ),
    (r"(?i)\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b", always),
    // Telephones, called from abroad or said to be one.
    (
        r"(?:^|[^\w.+])(\+[1-9](?:[ .()/\u{a0}\u{202f}-]{0,2}\d){6,14})",
        is_phone,
    ),
    (
        r"(?i)(?:\btel|t(?:\u{e9}|e)l(?:\u{e9}|e)(?:ph|f)ono?e?|phone|\bmobile|\bfax|\bgsm)[. \t\u{a0}\u{202f}:=]*([+(]?\d(?:[ ./()\u{a0}\u{202f}-]{0,2}\d){5,14})",
        always,
    ),
    // Where somebody is at home, with all that lies there.
    (
        r#"(?i)[/\\](?:z?homes?|users)[/\\]+([^\s"'`,;:()<>|]+)"#,
        always,
    ),
    (r"(?:^|[\s=:])~([A-Za-z_][\w.-]*)(?:/|$)", always),
    // Accounts at banks, in groups or in one piece.
    (
        r"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b",
        is_account,
    ),
];

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, and every test of redaction reads them"
)]
pub(super) static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let compiled = |(look, is_secret): &Look, keeps_file| Pattern {
        regex: Regex::new(look).expect("a pattern is valid"),
        is_secret: *is_secret,
        keeps_file,
    };
    let whole = LOOKS.iter().map(|it| compiled(it, false));
    whole.chain([compiled(&(PLACES, always), true)]).collect()
});
