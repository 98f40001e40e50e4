//! What the directory of centres calls things, in the language of who reads.

use std::sync::Arc;

use broker_app::{Directory, Titles, Vocabulary};
use broker_model::CentreId;

use crate::Portal;
use crate::ai_act::{Boxes, TickBox};
use crate::texts::Texts;

pub(crate) struct Names {
    pub(crate) texts: Texts,
    pub(crate) directory: Arc<Directory>,
}

impl Names {
    pub(crate) fn new(portal: &Portal, texts: Texts) -> Self {
        Self {
            texts,
            directory: portal.broker.directory(),
        }
    }

    /// In English where there is nothing in the reader's language.
    pub(crate) fn titled(&self, titles: &Titles) -> String {
        let own = titles.get(self.texts.lang()).or_else(|| titles.get("en"));
        own.cloned().unwrap_or_default()
    }

    /// Codes that the directory does not have any more stay codes, here and below.
    pub(crate) fn service(&self, kind: &str) -> String {
        let found = self.directory.service(kind);
        found.map_or_else(|| kind.to_owned(), |it| self.titled(&it.title))
    }

    pub(crate) fn sector(&self, code: &str) -> String {
        let found = self.directory.sector(code);
        found.map_or_else(|| code.to_owned(), |it| self.titled(&it.title))
    }

    /// The sectors to tick, under a list of that name.
    pub(crate) fn sector_boxes(&self, name: &'static str, legend: &'static str) -> Boxes {
        let rows = self.directory.sectors().iter().map(|it| TickBox {
            name: format!("{name}.{}", it.code),
            words: self.titled(&it.title),
        });
        Boxes {
            name,
            legend,
            rows: rows.collect(),
        }
    }

    pub(crate) fn centre(&self, id: &CentreId) -> String {
        let found = self.directory.centre(id);
        found.map_or_else(|| id.to_string(), |it| it.name.value.clone())
    }

    pub(crate) fn called(&self, list: Vocabulary, code: &str) -> String {
        self.directory.called((list, code), self.texts.lang())
    }

    pub(crate) fn services(&self, kinds: &[String]) -> String {
        let names = kinds.iter().map(|it| self.service(it));
        names.collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn sectors(&self, codes: &[String]) -> String {
        let names = codes.iter().map(|it| self.sector(it));
        names.collect::<Vec<_>>().join(", ")
    }
}
