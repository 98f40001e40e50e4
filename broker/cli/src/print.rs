//! Tables for people: plain text, columns as wide as their longest cell.

use std::io::{self, Write};

use broker_model::{Considered, Placement};
use serde::Serialize;

use crate::words::{fill, say};

pub(crate) fn json(value: &impl Serialize, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{}", serde_json::to_string_pretty(value)?)?;
    Ok(())
}

/// One JSON document on one line, for what may follow lines of another kind.
pub(crate) fn line(value: &impl Serialize, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{}", serde_json::to_string(value)?)?;
    Ok(())
}

/// No column is padded further: `format!` panics at a width of 65 536.
const WIDEST: usize = 1000;

/// The names of the columns are said in the language of who reads.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
    let head: Vec<String> = head.iter().map(|name| say(name).to_owned()).collect();
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells
            .chain(head.get(column).map(|name| name.chars().count()))
            .max()
            .unwrap_or(0)
            .min(WIDEST)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    // A line break in somebody's words would end the row.
    let padded = |cell: &str, width: usize| {
        let cell = cell.replace(|c: char| c.is_control(), " ");
        format!("{cell:width$}")
    };
    for row in std::iter::once(&head).chain(rows) {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells.map(|(cell, width)| padded(cell, *width)).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// Names that are longer do not widen the column of names: they are ids.
const LONGEST_NAME: usize = 20;

/// Named values, one below the other; the names are said in the language of who reads, and take `width` or what the
/// longest of them takes. A value of several lines stays in its column.
pub(crate) fn facts(
    lines: &[(&str, String)],
    width: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let lines: Vec<(&str, &String)> = { lines.iter() }
        .map(|(name, value)| (say(name), value))
        .collect();
    let widths = lines.iter().map(|(name, _)| name.chars().count());
    let widest = widths.filter(|it| *it <= LONGEST_NAME).max();
    let width = widest.unwrap_or(0).max(width);
    let below = format!("\n{:width$} ", "");
    for (name, value) in lines {
        let value = value.trim_end().replace('\n', &below);
        writeln!(out, "{name:width$} {value}")?;
    }
    Ok(())
}

/// Considered, rejected, chosen: one line for each partition.
pub(crate) fn placement(placement: &Placement, out: &mut impl Write) -> io::Result<()> {
    let rows: Vec<Vec<String>> = placement
        .considered
        .iter()
        .map(|one| row(placement, one))
        .collect();
    table(
        &["PARTITION", "RESULT", "WAIT", "CHARGE", "WHY"],
        &rows,
        out,
    )?;
    writeln!(out, "{}", placement.reason)
}

fn row(placement: &Placement, one: &Considered) -> Vec<String> {
    let chosen = placement.chosen.as_ref() == Some(&one.partition);
    match &one.candidate {
        Some(candidate) => vec![
            one.partition.to_string(),
            say(if chosen { "chosen" } else { "considered" }).to_owned(),
            seconds(candidate.forecast.wait_seconds),
            match candidate.billing_assumed_since {
                None => format!("{} {}", candidate.charge, candidate.charge_unit),
                Some(_) => fill("{charge} {charge_unit} assumed")
                    .with("charge", candidate.charge)
                    .with("charge_unit", &candidate.charge_unit)
                    .to_string(),
            },
            candidate.forecast.basis.clone(),
        ],
        None => vec![
            one.partition.to_string(),
            say("rejected").to_owned(),
            "-".to_owned(),
            "-".to_owned(),
            one.rejections
                .iter()
                .map(|r| r.words.as_str())
                .collect::<Vec<_>>()
                .join("; "),
        ],
    }
}

pub(crate) fn seconds(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The word an enum has on the wire: `ready`, `timed_out`.
pub(crate) fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or("-").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_line_breaks_stay_in_their_row() {
        let mut out = Vec::new();
        let rows = [vec!["two\nlines".to_owned(), "\u{1b}[31mred".to_owned()]];
        table(&["WORDS", "LAST"], &rows, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("two lines   [31mred\n"), "{text}");
    }

    #[test]
    fn values_stand_in_one_column_whatever_their_names_but_ids_do_not_widen_it() {
        let mut out = Vec::new();
        let lines = [
            ("purpose", "two\nlines\n".to_owned()),
            ("data_and_licence_statement", "page 3".to_owned()),
        ];
        facts(&lines, 8, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "purpose  two\n         lines\ndata_and_licence_statement page 3\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_cell_longer_than_any_screen_is_printed() {
        let mut out = Vec::new();
        let rows = [vec!["x".repeat(70_000), "end".to_owned()]];
        table(&["WORDS", "LAST"], &rows, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("x  end\n"));
    }
}
