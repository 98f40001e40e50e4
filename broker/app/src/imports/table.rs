//! A table of allocations: RFC 4180, UTF-8, with a line of names first.

use std::collections::BTreeMap;

use csv::{ByteRecord, Reader, ReaderBuilder, Trim};

use super::line::{ImportBatch, ImportLine};
use crate::invalid::Faults;

/// Names of columns, and whether a table must have them; in any order.
pub const COLUMNS: [(&str, bool); 16] = [
    ("reference", true),
    ("organisation", true),
    ("country", true),
    ("identifier", true),
    ("project", true),
    ("call_reference", false),
    ("system", true),
    ("share", true),
    ("mode", false),
    ("unit", true),
    ("hours", true),
    ("worth_eur", false),
    ("valid_from", true),
    ("valid_to", true),
    ("local_accounts", false),
    ("suspended", false),
];
/// One change is one transaction.
const MOST_LINES: usize = 5000;
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Of the lines as they stand: what the first one names is for its reader to find out.
pub(crate) fn reader_of(bytes: &[u8]) -> Reader<&[u8]> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(bytes)
}

/// The lines of a table. What cannot be read is among the faults, beside the lines that can.
pub fn read_table(bytes: &[u8], source: &str) -> ImportBatch {
    let mut batch = ImportBatch {
        source: source.to_owned(),
        whole: true,
        ..ImportBatch::default()
    };
    let mut faults = Faults::default();
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut reader = reader_of(bytes);
    let mut records = reader.byte_records();
    let columns = if let Some(Ok(names)) = records.next() {
        columns(&names, &mut faults)
    } else {
        let allowed = "a first line with the names of the columns";
        faults.add("line 1", "the table is empty", allowed);
        None
    };
    let Some(columns) = columns else {
        batch.faults = faults.all().to_vec();
        return batch;
    };
    for record in records {
        match record {
            Ok(record) => {
                let place = format!("line {}", line_number(&record, bytes));
                batch
                    .lines
                    .extend(line(&record, place, &columns, &mut faults));
            }
            Err(error) => faults.add("table", error.to_string(), "a table as RFC 4180 has it"),
        }
    }
    if batch.lines.len() > MOST_LINES {
        let reason = format!("there are {} lines", batch.lines.len());
        let allowed =
            format!("{MOST_LINES} at once: make tables of it, each with a source of its own");
        faults.add("table", reason, &allowed);
    }
    batch.faults = faults.all().to_vec();
    batch
}

/// Which column stands where; none where lines could not be told by it.
fn columns(names: &ByteRecord, faults: &mut Faults) -> Option<Vec<&'static str>> {
    let mut columns = Vec::new();
    let before = faults.count();
    let listed = || COLUMNS.map(|(name, _)| name).join(", ");
    for name in names {
        let name = String::from_utf8_lossy(name);
        let known = COLUMNS.iter().find(|(known, _)| *known == name);
        match known {
            Some((known, _)) if columns.contains(known) => {
                faults.add("line 1", format!("`{known}` stands there twice"), "it once");
            }
            Some((known, _)) => columns.push(*known),
            None if name.contains(';') => {
                let reason = "its values are separated by `;`";
                faults.add("line 1", reason, "values separated by `,`");
                return None;
            }
            None => {
                let reason = format!("`{}` is no column", name.escape_debug());
                faults.add("line 1", reason, &listed());
            }
        }
    }
    let needed = COLUMNS.iter().filter(|(_, is_needed)| *is_needed);
    let lacking: Vec<String> = { needed.filter(|(name, _)| !columns.contains(name)) }
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    match lacking.as_slice() {
        [] => {}
        [one] => faults.add("line 1", format!("there is no column {one}"), &listed()),
        several => {
            let reason = format!("there are no columns {}", several.join(", "));
            faults.add("line 1", reason, &listed());
        }
    }
    (faults.count() == before).then_some(columns)
}

/// Where its first value stands: the reader counts from the end of the record before, which empty lines
/// and the second half of `\r\n` come after.
pub(crate) fn line_number(record: &ByteRecord, table: &[u8]) -> u64 {
    let Some(position) = record.position() else {
        return 0;
    };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = table.get(start..).unwrap_or_default();
    let ends = rest.iter().take_while(|it| matches!(it, b'\r' | b'\n'));
    position.line() + ends.filter(|it| **it == b'\n').fold(0, |n, _| n + 1)
}

fn line(
    record: &ByteRecord,
    place: String,
    columns: &[&'static str],
    faults: &mut Faults,
) -> Option<ImportLine> {
    if record.iter().all(<[u8]>::is_empty) {
        return None;
    }
    if record.len() != columns.len() {
        let reason = format!("it has {} values", record.len());
        let allowed = format!(
            "{}, one for each column; a value with a comma stands in quotes",
            columns.len()
        );
        faults.add(&place, reason, &allowed);
        return None;
    }
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    for (column, value) in columns.iter().zip(record) {
        let Ok(value) = std::str::from_utf8(value) else {
            let field = format!("{place}, {column}");
            faults.add(&field, "it is no UTF-8", "the table saved as UTF-8");
            return None;
        };
        values.insert(column, value.to_owned());
    }
    let mut take = |column: &str| values.remove(column).unwrap_or_default();
    Some(ImportLine {
        reference: take("reference"),
        organisation: take("organisation"),
        country: take("country"),
        identifier: take("identifier"),
        project: take("project"),
        call_reference: take("call_reference"),
        project_key: String::new(),
        system: take("system"),
        share: take("share"),
        mode: take("mode"),
        unit: take("unit"),
        hours: take("hours"),
        worth_eur: take("worth_eur"),
        valid_from: take("valid_from"),
        valid_to: take("valid_to"),
        local_accounts: take("local_accounts"),
        suspended: take("suspended"),
        place,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "reference,organisation,country,identifier,project,system,share,unit,hours,valid_from,valid_to";

    fn said(text: &[u8]) -> Vec<String> {
        let faults = read_table(text, "csv").faults;
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn quotes_lines_within_values_and_a_byte_order_mark_are_read_as_the_rfc_says() {
        let text = format!(
            "\u{feff}{HEAD}\r\nA-1,\"Acme, \"\"AI\"\"\nLtd\",FR, pic:1 ,P,federation,union,GPU-hour,1,2026-12-01,2026-12-31\r\n\r\nA-2,B,FR,pic:2,P,federation,union,GPU-hour,1,2026-12-01,2026-12-31"
        );
        let batch = read_table(text.as_bytes(), "csv");
        assert_eq!(batch.faults, []);
        let [first, second] = &batch.lines[..] else {
            panic!("{batch:?}")
        };
        assert_eq!(first.organisation, "Acme, \"AI\"\nLtd");
        assert_eq!(first.identifier, "pic:1");
        assert_eq!((&*first.place, &*second.place), ("line 2", "line 5"));
    }

    #[test]
    fn every_line_that_cannot_be_read_is_named_and_the_others_are_read() {
        let mut text = format!("{HEAD}\nA-1,B,FR\n").into_bytes();
        text.extend(b"A-2,\xff,FR,p,P,s,u,U,1,a,b\nA-3,B,FR,p,P,s,u,U,1,a,b\n");
        assert_eq!(
            said(&text),
            [
                "line 2: it has 3 values; allowed: 11, one for each column; a value with a comma \
                 stands in quotes",
                "line 3, organisation: it is no UTF-8; allowed: the table saved as UTF-8",
            ]
        );
        assert_eq!(read_table(&text, "csv").lines.len(), 1);
    }

    #[test]
    fn a_head_that_names_other_columns_or_none_is_refused_with_those_that_are_known() {
        let all = said(b"reference,reference,colour\n");
        assert!(all[0].contains("`reference` stands there twice"), "{all:?}");
        assert!(all[1].contains("`colour` is no column"), "{all:?}");
        assert!(all[2].contains("no columns `organisation`,"), "{all:?}");
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(said(b"")[0].contains("the table is empty"));
        assert!(said(HEAD.replace(',', ";").as_bytes())[0].contains("separated by `,`"));
    }
}
