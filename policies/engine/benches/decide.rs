//! How dear a whole decision is beside the bare Cedar call it stands on: the same rules in one
//! policy set, the request built beforehand, nothing said about the outcome. And how long the policy takes to load, and
//! all routes of an applicant to be found.
#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to report to")]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use cedar_policy::{Authorizer, Context, Entities, PolicySet, Request};
use criterion::Criterion;
use policy_engine::{Engine, Question};

const QUESTION: &str = r#"{
    "action": "submit_job", "on": "2026-11-20",
    "organisation": {"country": "FR", "size": "small"},
    "evidence": [{"kind": "ai_pact_pledge", "issued_on": "2026-01-15", "expires_on": null, "checked": true}],
    "project": {"civilian": true, "sectors": ["health"]},
    "allocation": {"valid_from": "2026-09-01", "valid_until": "2027-03-01", "suspended": false,
        "unspent_unit_ms": 18000000000, "begun": true, "ended": false},
    "applicant": {"identity_assurance": "medium", "multi_factor": true}
}"#;

/// Who has brought nothing yet: most routes end in evidence that is missing, and each is asked again with every kind.
const BARE: &str = r#"{
    "action": "apply_for_access", "allocation": null, "on": "2026-11-20",
    "organisation": {"country": "FR", "kind": "company", "size": "small", "startup": true},
    "evidence": [],
    "project": {"civilian": null, "sectors": ["health"]},
    "need": {"gpu_hours": 60000, "months": 12},
    "applicant": {"identity_assurance": "low", "multi_factor": false}
}"#;

/// What the engine makes of `QUESTION`, in the shape of `facts.cedarschema`.
const CONTEXT: &str = r#"{
    "on": 20777,
    "organisation": {"country": "FR", "country_readable": true, "size": "small",
        "standing": {"current": ["eu"], "uncertain": [], "past": []}},
    "evidence": {"shown": ["ethics"], "unchecked": [], "expired": []},
    "project": {"civilian": true, "sectors": ["health"]},
    "allocation": {"valid_from": 20697, "valid_until": 20878, "suspended": false,
        "unspent_unit_ms": 18000000000, "begun": true, "ended": false},
    "applicant": {"identity_assurance": "medium", "multi_factor": true}
}"#;

struct Bare {
    policies: PolicySet,
    request: Request,
    nobody: Entities,
    authorizer: Authorizer,
}

impl Bare {
    fn new() -> Self {
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
        let files = std::fs::read_dir(rules)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let text: String = files
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect();
        let uid = |text: &str| text.parse().unwrap();
        let (person, case) = (uid(r#"Applicant::"applicant""#), uid(r#"Case::"case""#));
        let context = Context::from_json_str(CONTEXT, None).unwrap();
        let action = uid(r#"Action::"submit_job""#);
        let request = Request::new(person, action, case, context, None).unwrap();
        let policies = text.parse().unwrap();
        Self {
            policies,
            request,
            nobody: Entities::empty(),
            authorizer: Authorizer::new(),
        }
    }

    fn call(&self) {
        let response = self
            .authorizer
            .is_authorized(&self.request, &self.policies, &self.nobody);
        black_box(response);
    }
}

/// Calls a second, the best of some rounds taken turn about so that noise hits both alike.
fn per_second(rounds: u32, calls: u32, work: &mut [(&mut dyn FnMut(), f64)]) {
    for _ in 0..rounds {
        for (call, best) in &mut *work {
            let begin = Instant::now();
            (0..calls).for_each(|_| call());
            *best = best.max(f64::from(calls) / begin.elapsed().as_secs_f64());
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the ratio is what the benchmark is for"
)]
fn main() {
    let engine = Engine::shipped().unwrap();
    let question: Question = serde_json::from_str(QUESTION).unwrap();
    let asked: Question = serde_json::from_str(BARE).unwrap();
    let bare = Bare::new();

    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("load", |bench| bench.iter(|| Engine::shipped().unwrap()));
    criterion.bench_function("decide", |bench| {
        bench.iter(|| engine.decide(black_box(&question)));
    });
    criterion.bench_function("routes", |bench| {
        bench.iter(|| engine.routes(black_box(&asked)));
    });
    criterion.bench_function("bare cedar", |bench| bench.iter(|| bare.call()));
    criterion.final_summary();
    if std::env::args().any(|it| it == "--profile-time") {
        return; // Nothing else is to stand in the profile.
    }

    let (mut decide, mut call) = (|| drop(black_box(engine.decide(&question))), || bare.call());
    let mut work: [(&mut dyn FnMut(), f64); 2] = [(&mut decide, 0.0), (&mut call, 0.0)];
    per_second(20, 2_000, &mut work);
    let [(_, decided), (_, answered)] = work;
    let ratio = decided / answered;
    let mut load = || drop(black_box(Engine::shipped().unwrap()));
    let mut routes = || drop(black_box(engine.routes(&asked)));
    let mut slow: [(&mut dyn FnMut(), f64); 2] = [(&mut load, 0.0), (&mut routes, 0.0)];
    // One at a time: the best of many short stretches is the least disturbed by what else the machine does.
    per_second(200, 1, &mut slow);
    let [(_, loads), (_, answers)] = slow;
    let found = engine.routes(&asked).len();
    println!(
        "load {:.2} ms; {found} routes {:.2} ms, {:.0} times one decide",
        1e3 / loads,
        1e3 / answers,
        decided / answers
    );
    println!("decide {decided:.0}/s, bare Cedar {answered:.0}/s, ratio {ratio:.2}");
}
