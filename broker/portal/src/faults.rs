//! What is wrong with a field as the page says it: under the field's own label, and in the page's language where the
//! reason is one of the usual ones. Those are the texts `fault.*`: the English ones are what use cases say.

use broker_model::InvalidSpec;

use crate::texts::Texts;

/// Words with the language that they are in.
pub(crate) struct Worded {
    pub(crate) words: String,
    pub(crate) lang: &'static str,
}

/// A reason, or what is allowed.
pub(crate) fn worded(texts: Texts, english: &str) -> Worded {
    let said = texts.fault(english).or_else(|| listed(texts, english));
    Worded {
        lang: if said.is_some() { texts.lang() } else { "en" },
        words: said.unwrap_or_else(|| english.to_owned()),
    }
}

/// In one line, where there is no page around it.
pub(crate) fn line(texts: Texts, fault: &InvalidSpec) -> String {
    let (reason, allowed) = (
        worded(texts, &fault.reason).words,
        worded(texts, &fault.allowed).words,
    );
    format!("{reason}. {} {allowed}", texts.of("new.allowed"))
}

/// Several words of the model, all of which the catalogue has.
fn listed(texts: Texts, english: &str) -> Option<String> {
    let words: Option<Vec<String>> = english
        .split(", ")
        .map(|it| texts.known_word(it).map(str::to_owned))
        .collect();
    words.map(|it| it.join(", "))
}

/// What a page calls a field, rows by their numbers; none where it has no label.
pub(crate) fn label(texts: Texts, here: &str, field: &str) -> Option<String> {
    if let Some(key) = key(here, field) {
        return Some(texts.of(key).to_owned());
    }
    let mut parts = Vec::new();
    for part in field.split('.').filter(|it| *it != "size_facts") {
        let (name, row) = match part.split_once('[') {
            Some((name, row)) => (name, row.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        if name == "identifiers" {
            continue;
        }
        let words = texts.of(of_accounts(name)?);
        parts.push(match row {
            Some(row) => format!("{words} {}", row + 1),
            None => words.to_owned(),
        });
    }
    Some(parts.join(", "))
}

fn of_accounts(name: &str) -> Option<&'static str> {
    Some(match name {
        "periods" => "orgs.period",
        "partners" => "orgs.partner",
        "linked" => "orgs.linked",
        "last_day" => "orgs.last_day",
        "awu_hundredths" => "orgs.awu",
        "turnover_eur" => "orgs.turnover",
        "balance_eur" => "orgs.balance",
        "estimated" => "orgs.estimated",
        "percent_hundredths" => "orgs.percent",
        "public_percent_hundredths" => "orgs.public_share",
        "name" => "orgs.name",
        "vat" => "orgs.vat",
        "pic" => "orgs.pic",
        "euid" => "orgs.euid",
        "lei" => "orgs.lei",
        _ => return None,
    })
}

/// One name is not the same field on every page.
fn key(here: &str, field: &str) -> Option<&'static str> {
    Some(match (here, field) {
        ("reviews", "words") => "review.words_short",
        ("reviews", "kind") => "review.screening_kind",
        ("reviews", "expires_on") => "review.expires_on",
        ("follow-ups", "words") => "owed.words",
        ("follow-ups", "reason") => "owed.reason",
        ("contact", "words") => "referral.words_field",
        ("contact", "consent") => "referral.consent",
        ("funding", "share") => "allocation.share",
        ("funding", "from") => "funding.from",
        ("funding", "to") => "funding.to",
        ("matching", "sectors") => "matching.sectors",
        _ => return anywhere(field),
    })
}

fn anywhere(field: &str) -> Option<&'static str> {
    of_need(field).or_else(|| of_grant(field)).or_else(|| {
        Some(match field {
            "organisation" => "ways.organisation",
            "country" | "need.country" => "orgs.country",
            "kind" => "orgs.kind",
            "size" | "need.size" => "orgs.size",
            "startup" => "orgs.startup",
            "founded_on" => "orgs.founded_on",
            "identifiers" => "orgs.numbers",
            "issued_on" => "proof.from",
            "expires_on" => "proof.until_field",
            "source" => "proof.source",
            "whom" => "review.whom",
            "list" => "review.list",
            "screened_on" => "review.screened_on",
            "outcome" => "review.outcome",
            "close.outcome" => "referral.outcome",
            "close.words" => "referral.close_words",
            "decline.reason" => "referral.reason",
            "hand_over.to" => "referral.to",
            "hand_over.reason" => "referral.reason_both",
            "withdraw.words" => "referral.withdraw_words",
            "side" => "matching.side",
            "seeks" => "matching.seeks",
            "offers" => "matching.offers",
            "contact" => "matching.contact",
            "role" => "members.role",
            "meant_for" => "members.meant_for",
            "valid_days" => "members.expires",
            "code" => "join.code",
            "due_on" => "owed.other_day",
            "link" => "owed.link",
            "sha256" => "owed.sha256",
            _ => return None,
        })
    })
}

fn of_need(field: &str) -> Option<&'static str> {
    Some(match field {
        "project.name" => "apply.project",
        "project.purpose" => "apply.purpose",
        "project.sectors" => "ways.sectors",
        "project.civilian" => "ways.civilian",
        "project.eu_project" => "ways.eu_project",
        "project.ai_act.prohibited" => "ai.prohibited",
        "project.ai_act.high_risk" => "ai.high_risk",
        "project.ai_act.exclusions" => "ai.exclusions",
        "project.ai_act.gpai" => "ai.gpai",
        "project.ai_act.training_exaflop" => "ai.training",
        "aid.received_eur" => "apply.aid_received",
        "aid.worth_eur" => "apply.aid_worth",
        "need.gpu_hours" => "ways.gpu_hours",
        "need.months" => "ways.months_field",
        "need.storage_tib" => "apply.storage",
        "need.data" => "apply.data",
        "need.support" => "apply.support",
        "need.services" => "contact.services",
        "need.sector" => "contact.sector",
        "need.data_class" => "contact.data",
        "need.timing" => "contact.timing",
        "need.language" => "contact.language",
        _ => return None,
    })
}

fn of_grant(field: &str) -> Option<&'static str> {
    Some(match field {
        "reasons" => "review.reasons",
        "grant" => "review.grant",
        "grant.hours" => "review.hours",
        "grant.scope" => "review.federation",
        "grant.unit" => "review.unit",
        "grant.share" => "review.share",
        "grant.worth_eur" => "review.worth",
        "grant.valid_from" => "review.valid_from",
        "grant.valid_to" => "review.valid_to",
        "grant.call_reference" => "review.call",
        "grant.local_accounts" => "review.account",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT_LANGUAGE;
    use axum::http::{HeaderMap, HeaderValue};

    use super::*;

    fn french() -> Texts {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("fr"));
        Texts::asked_for(&crate::texts::SHIPPED, &headers)
    }

    #[test]
    fn the_usual_reasons_are_said_in_the_language_of_the_page() {
        for (english, said) in [
            ("is missing", "manque"),
            (
                "is missing, and aif_playground asks for it",
                "manque, et aif_playground le demande",
            ),
            (
                "1 to 5000 characters of plain text",
                "1 à 5000 caractères de texte",
            ),
            ("1 to 60", "1 à 60"),
            ("`fleurs` is none of them", "`fleurs` n'en fait pas partie"),
            (
                "company, research, public_sector",
                "entreprise, organisme de recherche, secteur public",
            ),
        ] {
            let worded = worded(french(), english);
            assert_eq!((worded.words.as_str(), worded.lang), (said, "fr"));
        }
        let other = worded(french(), "the period begins on a holiday");
        assert_eq!(other.words, "the period begins on a holiday");
        assert_eq!(other.lang, "en");
    }

    #[test]
    fn a_field_of_a_row_is_called_by_its_row() {
        let said = |field| label(french(), "organisations", field);
        assert_eq!(
            said("size_facts.periods[1].balance_eur").unwrap(),
            "Exercice comptable 2, Total du bilan, euros"
        );
        assert_eq!(said("kind").unwrap(), "Nature");
        assert_eq!(said("answers.model_card"), None);
    }
}
