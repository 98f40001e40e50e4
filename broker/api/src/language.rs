//! Which language an answer's words are in: `Accept-Language` (RFC 9110, 12.5.4).

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::{HeaderMap, request::Parts};
use axum::middleware::Next;
use axum::response::Response;
use broker_app::Broker;
use broker_model::{Missing, TermsDocument, UnacceptedTerms};
use policy_engine::{Decision, Question};

use crate::state::ApiState;

tokio::task_local! {
    static READER: Reader;
}

/// Who reads the answer, for refusals, which are put into words far from the head of their request.
struct Reader {
    broker: Broker,
    languages: Languages,
}

/// Remembers what the caller reads while their request is answered.
pub(crate) async fn layer(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let languages = Languages(wanted(line(request.headers())).collect());
    let broker = state.broker;
    let reader = Reader { broker, languages };
    READER.scope(reader, next.run(request)).await
}

/// The decision in the words of who asks, as far as the policy in force has them; the rest in English.
pub(crate) fn said(question: &Question, decision: &Decision) -> Decision {
    let said = READER.try_with(|reader| {
        let engine = reader.broker.policy();
        let known = engine.languages();
        let language = reader.languages.best(|it| known.contains(&it));
        engine.in_language(question, decision, language)
    });
    said.unwrap_or_else(|_| decision.clone())
}

/// What is missing by a rule, in the words that the decision has once it is said to who asks.
pub(crate) fn missing_in_words(
    mut missing: Vec<Missing>,
    (written, said): (&Decision, &Decision),
) -> Vec<Missing> {
    for one in &mut missing {
        let mut rules = written.rules.iter().zip(&said.rules);
        let Some((from, to)) = rules.find(|(it, _)| one.rule.as_ref() == Some(&it.rule)) else {
            continue;
        };
        one.words.clone_from(&to.words);
        if let (Some(from), Some(to)) = (&from.remedy, &to.remedy) {
            one.how = one.how.replace(from.as_str(), to);
        }
    }
    missing
}

/// A document that is not accepted, by its title in the language of who asks.
pub(crate) fn unaccepted(document: &TermsDocument) -> UnacceptedTerms {
    let said = READER.try_with(|reader| {
        let best = reader.languages.best(|it| document.text.contains_key(it));
        document.unaccepted(best)
    });
    said.unwrap_or_else(|_| document.unaccepted("en"))
}

/// The language that the caller would rather read, of those that the policy has; else English.
#[derive(Debug)]
pub(crate) struct Language(pub(crate) String);

/// Every language that the caller reads, what they would rather read first.
#[derive(Debug)]
pub(crate) struct Languages(Vec<String>);

impl Languages {
    /// The best of those that there are; English is for others.
    pub(crate) fn best(&self, is_there: impl Fn(&str) -> bool) -> &str {
        let found = self.0.iter().find(|it| is_there(it));
        found.map_or("en", String::as_str)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Languages {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(wanted(line(&parts.headers)).collect()))
    }
}

impl FromRequestParts<ApiState> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Infallible> {
        let engine = state.broker.policy();
        let known = engine.languages();
        let found = wanted(line(&parts.headers)).find(|it| known.contains(&it.as_str()));
        Ok(Self(found.unwrap_or_else(|| "en".to_owned())))
    }
}

fn line(headers: &HeaderMap) -> &str {
    let line = headers.get(ACCEPT_LANGUAGE);
    line.and_then(|it| it.to_str().ok()).unwrap_or_default()
}

/// Primary subtags, what is wanted most first; of equal weight in the order of the line.
fn wanted(line: &str) -> impl Iterator<Item = String> {
    let one = |part: &str| {
        let (range, weight) = part.split_once(';').unwrap_or((part, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        let weight: f32 = weight.trim().parse().unwrap_or(0.0);
        let tag = range.trim().split('-').next().unwrap_or_default();
        (weight, tag.to_ascii_lowercase())
    };
    let mut all: Vec<(f32, String)> = line.split(',').map(one).collect();
    all.retain(|(weight, _)| *weight > 0.0);
    all.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    all.into_iter().map(|(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_comes_first_and_what_is_refused_not_at_all() {
        for (line, expected) in [
            ("fr-LU, en;q=0.8, de;q=0.9", vec!["fr", "de", "en"]),
            ("en, fr", vec!["en", "fr"]),
            ("fr;q=0, en", vec!["en"]),
            ("*", vec!["*"]),
            ("fr;q=nan, ;;,", vec![""]),
        ] {
            let found: Vec<String> = wanted(line).filter(|it| it != "nan").collect();
            assert_eq!(
                found.first().map(String::as_str).unwrap_or_default(),
                expected[0],
                "{line}"
            );
        }
        let all: Vec<String> = wanted("fr-LU, en;q=0.8, de;q=0.9").collect();
        assert_eq!(all, ["fr", "de", "en"]);
    }
}
