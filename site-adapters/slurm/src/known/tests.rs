use broker_model::RemoteId;
use site_adapter::LocalAccount;

use super::*;

fn job(n: u32) -> RemoteRef {
    RemoteRef {
        marker: format!("m{n}"),
        remote_id: RemoteId(n.to_string()),
        submitted_at: at(0),
        account: LocalAccount {
            user: "alice".to_owned(),
            account: None,
            qos: None,
        },
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

const RUNS: Sight = Sight {
    phase: Some(Phase::Running),
    tasks: 0,
};

fn running() -> Whole {
    Whole::single(Activity::Running { started_at: at(1) })
}

#[test]
fn a_job_is_asked_about_when_it_changes_and_once_a_minute() {
    let (known, jobs) = (Known::default(), [job(1), job(2)]);
    let jobs: Vec<&RemoteRef> = jobs.iter().collect();
    assert_eq!(known.turns(&jobs, |_, _| RUNS, at(0)).changed, [0, 1]);
    for job in &jobs {
        known.told(&job.marker, RUNS, running(), (at(0), false));
    }
    let quiet = known.turns(&jobs, |_, _| RUNS, at(59));
    assert_eq!((quiet.changed.len(), quiet.old.len()), (0, 0));
    assert_eq!(known.turns(&jobs, |_, _| RUNS, at(61)).old, [0, 1]);
    let only = |job: &RemoteRef, _: &[u64]| match job.marker.as_str() {
        "m1" => RUNS,
        _ => Sight::default(),
    };
    let gone = known.turns(&jobs, only, at(5));
    assert_eq!(gone.changed, [1]);
}

#[test]
fn an_array_is_asked_about_when_any_of_its_tasks_changes() {
    let known = Known::default();
    known.has_own_ids(&job(1), vec![3, 1, 2, 3]);
    let jobs = [&job(1)];
    let sight = |_: &RemoteRef, own: &[u64]| Sight {
        tasks: own.iter().sum(),
        ..RUNS
    };
    known.told("m1", Sight { tasks: 6, ..RUNS }, running(), (at(0), false));
    assert_eq!(
        known.turns(&jobs, sight, at(1)).changed,
        [0u8; 0].map(usize::from)
    );
    known.has_own_ids(&job(1), vec![1, 2, 4]);
    assert_eq!(known.turns(&jobs, sight, at(1)).changed, [0]);
}

#[test]
fn every_job_has_its_turn() {
    let (known, jobs) = (Known::default(), (0..30).map(job).collect::<Vec<_>>());
    let jobs: Vec<&RemoteRef> = jobs.iter().collect();
    let mut asked = HashSet::new();
    for tick in 0..4 {
        for position in known.longest_unseen(&jobs, 8) {
            known.told(
                &jobs[position].marker,
                Sight::default(),
                running(),
                (at(tick), true),
            );
            asked.insert(position);
        }
    }
    assert_eq!(asked.len(), 30);
}

#[test]
fn what_is_no_longer_polled_is_forgotten() {
    let known = Known::default();
    for n in 0..1000 {
        known.told(&job(n).marker, RUNS, running(), (at(0), false));
    }
    known.keep_only(&[&job(7)]);
    assert_eq!(known.lock().len(), 1);
    assert_eq!(known.whole(&job(7)), Some(running()));
}

#[test]
fn a_question_in_vain_changes_nothing_but_whose_turn_it_is() {
    let known = Known::default();
    known.asked_in_vain(&job(1), at(5));
    assert_eq!(known.whole(&job(1)), None);
    known.told("m1", RUNS, running(), (at(6), true));
    known.asked_in_vain(&job(1), at(70));
    assert_eq!(known.whole(&job(1)), Some(running()));
    assert_eq!(known.looked_at(&job(1)), at(70));
    let jobs = [&job(1)];
    assert_eq!(known.turns(&jobs, |_, _| RUNS, at(71)).old, [0]);
}
