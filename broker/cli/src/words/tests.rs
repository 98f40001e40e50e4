use std::collections::BTreeSet;
use std::path::Path;

use super::*;

/// The texts of the code in this crate's folder: all that stands in quotes, and of these what `say` and `fill` are
/// given at once.
#[derive(Default)]
struct Written {
    all: BTreeSet<String>,
    said: BTreeSet<String>,
    heads: BTreeSet<String>,
}

impl Written {
    fn read(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // What the command line takes is described in English.
            if path.ends_with("src/cli") {
                continue;
            }
            if path.is_dir() {
                self.read(&path);
            } else if !path.ends_with("tests.rs") && !path.ends_with("words.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                let lines = code.lines().filter(|it| !it.trim_start().starts_with("//"));
                self.of(&lines.collect::<Vec<_>>().join("\n"));
            }
        }
    }

    fn of(&mut self, code: &str) {
        let (mut before, mut rest) = ("", code);
        while let Some((code, quoted)) = rest.split_once('"') {
            before = if code.trim().is_empty() {
                before
            } else {
                code.trim_end()
            };
            if before.ends_with('\'') {
                rest = quoted;
                continue;
            }
            let (text, after) = text(quoted);
            if before.ends_with("say(") || before.ends_with("fill(") {
                self.said.insert(text.clone());
            }
            if is_head(&text) && (before.ends_with('[') || before.ends_with(',')) {
                self.heads.insert(text.clone());
            }
            self.all.insert(text);
            (before, rest) = ("", after);
        }
    }
}

fn is_head(text: &str) -> bool {
    let shouts = |c: char| c.is_ascii_uppercase() || matches!(c, ' ' | '-');
    text.len() > 1 && text.chars().all(shouts)
}

/// What stands between the quotes, with what it means to escape, and what comes after them.
fn text(quoted: &str) -> (String, &str) {
    let (mut text, mut chars) = (String::new(), quoted.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                // A line that goes on in the next one.
                Some((_, '\n')) => {
                    let after = chars.as_str().trim_start();
                    let skipped = chars.as_str().len() - after.len();
                    chars.by_ref().take(skipped).for_each(drop);
                }
                Some((_, other)) => text.push(other),
                None => {}
            },
            c => text.push(c),
        }
    }
    (text, "")
}

fn catalogue(table: &str) -> HashMap<String, String> {
    let mut tables: HashMap<String, HashMap<String, String>> =
        toml::from_str(include_str!("../../texts/fr.toml")).unwrap();
    tables.remove(table).unwrap()
}

fn places(text: &str) -> BTreeSet<&str> {
    let parts = text.split('{').skip(1);
    parts.filter_map(|it| Some(it.split_once('}')?.0)).collect()
}

#[test]
fn whatever_is_said_in_english_has_its_french_with_the_same_places_and_nothing_is_left_over() {
    let mut written = Written::default();
    written.read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(written.said.len() > 250, "{}", written.said.len());
    let french = catalogue("said");
    let lacks = |all: &BTreeSet<String>| {
        let lacking = all.iter().filter(|it| !french.contains_key(*it));
        lacking.cloned().collect::<Vec<_>>()
    };
    assert_eq!(lacks(&written.said), [""; 0]);
    assert!(written.heads.len() > 100, "{}", written.heads.len());
    assert_eq!(lacks(&written.heads), [""; 0]);
    for (english, french) in &french {
        assert!(written.all.contains(english), "nothing says `{english}`");
        assert_eq!(places(english), places(french), "{english}");
    }
    assert!(
        catalogue("broker")
            .keys()
            .all(|it| !french.contains_key(it))
    );
}

#[tokio::test]
async fn who_reads_french_is_told_in_french_and_everybody_else_in_english() {
    let told = || async {
        let filled = fill("{mode} is not offered at: {systems}");
        let filled = filled.with("mode", "m").with("systems", "{mode}");
        (
            filled.to_string(),
            word("needs_evidence"),
            units("node-hour"),
        )
    };
    let french = read_in(Some("fr"), told()).await;
    assert_eq!(
        french.0, "m n'est pas offert à : {mode}",
        "what is put in stays"
    );
    assert_eq!(
        (french.1.as_str(), french.2.as_str()),
        ("preuve manquante", "heures-nœud")
    );
    let english = (
        "m is not offered at: {mode}".to_owned(),
        "needs evidence".to_owned(),
        "node-hours".to_owned(),
    );
    assert_eq!(read_in(Some("de"), told()).await, english);
    assert_eq!(read_in(None, told()).await, english);
    assert_eq!(told().await, english, "where nobody is known to read");
    assert_eq!(say("what no catalogue has"), "what no catalogue has");
}
