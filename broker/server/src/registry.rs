//! Site files at a start.

use broker_app::{Adopted, Broker};

/// Brings the sites' files into the registry, and says what became of those that are new.
pub(crate) async fn adopt(broker: &Broker) -> anyhow::Result<()> {
    for adopted in broker.register_files().await? {
        match adopted {
            Adopted::Registered(site) => tracing::info!(site.id = %site, "site registered"),
            Adopted::Changed(site) => tracing::info!(site.id = %site, "site changed by its file"),
            Adopted::Kept(site) => tracing::warn!(
                site.id = %site,
                "the site's file is newer, but its document was changed by hand and stays; \
                 `alcyone site import` makes the file count"
            ),
            Adopted::Retired(site) => tracing::info!(
                site.id = %site,
                "the site was retired and stays so whatever its file says; `alcyone site import` \
                 registers it anew"
            ),
            Adopted::Refused(site, reason) => tracing::warn!(
                site.id = %site, reason, "the site's file does not count yet"
            ),
        }
    }
    broker.board().refresh(&**broker.store()).await?;
    Ok(())
}
