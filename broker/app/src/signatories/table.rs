//! A list of signatories as a table: RFC 4180, UTF-8, `name` and perhaps `country` and `pledged_on` in the
//! first line.

use std::collections::BTreeMap;

use broker_model::{InvalidSpec, Signatory, is_country};
use csv::ByteRecord;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use crate::imports::{BYTE_ORDER_MARK, line_number, reader_of};
use crate::invalid::Faults;

const LONGEST_NAME: usize = 200;
/// Far above the list of the whole pact; one commit holds it.
const MOST_NAMES: usize = 20_000;
const COLUMNS: &str = "`name`, and perhaps `country` and `pledged_on`";

/// What a file says, with what cannot be taken of it by line.
#[derive(Clone, Debug, Default)]
pub struct SignatoryTable {
    /// Of the bytes as they were given.
    pub sha256: String,
    pub signatories: Vec<Signatory>,
    /// Where each of them stands: `line 7`.
    pub(super) places: Vec<String>,
    pub faults: Vec<InvalidSpec>,
}

/// Where the columns stand.
struct Head {
    name: usize,
    country: Option<usize>,
    pledged_on: Option<usize>,
    columns: usize,
}

pub fn read_signatories(bytes: &[u8]) -> SignatoryTable {
    let mut table = SignatoryTable {
        sha256: hex::encode(Sha256::digest(bytes)),
        ..SignatoryTable::default()
    };
    let mut faults = Faults::default();
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut reader = reader_of(bytes);
    let mut records = reader.byte_records();
    let head = if let Some(Ok(names)) = records.next() {
        head(&names, &mut faults)
    } else {
        faults.add("line 1", "the table is empty", COLUMNS);
        None
    };
    // Companies of two countries may have one name.
    let mut seen: BTreeMap<(String, Option<String>), String> = BTreeMap::new();
    for record in head.is_some().then_some(records).into_iter().flatten() {
        let (Ok(record), Some(head)) = (&record, &head) else {
            let reason = record.err().map(|it| it.to_string()).unwrap_or_default();
            faults.add("table", reason, "a table as RFC 4180 has it");
            continue;
        };
        let place = format!("line {}", line_number(record, bytes));
        let Some(signatory) = line(record, &place, head, &mut faults) else {
            continue;
        };
        let key = (signatory.name.clone(), signatory.country.clone());
        if let Some(before) = seen.insert(key, place.clone()) {
            let reason = format!(
                "`{}` stands in {before}, too",
                signatory.name.escape_debug()
            );
            let allowed = "each name once in a country";
            faults.add(&format!("{place}, name"), reason, allowed);
        }
        table.signatories.push(signatory);
        table.places.push(place);
    }
    if head.is_some() && table.signatories.is_empty() && faults.count() == 0 {
        faults.add("table", "there is no name in it", "1 name or more");
    }
    if table.signatories.len() > MOST_NAMES {
        let reason = format!("there are {} names", table.signatories.len());
        faults.add("table", reason, &format!("{MOST_NAMES}"));
    }
    table.faults = faults.all().to_vec();
    table
}

fn head(names: &ByteRecord, faults: &mut Faults) -> Option<Head> {
    let (mut name, mut country, mut pledged_on) = (None, None, None);
    let before = faults.count();
    for (at, column) in names.iter().enumerate() {
        let column = String::from_utf8_lossy(column);
        let place = match &*column {
            "name" => &mut name,
            "country" => &mut country,
            "pledged_on" => &mut pledged_on,
            _ => {
                let reason = format!("`{}` is no column", column.escape_debug());
                faults.add("line 1", reason, COLUMNS);
                continue;
            }
        };
        if place.replace(at).is_some() {
            faults.add(
                "line 1",
                format!("`{column}` stands there twice"),
                "it once",
            );
        }
    }
    if name.is_none() {
        faults.add("line 1", "there is no column `name`", COLUMNS);
    }
    if faults.count() > before {
        return None;
    }
    Some(Head {
        name: name?,
        country,
        pledged_on,
        columns: names.len(),
    })
}

/// None for an empty line, and where anything of it is wrong.
fn line(record: &ByteRecord, place: &str, head: &Head, faults: &mut Faults) -> Option<Signatory> {
    if record.iter().all(<[u8]>::is_empty) {
        return None;
    }
    if record.len() != head.columns {
        let reason = format!("it has {} values", record.len());
        let allowed = format!("{}; a value with a comma stands in quotes", head.columns);
        faults.add(place, reason, &allowed);
        return None;
    }
    let Ok(values) = record
        .iter()
        .map(std::str::from_utf8)
        .collect::<Result<Vec<_>, _>>()
    else {
        faults.add(place, "it is no UTF-8", "the table saved as UTF-8");
        return None;
    };
    let before = faults.count();
    let name = *values.get(head.name)?;
    faults.check_name(&format!("{place}, name"), name, LONGEST_NAME);
    let said = |at: Option<usize>| {
        let value = at.and_then(|at| values.get(at).copied());
        value.filter(|it| !it.is_empty())
    };
    let country = said(head.country);
    if let Some(country) = country.filter(|it| !is_country(it)) {
        let reason = format!("`{}` is no country", country.escape_debug());
        let allowed = "a code of ISO 3166-1 alpha-2, `FR`, or nothing";
        faults.add(&format!("{place}, country"), reason, allowed);
    }
    let pledged_on = said(head.pledged_on);
    let day = pledged_on.and_then(|it| it.parse::<Date>().ok().filter(|day| day.to_string() == it));
    if let (Some(text), None) = (pledged_on, day) {
        let reason = format!("`{}` is no day", text.escape_debug());
        let allowed = "a day, as `2024-09-25`, or nothing";
        faults.add(&format!("{place}, pledged_on"), reason, allowed);
    }
    (faults.count() == before).then(|| Signatory {
        name: name.to_owned(),
        country: country.map(str::to_owned),
        pledged_on: day,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &[u8]) -> Vec<String> {
        let faults = read_signatories(text).faults;
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_taken_as_they_are_spelt_and_the_digest_is_of_the_bytes() {
        let text = "\u{feff}country,name\r\nFR,\"Pléione, SA\"\r\n\r\n,Maia GmbH\r\n";
        let table = read_signatories(text.as_bytes());
        assert_eq!(table.faults, []);
        assert_eq!(table.sha256, hex::encode(Sha256::digest(text)));
        let names: Vec<_> = { table.signatories.iter() }
            .map(|it| (it.name.as_str(), it.country.as_deref()))
            .collect();
        assert_eq!(names, [("Pléione, SA", Some("FR")), ("Maia GmbH", None)]);
    }

    #[test]
    fn each_bad_line_is_told_with_its_number_and_its_reason() {
        let text = b"name,country\nMaia,France\nMaia\n,FR\nAtlas,FR\n\nAtlas,FR\n\xff,FR\n";
        let said = said(text);
        for (line, reason) in [
            ("line 2, country: ", "`France` is no country"),
            ("line 3: ", "it has 1 values"),
            ("line 4, name: ", "says nothing"),
            ("line 7, name: ", "`Atlas` stands in line 5, too"),
            ("line 8: ", "it is no UTF-8"),
        ] {
            let is_told = |it: &String| it.starts_with(line) && it.contains(reason);
            assert!(said.iter().any(is_told), "{line}{reason}: {said:?}");
        }
        assert_eq!(said.len(), 5, "{said:?}");
    }

    #[test]
    fn one_name_in_two_countries_is_two_and_pledges_have_their_days() {
        let text = "name,pledged_on,country\nAlpha,2024-09-25,FR\nAlpha,,DE\nAlpha,,\n";
        let table = read_signatories(text.as_bytes());
        assert_eq!(table.faults, []);
        let found: Vec<_> = { table.signatories.iter() }
            .map(|it| {
                (
                    it.country.as_deref(),
                    it.pledged_on.map(|day| day.to_string()),
                )
            })
            .collect();
        let day = Some("2024-09-25".to_owned());
        assert_eq!(found, [(Some("FR"), day), (Some("DE"), None), (None, None)]);
        let wrong = said(
            b"name,country,pledged_on\nAlpha,FR,25.9.2024\nBeta,FR,2024-02-30\nGamma,DE,2024-09-25T12:00:00\nDelta,FR,2024-01-01\nDelta,FR,2024-01-02\n",
        );
        for (line, reason) in [
            ("line 2, pledged_on: ", "`25.9.2024` is no day"),
            ("line 3, pledged_on: ", "`2024-02-30` is no day"),
            ("line 4, pledged_on: ", "`2024-09-25T12:00:00` is no day"),
            ("line 6, name: ", "`Delta` stands in line 5, too"),
        ] {
            let is_told = |it: &String| it.starts_with(line) && it.contains(reason);
            assert!(wrong.iter().any(is_told), "{line}{reason}: {wrong:?}");
        }
        assert_eq!(wrong.len(), 4, "{wrong:?}");
    }

    #[test]
    fn a_table_without_names_or_with_other_columns_is_refused() {
        assert!(said(b"")[0].contains("the table is empty"));
        assert!(said(b"name\n")[0].contains("no name in it"));
        let other = said(b"organisation,name,name\nA,B,C\n");
        assert!(
            other[0].contains("`organisation` is no column"),
            "{other:?}"
        );
        assert!(other[1].contains("stands there twice"), "{other:?}");
        assert!(said(b"country\nFR\n")[0].contains("no column `name`"));
    }
}
