//! What help is looked for with: as fields of a form, as facts to read, and carried on to another form.

use broker_app::{Sector, Vocabulary};
use broker_model::{ContactNeed, DataClass, Timing};

use super::names::Names;
use crate::ai_act::{Boxes, TickBox};
use crate::form::{Choice, Typed};
use crate::organisations::describe::size;
use crate::organisations::facts::Fact;
use crate::organisations::size_word;

/// The fields of a need begin so.
const FIELDS: &str = "need.";
pub(crate) const SERVICES: &str = "need.services";
/// In the order of a form: what is preset comes first.
const TIMINGS: [Timing; 4] = [Timing::Open, Timing::Now, Timing::Weeks, Timing::Months];

/// What the form lets people choose from.
pub(crate) struct NeedForm {
    pub(crate) services: Boxes,
    pub(crate) sectors: Vec<Choice>,
    pub(crate) data_classes: Vec<Choice>,
    pub(crate) timings: Vec<Choice>,
    pub(crate) languages: Vec<Choice>,
    pub(crate) sizes: Vec<Choice>,
}

impl NeedForm {
    pub(crate) fn new(names: &Names) -> Self {
        let (texts, directory) = (names.texts, &names.directory);
        let unsaid = || Choice::of_words(texts, "form.unsaid", &[]);
        let choice = |value: &str, words: String| Choice {
            value: value.to_owned(),
            words,
        };
        let called = |list, code: &str| choice(code, names.called(list, code));
        let services = directory.services().iter().map(|it| TickBox {
            name: format!("{SERVICES}.{}", it.kind),
            words: names.titled(&it.title),
        });
        let sector = |it: &Sector| choice(&it.code, names.titled(&it.title));
        let languages = directory.languages().into_iter();
        let classes = DataClass::ALL.iter().map(|it| it.as_str());
        let timings = TIMINGS.iter().map(|it| it.as_str());
        Self {
            services: Boxes {
                name: SERVICES,
                legend: texts.of("contact.services"),
                rows: services.collect(),
            },
            sectors: { unsaid().into_iter() }
                .chain(directory.sectors().iter().map(sector))
                .collect(),
            data_classes: classes
                .map(|it| called(Vocabulary::DataClass, it))
                .collect(),
            timings: timings.map(|it| called(Vocabulary::Timing, it)).collect(),
            languages: { unsaid().into_iter() }
                .chain(languages.map(|it| called(Vocabulary::Language, it)))
                .collect(),
            sizes: Choice::of_words(texts, "form.unsaid", &["micro", "small", "medium", "large"]),
        }
    }
}

/// As it was typed; what the directory does not know is for the use case to tell.
pub(crate) fn read(typed: &mut Typed) -> ContactNeed {
    let classes = DataClass::ALL.map(|it| (it.as_str(), it));
    let timings = Timing::ALL.map(|it| (it.as_str(), it));
    ContactNeed {
        services: typed.ticked(SERVICES),
        sector: typed.some("need.sector"),
        data_class: one_of(typed, "need.data_class", &classes),
        size: size(typed.value("need.size")),
        country: typed.some("need.country").map(|it| it.to_uppercase()),
        language: typed.some("need.language"),
        timing: one_of(typed, "need.timing", &timings),
    }
}

fn one_of<T: Copy + Default>(typed: &mut Typed, name: &str, known: &[(&str, T)]) -> T {
    let Some(text) = typed.some(name) else {
        return T::default();
    };
    if let Some((_, found)) = known.iter().find(|(word, _)| *word == text) {
        return *found;
    }
    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
    let reason = format!("`{}` cannot be read", text.escape_debug());
    typed.wrong(name, &reason, &words.join(", "));
    T::default()
}

/// The organisation, the job and the answers of the short form, for the next page to take along.
pub(crate) fn carried(typed: &Typed) -> Vec<(String, String)> {
    let named = ["organisation", "job"].map(|name| (name, typed.value(name)));
    let fields = named.into_iter().chain(typed.beginning(FIELDS));
    let said = fields.filter(|(_, text)| !text.is_empty());
    said.map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect()
}

/// To read, with what was not said left out.
pub(crate) fn facts(names: &Names, need: &ContactNeed) -> Vec<Fact> {
    let texts = names.texts;
    let called = |list, code: &str| names.called(list, code);
    let class = called(Vocabulary::DataClass, need.data_class.as_str());
    let timing = called(Vocabulary::Timing, need.timing.as_str());
    let facts = [
        ("contact.services", Some(names.services(&need.services))),
        (
            "contact.sector",
            need.sector.as_deref().map(|it| names.sector(it)),
        ),
        ("contact.data", Some(class)),
        ("orgs.size", need.size.map(|it| texts.word(size_word(it)))),
        (
            "orgs.country",
            need.country
                .as_deref()
                .map(|it| called(Vocabulary::Country, it)),
        ),
        (
            "contact.language",
            need.language
                .as_deref()
                .map(|it| called(Vocabulary::Language, it)),
        ),
        ("contact.timing", Some(timing)),
    ];
    let fact = |(key, words): (&str, Option<String>)| {
        Some(Fact {
            label: texts.of(key),
            words: words?,
        })
    };
    facts.into_iter().filter_map(fact).collect()
}
