//! Terms that people accept before their jobs run.

mod accepting;
mod jobs;
mod sets;

use broker_app::{Broker, TermsSet};
use broker_model::{EntryKind, TermsAcceptance, TermsDraft};

use crate::world::engineer;

/// A file of terms in two languages; `scope` is `platform`, or the id of a site.
pub(crate) fn file(scope: &str, version: &str, effective: &str) -> (String, String) {
    let (id, of) = match scope {
        "platform" => ("platform".to_owned(), "\"platform\"".to_owned()),
        site => (format!("site-{site}"), format!("{{ site = \"{site}\" }}")),
    };
    let text = format!(
        r#"
        id = "{id}"
        scope = {of}
        version = "{version}"
        effective = "{effective}"
        source = "made for a test"
        [text.en]
        title = "Terms of {scope}"
        body = "Be kind to {scope}, says {version}."
        [text.fr]
        title = "Conditions de {scope}"
        body = "Soyez aimable envers {scope}, dit {version}."
        "#
    );
    (format!("{id}-{version}.toml"), text)
}

pub(crate) fn put(broker: &Broker, files: &[(String, String)]) {
    broker.put_terms(TermsSet::read(files).unwrap());
}

/// Accepts what is in force of a document, by its English text.
pub(crate) async fn accept(broker: &Broker, id: &str) -> TermsAcceptance {
    let caller = engineer(broker).await;
    let in_force = broker.terms(&caller).await.unwrap();
    let shown = in_force.iter().find(|it| it.document.id.as_str() == id);
    let document = &shown.unwrap().document;
    let read = TermsDraft {
        version: document.version.clone(),
        digest: document.text["en"].digest().to_owned(),
    };
    let accepted = broker.accept_terms(&caller, &document.id, &read).await;
    accepted.unwrap()
}

/// How many entries of a kind the ledger has.
async fn entries(broker: &Broker, kind: EntryKind) -> usize {
    let rows = broker.store().entries(0, 10_000).await.unwrap();
    let of_kind = rows.iter().filter(|it| it.body().unwrap().kind == kind);
    of_kind.count()
}
