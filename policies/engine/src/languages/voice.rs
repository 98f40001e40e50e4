use std::fmt::Write as _;

use jiff::civil::Date;

use super::catalogue::{Catalogue, Phrases, RuleTexts};
use super::titles::TitleKind;
use crate::tables::{Country, EvidenceKindInfo, Standing};

/// How facts are written into sentences. The English of decisions is in the engine and in no catalogue, so that no
/// catalogue changes what a decision says.
#[derive(Clone, Copy)]
pub(crate) struct Voice<'a> {
    catalogue: Option<&'a Catalogue>,
    language: &'a str,
}

impl Voice<'static> {
    pub(crate) const ENGLISH: Self = Self {
        catalogue: None,
        language: "en",
    };
}

impl<'a> Voice<'a> {
    pub(super) const fn of(catalogue: &'a Catalogue, language: &'a str) -> Self {
        Self {
            catalogue: Some(catalogue),
            language,
        }
    }

    /// The language that the rules are written in.
    pub(super) fn is_source(self) -> bool {
        self.language == super::SOURCE_LANGUAGE
    }

    pub(super) fn rule(self, id: &str) -> Option<&'a RuleTexts> {
        self.catalogue?.rule(id)
    }

    fn phrase(self, of: impl Fn(&Phrases) -> &String, english: &'a str) -> &'a str {
        let phrases = self.catalogue.and_then(|it| it.phrases.as_ref());
        phrases.map_or(english, |it| of(it))
    }

    fn title(self, kind: TitleKind, id: &str) -> Option<&'a str> {
        self.catalogue?.title(kind, id)
    }

    pub(crate) fn nothing(self) -> &'a str {
        self.phrase(|it| &it.nothing, "nothing")
    }

    pub(crate) fn unknown_day(self) -> &'a str {
        self.phrase(|it| &it.unknown_day, "a day that nobody has noted")
    }

    pub(crate) fn no_reason(self) -> &'a str {
        self.phrase(|it| &it.no_reason, "no reason was read")
    }

    pub(crate) fn second_factor(self, is_there: bool) -> &'a str {
        if is_there {
            self.phrase(|it| &it.with_second_factor, "with a second factor")
        } else {
            self.phrase(|it| &it.without_second_factor, "without a second factor")
        }
    }

    /// A reason or a note of another file, which is written in English.
    pub(crate) fn text<'t>(self, english: &'t str) -> &'t str
    where
        'a: 't,
    {
        let found = self.catalogue.and_then(|it| it.texts.get(english));
        found.map_or(english, String::as_str)
    }

    /// `otherwise` where nobody has named it.
    pub(crate) fn named<'t>(self, kind: TitleKind, id: &str, otherwise: &'t str) -> &'t str
    where
        'a: 't,
    {
        self.title(kind, id).unwrap_or(otherwise)
    }

    pub(crate) fn date(self, date: Date, out: &mut String) {
        let Some(phrases) = self.catalogue.and_then(|it| it.phrases.as_ref()) else {
            let _ = write!(out, "{date}");
            return;
        };
        let month = usize::try_from(date.month()).unwrap_or(1) - 1;
        let month = phrases.months.get(month).map_or("", String::as_str);
        let day = match date.day() {
            1 => phrases.first_of_month.clone(),
            other => other.to_string(),
        };
        let year = date.year().to_string();
        let said = filled(
            &phrases.date,
            &[("day", day.as_str()), ("month", month), ("year", &year)],
        );
        out.push_str(&said);
    }

    pub(crate) fn country(self, country: &Country, out: &mut String) {
        let (code, name) = (&country.code, &country.name);
        match self.catalogue.and_then(|it| it.phrases.as_ref()) {
            Some(phrases) => {
                let name = self.named(TitleKind::Country, code, name);
                out.push_str(&filled(&phrases.country, &[("name", name), ("code", code)]));
            }
            None => drop(write!(out, "{code} ({name})")),
        }
    }

    pub(crate) fn standing(self, standing: &Standing, out: &mut String) {
        let Some(texts) = self
            .catalogue
            .and_then(|it| it.standings.get(&standing.kind))
        else {
            return out.push_str(&standing.words);
        };
        out.push_str(
            &texts
                .words
                .render(|bound, out| self.bound(bound.day(standing.span), out)),
        );
        if let Some(note) = &standing.note {
            let _ = write!(out, " ({})", self.text(note));
        }
    }

    pub(crate) fn past_standing(self, standing: &Standing, out: &mut String) {
        match self
            .catalogue
            .and_then(|it| it.standings.get(&standing.kind))
        {
            None => out.push_str(&standing.words_past),
            Some(texts) => {
                let write = |bound: &crate::tables::Bound, out: &mut String| {
                    self.bound(bound.day(standing.span), out);
                };
                out.push_str(&texts.words_past.render(write));
            }
        }
    }

    fn bound(self, day: Option<Date>, out: &mut String) {
        match day {
            Some(day) => self.date(day, out),
            None => out.push_str(self.phrase(|it| &it.today, "today")),
        }
    }

    pub(crate) fn evidence(
        self,
        kind: &EvidenceKindInfo,
        issued_on: Date,
        last: Option<Date>,
        out: &mut String,
    ) {
        let Some(phrases) = self.catalogue.and_then(|it| it.phrases.as_ref()) else {
            let _ = write!(out, "{} of {issued_on}", kind.title);
            if let Some(last) = last {
                let _ = write!(out, " (until {last})");
            }
            return;
        };
        let title = self.named(TitleKind::EvidenceKind, &kind.id, &kind.title);
        let (mut issued, mut until) = (String::new(), String::new());
        self.date(issued_on, &mut issued);
        let phrase = match last {
            None => &phrases.evidence,
            Some(last) => {
                self.date(last, &mut until);
                &phrases.evidence_until
            }
        };
        let facts = [
            ("title", title),
            ("issued_on", &issued),
            ("last_day", &until),
        ];
        out.push_str(&filled(phrase, &facts));
    }

    /// The id in a decision as it is stored; the title where people read it.
    pub(crate) fn mode(self, id: &str, title: Option<&crate::modes::AccessMode>, out: &mut String) {
        let phrases = self.catalogue.and_then(|it| it.phrases.as_ref());
        let title = title.and_then(|it| it.title.get(self.language));
        match (phrases, title) {
            (Some(phrases), Some(title)) => {
                out.push_str(&filled(&phrases.mode, &[("title", title)]));
            }
            (None, Some(title)) if self.catalogue.is_some() => out.push_str(title),
            _ => out.push_str(id),
        }
    }

    pub(crate) fn list<T>(
        self,
        out: &mut String,
        facts: impl Iterator<Item = T>,
        mut write: impl FnMut(T, &mut String),
    ) {
        let mut facts = facts.peekable();
        if facts.peek().is_none() {
            return out.push_str(self.nothing());
        }
        let mut is_first = true;
        while let Some(fact) = facts.next() {
            let before = match (is_first, facts.peek()) {
                (true, _) => "",
                (false, Some(_)) => self.phrase(|it| &it.between, ", "),
                (false, None) => self.phrase(|it| &it.last, ", "),
            };
            out.push_str(before);
            write(fact, out);
            is_first = false;
        }
    }

    /// A number of which English writes the decimals after a point.
    pub(crate) fn decimal(self, english: &str) -> String {
        english.replace('.', self.phrase(|it| &it.decimal, "."))
    }

    pub(crate) fn less_than(self, amount: &str) -> String {
        let phrase = self.phrase(|it| &it.less_than, "less than {amount}");
        filled(phrase, &[("amount", &self.decimal(amount))])
    }

    pub(super) fn open(self) -> String {
        self.phrase(|it| &it.open, super::OPEN).to_owned()
    }

    pub(super) fn report(self) -> String {
        self.phrase(|it| &it.report, super::REPORT).to_owned()
    }

    pub(super) fn no_answer(self, question: &str) -> String {
        let phrase = self.phrase(
            |it| &it.no_answer,
            "no rule of `{question}` answers this case",
        );
        filled(phrase, &[("question", question)])
    }

    pub(super) fn none_in_force(self, on: Date) -> String {
        let mut day = String::new();
        self.date(on, &mut day);
        let phrase = self.phrase(|it| &it.none_in_force, "no rule is in force on {on}");
        filled(phrase, &[("on", &day)])
    }

    pub(super) fn settled(self, words: &str, on: Date) -> String {
        let mut day = String::new();
        self.date(on, &mut day);
        let phrase = self.phrase(|it| &it.settled, crate::settle::SETTLED);
        filled(phrase, &[("on", &day), ("words", words)])
    }

    /// What Cedar says stays as it is: it is for the operator.
    pub(super) fn failed(self, error: &str) -> (String, Option<String>) {
        let phrase = self.phrase(|it| &it.failed, "the rule could not be evaluated: {error}");
        (filled(phrase, &[("error", error)]), Some(self.report()))
    }
}

fn filled(phrase: &str, facts: &[(&str, &str)]) -> String {
    let mut said = phrase.to_owned();
    for (name, fact) in facts {
        said = said.replace(&format!("{{{name}}}"), fact);
    }
    said
}
