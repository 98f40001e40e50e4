/// One word for a POSIX shell, whatever it holds: ssh gives the far side one string, and a shell there
/// takes it apart (ssh(1), "a complete command line").
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A command line. Words that no shell acts on stand as they are: it is quoted once more on its way,
/// which makes four bytes of each mark.
pub(crate) fn quoted_all(words: &[String]) -> String {
    let is_plain = |word: &&String| {
        let is_plain = |b: u8| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'=' | b':' | b'-')
        };
        !word.is_empty() && word.bytes().all(is_plain)
    };
    let word = |word: &String| match Some(word).filter(is_plain) {
        Some(plain) => plain.clone(),
        None => quoted(word),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn through_a_shell(words: &[String]) -> Vec<String> {
        let line = format!("printf '%s\\0' {}", quoted_all(words));
        let output = Command::new("sh").arg("-c").arg(line).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn words_that_a_shell_would_act_on_arrive_as_they_are() {
        let words = [
            "",
            " ",
            "'",
            "''",
            "$(touch /tmp/x)",
            "`id`",
            "a b",
            "\\",
            "\\'",
            "\n",
            "*",
            "~",
            "!",
            "-n",
            "é✓",
            "\"",
            ";",
            "#",
            "&&",
            "$HOME",
            "{a,b}",
            "\t\r",
        ]
        .map(str::to_owned);
        assert_eq!(through_a_shell(&words), words);
    }

    #[test]
    fn a_shell_inside_a_shell_gets_the_same_words() {
        let inner = format!("printf %s {}", quoted("a'b \"$c\" \\"));
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("sh -c {}", quoted(&inner)))
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"a'b \"$c\" \\");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_words_come_through_a_shell_unchanged(
            words in proptest::collection::vec("[^\0]{0,24}", 1..8)
        ) {
            prop_assert_eq!(through_a_shell(&words), words);
        }
    }
}
