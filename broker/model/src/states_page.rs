//! `states.md` against the enums it shows.

use std::collections::BTreeSet;

/// Every state and event of a machine as the page shall show them.
pub(crate) struct Machine {
    table: Vec<Vec<String>>,
    arrows: BTreeSet<(String, String, String)>,
}

impl Machine {
    pub(crate) fn new<'a>(events: impl Iterator<Item = &'a str>) -> Self {
        let mut head = vec!["state".to_owned()];
        head.extend(events.map(str::to_owned));
        Self {
            table: vec![head],
            arrows: BTreeSet::new(),
        }
    }

    /// Adds the answer of one state to the next event.
    pub(crate) fn add(&mut self, from: &str, event: &str, to: Option<&str>) {
        let row = match self.table.last_mut() {
            Some(row) if row[0] == from => row,
            _ => {
                self.table.push(vec![from.to_owned()]);
                self.table.last_mut().unwrap()
            }
        };
        row.push(match to {
            None => "-".to_owned(),
            Some(to) if to == from => "=".to_owned(),
            Some(to) => to.to_owned(),
        });
        if let Some(to) = to.filter(|to| *to != from) {
            let arrow = [from, to, event].map(str::to_owned);
            self.arrows.insert(arrow.into());
        }
    }

    pub(crate) fn assert_shown_in(&self, section: &str) {
        assert_eq!(table_in(section), self.table);
        assert_eq!(arrows_in(section), self.arrows);
    }
}

/// The text under a heading of the page.
pub(crate) fn section(heading: &str) -> &'static str {
    let page = include_str!("../states.md");
    let mut sections = page.split("\n## ");
    sections
        .find(|section| section.lines().next() == Some(heading))
        .unwrap()
}

/// The table whose first column is `state`.
fn table_in(section: &str) -> Vec<Vec<String>> {
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with("| state "))
        .take_while(|line| line.starts_with('|'))
        .filter(|line| !line.starts_with("|---"));
    let cells = |line: &str| {
        let inner = line.trim_matches('|').split('|');
        inner.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

/// The arrows that an event makes, without those from the beginning and out of a choice.
fn arrows_in(section: &str) -> BTreeSet<(String, String, String)> {
    let arrow = |line: &str| {
        let (from, rest) = line.trim().split_once(" --> ")?;
        let (to, event) = rest.split_once(" : ")?;
        Some((from.to_owned(), to.to_owned(), event.to_owned()))
    };
    section.lines().filter_map(arrow).collect()
}
