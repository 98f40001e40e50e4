//! `alcyone site`: what an administrator sets, and the documents that are registered.

mod accounts;
mod controls;
mod document;
mod jobs;
mod limit;

use std::io::Write;

use broker_client::Client;
use broker_model::{
    CapacityWindow, Drain, DrainDraft, Incident, IncidentDraft, IncidentKind, IncidentNews,
    LimitDraft, OrganisationVeto, OrganisationVetoDraft, QueuedJobs, Severity, SiteId, SiteScope,
    Veto, VetoDraft, WindowDraft, WindowEnd,
};
use serde::Serialize;
use serde_json::json;

use crate::cli::{
    DrainVerb, IncidentVerb, KindArg, Refused, SeverityArg, SiteVerb, VetoVerb, WindowVerb,
};
use crate::print;
use crate::verbs::site_agents;
use crate::words::{self, fill, say};

pub(crate) async fn run(
    client: &Client,
    verb: SiteVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let say = Say { json };
    match verb {
        SiteVerb::Agents(verb) => return site_agents::run(client, verb, json, out).await,
        SiteVerb::Person(verb) => return super::person::run(client, verb, json, out).await,
        SiteVerb::Import { file, dry_run } => {
            return document::import(client, &file, dry_run, json, out).await;
        }
        SiteVerb::Document { site } => document::show(client, &site, json, out).await?,
        SiteVerb::Show { site } => controls::show(client, &site, json, out).await?,
        SiteVerb::Windows { what } => windows(client, what, &say, out).await?,
        SiteVerb::Drains(verb) => drains(client, verb, &say, out).await?,
        SiteVerb::Incident { what } => incident(client, what, &say, out).await?,
        SiteVerb::Vetoes(verb) => vetoes(client, verb, &say, out).await?,
        SiteVerb::Limit {
            site,
            organisation,
            at_once,
            queued,
            gpu_hours,
        } => {
            let draft = LimitDraft {
                max_at_once: at_once,
                max_queued: queued,
                gpu_hours_per_month: gpu_hours,
            };
            limit::run(client, &site, (organisation, &draft), &say, out).await?;
        }
        SiteVerb::Remove { site, item } => {
            let removed = client.remove_control(&site, item).await?;
            say.done(
                &removed,
                &fill("{site}: {item} is taken back")
                    .with("site", &site)
                    .with("item", item)
                    .to_string(),
                out,
            )?;
        }
        SiteVerb::Retire { site, scope } => {
            return document::retire(client, &site, &scope.into(), json, out).await;
        }
        SiteVerb::UnknownAccounts { site } => accounts::run(client, &site, json, out).await?,
        SiteVerb::Jobs {
            site,
            limit,
            cursor,
        } => {
            let mut query = vec![("limit", limit.to_string())];
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            jobs::run(client, &site, &query, json, out).await?;
        }
    }
    Ok(0)
}

/// The thing itself for programs, a line for people.
struct Say {
    json: bool,
}

impl Say {
    fn done(
        &self,
        thing: &impl Serialize,
        words: &str,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        if self.json {
            return print::json(thing, out);
        }
        writeln!(out, "{words}")?;
        Ok(())
    }
}

async fn drains(
    client: &Client,
    verb: DrainVerb,
    say: &Say,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match verb {
        DrainVerb::Drain {
            site,
            scope,
            reason,
            from,
            until,
        } => {
            let scope = scope.into();
            let draft = DrainDraft {
                scope,
                reason,
                from,
                until,
            };
            let drain: Drain = client.set_at_site(&site, "drains", &draft).await?;
            let scope = &drain.scope;
            say.done(
                &drain,
                &fill("{site}: {scope} drained as {id}")
                    .with("site", &site)
                    .with("scope", scope)
                    .with("id", drain.id)
                    .to_string(),
                out,
            )
        }
        DrainVerb::Undrain { site, drain } => {
            let path = format!("drains/{drain}/end");
            let ended: Drain = client.set_at_site(&site, &path, &json!({})).await?;
            say.done(
                &ended,
                &fill("{site}: {drain} ended")
                    .with("site", &site)
                    .with("drain", drain)
                    .to_string(),
                out,
            )
        }
    }
}

async fn vetoes(
    client: &Client,
    verb: VetoVerb,
    say: &Say,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match verb {
        VetoVerb::Veto {
            site,
            whom: Refused::Organisation(organisation),
            system,
            reason,
            cancel_queued,
            until,
        } => {
            anyhow::ensure!(!cancel_queued, "--cancel-queued is of a refused allocation");
            let draft = OrganisationVetoDraft {
                organisation,
                system,
                reason,
                until,
            };
            let path = "organisation-vetoes";
            let veto: OrganisationVeto = client.set_at_site(&site, path, &draft).await?;
            let words = fill("{site}: {organisation} refused as {id}")
                .with("site", &site)
                .with("organisation", organisation)
                .with("id", veto.id)
                .to_string();
            say.done(&veto, &words, out)
        }
        VetoVerb::Veto {
            site,
            whom: Refused::Allocation(allocation),
            system,
            reason,
            cancel_queued,
            until,
        } => {
            anyhow::ensure!(until.is_none(), "--until is of a refused organisation");
            let queued = if cancel_queued {
                QueuedJobs::Cancel
            } else {
                QueuedJobs::Stay
            };
            let draft = VetoDraft {
                allocation,
                system,
                reason,
                queued,
            };
            let veto: Veto = client.set_at_site(&site, "vetoes", &draft).await?;
            say.done(
                &veto,
                &fill("{site}: {allocation} refused as {id}")
                    .with("site", &site)
                    .with("allocation", allocation)
                    .with("id", veto.id)
                    .to_string(),
                out,
            )
        }
        VetoVerb::LiftVeto { site, veto } => {
            let set = client.controls(&site).await?;
            if set.organisation_vetoes.iter().any(|it| it.id == veto) {
                let path = format!("organisation-vetoes/{veto}/lift");
                let lifted: OrganisationVeto = client.set_at_site(&site, &path, &json!({})).await?;
                let words = fill("{site}: {organisation} served again")
                    .with("site", &site)
                    .with("organisation", lifted.organisation)
                    .to_string();
                return say.done(&lifted, &words, out);
            }
            let path = format!("vetoes/{veto}/lift");
            let lifted: Veto = client.set_at_site(&site, &path, &json!({})).await?;
            let now = still_refused(client, &site, &lifted).await?;
            let words = format!("{site}: {} {now}", lifted.allocation);
            say.done(&lifted, &words, out)
        }
    }
}

/// What is so once a veto is lifted: another may be wider or narrower.
async fn still_refused(client: &Client, site: &SiteId, lifted: &Veto) -> anyhow::Result<String> {
    let set = client.controls(site).await?;
    let mut others = set.vetoes.iter();
    let other = others.find(|it| it.allocation == lifted.allocation);
    Ok(match other {
        None => say("served again").to_owned(),
        Some(other) => match &other.system {
            None => fill("still refused everywhere by {id}")
                .with("id", other.id)
                .to_string(),
            Some(system) => fill("still refused at {system} by {id}")
                .with("system", system)
                .with("id", other.id)
                .to_string(),
        },
    })
}

async fn windows(
    client: &Client,
    what: WindowVerb,
    say: &Say,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match what {
        WindowVerb::List { site } => controls::windows(client, &site, say.json, out).await,
        WindowVerb::Add {
            site,
            share,
            scope,
            from,
            to,
            gpu_hours,
        } => {
            let scope: SiteScope = scope.into();
            let draft = WindowDraft {
                share,
                scope,
                from,
                to,
                gpu_hours,
            };
            let window: CapacityWindow = client.set_at_site(&site, "windows", &draft).await?;
            let words = fill("{site}: {share} may use {gpu} GPU-hours of {scope} as {id}")
                .with("site", &site)
                .with("share", &window.share)
                .with("gpu", window.gpu)
                .with("scope", &window.scope)
                .with("id", window.id)
                .to_string();
            say.done(&window, &words, out)
        }
        WindowVerb::Close {
            site,
            window,
            withdraw,
        } => {
            let path = format!("windows/{window}/close");
            let end = WindowEnd { withdraw };
            let closed: CapacityWindow = client.set_at_site(&site, &path, &end).await?;
            let done = words::say(if withdraw { "taken back" } else { "closed" });
            say.done(&closed, &format!("{site}: {window} {done}"), out)
        }
    }
}

async fn incident(
    client: &Client,
    what: IncidentVerb,
    say: &Say,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match what {
        IncidentVerb::Open {
            site,
            title,
            words,
            kind,
            severity,
            from,
            to,
            scope,
        } => {
            let scope: SiteScope = scope.into();
            let draft = IncidentDraft {
                kind: kind.into(),
                severity: severity.into(),
                title,
                words,
                from,
                to,
                affects: Some(scope)
                    .into_iter()
                    .filter(|it| it.system.is_some())
                    .collect(),
            };
            let opened: Incident = client.set_at_site(&site, "incidents", &draft).await?;
            say.done(
                &opened,
                &fill("{site}: users are told of {id}")
                    .with("site", &site)
                    .with("id", opened.id)
                    .to_string(),
                out,
            )
        }
        IncidentVerb::Update {
            site,
            incident,
            words,
            severity,
            to,
        } => {
            let news = IncidentNews {
                words,
                severity: severity.map(Into::into),
                to,
            };
            let path = format!("incidents/{incident}/updates");
            let now: Incident = client.set_at_site(&site, &path, &news).await?;
            say.done(
                &now,
                &fill("{site}: users are told what is new of {incident}")
                    .with("site", &site)
                    .with("incident", incident)
                    .to_string(),
                out,
            )
        }
        IncidentVerb::Close { site, incident } => {
            let path = format!("incidents/{incident}/close");
            let closed: Incident = client.set_at_site(&site, &path, &json!({})).await?;
            say.done(
                &closed,
                &fill("{site}: {incident} is over")
                    .with("site", &site)
                    .with("incident", incident)
                    .to_string(),
                out,
            )
        }
    }
}

impl From<KindArg> for IncidentKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Incident => Self::Incident,
            KindArg::Maintenance => Self::Maintenance,
        }
    }
}

impl From<SeverityArg> for Severity {
    fn from(severity: SeverityArg) -> Self {
        match severity {
            SeverityArg::Info => Self::Info,
            SeverityArg::Degraded => Self::Degraded,
            SeverityArg::Outage => Self::Outage,
        }
    }
}
