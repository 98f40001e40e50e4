//! What a site's administrators tell everybody: on the page of the sites and on those of jobs there.

use broker_app::SiteView;
use broker_model::SiteScope;

use crate::site_admin::words_of;
use crate::texts::Texts;
use crate::words::Moment;

/// One paragraph; the words are the administrators' own.
pub(crate) struct Notice {
    pub(crate) title: String,
    pub(crate) words: String,
    pub(crate) from: Moment,
    pub(crate) to: Option<Moment>,
}

/// Drains, incidents and maintenance that are on or to come.
pub(crate) fn of_site(texts: Texts, view: &SiteView) -> Vec<Notice> {
    let scope = |scope: &SiteScope| match scope.system {
        Some(_) => format!(" ({scope})"),
        None => String::new(),
    };
    let drains = view.drains.iter().map(|drain| Notice {
        title: format!("{}{}", texts.of("sites.drained"), scope(&drain.scope)),
        words: drain.reason.clone(),
        from: drain.from.into(),
        to: drain.until.map(Moment::from),
    });
    let incidents = view.incidents.iter().map(|incident| {
        let (kind, severity) = words_of(incident);
        let newest = incident.updates.last().map(|it| &it.words);
        Notice {
            title: format!(
                "{}, {}: {}",
                texts.of(kind),
                texts.of(severity),
                incident.title
            ),
            words: newest.unwrap_or(&incident.words).clone(),
            from: incident.from.into(),
            to: incident.to.map(Moment::from),
        }
    });
    drains.chain(incidents).collect()
}
