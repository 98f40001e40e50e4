use broker_model::{Controls, EntryKind, RegisteredSite, Site, SiteId};

use super::change::document;
use crate::{Broker, Error, Result};

/// What became of a site's file at a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// The registry had nothing of the site.
    Registered(SiteId),
    /// The file is another than the last time, and nobody has changed the document since.
    Changed(SiteId),
    /// The file is another than the last time, but the registry's document was changed by hand, so that
    /// stays. `alcyone site import` makes the file count.
    Kept(SiteId),
    /// The site was retired: the file brings nothing back. `alcyone site import` does.
    Retired(SiteId),
    /// What has jobs would vanish with the file; the registry's document stays.
    Refused(SiteId, String),
}

impl Broker {
    /// Brings the files that this process started with into the registry, and all of the registry onto
    /// the board. What is the same as before is not told.
    pub async fn register_files(&self) -> Result<Vec<Adopted>> {
        let files = self.board().filed();
        let mut told = Vec::new();
        for file in files {
            // Of several replicas that start at once one is faster, and brings the same.
            match self.register_file(&file).await {
                Ok(adopted) => told.extend(adopted),
                Err(Error::Contended) => told.extend(self.register_file(&file).await?),
                Err(error) => return Err(error),
            }
        }
        self.board().refresh(&*self.inner.store).await?;
        Ok(told)
    }

    async fn register_file(&self, file: &Site) -> Result<Option<Adopted>> {
        let (sha256, _) = document(file);
        let known = self.inner.store.find_registered_site(&file.id).await?;
        let Some(mut known) = known else {
            let entry = self.site_entry(EntryKind::SiteRegistered);
            let registered = RegisteredSite {
                site: file.clone(),
                controls: Controls::default(),
                file_sha256: Some(sha256.to_string()),
                edited: false,
                changed_at: entry.at,
                retired_at: None,
                version: 0,
            };
            self.put_registered(registered, entry).await?;
            return Ok(Some(Adopted::Registered(file.id.clone())));
        };
        if known.retired_at.is_some() {
            return Ok(Some(Adopted::Retired(file.id.clone())));
        }
        if known.file_sha256.as_deref() == Some(&*sha256) || known.site == *file {
            return Ok(None);
        }
        let id = file.id.clone();
        if known.edited {
            return Ok(Some(Adopted::Kept(id)));
        }
        match self.check_live(&known.site, file).await {
            Ok(()) => {}
            Err(error @ Error::LiveJobs { .. }) => {
                return Ok(Some(Adopted::Refused(id, error.to_string())));
            }
            Err(error) => return Err(error),
        }
        known.site = file.clone();
        known.file_sha256 = Some(sha256.to_string());
        let entry = self.site_entry(EntryKind::SiteChanged);
        self.put_registered(known, entry).await?;
        Ok(Some(Adopted::Changed(id)))
    }
}
