//! Which language somebody reads who has not said so: what their shell is set to (POSIX, 8.2).

use super::{Cli, values};

/// The first that is set decides, as for messages of every other program.
const SAID_IN: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

impl Cli {
    /// Takes the language of the shell where none was asked for; `var` reads its environment.
    #[must_use]
    pub fn in_locale(mut self, var: impl Fn(&str) -> Option<String>) -> Self {
        let set = { SAID_IN.iter() }.find_map(|name| var(name).filter(|it| !it.is_empty()));
        self.language = self.language.or_else(|| of_locale(&set?));
        self
    }
}

/// `fr_LU.UTF-8` is French, `C` and `POSIX` are none.
fn of_locale(locale: &str) -> Option<String> {
    let language = locale.split(['_', '.', '@', '-']).next()?;
    values::language(language).ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn reads(words: &[&str], set: &[(&str, &str)]) -> Option<String> {
        let cli = Cli::try_parse_from([&["alcyone", "whoami"][..], words].concat()).unwrap();
        let var = |name: &str| {
            let found = set.iter().find(|(it, _)| *it == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        cli.in_locale(var).language
    }

    #[test]
    fn what_is_asked_for_comes_before_the_shell_and_there_the_first_that_is_set() {
        let french = Some("fr".to_owned());
        assert_eq!(reads(&[], &[("LANG", "fr_LU.UTF-8")]), french);
        let set = [("LANG", "de_DE"), ("LC_ALL", ""), ("LC_MESSAGES", "fr")];
        assert_eq!(reads(&[], &set), french);
        assert_eq!(reads(&[], &[("LANG", "de_DE"), ("LC_ALL", "C")]), None);
        assert_eq!(reads(&[], &[("LANG", "POSIX")]), None);
        assert_eq!(reads(&[], &[]), None);
        assert_eq!(reads(&["--language", "fr"], &[("LANG", "de_DE")]), french);
    }
}
