use broker_model::{
    EntryKind, Incident, IncidentDraft, IncidentId, IncidentNews, IncidentUpdate, SiteId,
};

use super::change::{Editing, check_end, check_words};
use crate::replay::digest;
use crate::{Broker, Caller, Error, Order, Result};

impl Broker {
    /// What users are told of a site: what is on and to come, and for some time what is over; newest
    /// begin first.
    pub fn incidents(&self, site: &SiteId) -> Result<Vec<Incident>> {
        let heard = self.board().heard();
        let listed = heard.find(site).ok_or(Error::NotFound("site"))?;
        let mut incidents = listed.controls.incidents.clone();
        incidents.sort_unstable_by_key(|it| std::cmp::Reverse((it.from, it.id)));
        Ok(incidents)
    }

    pub async fn open_incident<'o>(
        &self,
        caller: &Caller,
        site: &SiteId,
        draft: impl Into<Order<'o, IncidentDraft, Incident>>,
    ) -> Result<Incident> {
        let Order { draft, once } = draft.into();
        let id: IncidentId = self.inner.ids.next(&*self.inner.clock);
        let open = |editing: &mut Editing<'_>| {
            let now = editing.now;
            let open = editing
                .controls
                .incidents
                .iter()
                .filter(|it| !it.is_over(now));
            Editing::check_room("title", open.count())?;
            check_words("title", &draft.title)?;
            check_words("words", &draft.words)?;
            for (at, scope) in draft.affects.iter().enumerate() {
                editing.check_scope(&format!("affects[{at}]"), scope)?;
            }
            let from = draft.from.unwrap_or(editing.now);
            check_end("to", (from, draft.to), editing.now)?;
            let incident = Incident {
                id,
                kind: draft.kind,
                severity: draft.severity,
                title: draft.title.clone(),
                words: draft.words.clone(),
                from,
                to: draft.to,
                affects: draft.affects.clone(),
                updates: Vec::new(),
            };
            let entry = self
                .site_entry(EntryKind::IncidentOpened)
                .with("incident", id.to_string())
                .with("incident_kind", word(&draft.kind))
                .with("severity", word(&draft.severity))
                .with("from", from.to_string())
                .with("words_sha256", digest(&draft.words));
            editing.controls.incidents.push(incident.clone());
            Ok((incident, entry))
        };
        self.edit_once(caller, site, (once, open)).await
    }

    pub async fn update_incident<'o>(
        &self,
        caller: &Caller,
        site: &SiteId,
        (id, news): (IncidentId, impl Into<Order<'o, IncidentNews, Incident>>),
    ) -> Result<Incident> {
        let Order { draft: news, once } = news.into();
        let update = |editing: &mut Editing<'_>| {
            check_words("words", &news.words)?;
            let now = editing.now;
            let incident = going_on(editing, id)?;
            if news.to.is_some() {
                check_end("to", (incident.from, news.to), now)?;
                incident.to = news.to;
            }
            incident.severity = news.severity.unwrap_or(incident.severity);
            Editing::check_room("words", incident.updates.len())?;
            incident.updates.push(IncidentUpdate {
                at: now,
                words: news.words.clone(),
            });
            let entry = self
                .site_entry(EntryKind::IncidentUpdated)
                .with("incident", id.to_string())
                .with("severity", word(&incident.severity))
                .with("words_sha256", digest(&news.words));
            Ok((incident.clone(), entry))
        };
        self.edit_once(caller, site, (once, update)).await
    }

    /// Ends an incident now; one that was to come is called off.
    pub async fn close_incident(
        &self,
        caller: &Caller,
        site: &SiteId,
        id: IncidentId,
    ) -> Result<Incident> {
        let close = |editing: &mut Editing<'_>| {
            let now = editing.now;
            let incident = going_on(editing, id)?;
            // One that was to come keeps its begin: it ends before, and so was called off.
            incident.to = Some(now);
            let entry = self
                .site_entry(EntryKind::IncidentClosed)
                .with("incident", id.to_string());
            Ok((incident.clone(), entry))
        };
        self.edit(caller, site, close).await
    }
}

fn going_on<'e>(editing: &'e mut Editing<'_>, id: IncidentId) -> Result<&'e mut Incident> {
    let now = editing.now;
    let mut incidents = editing.controls.incidents.iter_mut();
    let incident = incidents.find(|it| it.id == id && !it.is_over(now));
    incident.ok_or(Error::NotFound("incident that is not over"))
}

fn word(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}
