//! Two agents of one site that reach for the same work at the same moment.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::time::Duration;

use broker_store::testing::TestPostgres;
use integration_tests::{
    AUDITOR, Books, ENGINEER, Installation, JobFile, People, Setup, SiteAgent, alpha, until,
};

const PAIRS: usize = 15;
const JOBS: usize = 2 * PAIRS;
const LIMIT: Duration = Duration::from_mins(2);

/// Each agent waits at a replica of its own, so that nothing but the database stands between them. Two jobs
/// come at the same moment, one at each replica, and wake both agents; each is given all that it finds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_agents_that_race_for_one_lease_one_starts_the_job() {
    let (Some(people), Some(postgres)) = (People::arrive().await, TestPostgres::shared()) else {
        return;
    };
    let mut setup = Setup::new(people.issuer(), vec![alpha()]);
    setup.database = Some(postgres.create_database().await);
    setup.replicas = 2;
    let installation = Installation::set_up(setup).await;
    let _replicas = tokio::join!(installation.serve(0), installation.serve(1));
    let agents = ["agent-one", "agent-two"];
    let mut running = Vec::new();
    for (replica, name) in agents.into_iter().enumerate() {
        let (folder, door) = (installation.path(name), installation.url(replica));
        let enrolment = installation.enrolment(&alpha().id);
        let agent = SiteAgent::of_processes(&folder, &alpha(), &door, enrolment);
        running.push(agent.start());
    }
    let engineer = people.client(&installation.url(0), ENGINEER).await;
    let other = people.client(&installation.url(1), ENGINEER).await;
    let starts = installation.path("starts");
    let script = format!("echo \"$ALCYONE_JOB_NAME $PWD\" >> {}", starts.display());
    let spec = |name: &str| JobFile::new(installation.project(), name, &script).0;
    for pair in 0..PAIRS {
        let specs = ["a", "b"].map(|half| spec(&format!("race-{pair:02}-{half}")));
        let [first, second] = &specs;
        let accepted = tokio::join!(
            engineer.submit(first, &first.name),
            other.submit(second, &second.name)
        );
        for job in [accepted.0.unwrap().id, accepted.1.unwrap().id] {
            until("the job is charged", LIMIT, async || {
                let view = engineer.job(job).await.unwrap();
                (view.state.is_final() && view.held_unit_ms.0 == 0).then_some(())
            })
            .await;
        }
    }

    let text = std::fs::read_to_string(starts).unwrap();
    let mut started: BTreeMap<&str, u32> = BTreeMap::new();
    for line in text.lines() {
        *started.entry(line.split(' ').next().unwrap()).or_default() += 1;
    }
    assert_eq!(started.len(), JOBS, "{text}");
    assert!(started.values().all(|count| *count == 1), "{text}");
    for name in agents {
        assert!(text.contains(name), "{name} never won: {text}");
    }
    Books::read(&engineer).await.must_add_up();
    let auditor = people.client(&installation.url(0), AUDITOR).await;
    until("every entry is sealed", LIMIT, async || {
        let export = auditor.export().await.unwrap().bytes().await.unwrap();
        let keys = [installation.ledger_key().clone()];
        let kinds = broker_ledger::export::verify(BufReader::new(export.as_ref()), &keys);
        let kinds = kinds.unwrap().kinds;
        let of = |kind: &str| kinds.get(kind).copied().unwrap_or(0);
        let all = JOBS as u64;
        assert!(of("attempt.leased") <= all, "leased twice: {kinds:?}");
        (of("usage.charged") == all && of("attempt.leased") == all).then_some(())
    })
    .await;
}
