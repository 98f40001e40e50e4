//! What an organisation said of itself: as fields of a form, and as facts to read.

use broker_model::{Identifiers, Organisation, SizeClass};

use super::{accounts, size_word};
use crate::fields::Fields;
use crate::form::Typed;
use crate::titles::Titles;

/// A label and what stands beside it.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) label: &'static str,
    pub(crate) words: String,
}

pub(crate) fn identifiers(typed: &Typed) -> Identifiers {
    Identifiers {
        vat: typed.some("identifiers.vat"),
        pic: typed.some("identifiers.pic"),
        euid: typed.some("identifiers.euid"),
        lei: typed.some("identifiers.lei"),
    }
}

/// The form as it would have been filled in.
pub(crate) fn filled_in(organisation: &Organisation) -> Typed {
    let mut fields = accounts::filled_in(organisation);
    let mut put = |name: &str, value: Option<String>| {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    };
    let said = |it: bool| if it { "yes" } else { "no" }.to_owned();
    put("name", Some(organisation.name.clone()));
    put("country", Some(organisation.country.clone()));
    put("kind", organisation.kind.map(|it| it.as_str().to_owned()));
    put("startup", organisation.startup.map(said));
    put(
        "founded_on",
        organisation.founded_on.map(|it| it.to_string()),
    );
    for (kind, value) in organisation.identifiers.each() {
        put(&format!("identifiers.{kind}"), value.map(str::to_owned));
    }
    // A size that was found is not declared beside its accounts.
    let is_declared = organisation.size_facts.is_none() && organisation.size != SizeClass::Unclear;
    let size = is_declared.then(|| size_word(organisation.size).to_owned());
    put("size", size);
    Typed::from(Fields::from(fields))
}

pub(crate) fn facts(titles: Titles<'_>, organisation: &Organisation) -> Vec<Fact> {
    let texts = titles.texts;
    let startup = organisation.startup;
    let startup = startup.map(|it| texts.of(if it { "form.yes" } else { "form.no" }).to_owned());
    let mut facts = vec![
        ("orgs.country", Some(titles.country(&organisation.country))),
        (
            "orgs.kind",
            organisation.kind.map(|it| texts.word(it.as_str())),
        ),
        ("orgs.startup", startup),
        (
            "orgs.founded_on",
            organisation.founded_on.map(|it| it.to_string()),
        ),
    ];
    let labels = ["orgs.vat", "orgs.pic", "orgs.euid", "orgs.lei"];
    let numbers = organisation
        .identifiers
        .each()
        .map(|(_, value)| value.map(str::to_owned));
    facts.extend(labels.into_iter().zip(numbers));
    let fact = |(key, words): (&str, Option<String>)| {
        Some(Fact {
            label: texts.of(key),
            words: words?,
        })
    };
    facts.into_iter().filter_map(fact).collect()
}
