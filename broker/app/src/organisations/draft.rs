use broker_model::{Identifiers, OrganisationDraft, OrganisationKind, SizeClass, is_country};
use jiff::civil::Date;
use policy_engine::{Engine, IdentifierKind};

use crate::invalid::Faults;

const LONGEST_NAME: usize = 200;
/// The oldest organisations that still compute are universities.
const OLDEST: Date = jiff::civil::date(1000, 1, 1);

/// Its identifiers, normalised; what is wrong with one goes to the faults. That a number was given out is
/// not looked up.
pub(super) fn identifiers(
    engine: &Engine,
    draft: &OrganisationDraft,
    faults: &mut Faults,
) -> Identifiers {
    let mut check = |kind, value: &Option<String>| {
        let value = value.as_deref().filter(|it| !it.trim().is_empty())?;
        match engine.check_identifier(kind, value, Some(&draft.country)) {
            // The register that an EUID names is the one of the establishment; a VAT number may be from abroad.
            Ok(checked) if kind == IdentifierKind::Euid && checked.note.is_some() => {
                let note = checked.note.unwrap_or_default();
                let allowed = format!("one of a register in {}", draft.country.escape_debug());
                faults.add("identifiers.euid", note, &allowed);
                None
            }
            Ok(checked) => Some(checked.value),
            Err(fault) => {
                let field = format!("identifiers.{}", fault.field);
                faults.add(&field, fault.reason, &fault.allowed);
                None
            }
        }
    };
    let given = &draft.identifiers;
    Identifiers {
        vat: check(IdentifierKind::Vat, &given.vat),
        pic: check(IdentifierKind::Pic, &given.pic),
        euid: check(IdentifierKind::Euid, &given.euid),
        lei: check(IdentifierKind::Lei, &given.lei),
    }
}

/// What is wrong with it, identifiers and accounts apart.
pub(super) fn faults(draft: &OrganisationDraft, today: Date) -> Faults {
    let mut faults = Faults::default();
    faults.check_name("name", &draft.name, LONGEST_NAME);
    check_country("country", &draft.country, &mut faults);
    if let Some(founded) = draft.founded_on
        && !(OLDEST..=today).contains(&founded)
    {
        let reason = format!("{founded} is not a day that it can have been founded on");
        faults.add("founded_on", reason, &format!("a day up to {today}"));
    }
    contradictions(draft, &mut faults);
    faults
}

/// What keeps a text from being the country of an establishment.
pub(crate) fn check_country(field: &str, country: &str, faults: &mut Faults) {
    if !is_country(country) {
        let reason = match country.trim() {
            "" => "is missing".to_owned(),
            country => format!("`{}` is no country", country.escape_debug()),
        };
        let allowed = "a code of ISO 3166-1 alpha-2: `FR`, `GR`";
        faults.add(field, reason, allowed);
    }
}

fn contradictions(draft: &OrganisationDraft, faults: &mut Faults) {
    if draft.startup == Some(true) && draft.kind != OrganisationKind::Company {
        let reason = format!(
            "a start-up is a company, and `kind` is `{}`",
            draft.kind.as_str()
        );
        faults.add("startup", reason, "`false`, or `kind` = `company`");
    }
    if draft.startup == Some(true) && draft.size == Some(SizeClass::Large) {
        let reason = "calls want start-ups that are small or medium, and `size` is `large`";
        faults.add(
            "startup",
            reason,
            "`false`, or the size by Recommendation 2003/361/EC",
        );
    }
}
