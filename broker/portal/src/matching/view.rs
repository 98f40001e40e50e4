use broker_app::Match;
use broker_model::{Profile, ProfileSide};

use crate::contact::names::Names;
use crate::texts::Texts;
use crate::words::Moment;

/// What is published.
pub(super) struct ProfileView {
    pub(super) side: &'static str,
    pub(super) published: Moment,
}

/// One of the other side.
pub(super) struct MatchView {
    pub(super) id: String,
    pub(super) side: &'static str,
    pub(super) shared: String,
    pub(super) sectors: String,
    pub(super) seeks: String,
    pub(super) offers: String,
    pub(super) class: &'static str,
    pub(super) state: &'static str,
    /// We would meet them.
    pub(super) ours: bool,
    /// They would meet us.
    pub(super) theirs: bool,
    /// Who they are and where to find them, once both agreed.
    pub(super) contact: Option<(String, String)>,
}

pub(super) fn side(texts: Texts, side: ProfileSide) -> &'static str {
    texts.of(match side {
        ProfileSide::Startup => "matching.startup",
        ProfileSide::Established => "matching.established",
    })
}

impl ProfileView {
    pub(super) fn new(names: &Names, profile: &Profile) -> Self {
        Self {
            side: side(names.texts, profile.side),
            published: profile.published_at.into(),
        }
    }
}

impl MatchView {
    pub(super) fn new(names: &Names, found: &Match) -> Self {
        let (class, key) = match (found.ours, found.theirs) {
            (false, false) => ("none", "matching.nobody_asked"),
            (true, false) => ("wait", "matching.we_asked"),
            (false, true) => ("wait", "matching.they_asked"),
            (true, true) => ("good", "matching.agreed"),
        };
        let contact = found.contact.as_ref();
        Self {
            id: found.profile.to_string(),
            side: side(names.texts, found.side),
            shared: names.sectors(&found.shared),
            sectors: names.sectors(&found.sectors),
            seeks: found.seeks.clone(),
            offers: found.offers.clone(),
            class,
            state: names.texts.of(key),
            ours: found.ours,
            theirs: found.theirs,
            contact: contact.map(|it| (it.organisation.clone(), it.contact.clone())),
        }
    }
}
