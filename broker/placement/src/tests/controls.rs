//! What site administrators set: each as a clause in numbers, and what must hold for all of them.

use broker_model::{
    CapacityWindow, Clause, Controls, Drain, FundingShare, GpuMillis, Incident, IncidentKind,
    OrganisationLimit, OrganisationUse, QueuedJobs, Severity, SiteScope, SystemStatus, Veto,
    WindowUse,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::{collection, option};

use super::any::{any_federation, any_spec};
use super::federation::{Federation, Member, allocation, at, entry, hour, now, site, spec};
use crate::never_feasible;

const WINDOW: &str = "win_0192f0c1d2e37abc8def0123456789ab";
const ORGANISATION: &str = "org_0192f0c1d2e37abc8def0123456789ab";

/// The clauses of the one partition once `edit` has set something there.
fn said(edit: impl FnOnce(&mut Federation, &mut Controls)) -> Vec<(Clause, String)> {
    let mut federation = Federation::of([Member::new(site("lumi"))]);
    let mut controls = Controls::default();
    edit(&mut federation, &mut controls);
    federation.members[0].controls = controls;
    let placement = federation.place(&spec());
    assert!(!never_feasible(&placement), "it may pass or be lifted");
    let rejections = entry(&placement, &at("lumi")).rejections.iter();
    rejections.map(|it| (it.clause, it.words.clone())).collect()
}

fn one(clause: Clause, words: &str) -> Vec<(Clause, String)> {
    vec![(clause, words.to_owned())]
}

fn hours(count: i64) -> SignedDuration {
    hour() * i32::try_from(count).unwrap()
}

fn scope(system: &str, partition: Option<&str>) -> SiteScope {
    SiteScope {
        system: Some(system.parse().unwrap()),
        partition: partition.map(|it| it.parse().unwrap()),
    }
}

fn drain(from: i64, until: Option<i64>) -> Drain {
    Drain {
        id: "drn_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
        scope: SiteScope::default(),
        reason: "a new file system".to_owned(),
        from: now() + hours(from),
        until: until.map(|it| now() + hours(it)),
    }
}

fn incident(kind: IncidentKind, from: i64, to: Option<i64>) -> Incident {
    Incident {
        id: "inc_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
        kind,
        severity: Severity::Outage,
        title: "Cooling".to_owned(),
        words: "Pumps are exchanged.".to_owned(),
        from: now() + hours(from),
        to: to.map(|it| now() + hours(it)),
        affects: Vec::new(),
        updates: Vec::new(),
    }
}

fn window(from: i64, to: i64, gpu_hours: i64) -> CapacityWindow {
    CapacityWindow {
        id: WINDOW.parse().unwrap(),
        share: FundingShare::Union,
        scope: SiteScope::default(),
        from: now() + hours(from),
        to: now() + hours(to),
        gpu: GpuMillis::from_hours(gpu_hours),
    }
}

#[test]
fn a_drain_is_told_with_its_reason_and_its_end() {
    let got = said(|_, set| set.drains = vec![drain(-1, Some(2))]);
    let words = "the whole site is drained until 2026-11-20T14:00:00Z: a new file system";
    assert_eq!(got, one(Clause::Drained, words));
    let got = said(|_, set| {
        set.drains = vec![drain(0, None)];
        set.drains[0].scope = scope("m", Some("p"));
    });
    let words = "m/p is drained, no end is announced: a new file system";
    assert_eq!(got, one(Clause::Drained, words));
}

#[test]
fn a_drain_that_is_over_or_to_come_or_elsewhere_keeps_nothing_away() {
    let got = said(|_, set| {
        set.drains = vec![drain(-2, Some(0)), drain(1, None), drain(0, None)];
        set.drains[2].scope = scope("m", Some("q"));
    });
    assert_eq!(got, []);
}

/// The job asks for six hours.
#[test]
fn a_job_that_would_run_into_maintenance_is_not_placed_there() {
    let planned = |from, to| {
        said(move |_, set| set.incidents = vec![incident(IncidentKind::Maintenance, from, to)])
    };
    let words = "asks for 6h, maintenance `Cooling` begins 2026-11-20T17:00:00Z, until \
                 2026-11-20T20:00:00Z";
    assert_eq!(planned(5, Some(8)), one(Clause::Maintenance, words));
    assert_eq!(planned(6, Some(8)), [], "it is done by then");
    assert_eq!(planned(-3, Some(0)), []);
    let words = "maintenance `Cooling` is on with no announced end";
    assert_eq!(planned(-3, None), one(Clause::Maintenance, words));
}

#[test]
fn an_incident_is_told_to_people_and_keeps_no_job_away() {
    let got = said(|_, set| set.incidents = vec![incident(IncidentKind::Incident, -1, None)]);
    assert_eq!(got, []);
}

/// The job takes 48 GPU-hours.
#[test]
fn a_window_that_is_used_up_says_so_in_numbers_and_when_the_next_opens() {
    let got = said(|federation, set| {
        set.windows = vec![window(-24, 24, 100), window(24, 48, 100)];
        set.windows[1].id = "win_1192f0c1d2e37abc8def0123456789ab".parse().unwrap();
        let (used, held) = (GpuMillis::from_hours(40), GpuMillis::from_hours(20));
        let id = WINDOW.parse().unwrap();
        federation.tally.windows = [(id, WindowUse { used, held })].into();
    });
    let words = "the job takes 48.0000 GPU-hours, the window of `union` until 2026-11-21T12:00:00Z \
                 has 40.0000 of 100.0000 left (40.0000 used, 20.0000 held); the next opens \
                 2026-11-21T12:00:00Z";
    assert_eq!(got, one(Clause::CapacityWindow, words));
}

#[test]
fn a_window_that_is_closed_says_when_the_next_opens_if_one_does() {
    let got = said(|_, set| set.windows = vec![window(1, 2, 100)]);
    let words = "no capacity window of `union` is open here; the next opens 2026-11-20T13:00:00Z";
    assert_eq!(got, one(Clause::CapacityWindow, words));
    let got = said(|_, set| set.windows = vec![window(-2, 0, 100)]);
    let words = "no capacity window of `union` is open here; no other is announced";
    assert_eq!(got, one(Clause::CapacityWindow, words));
}

#[test]
fn the_windows_of_other_shares_and_partitions_limit_nobody_else() {
    let got = said(|_, set| {
        set.windows = vec![window(1, 2, 100), window(1, 2, 100)];
        set.windows[0].share = "national:FI".parse().unwrap();
        set.windows[1].scope = scope("m", Some("q"));
    });
    assert_eq!(got, []);
    assert_eq!(said(|_, set| set.windows = vec![window(-1, 1, 48)]), []);
}

#[test]
fn a_veto_names_the_allocation_and_the_reason() {
    let veto = |system: &str| Veto {
        id: "vet_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
        allocation: allocation().id,
        system: Some(system.parse().unwrap()),
        reason: "export control".to_owned(),
        since: now(),
        queued: QueuedJobs::Stay,
    };
    let got = said(|_, set| set.vetoes = vec![veto("m")]);
    let words = "the site does not serve alc_0192f0c1d2e37abc8def0123456789ab: export control";
    assert_eq!(got, one(Clause::Vetoed, words));
    assert_eq!(said(|_, set| set.vetoes = vec![veto("other")]), []);
}

fn limited(limit: impl FnOnce(&mut OrganisationLimit)) -> Vec<(Clause, String)> {
    said(|federation, set| {
        let organisation = ORGANISATION.parse().unwrap();
        let mut set_to = OrganisationLimit {
            organisation,
            max_at_once: None,
            max_queued: None,
            gpu_per_month: None,
        };
        limit(&mut set_to);
        set.limits = vec![set_to];
        federation.tally.organisation = Some(organisation);
        let uses = OrganisationUse {
            running: 2,
            queued: 1,
            gpu_used: GpuMillis::from_hours(10),
            gpu_held: GpuMillis::from_hours(30),
        };
        federation.tally.at_sites = [("lumi".parse().unwrap(), uses)].into();
    })
}

#[test]
fn a_limit_by_organisation_is_told_in_its_numbers() {
    let clause = Clause::OrganisationLimit;
    let words = "the organisation has 2 jobs running here and 1 that may start any time, the site lets \
                 it have 3 at once";
    assert_eq!(limited(|it| it.max_at_once = Some(3)), one(clause, words));
    assert_eq!(limited(|it| it.max_at_once = Some(4)), []);
    let words = "the organisation has 1 jobs waiting here, the site lets it have 1";
    assert_eq!(limited(|it| it.max_queued = Some(1)), one(clause, words));
    let words = "the job takes 48.0000 GPU-hours, the organisation has used 10.0000 here this month and \
                 holds 30.0000, the site lets it have 87.0000";
    let month = |most| limited(|it| it.gpu_per_month = Some(GpuMillis::from_hours(most)));
    assert_eq!(month(87), one(clause, words));
    assert_eq!(month(88), []);
}

#[test]
fn an_experimental_partition_shows_the_terms_that_go_with_it() {
    let got = |experimental| {
        let mut member = Member::new(site("lumi"));
        member.partition().rules.experimental = true;
        member.partition().rules.terms_url = Some("https://x.example/terms".to_owned());
        let mut spec = spec();
        spec.placement.experimental = experimental;
        let placement = Federation::of([member]).place(&spec);
        let rejections = &entry(&placement, &at("lumi")).rejections;
        rejections
            .iter()
            .map(|it| it.words.clone())
            .collect::<Vec<_>>()
    };
    let words = "experimental, and the job does not set `placement.experimental`, which accepts the terms \
                 at https://x.example/terms";
    assert_eq!(got(false), [words]);
    assert!(got(true).is_empty());
}

fn any_controls() -> impl Strategy<Value = Controls> {
    let span = || (-30..30_i64, option::of(1..40_i64));
    let maintenance = any::<bool>();
    let drains = collection::vec(span(), 0..2);
    let incidents = collection::vec((span(), maintenance), 0..2);
    let windows = collection::vec((-30..30_i64, 1..60_i64, 0..4000_i64, any::<bool>()), 0..3);
    (drains, incidents, windows).prop_map(|(drains, incidents, windows)| {
        let drains = drains
            .into_iter()
            .map(|(from, long)| drain(from, long.map(|it| from + it)))
            .collect();
        let kinds = [IncidentKind::Incident, IncidentKind::Maintenance];
        let incidents = incidents
            .into_iter()
            .map(|((from, long), planned)| {
                incident(kinds[usize::from(planned)], from, long.map(|it| from + it))
            })
            .collect();
        let windows = windows
            .into_iter()
            .map(|(from, long, gpu_hours, union)| {
                let mut window = window(from, from + long, gpu_hours);
                if !union {
                    window.share = FundingShare::Commercial;
                }
                window
            })
            .collect();
        Controls {
            drains,
            incidents,
            windows,
            ..Controls::default()
        }
    })
}

/// The rules once more, as one condition.
fn lets(
    set: &Controls,
    share: &FundingShare,
    seconds: u32,
    taken: WindowUse,
    gpu: GpuMillis,
) -> bool {
    let over = |at: Option<Timestamp>| at.is_some_and(|at| at <= now());
    let end = now() + SignedDuration::from_secs(seconds.into());
    let drained = set
        .drains
        .iter()
        .any(|it| it.from <= now() && !over(it.until));
    let maintained = set
        .incidents
        .iter()
        .any(|it| it.kind == IncidentKind::Maintenance && !over(it.to) && it.from < end);
    let mut mine = set
        .windows
        .iter()
        .filter(|it| it.share == *share)
        .peekable();
    let open = |it: &CapacityWindow| {
        it.from <= now() && now() < it.to && taken.used + taken.held + gpu <= it.gpu
    };
    let within = mine.peek().is_none() || mine.any(open);
    !drained && !maintained && within
}

proptest! {
    /// What was feasible without them stays so exactly where they let it, and nothing else becomes so.
    #[test]
    fn a_job_goes_where_it_would_go_and_the_administrators_let_it(
        federation in any_federation(),
        spec in any_spec(),
        set in any_controls(),
        used in 0..2000_i64,
        held in 0..2000_i64,
    ) {
        let free = federation.place(&spec);
        let mut ruled = federation.clone();
        let taken = WindowUse { used: GpuMillis::from_hours(used), held: GpuMillis::from_hours(held) };
        ruled.tally.windows = [(WINDOW.parse().unwrap(), taken)].into();
        for member in &mut ruled.members {
            member.controls = set.clone();
        }
        let placement = ruled.place(&spec);
        let seconds = spec.resources.walltime.seconds();
        for one in &placement.considered {
            let before = entry(&free, &one.partition);
            let expected = before.candidate.as_ref().is_some_and(|it| {
                lets(&set, &federation.allocation.share, seconds, taken, it.gpu)
            });
            prop_assert_eq!(one.candidate.is_some(), expected, "{:?}", one);
        }
        prop_assert_eq!(never_feasible(&placement), never_feasible(&free));
    }
}

/// A second system at the site, which hangs on the first: its clauses once `edit` has set something.
fn of_the_hanging(edit: impl FnOnce(&mut Federation, &mut Controls)) -> Vec<(Clause, String)> {
    let mut one = site("lumi");
    let mut hanging = one.systems[0].clone();
    hanging.id = "q".parse().unwrap();
    hanging.integrated_in = Some("m".parse().unwrap());
    one.systems.push(hanging);
    let mut federation = Federation::of([Member::new(one)]);
    let mut controls = Controls::default();
    edit(&mut federation, &mut controls);
    federation.members[0].controls = controls;
    let placement = federation.place(&spec());
    let q = broker_model::PartitionRef {
        system: "q".parse().unwrap(),
        ..at("lumi")
    };
    let rejections = entry(&placement, &q).rejections.iter();
    rejections.map(|it| (it.clause, it.words.clone())).collect()
}

#[test]
fn what_keeps_jobs_from_a_host_keeps_them_from_what_hangs_on_it_and_names_the_host() {
    let drained = of_the_hanging(|_, set| {
        set.drains = vec![drain(0, None)];
        set.drains[0].scope = scope("m", None);
    });
    let words = "m is drained, no end is announced, and q hangs on m: a new file system";
    assert_eq!(drained, one(Clause::Drained, words));
    let maintained = of_the_hanging(|_, set| {
        set.incidents = vec![incident(IncidentKind::Maintenance, -3, None)];
        set.incidents[0].affects = vec![scope("m", None)];
    });
    let words = "maintenance `Cooling` is on with no announced end, and q hangs on m";
    assert_eq!(maintained, one(Clause::Maintenance, words));
    let allocation = allocation().id;
    let vetoed = of_the_hanging(|_, set| {
        set.vetoes = vec![Veto {
            id: "vet_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            allocation,
            system: Some("m".parse().unwrap()),
            reason: "export control".to_owned(),
            since: now(),
            queued: QueuedJobs::Stay,
        }];
    });
    let words =
        format!("the site does not serve {allocation} at m, and q hangs on m: export control");
    assert_eq!(vetoed, one(Clause::Vetoed, &words));
    for (status, words) in [
        (SystemStatus::Planned, "planned, not yet in operation"),
        (SystemStatus::Retired, "out of operation"),
    ] {
        let got = of_the_hanging(|federation, _| {
            federation.members[0].site.systems[0].status = status;
        });
        let words = format!("`m`, which it hangs on, is {words}");
        assert_eq!(got, one(Clause::SystemStatus, &words));
    }
}

#[test]
fn a_partition_of_the_host_alone_and_another_system_keep_nothing_from_what_hangs_on_the_host() {
    let got = of_the_hanging(|_, set| {
        set.drains = vec![drain(0, None)];
        set.drains[0].scope = scope("m", Some("p"));
    });
    assert_eq!(got, []);
    let got = said(|federation, _| {
        let mut other = federation.members[0].site.systems[0].clone();
        other.id = "old".parse().unwrap();
        other.status = SystemStatus::Retired;
        federation.members[0].site.systems.push(other);
    });
    assert_eq!(got, []);
}
