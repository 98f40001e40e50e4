use broker_app::{Error, Result};
use broker_model::{
    DrainDraft, IncidentDraft, IncidentKind, IncidentNews, InvalidSpec, LimitDraft,
    OrganisationVetoDraft, QueuedJobs, Severity, SiteId, SiteScope, SystemId, VetoDraft,
    WindowDraft, WindowEnd,
};
use jiff::Timestamp;

use crate::Portal;
use crate::fields::{self, Fields};
use crate::visitor::Member;

pub(super) async fn set(
    portal: &Portal,
    (member, site): (&Member, &SiteId),
    what: &str,
    fields: &Fields,
) -> Result<()> {
    let (broker, caller) = (&portal.broker, member.caller());
    match what {
        "window" => {
            let draft = window(fields)?;
            broker.open_window(caller, site, &draft).await.map(drop)
        }
        "close-window" => {
            let end = (parsed(fields, "item")?, WindowEnd::default());
            broker.close_window(caller, site, end).await.map(drop)
        }
        "drain" => {
            let draft = drain(fields)?;
            broker.drain_site(caller, site, &draft).await.map(drop)
        }
        "undrain" => {
            let drain = parsed(fields, "item")?;
            broker.undrain_site(caller, site, drain).await.map(drop)
        }
        "incident" => {
            let draft = incident(fields)?;
            broker.open_incident(caller, site, &draft).await.map(drop)
        }
        "close-incident" => {
            let incident = parsed(fields, "item")?;
            broker
                .close_incident(caller, site, incident)
                .await
                .map(drop)
        }
        "veto" => {
            let draft = veto(fields)?;
            broker.veto_grant(caller, site, &draft).await.map(drop)
        }
        "lift-veto" => {
            let veto = parsed(fields, "item")?;
            broker.lift_veto(caller, site, veto).await.map(drop)
        }
        "veto-organisation" => {
            let draft = organisation_veto(fields)?;
            let set = broker.veto_organisation(caller, site, &draft);
            set.await.map(drop)
        }
        "lift-organisation" => {
            let veto = parsed(fields, "item")?;
            let lifted = broker.lift_organisation_veto(caller, site, veto);
            lifted.await.map(drop)
        }
        "incident-news" => {
            let incident = parsed(fields, "item")?;
            let news = news(fields)?;
            let told = broker.update_incident(caller, site, (incident, &news));
            told.await.map(drop)
        }
        "remove" => {
            let item = parsed(fields, "item")?;
            broker.remove_control(caller, site, item).await
        }
        "limit" => {
            let of = (parsed(fields, "organisation")?, limit(fields)?);
            broker.limit_organisation(caller, site, of).await.map(drop)
        }
        _ => Err(Error::NotFound("form")),
    }
}

fn window(fields: &Fields) -> Result<WindowDraft> {
    let needed = |field: &'static str| {
        let time = time(fields, field)?;
        time.ok_or_else(|| wrong(field, "is missing", "a time in UTC"))
    };
    Ok(WindowDraft {
        share: parsed(fields, "share")?,
        scope: scope(fields)?,
        from: needed("from")?,
        to: needed("to")?,
        gpu_hours: parsed(fields, "gpu_hours")?,
    })
}

fn drain(fields: &Fields) -> Result<DrainDraft> {
    Ok(DrainDraft {
        scope: scope(fields)?,
        reason: text(fields, "reason"),
        from: time(fields, "from")?,
        until: time(fields, "to")?,
    })
}

fn veto(fields: &Fields) -> Result<VetoDraft> {
    Ok(VetoDraft {
        allocation: parsed(fields, "allocation")?,
        system: system(fields)?,
        reason: text(fields, "reason"),
        queued: match fields.text("cancel") {
            Some(_) => QueuedJobs::Cancel,
            None => QueuedJobs::Stay,
        },
    })
}

fn organisation_veto(fields: &Fields) -> Result<OrganisationVetoDraft> {
    Ok(OrganisationVetoDraft {
        organisation: parsed(fields, "organisation")?,
        system: system(fields)?,
        reason: text(fields, "reason"),
        until: time(fields, "to")?,
    })
}

fn limit(fields: &Fields) -> Result<LimitDraft> {
    Ok(LimitDraft {
        max_at_once: number(fields, "at_once")?,
        max_queued: number(fields, "queued")?,
        gpu_hours_per_month: number(fields, "gpu_hours")?,
    })
}

/// Without a severity it stays as it is.
fn news(fields: &Fields) -> Result<IncidentNews> {
    let is_set = fields.text("severity").is_some_and(|it| !it.is_empty());
    Ok(IncidentNews {
        words: text(fields, "words"),
        severity: is_set.then(|| severity(fields)).transpose()?,
        to: time(fields, "to")?,
    })
}

fn severity(fields: &Fields) -> Result<Severity> {
    match fields.text("severity") {
        Some("info") => Ok(Severity::Info),
        Some("degraded") => Ok(Severity::Degraded),
        Some("outage") => Ok(Severity::Outage),
        _ => Err(wrong("severity", "is none", "info, degraded, outage")),
    }
}

fn incident(fields: &Fields) -> Result<IncidentDraft> {
    let kind = match fields.text("kind") {
        Some("incident") => IncidentKind::Incident,
        Some("maintenance") => IncidentKind::Maintenance,
        _ => return Err(wrong("kind", "is none", "incident, maintenance")),
    };
    let affects = Some(scope(fields)?).filter(|it| it.system.is_some());
    Ok(IncidentDraft {
        kind,
        severity: severity(fields)?,
        title: text(fields, "title"),
        words: text(fields, "words"),
        from: time(fields, "from")?,
        to: time(fields, "to")?,
        affects: affects.into_iter().collect(),
    })
}

/// Forms send line ends as CR LF.
fn text(fields: &Fields, name: &str) -> String {
    let text = fields.text(name).unwrap_or_default();
    text.replace("\r\n", "\n")
}

fn scope(fields: &Fields) -> Result<SiteScope> {
    let Some(text) = fields.text("scope") else {
        return Ok(SiteScope::default());
    };
    let (system, partition) = match text.split_once('/') {
        Some((system, partition)) => (system, Some(partition)),
        None => (text, None),
    };
    let none = |_| wrong("scope", "is no part of the site", "one of the list");
    Ok(SiteScope {
        system: Some(system.parse().map_err(none)?),
        partition: partition.map(str::parse).transpose().map_err(none)?,
    })
}

/// A system of the list; a veto is of no smaller part.
fn system(fields: &Fields) -> Result<Option<SystemId>> {
    let scope = scope(fields)?;
    match scope.partition {
        None => Ok(scope.system),
        Some(_) => Err(wrong(
            "scope",
            "is a partition, and a refusal is of a system or of the site",
            "a system of the list",
        )),
    }
}

/// Left empty: none.
fn number(fields: &Fields, name: &str) -> Result<Option<u32>> {
    match fields.text(name).map(str::trim) {
        None | Some("") => Ok(None),
        Some(_) => parsed(fields, name).map(Some),
    }
}

fn time(fields: &Fields, name: &str) -> Result<Option<Timestamp>> {
    fields.time(name).map_err(of_site)
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(fields: &Fields, name: &str) -> Result<T> {
    fields.parsed(name).map_err(of_site)
}

fn wrong(field: &str, reason: &str, allowed: &str) -> Error {
    of_site(fields::wrong(field, reason, allowed))
}

fn of_site(fault: InvalidSpec) -> Error {
    Error::InvalidSite(vec![fault])
}
