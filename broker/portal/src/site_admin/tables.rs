use broker_app::{ControlsView, SiteJob, SiteView};
use broker_model::{GpuMillis, PartitionSnapshot, UnitMillis};
use broker_store::AccountUse;
use jiff::Timestamp;

use crate::texts::Texts;
use crate::words::{self, Moment};

pub(super) struct Table {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) heads: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// What a screen reader tells the buttons of a table apart by.
    pub(super) name: String,
    pub(super) ends: Vec<End>,
}

pub(super) struct Cell {
    pub(super) label: &'static str,
    pub(super) text: String,
}

/// A button that ends a row's thing, or takes it back.
pub(super) struct End {
    pub(super) action: &'static str,
    pub(super) item: String,
    pub(super) words: &'static str,
}

/// Makes the tables of one page.
struct Maker<'a> {
    texts: Texts,
    view: &'a SiteView,
    set: &'a ControlsView,
    now: Timestamp,
}

pub(super) fn all(
    texts: Texts,
    (view, set): (&SiteView, &ControlsView),
    (jobs, unknown): (&[SiteJob], &[AccountUse]),
    now: Timestamp,
) -> Vec<Table> {
    let maker = Maker {
        texts,
        view,
        set,
        now,
    };
    vec![
        maker.partitions(),
        maker.windows(),
        maker.drains(),
        maker.incidents(),
        maker.vetoes(),
        maker.organisation_vetoes(),
        maker.limits(),
        maker.accounts(unknown),
        maker.jobs(jobs),
    ]
}

impl Maker<'_> {
    fn table(
        &self,
        (id, title): (&'static str, &str),
        heads: &[&str],
        rows: Vec<(Vec<String>, Vec<End>)>,
    ) -> Table {
        let heads: Vec<&'static str> = heads.iter().map(|key| self.texts.of(key)).collect();
        let row = |(cells, ends): (Vec<String>, Vec<End>)| Row {
            name: cells.iter().take(2).cloned().collect::<Vec<_>>().join(", "),
            cells: { heads.iter().zip(cells) }
                .map(|(label, text)| Cell { label, text })
                .collect(),
            ends,
        };
        Table {
            id,
            title: self.texts.of(title),
            rows: rows.into_iter().map(row).collect(),
            heads,
        }
    }

    fn end(&self, action: &'static str, words: &str, item: &impl ToString) -> End {
        End {
            action,
            item: item.to_string(),
            words: self.texts.of(words),
        }
    }

    /// What was set by mistake goes as if it had never been.
    fn remove(&self, item: &impl ToString) -> End {
        self.end("remove", "site_admin.remove", item)
    }

    fn until(&self, at: Option<Timestamp>) -> String {
        at.map_or_else(|| self.texts.of("site_admin.open_end").to_owned(), moment)
    }

    fn partitions(&self) -> Table {
        let heard = self.view.snapshot.iter().flat_map(|it| &it.partitions);
        let heard: Vec<&PartitionSnapshot> = heard.collect();
        let mut rows = Vec::new();
        for system in &self.view.site.systems {
            for partition in &system.partitions {
                let seen = { heard.iter() }
                    .find(|it| it.system == system.id && it.partition == partition.id);
                let free =
                    seen.map(|it| format!("{}\u{a0}/\u{a0}{}", it.nodes_free, it.nodes_total));
                let queued = seen.map(|it| words::count(it.jobs_queued.into()));
                let dash = || "–".to_owned();
                let cells = vec![
                    format!("{}/{}", system.id, partition.id),
                    partition.container_target.to_string(),
                    free.unwrap_or_else(dash),
                    queued.unwrap_or_else(dash),
                ];
                rows.push((cells, Vec::new()));
            }
        }
        let heads = [
            "sites.partition",
            "sites.target",
            "sites.nodes",
            "sites.queued",
        ];
        self.table(("partitions", "site_admin.partitions"), &heads, rows)
    }

    fn windows(&self) -> Table {
        let row = |view: &broker_app::WindowView| {
            let window = &view.window;
            let cells = vec![
                window.share.to_string(),
                window.scope.to_string(),
                moment(window.from),
                moment(window.to),
                hours(window.gpu),
                hours(view.uses.used),
                hours(view.uses.held),
            ];
            let open = window.to > self.now;
            let end = || self.end("close-window", "site_admin.close", &window.id);
            let unused = view.uses.used.0 == 0 && view.uses.held.0 == 0;
            let remove = || self.remove(&window.id);
            let ends = open.then(end).into_iter();
            (cells, ends.chain(unused.then(remove)).collect())
        };
        let heads = [
            "site_admin.share",
            "site_admin.scope",
            "site_admin.from",
            "site_admin.to",
            "site_admin.gpu_hours",
            "site_admin.used",
            "site_admin.held",
        ];
        let rows = self.set.windows.iter().map(row).collect();
        self.table(("windows", "site_admin.windows"), &heads, rows)
    }

    fn drains(&self) -> Table {
        let on = self.set.drains.iter().filter(|it| !it.is_over(self.now));
        let row = |drain: &broker_model::Drain| {
            let cells = vec![
                drain.scope.to_string(),
                drain.reason.clone(),
                moment(drain.from),
                self.until(drain.until),
            ];
            let end = self.end("undrain", "site_admin.end", &drain.id);
            (cells, vec![end, self.remove(&drain.id)])
        };
        let heads = [
            "site_admin.scope",
            "site_admin.reason",
            "site_admin.from",
            "site_admin.to",
        ];
        self.table(
            ("drains", "site_admin.drains"),
            &heads,
            on.map(row).collect(),
        )
    }

    fn incidents(&self) -> Table {
        let on = self.set.incidents.iter().filter(|it| !it.is_over(self.now));
        let row = |incident: &broker_model::Incident| {
            let (kind, severity) = words_of(incident);
            let cells = vec![
                incident.title.clone(),
                self.texts.of(kind).to_owned(),
                self.texts.of(severity).to_owned(),
                moment(incident.from),
                self.until(incident.to),
            ];
            let end = self.end("close-incident", "site_admin.close", &incident.id);
            (cells, vec![end, self.remove(&incident.id)])
        };
        let heads = [
            "site_admin.name",
            "site_admin.kind",
            "site_admin.severity",
            "site_admin.from",
            "site_admin.to",
        ];
        self.table(
            ("incidents", "site_admin.incidents"),
            &heads,
            on.map(row).collect(),
        )
    }

    fn vetoes(&self) -> Table {
        let row = |veto: &broker_model::Veto| {
            let cells = vec![
                veto.allocation.to_string(),
                veto.system.as_ref().map_or_else(
                    || self.texts.of("site_admin.whole").to_owned(),
                    ToString::to_string,
                ),
                veto.reason.clone(),
                moment(veto.since),
            ];
            (
                cells,
                vec![self.end("lift-veto", "site_admin.lift", &veto.id)],
            )
        };
        let heads = [
            "site_admin.allocation",
            "site_admin.scope",
            "site_admin.reason",
            "site_admin.from",
        ];
        let rows = self.set.vetoes.iter().map(row).collect();
        self.table(("vetoes", "site_admin.vetoes"), &heads, rows)
    }

    fn organisation_vetoes(&self) -> Table {
        let row = |veto: &broker_model::OrganisationVeto| {
            let cells = vec![
                veto.organisation.to_string(),
                veto.system.as_ref().map_or_else(
                    || self.texts.of("site_admin.whole").to_owned(),
                    ToString::to_string,
                ),
                veto.reason.clone(),
                moment(veto.since),
                self.until(veto.until),
            ];
            let lift = self.end("lift-organisation", "site_admin.lift", &veto.id);
            (cells, vec![lift])
        };
        let heads = [
            "site_admin.organisation",
            "site_admin.scope",
            "site_admin.reason",
            "site_admin.from",
            "site_admin.to",
        ];
        let on = { self.set.organisation_vetoes.iter() }.filter(|it| !it.is_over(self.now));
        let title = ("refused", "site_admin.refused");
        self.table(title, &heads, on.map(row).collect())
    }

    fn limits(&self) -> Table {
        let of = |has: String, most: Option<String>| match most {
            Some(most) => format!("{has}\u{a0}/\u{a0}{most}"),
            None => has,
        };
        let row = |(limit, uses): &(
            broker_model::OrganisationLimit,
            broker_model::OrganisationUse,
        )| {
            let jobs = |n: u32| words::count(n.into());
            let cells = vec![
                limit.organisation.to_string(),
                of(
                    jobs(uses.running.saturating_add(uses.queued)),
                    limit.max_at_once.map(jobs),
                ),
                of(jobs(uses.queued), limit.max_queued.map(jobs)),
                of(
                    hours(uses.gpu_used + uses.gpu_held),
                    limit.gpu_per_month.map(hours),
                ),
            ];
            (cells, vec![self.remove(&limit.organisation)])
        };
        let heads = [
            "site_admin.organisation",
            "site_admin.at_once",
            "sites.queued",
            "site_admin.gpu_hours_month",
        ];
        let rows = self.set.limits.iter().map(row).collect();
        self.table(("limits", "site_admin.limits"), &heads, rows)
    }

    fn accounts(&self, unknown: &[AccountUse]) -> Table {
        let row = |one: &AccountUse| {
            let cells = vec![
                one.account.clone(),
                words::count(one.jobs),
                hours(one.gpu),
                moment(one.first_seen),
                moment(one.last_seen),
            ];
            (cells, Vec::new())
        };
        let heads = [
            "site_admin.account",
            "site_admin.account_jobs",
            "site_admin.gpu_hours",
            "site_admin.first_seen",
            "site_admin.last_seen",
        ];
        let rows = unknown.iter().map(row).collect();
        self.table(("accounts", "site_admin.accounts"), &heads, rows)
    }

    fn jobs(&self, jobs: &[SiteJob]) -> Table {
        let row = |job: &SiteJob| {
            let remote = job.remote_id.as_ref();
            let cells = vec![
                job.job.to_string(),
                remote.map_or_else(|| "–".to_owned(), ToString::to_string),
                format!("{}/{}", job.partition.system, job.partition.partition),
                words::state(self.texts, job.state).to_owned(),
                job.project.to_string(),
                job.allocation.to_string(),
                job.organisation
                    .map_or_else(|| "–".to_owned(), |it| it.to_string()),
                job.name.clone().unwrap_or_else(|| job.person.to_string()),
                moment(job.started_at.unwrap_or(job.updated_at)),
            ];
            (cells, Vec::new())
        };
        let heads = [
            "site_admin.job",
            "site_admin.remote",
            "sites.partition",
            "sites.state",
            "site_admin.project",
            "site_admin.allocation",
            "site_admin.organisation",
            "site_admin.person",
            "site_admin.since",
        ];
        self.table(
            ("jobs", "site_admin.jobs"),
            &heads,
            jobs.iter().map(row).collect(),
        )
    }
}

/// The keys of an incident's kind and severity.
pub(crate) const fn words_of(incident: &broker_model::Incident) -> (&'static str, &'static str) {
    use broker_model::{IncidentKind, Severity};
    let kind = match incident.kind {
        IncidentKind::Incident => "site_admin.incident",
        IncidentKind::Maintenance => "site_admin.maintenance",
    };
    let severity = match incident.severity {
        Severity::Info => "site_admin.info",
        Severity::Degraded => "site_admin.degraded",
        Severity::Outage => "site_admin.outage",
    };
    (kind, severity)
}

fn moment(at: Timestamp) -> String {
    Moment::from(at).words
}

fn hours(gpu: GpuMillis) -> String {
    words::hours(UnitMillis(gpu.0))
}
