use broker_app::{Broker, Error, Fetched, Form, HandoffReport, LexisNames};
use broker_model::{
    AttemptState, Automation, EntryKind, HoldReason, Job, JobId, OutcomeKind, RemoteId, StateName,
    UnitMillis,
};
use jiff::SignedDuration;
use site_adapter::UsageReport;

use crate::agent::{Agent, outcome};
use crate::books::Books;
use crate::world::{World, at, engineer, job, principal, submit};

/// LUMI takes jobs by its own route alone; no agent of it has ever spoken.
async fn by_hand() -> World {
    let mut world = World::sqlite().await;
    world.let_in("lumi", Automation::Handoff);
    world
}

async fn fetch(broker: &Broker, who: &str, id: JobId) -> Result<Fetched, Error> {
    let caller = broker.caller(principal(who)).await.unwrap();
    broker.handoff(&caller, id, &Form::Script).await
}

async fn tell(broker: &Broker, id: JobId, report: HandoffReport) -> Result<Job, Error> {
    let caller = broker.caller(principal("admin")).await.unwrap();
    let lumi = "lumi".parse().unwrap();
    broker.report_handoff(&caller, &lumi, id, &report).await
}

fn submitted(world: &World) -> HandoffReport {
    HandoffReport::Submitted {
        remote_id: RemoteId("4711".to_owned()),
        submitted_at: world.now(),
    }
}

fn ended(world: &World) -> HandoffReport {
    HandoffReport::Ended {
        ended_at: world.now(),
        outcome: outcome(OutcomeKind::Completed),
        usage: None,
    }
}

fn declined() -> HandoffReport {
    HandoffReport::Declined {
        reason: "it never came".to_owned(),
    }
}

#[tokio::test]
async fn a_job_is_carried_to_its_site_and_charged_by_what_the_site_tells() {
    for mut world in World::each().await {
        world.let_in("lumi", Automation::Handoff);
        let broker = world.broker().await;
        let held = submit(&broker, at(&["lumi"])).await;
        assert_eq!(held.state.waits_for().unwrap().0, HoldReason::Handoff);
        assert_eq!(held.held, UnitMillis::from_hours(4));
        let id = held.attempt.unwrap();
        let script = fetch(&broker, "engineer", held.id).await.unwrap();
        assert!(script.text.contains(&format!("#SBATCH --job-name={id}")));
        assert_eq!(script.file_name, format!("{id}.sh"));
        Books::check(&broker).await;

        let queued = tell(&broker, held.id, submitted(&world)).await.unwrap();
        assert_eq!(queued.state.name(), StateName::Queued);
        world.pass(60);
        let started_at = world.now();
        let running = tell(&broker, held.id, HandoffReport::Started { started_at }).await;
        assert_eq!(running.unwrap().state.name(), StateName::Running);
        world.pass(1800);
        let over = tell(&broker, held.id, ended(&world)).await.unwrap();
        assert_eq!(over.state.name(), StateName::Completed);
        assert_eq!(over.held, held.held, "until it is settled");
        let usage = UsageReport {
            started_at,
            ended_at: world.now(),
            elapsed_seconds: None,
            nodes: 1,
            scheduler_gpus: 8,
            cpus: 56,
            memory_gib: 480,
            energy_joules: None,
        };
        let settled = tell(
            &broker,
            held.id,
            HandoffReport::Usage { usage: Some(usage) },
        )
        .await;
        assert_eq!(settled.unwrap().held, UnitMillis::ZERO);
        let books = Books::check(&broker).await;
        assert_eq!(books.usage.len(), 1);
        assert_eq!(books.usage[0].charge.charged, UnitMillis::from_hours(2));
        let again = tell(&broker, held.id, ended(&world)).await.unwrap();
        assert_eq!(again.state.name(), StateName::Completed, "as it was told");
        let late = tell(&broker, held.id, declined()).await;
        assert!(matches!(late, Err(Error::NotWaiting(_))), "{late:?}");
    }
}

#[tokio::test]
async fn no_agent_gets_what_a_person_carries_and_no_silence_ends_it() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let mut agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let held = submit(&broker, at(&["lumi"])).await;
    fetch(&broker, "engineer", held.id).await.unwrap();
    assert_eq!(agent.lease(&broker).await, []);
    agent.id = broker_model::AgentId::NOBODY;
    assert_eq!(agent.lease(&broker).await, [], "whatever it calls itself");
    let reply = agent.renew(&broker, &[held.attempt.unwrap()]).await;
    assert_eq!(reply.forget, [held.attempt.unwrap()]);
    world.pass(40 * 24 * 3600);
    broker.lose_sites_once().await.unwrap();
    broker.expire_confirmations_once().await.unwrap();
    assert_eq!(job(&broker, held.id).await.state.name(), StateName::Held);
    assert_eq!(agent.lease(&broker).await, []);
    Books::check(&broker).await;
}

#[tokio::test]
async fn a_script_is_the_same_bytes_however_often_it_is_fetched() {
    let mut world = by_hand().await;
    let broker = world.broker().await;
    let held = submit(&broker, at(&["lumi"])).await;
    let first = fetch(&broker, "engineer", held.id).await.unwrap();
    world.pass(3600);
    assert_eq!(fetch(&broker, "admin", held.id).await.unwrap(), first);
    // The site's file is another one by now.
    let mut sites = world.sites.iter_mut();
    let lumi = sites.find(|it| it.id.as_str() == "lumi").unwrap();
    for partition in lumi.systems.iter_mut().flat_map(|it| &mut it.partitions) {
        partition.scheduler_gpus_per_gpu = 1;
        partition.exclusive = !partition.exclusive;
    }
    let later = world.broker().await;
    assert_eq!(fetch(&later, "engineer", held.id).await.unwrap(), first);
    tell(&later, held.id, submitted(&world)).await.unwrap();
    assert_eq!(fetch(&later, "engineer", held.id).await.unwrap(), first);
    let books = Books::check(&later).await;
    assert_eq!(books.count(EntryKind::JobHandoffPrepared), 1);
    for stranger in ["auditor", "somebody", "operator"] {
        let answer = fetch(&later, stranger, held.id).await;
        assert!(matches!(answer, Err(Error::NotFound("job"))), "{stranger}");
    }
}

#[tokio::test]
async fn what_was_fetched_goes_nowhere_else_before_the_site_says_that_it_never_came() {
    let world = by_hand().await;
    let broker = world.broker().await;
    Agent::of(&world, "bsc").show(&broker).await;
    let mut spec = at(&["lumi"]);
    spec.placement.restartable = true;
    let held = submit(&broker, spec).await;
    fetch(&broker, "engineer", held.id).await.unwrap();
    let owner = engineer(&broker).await;
    let wished = broker.cancel(&owner, held.id).await.unwrap();
    assert_eq!(
        wished.state.name(),
        StateName::Held,
        "it may be at the site"
    );
    assert_ne!(wished.held, UnitMillis::ZERO);
    broker.place_pending_once().await.unwrap();
    Books::check(&broker).await;
    let over = tell(&broker, held.id, declined()).await.unwrap();
    assert_eq!(over.state.name(), StateName::Cancelled);
    assert_eq!(over.held, UnitMillis::ZERO);
    let gone = fetch(&broker, "engineer", held.id).await;
    assert!(matches!(gone, Err(Error::NotWaiting(_))), "{gone:?}");
    Books::check(&broker).await;
}

#[tokio::test]
async fn a_declined_one_goes_back_to_placement_without_that_partition() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let held = submit(&broker, at(&["lumi"])).await;
    let back = tell(&broker, held.id, declined()).await.unwrap();
    assert_eq!(
        (back.state.name(), back.attempt),
        (StateName::Pending, None)
    );
    assert_eq!(back.refused_by, [held.state.partition().unwrap().clone()]);
    let books = Books::check(&broker).await;
    let AttemptState::Refused { reason } = &books.attempts[0].state else {
        panic!("{:?}", books.attempts)
    };
    assert_eq!(reason, "it never came");
    broker.place_pending_once().await.unwrap();
    let again = job(&broker, held.id).await;
    assert_ne!(again.attempt, held.attempt, "another try is another marker");
    Books::check(&broker).await;
}

#[tokio::test]
async fn what_nobody_fetched_is_cancelled_here_and_now() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let held = submit(&broker, at(&["lumi"])).await;
    let owner = engineer(&broker).await;
    let over = broker.cancel(&owner, held.id).await.unwrap();
    assert_eq!(over.state.name(), StateName::Cancelled);
    assert_eq!(over.held, UnitMillis::ZERO);
    Books::check(&broker).await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_what_is_to_be_told_first() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let held = submit(&broker, at(&["lumi"])).await;
    let started_at = world.now();
    for (report, words) in [
        (HandoffReport::Started { started_at }, "`submitted` first"),
        (ended(&world), "`submitted` first"),
        (HandoffReport::Usage { usage: None }, "`ended` first"),
    ] {
        let refused = tell(&broker, held.id, report)
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.ends_with(words), "{refused}");
    }
    let early = HandoffReport::Submitted {
        remote_id: RemoteId("1".to_owned()),
        submitted_at: world.now() - SignedDuration::from_hours(25),
    };
    let refused = tell(&broker, held.id, early).await;
    assert!(matches!(refused, Err(Error::InvalidSpec(_))), "{refused:?}");
    tell(&broker, held.id, submitted(&world)).await.unwrap();
    let refused = tell(&broker, held.id, declined()).await;
    assert!(matches!(refused, Err(Error::NotWaiting(_))), "{refused:?}");
    let before = Books::check(&broker).await.entries.len();
    tell(&broker, held.id, submitted(&world)).await.unwrap();
    let after = Books::check(&broker).await.entries.len();
    assert_eq!(after, before, "told twice is told once");
}

fn used(world: &World) -> UsageReport {
    UsageReport {
        started_at: world.now() - SignedDuration::from_mins(30),
        ended_at: world.now(),
        elapsed_seconds: None,
        nodes: 1,
        scheduler_gpus: 8,
        cpus: 56,
        memory_gib: 480,
        energy_joules: None,
    }
}

/// Refused, with words that name what was told.
fn contradicts<T: std::fmt::Debug>(answer: Result<T, Error>, known: &str) {
    let Err(Error::NotWaiting(words)) = answer else {
        panic!("{answer:?}")
    };
    assert!(
        words.starts_with("this contradicts what was told before: ") && words.contains(known),
        "{words}"
    );
}

#[tokio::test]
async fn each_report_may_be_repeated_at_any_time_and_another_word_is_refused_with_what_was_told() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let held = submit(&broker, at(&["lumi"])).await;
    let first = submitted(&world);
    world.pass(60);
    let started = HandoffReport::Started {
        started_at: world.now(),
    };
    world.pass(1800);
    let (end, usage) = (ended(&world), used(&world));
    let charge = HandoffReport::Usage {
        usage: Some(usage.clone()),
    };
    let order = [first, started, end, charge];
    for (n, report) in order.iter().enumerate() {
        tell(&broker, held.id, report.clone()).await.unwrap();
        let before = Books::check(&broker).await.entries.len();
        for known in &order[..=n] {
            tell(&broker, held.id, known.clone()).await.unwrap();
        }
        let after = Books::check(&broker).await.entries.len();
        assert_eq!(after, before, "told again after {report:?}");
    }
    let other = HandoffReport::Submitted {
        remote_id: RemoteId("4712".to_owned()),
        submitted_at: world.now(),
    };
    contradicts(tell(&broker, held.id, other).await, "`4711`");
    let started_at = world.now();
    let other = HandoffReport::Started { started_at };
    contradicts(tell(&broker, held.id, other).await, "it started at ");
    let other = HandoffReport::Ended {
        ended_at: world.now(),
        outcome: outcome(OutcomeKind::TimedOut),
        usage: None,
    };
    contradicts(tell(&broker, held.id, other).await, "as completed");
    for other in [None, Some(UsageReport { nodes: 2, ..usage })] {
        let other = HandoffReport::Usage { usage: other };
        contradicts(tell(&broker, held.id, other).await, "1 nodes and 8 GPUs");
    }
    assert_eq!(Books::check(&broker).await.usage.len(), 1);
}

#[tokio::test]
async fn an_end_with_its_usage_settles_the_job_and_what_cannot_be_is_refused_before() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let held = submit(&broker, at(&["lumi"])).await;
    tell(&broker, held.id, submitted(&world)).await.unwrap();
    world.pass(3600);
    let end = |usage| HandoffReport::Ended {
        ended_at: world.now(),
        outcome: outcome(OutcomeKind::Completed),
        usage: Some(usage),
    };
    let good = used(&world);
    let backwards = UsageReport {
        started_at: good.ended_at,
        ended_at: good.started_at,
        ..good.clone()
    };
    let too_many = UsageReport {
        scheduler_gpus: 9000,
        ..good.clone()
    };
    for bad in [backwards, too_many] {
        let refused = tell(&broker, held.id, end(bad)).await;
        assert!(matches!(refused, Err(Error::InvalidSpec(_))), "{refused:?}");
        let job = job(&broker, held.id).await;
        assert_eq!(
            job.state.name(),
            StateName::Queued,
            "nothing of it is stored"
        );
    }
    for _ in 0..2 {
        let over = tell(&broker, held.id, end(good.clone())).await.unwrap();
        assert_eq!(over.state.name(), StateName::Completed);
        assert_eq!(over.held, UnitMillis::ZERO);
    }
    assert_eq!(Books::check(&broker).await.usage.len(), 1);
}

/// It would be charged to both.
#[tokio::test]
async fn what_runs_under_an_id_at_the_site_is_one_jobs_until_it_is_over() {
    let world = by_hand().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    let first = submit(&broker, at(&["lumi"])).await;
    let second = submit(&broker, at(&["lumi"])).await;
    tell(&broker, first.id, submitted(&world)).await.unwrap();
    let refused = tell(&broker, second.id, submitted(&world)).await;
    let Err(Error::InvalidSpec(wrong)) = refused else {
        panic!("{refused:?}");
    };
    assert!(wrong[0].reason.contains(&first.id.to_string()), "{wrong:?}");
    tell(&broker, first.id, ended(&world)).await.unwrap();
    tell(&broker, second.id, submitted(&world)).await.unwrap();
}

#[tokio::test]
async fn an_end_before_its_start_is_refused() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let held = submit(&broker, at(&["lumi"])).await;
    tell(&broker, held.id, submitted(&world)).await.unwrap();
    let early = ended(&world);
    world.pass(60);
    let started_at = world.now();
    let started = HandoffReport::Started { started_at };
    tell(&broker, held.id, started).await.unwrap();
    let refused = tell(&broker, held.id, early).await;
    assert!(matches!(refused, Err(Error::InvalidSpec(_))), "{refused:?}");
}

#[tokio::test]
async fn a_decline_that_is_repeated_by_its_marker_does_not_decline_the_next_try() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let held = submit(&broker, at(&["lumi"])).await;
    let marker = held.attempt.unwrap();
    let admin = broker.caller(principal("admin")).await.unwrap();
    let lumi = "lumi".parse().unwrap();
    let no = declined();
    let first = broker.report_handoff(&admin, &lumi, marker, &no).await;
    assert_eq!(first.unwrap().state.name(), StateName::Pending);
    broker.place_pending_once().await.unwrap();
    let next = job(&broker, held.id).await;
    assert_ne!(next.attempt, held.attempt);
    broker
        .report_handoff(&admin, &lumi, marker, &no)
        .await
        .unwrap();
    assert_eq!(job(&broker, held.id).await, next, "the other try stands");
    let other = HandoffReport::Declined {
        reason: "full".to_owned(),
    };
    let other = broker.report_handoff(&admin, &lumi, marker, &other).await;
    contradicts(other, "it never came");
    let late = submitted(&world);
    let late = broker.report_handoff(&admin, &lumi, marker, &late).await;
    contradicts(late, "it never came");
    let elsewhere = "bsc".parse().unwrap();
    let foreign = broker.report_handoff_at(
        (Agent::of(&world, "bsc").id, "x"),
        &elsewhere,
        marker.into(),
        &no,
    );
    assert!(matches!(foreign.await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_local_person_fetches_and_tells_through_the_agent_and_the_ledger_has_no_name_of_theirs() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let held = submit(&broker, at(&["lumi"])).await;
    let (agent, lumi) = (Agent::of(&world, "lumi"), "lumi".parse().unwrap());
    let by = (agent.id, "hpcmaia");
    let fetched = broker.handoff_at(by, &lumi, held.id.into()).await.unwrap();
    let owners = fetch(&broker, "engineer", held.id).await.unwrap();
    assert_eq!(fetched, owners, "the same bytes for everybody");
    let report = submitted(&world);
    let told = broker.report_handoff_at(by, &lumi, held.id.into(), &report);
    assert_eq!(told.await.unwrap().state.name(), StateName::Queued);
    let books = Books::check(&broker).await;
    for kind in [EntryKind::JobHandoffPrepared, EntryKind::JobHandoffReported] {
        let mut entries = books.entries.iter();
        let entry = entries.find(|it| it.kind == kind).unwrap();
        assert_eq!(entry.data["agent"], agent.id.to_string());
        let person = broker.store().find_person(entry.actor.unwrap()).await;
        assert_eq!(person.unwrap().unwrap().subject, "hpcmaia");
    }
    assert!(!format!("{:?}", books.entries).contains("hpcmaia"));
    let list = broker.handoffs_at(&lumi, None).await.unwrap();
    assert_eq!((list[0].job, &list[0].owner_name), (held.id, &None));
}

#[tokio::test]
async fn the_owner_may_say_that_it_is_handed_in_and_nothing_is_shown_by_that() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let held = submit(&broker, at(&["lumi"])).await;
    let owner = engineer(&broker).await;
    let id = RemoteId("4711".to_owned());
    let same = broker.claim_handed_in(&owner, held.id, Some(&id)).await;
    assert_eq!(same.unwrap().state.name(), StateName::Held);
    broker.claim_handed_in(&owner, held.id, None).await.unwrap();
    let books = Books::check(&broker).await;
    assert_eq!(books.count(EntryKind::JobHandoffReported), 2);
    assert_eq!(books.attempts[0].state, AttemptState::Submitting);
    let admin = broker.caller(principal("admin")).await.unwrap();
    let foreign = broker.claim_handed_in(&admin, held.id, None).await;
    assert!(
        matches!(foreign, Err(Error::NotFound("job"))),
        "{foreign:?}"
    );
    for who in ["engineer", "operator"] {
        let caller = broker.caller(principal(who)).await.unwrap();
        let lumi = "lumi".parse().unwrap();
        let usage = HandoffReport::Usage { usage: None };
        let refused = broker.report_handoff(&caller, &lumi, held.id, &usage).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{who}");
    }
}

#[tokio::test]
async fn a_site_lists_what_is_carried_to_it() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let first = world.submit_in_turn(&broker, at(&["lumi"])).await;
    let second = world.submit_in_turn(&broker, at(&["lumi"])).await;
    tell(&broker, second.id, submitted(&world)).await.unwrap();
    let lumi = "lumi".parse().unwrap();
    let admin = broker.caller(principal("admin")).await.unwrap();
    let list = broker.handoffs(&admin, &lumi, None).await.unwrap();
    let ids: Vec<_> = list.iter().map(|it| it.job).collect();
    assert_eq!(ids, [first.id, second.id]);
    let owner = engineer(&broker).await;
    let refused = broker.handoffs(&owner, &lumi, None).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn a_lexis_workflow_names_the_attempt_and_takes_plain_names_only() {
    let world = by_hand().await;
    let broker = world.broker().await;
    let held = submit(&broker, at(&["lumi"])).await;
    let owner = engineer(&broker).await;
    let names = LexisNames {
        project: "sample".to_owned(),
        template: "generic-script".to_owned(),
        dataset: Some("ddi://~/sample/input.tar".to_owned()),
        location: None,
    };
    let form = Form::Lexis(names.clone());
    let got = broker.handoff(&owner, held.id, &form).await.unwrap();
    let text = got.text;
    for line in [
        format!("id: \"{}\"", held.attempt.unwrap()),
        "project_shortname: \"sample\"".to_owned(),
        "      command_template_name: \"generic-script\"".to_owned(),
        "        - location_name: \"lumi\"".to_owned(),
        "      walltime_limit: 3600".to_owned(),
        "      max_retries: 0".to_owned(),
        "      - source: \"ddi://~/sample/input.tar\"".to_owned(),
        "# GPUs are not asked for here, LEXIS has no word for them: the template asks for 8 a node,"
            .to_owned(),
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    for bad in ["", "a b", "x\ny: z", "\"quoted\""] {
        let form = Form::Lexis(LexisNames {
            project: bad.to_owned(),
            ..names.clone()
        });
        let refused = broker.handoff(&owner, held.id, &form).await;
        assert!(matches!(refused, Err(Error::InvalidSpec(_))), "{bad:?}");
    }
}
