use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_app::SiteView;
use broker_model::{
    Automation, Partition, PartitionSnapshot, SiteReadiness, System, SystemStatus, Uncertain,
    UncertainOf,
};

use crate::Portal;
use crate::frame::{Frame, html};
use crate::notices::{self, Notice};
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::visitor::Member;
use crate::words::{self, Moment};

#[derive(Template)]
#[template(path = "sites.html")]
struct SitesPage {
    f: Frame,
    /// Ids and names of the sites whose waiting jobs the visitor may see.
    asked: Vec<(String, String)>,
    /// Those to whose sites people carry jobs.
    carried: Vec<(String, String)>,
    summary: String,
    sites: Vec<SiteCard>,
}

struct SiteCard {
    id: String,
    name: String,
    place: String,
    host: String,
    web: Option<String>,
    class: &'static str,
    readiness: &'static str,
    reason: Option<String>,
    heard: Option<Moment>,
    /// Until when that counts, while it does.
    counts_until: Option<Moment>,
    /// Partitions that take jobs, of those heard of. Their nodes are not added up: at many sites
    /// one node is in several.
    open: String,
    queued: String,
    systems: Vec<SystemCard>,
    notices: Vec<Notice>,
    /// The viewer administers it.
    is_mine: bool,
    doubts: Uncertain,
    /// All of what is uncertain about it, most of which the page does not show.
    uncertain: Vec<UncertainOf>,
}

struct SystemCard {
    id: String,
    status: &'static str,
    /// What it computes with, where that is something else than usual: `qpu`.
    kind: Option<String>,
    /// The system that it hangs on, in words.
    host: Option<String>,
    doubts: Uncertain,
    partitions: Vec<PartitionRow>,
}

struct PartitionRow {
    id: String,
    target: String,
    hardware: String,
    hardware_doubted: bool,
    walltime: Option<String>,
    walltime_doubted: bool,
    doubts: Uncertain,
    heard: Option<HeardRow>,
}

struct HeardRow {
    accepting: bool,
    nodes: String,
    gpus: Option<String>,
    running: String,
    queued: String,
}

/// All sites on one page, as last heard.
pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
) -> Result<Response, Refusal> {
    let texts = member.texts;
    let views = portal.broker.sites();
    let ready = views
        .iter()
        .filter(|view| view.readiness == SiteReadiness::Ready)
        .count();
    let numbers = [
        ("ready", ready.to_string()),
        ("all", views.len().to_string()),
    ];
    let numbers = numbers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let caller = member.caller();
    let is_asked = |view: &&SiteView| {
        view.site.automation == Automation::HumanConfirm && caller.is_admin_of(&view.site.id)
    };
    let asked = views.iter().filter(is_asked);
    let is_carried_to =
        |view: &&SiteView| view.site.takes_handoffs() && caller.is_admin_of(&view.site.id);
    let carried = views.iter().filter(is_carried_to);
    let named = |view: &SiteView| (view.site.id.to_string(), view.site.name.clone());
    html(&SitesPage {
        asked: asked.map(named).collect(),
        carried: carried.map(named).collect(),
        f: member.frame(texts.of("sites.title"), "sites"),
        summary: texts.with("sites.summary", &numbers),
        sites: views
            .iter()
            .map(|view| SiteCard::new(&member, view))
            .collect(),
    })
}

impl SiteCard {
    fn new(member: &Member, view: &SiteView) -> Self {
        let (texts, site) = (member.texts, &view.site);
        let (class, key) = readiness(view.readiness);
        let heard = view
            .snapshot
            .as_ref()
            .map(|snapshot| snapshot.partitions.as_slice());
        let unheard = || "–".to_owned();
        let open = |rows: &[PartitionSnapshot]| {
            let open = rows.iter().filter(|row| row.accepting).count();
            of(&open.to_string(), &rows.len().to_string())
        };
        let queued = |rows: &[PartitionSnapshot]| {
            words::count(rows.iter().map(|row| u64::from(row.jobs_queued)).sum())
        };
        Self {
            id: site.id.to_string(),
            name: site.name.clone(),
            place: format!("{}, {}", site.city, site.country),
            host: site.hosting_entity.clone(),
            web: site.web.clone().filter(|web| web.starts_with("https://")),
            class,
            readiness: texts.of(key),
            reason: view.reason.clone(),
            heard: view.heard_at.map(Moment::from),
            counts_until: { view.expires_at }
                .filter(|_| view.readiness != SiteReadiness::Unknown)
                .map(Moment::from),
            open: heard.map_or_else(unheard, open),
            queued: heard.map_or_else(unheard, queued),
            systems: site
                .systems
                .iter()
                .map(|it| SystemCard::new(texts, it, heard))
                .collect(),
            notices: notices::of_site(texts, view),
            is_mine: member.caller().is_admin_of(&site.id),
            doubts: site.uncertain.clone(),
            uncertain: site.uncertainties(),
        }
    }
}

impl SystemCard {
    fn new(texts: Texts, system: &System, heard: Option<&[PartitionSnapshot]>) -> Self {
        let row = |partition: &Partition| {
            let is_it =
                |row: &&PartitionSnapshot| row.system == system.id && row.partition == partition.id;
            let heard = heard.and_then(|rows| rows.iter().find(is_it));
            PartitionRow::new(texts, partition, heard)
        };
        Self {
            id: system.id.to_string(),
            status: texts.of(status(system.status)),
            kind: system.accelerator_kind.clone(),
            host: system.integrated_in.as_ref().map(|host| {
                let numbers = [("host", host.as_str())];
                texts.with("sites.hangs_on", &numbers)
            }),
            doubts: system.uncertain.clone(),
            partitions: system.partitions.iter().map(row).collect(),
        }
    }
}

impl PartitionRow {
    fn new(texts: Texts, partition: &Partition, heard: Option<&PartitionSnapshot>) -> Self {
        let per_gpu = partition.scheduler_gpus_per_gpu;
        let walltime = partition.max_walltime.map(|it| u64::from(it.seconds()));
        let said = heard
            .and_then(|row| row.max_walltime_seconds)
            .map(u64::from);
        Self {
            id: partition.id.to_string(),
            target: partition.container_target.to_string(),
            hardware: hardware(partition),
            hardware_doubted: HARDWARE.iter().any(|it| partition.uncertain.names(it)),
            walltime: said
                .or(walltime)
                .map(|seconds| words::duration(texts, seconds)),
            // What the scheduler itself said is sure.
            walltime_doubted: said.is_none() && partition.uncertain.names("max_walltime"),
            doubts: partition.uncertain.clone(),
            heard: heard.map(|row| HeardRow {
                accepting: row.accepting,
                nodes: of(
                    &words::count(row.nodes_free.into()),
                    &words::count(row.nodes_total.into()),
                ),
                gpus: (row.gpus_total > 0).then(|| {
                    let count = |gpus: u32| words::physical(gpus.into(), per_gpu);
                    of(&count(row.gpus_free), &count(row.gpus_total))
                }),
                running: words::count(row.jobs_running.into()),
                queued: words::count(row.jobs_queued.into()),
            }),
        }
    }
}

fn of(free: &str, total: &str) -> String {
    format!("{free}\u{a0}/\u{a0}{total}")
}

/// Fields that [`hardware`] tells of.
const HARDWARE: [&str; 5] = [
    "gpus_per_node",
    "gpu_model",
    "cpu_model",
    "other_accelerators",
    "accelerator_kind",
];

/// What a node has: `4 × NVIDIA A100 40GB`, or its processor.
fn hardware(partition: &Partition) -> String {
    let model = partition.gpu_model.as_deref().unwrap_or("GPU");
    let other = { partition.other_accelerators.as_ref() }.or(partition.accelerator_kind.as_ref());
    match (partition.gpus_per_node, other, &partition.cpu_model) {
        (0, Some(other), _) => other.clone(),
        (0, None, Some(cpu)) => cpu.clone(),
        (0, None, None) => "CPU".to_owned(),
        (n, _, _) => format!("{n}\u{a0}×\u{a0}{model}"),
    }
}

pub(crate) const fn readiness(readiness: SiteReadiness) -> (&'static str, &'static str) {
    match readiness {
        SiteReadiness::Ready => ("good", "readiness.ready"),
        SiteReadiness::Limited => ("wait", "readiness.limited"),
        SiteReadiness::Draining => ("wait", "readiness.draining"),
        SiteReadiness::Unavailable => ("bad", "readiness.unavailable"),
        SiteReadiness::Unknown => ("none", "readiness.unknown"),
    }
}

const fn status(status: SystemStatus) -> &'static str {
    match status {
        SystemStatus::Operational => "system.operational",
        SystemStatus::Installing => "system.installing",
        SystemStatus::Contracted => "system.contracted",
        SystemStatus::Planned => "system.planned",
        SystemStatus::Retired => "system.retired",
    }
}
