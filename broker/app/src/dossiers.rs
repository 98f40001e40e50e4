//! What people work on, as it lies in the store.

use broker_model::{Desk, Dossier, OrganisationId};
use broker_store::{StoreError, StoredDossier, Write};

use crate::{Broker, Error, MOST_AT_ONCE, Result};

impl Broker {
    /// Nothing where there is none, or where it is of another kind.
    pub(crate) async fn dossier<D: Dossier>(&self, id: &D::Id) -> Result<Option<D>> {
        let found = self.inner.store.find_dossier(&id.to_string()).await?;
        let found = found.filter(|it| it.kind == D::KIND);
        found.as_ref().map(opened).transpose()
    }

    /// Every one that an organisation has, oldest first.
    pub(crate) async fn dossiers_of<D: Dossier>(&self, of: OrganisationId) -> Result<Vec<D>> {
        let found = self.inner.store.dossiers_of(of, D::KIND).await?;
        found.iter().map(opened).collect()
    }

    /// The same for a limit on how many there are: one that cannot be read is left out and told.
    pub(crate) async fn readable_of<D: Dossier>(&self, of: OrganisationId) -> Result<Vec<D>> {
        let found = self.inner.store.dossiers_of(of, D::KIND).await?;
        Ok(found.iter().filter_map(opened_or_told).collect())
    }

    /// What waits on a desk, oldest first, [`MOST_AT_ONCE`] at a time.
    pub(crate) async fn dossiers_on<D: Dossier>(
        &self,
        desk: &Desk,
        after: Option<&D::Id>,
    ) -> Result<Vec<D>> {
        let (desk, after) = (desk.to_string(), after.map(ToString::to_string));
        let store = &self.inner.store;
        let found = store.dossiers_on(&desk, D::KIND, after.as_deref(), MOST_AT_ONCE);
        found.await?.iter().map(opened).collect()
    }

    /// Those whose ids lie between two texts, by id, [`MOST_AT_ONCE`] at a time.
    pub(crate) async fn dossiers_between<D: Dossier>(&self, ids: (&str, &str)) -> Result<Vec<D>> {
        let store = &self.inner.store;
        let found = store.dossiers_between(D::KIND, ids, MOST_AT_ONCE);
        found.await?.iter().map(opened).collect()
    }

    /// What is due by now, the earliest first, [`MOST_AT_ONCE`] at a time.
    pub(crate) async fn dossiers_due<D: Dossier>(&self) -> Result<Vec<D>> {
        let now = self.inner.clock.now();
        let due = self.inner.store.dossiers_due(D::KIND, now, MOST_AT_ONCE);
        due.await?.iter().map(opened).collect()
    }

    /// The same for a loop: what cannot be read is left out and told. With it, how many there are at all.
    pub(crate) async fn readable_due<D: Dossier>(&self) -> Result<(Vec<D>, usize)> {
        let now = self.inner.clock.now();
        let due = self.inner.store.dossiers_due(D::KIND, now, MOST_AT_ONCE);
        let due = due.await?;
        Ok((due.iter().filter_map(opened_or_told).collect(), due.len()))
    }
}

/// For loops: one that this program cannot read is told with its id and does not keep the others waiting.
pub(crate) fn opened_or_told<D: Dossier>(stored: &StoredDossier) -> Option<D> {
    let opened = opened(stored);
    opened
        .inspect_err(|error| {
            let (dossier, kind) = (&stored.id, &stored.kind);
            tracing::error!(%dossier, %kind, %error, "a dossier cannot be read and is left as it is");
        })
        .ok()
}

pub(crate) fn opened<D: Dossier>(stored: &StoredDossier) -> Result<D> {
    let mut dossier: D = serde_json::from_str(&stored.document).map_err(|error| {
        Error::Store(StoreError::Unreadable {
            table: "dossiers",
            reason: format!("{}: {error}", stored.id),
        })
    })?;
    dossier.set_version(stored.version);
    Ok(dossier)
}

/// The write that stores it as it shall be, on top of the version it was read at.
#[expect(
    clippy::expect_used,
    reason = "plain structs with text keys are always JSON"
)]
pub(crate) fn filed<D: Dossier>(dossier: &D) -> Write {
    Write::PutDossier(Box::new(StoredDossier {
        id: dossier.id().to_string(),
        kind: D::KIND.to_owned(),
        organisation: dossier.organisation(),
        desk: dossier.desk().map(|desk| desk.to_string()),
        due_at: dossier.due_at(),
        version: dossier.version(),
        document: serde_json::to_string(dossier).expect("a dossier is always JSON"),
    }))
}
