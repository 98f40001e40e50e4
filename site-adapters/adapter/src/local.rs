//! What a batch system's host says of a job's user unless its site says otherwise.

/// Whether this is a POSIX user's name that is safe in a path, an argument and a header (Debian's
/// `NAME_REGEX` and a dot).
pub fn is_posix_user(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.')
        })
}

/// Where a user's home is; `{user}` is their name.
pub fn default_home() -> String {
    "/home/{user}".to_owned()
}

/// `PATH` of a job's script.
pub fn default_path() -> String {
    "/usr/local/bin:/usr/bin:/bin".to_owned()
}

/// The program that runs containers, by the path of the job.
pub fn default_apptainer() -> String {
    "apptainer".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_name_is_nothing_that_a_path_or_an_option_could_be() {
        for good in ["ada", "_svc", "p200001", "a.b-c_d", &"a".repeat(32)] {
            assert!(is_posix_user(good), "{good}");
        }
        for bad in [
            "",
            "Ada",
            "1ada",
            "-r",
            "a/b",
            "a b",
            "a\nb",
            "é",
            &"a".repeat(33),
        ] {
            assert!(!is_posix_user(bad), "{bad:?}");
        }
    }
}
