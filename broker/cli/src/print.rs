//! Tables for people: plain text, columns as wide as their longest cell.

use std::io::{self, Write};

use broker_model::{Considered, Placement};
use serde::Serialize;

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

pub(crate) fn table(head: &[&str], rows: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
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
    let head: Vec<String> = head.iter().map(|name| (*name).to_owned()).collect();
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
            if chosen { "chosen" } else { "considered" }.to_owned(),
            seconds(candidate.forecast.wait_seconds),
            match candidate.billing_assumed_since {
                None => format!("{} {}", candidate.charge, candidate.charge_unit),
                Some(_) => format!("{} {} assumed", candidate.charge, candidate.charge_unit),
            },
            candidate.forecast.basis.clone(),
        ],
        None => vec![
            one.partition.to_string(),
            "rejected".to_owned(),
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
    fn a_cell_longer_than_any_screen_is_printed() {
        let mut out = Vec::new();
        let rows = [vec!["x".repeat(70_000), "end".to_owned()]];
        table(&["WORDS", "LAST"], &rows, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("x  end\n"));
    }
}
