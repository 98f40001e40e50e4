use super::{CheckedIdentifier, Checksum, IdentifierFault, IdentifierKind, form};
use crate::tables::{Countries, EuidRow};

pub(super) fn check(
    row: &EuidRow,
    countries: &Countries,
    value: &str,
    country: Option<&str>,
) -> Result<CheckedIdentifier, IdentifierFault> {
    // Dots and hyphens are part of it.
    let kept = value.chars().filter(|c| !c.is_whitespace());
    let value: String = kept.map(|c| c.to_ascii_uppercase()).collect();
    let wrong = |reason: &str| {
        let reason = format!("`{}` {reason}", form::shortened(&value));
        let allowed = format!(
            "country, register, a dot and the number, up to {} signs: DEK1101R.HRB116737",
            row.longest
        );
        IdentifierFault::new(IdentifierKind::Euid, reason, allowed)
    };
    if value.chars().count() > row.longest {
        return Err(wrong("is too long"));
    }
    let (head, number) = value.split_once('.').ok_or_else(|| wrong("has no dot"))?;
    let split = head.get(..2).zip(head.get(2..));
    let (code, register) = split.ok_or_else(|| wrong("begins with no country"))?;
    let of = countries
        .find(code)
        .ok_or_else(|| wrong("begins with no country that is known here"))?;
    if register.is_empty() || !register.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(wrong("names no register before the dot"));
    }
    if !is_number(number) {
        return Err(wrong("has no number after the dot"));
    }
    let home = country.map(|code| countries.find(code).map_or(code, |it| it.code.as_str()));
    let abroad = home.filter(|home| *home != of.code);
    let note = abroad.map(|home| {
        let code = &of.code;
        format!("it is of a register in {code}, and the organisation is established in {home}")
    });
    Ok(CheckedIdentifier {
        kind: IdentifierKind::Euid,
        value,
        checksum: Checksum::NotChecked,
        note,
    })
}

/// Registers write numbers their own way; after `_` may follow one check, which each makes differently.
fn is_number(text: &str) -> bool {
    let mut parts = text.split('_');
    let is_part = |part: &str| {
        let is_sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/');
        part.chars().all(is_sign) && part.chars().any(|c| c.is_ascii_alphanumeric())
    };
    parts.next().is_some_and(is_part) && parts.next().is_none_or(is_part) && parts.next().is_none()
}
