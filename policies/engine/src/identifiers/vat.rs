use super::{CheckedIdentifier, IdentifierFault, IdentifierKind, form, judged};
use crate::tables::{Countries, FormRow, VatRow};

/// A row with the number less its prefix.
type Candidate<'a> = (&'a VatRow, &'a str);

pub(super) fn check(
    rows: &[VatRow],
    countries: &Countries,
    value: &str,
    country: Option<&str>,
) -> Result<CheckedIdentifier, IdentifierFault> {
    let kind = IdentifierKind::Vat;
    let compact = form::compact(value);
    let home = country.map(|code| countries.find(code).map_or(code, |it| it.code.as_str()));
    let candidates = candidates(rows, &compact, home);
    let Some((row, fit, text)) = candidates.iter().find_map(|it| fitting(*it)) else {
        return Err(misshapen(rows, &compact, (candidates.first(), home)));
    };
    let value = format!("{}{text}", row.prefix);
    let (checksum, note) = judged(kind, fit, row.confidence, text, &value)?;
    Ok(CheckedIdentifier {
        kind,
        checksum,
        note: note.or_else(|| abroad(row, home)),
        value,
    })
}

/// By its own prefix first, then as a number of the country without one.
fn candidates<'a>(rows: &'a [VatRow], text: &'a str, home: Option<&str>) -> Vec<Candidate<'a>> {
    let own = rows
        .iter()
        .filter_map(|row| Some((row, text.strip_prefix(&row.prefix)?)));
    let home = { rows.iter() }
        .filter(|row| Some(row.country.as_str()) == home)
        .map(|row| (row, text));
    own.chain(home).collect()
}

fn fitting((row, text): Candidate<'_>) -> Option<(&VatRow, &FormRow, &str)> {
    form::fitting(&row.forms, text).map(|fit| (row, fit, text))
}

fn misshapen(
    rows: &[VatRow],
    value: &str,
    (nearest, home): (Option<&Candidate<'_>>, Option<&str>),
) -> IdentifierFault {
    let shown = form::shortened(value);
    let (reason, allowed) = if let Some((row, text)) = nearest {
        let of = &row.country;
        let more = match abroad(row, home) {
            Some(_) => format!(", which its prefix {} says it is", row.prefix),
            None if text.len() == value.len() && begins_as_abroad(value) => {
                ", and no prefix that is known here says that it is another state's".to_owned()
            }
            None => String::new(),
        };
        let reason = format!("`{shown}` has not the form of a VAT number of {of}{more}");
        (reason, form::allowed(&row.prefix, &row.forms))
    } else {
        let prefixes: Vec<_> = rows.iter().map(|row| row.prefix.as_str()).collect();
        let reason = format!("`{shown}` begins with no prefix of a VAT number that is known here");
        (
            reason,
            format!("a number that begins with one of {}", prefixes.join(", ")),
        )
    };
    IdentifierFault::new(IdentifierKind::Vat, reason, allowed)
}

/// Two letters and then digits, as most numbers are written abroad.
fn begins_as_abroad(value: &str) -> bool {
    let bytes = value.as_bytes();
    let letters = bytes.iter().take_while(|it| it.is_ascii_alphabetic());
    letters.count() == 2 && bytes.len() > 2
}

/// One may be registered for VAT wherever one trades (Directive 2006/112/EC, Art. 214).
fn abroad(row: &VatRow, home: Option<&str>) -> Option<String> {
    let home = home.filter(|home| *home != row.country)?;
    let country = &row.country;
    Some(format!(
        "it is a number of {country}, and the organisation is established in {home}"
    ))
}
