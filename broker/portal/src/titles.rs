//! What the policy calls things, in the language of who reads.

use policy_engine::{Engine, TitleKind};

use crate::texts::Texts;

#[derive(Clone, Copy)]
pub(crate) struct Titles<'e> {
    pub(crate) texts: Texts,
    pub(crate) engine: &'e Engine,
}

impl<'e> Titles<'e> {
    pub(crate) const fn new(texts: Texts, engine: &'e Engine) -> Self {
        Self { texts, engine }
    }

    /// In English where the policy has no other name, and the id itself where it has none.
    pub(crate) fn of(self, kind: TitleKind, id: &str) -> String {
        let title = self.engine.title(kind, id, self.texts.lang());
        title.to_owned()
    }

    pub(crate) fn joined(self, kind: TitleKind, ids: &[String]) -> String {
        let all: Vec<String> = ids.iter().map(|id| self.of(kind, id)).collect();
        all.join(", ")
    }

    /// With its code, which forms ask for.
    pub(crate) fn country(self, code: &str) -> String {
        let name = self.of(TitleKind::Country, code);
        if name == code {
            return name;
        }
        format!("{name} ({code})")
    }
}
