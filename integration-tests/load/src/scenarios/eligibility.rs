use std::hint::black_box;
use std::path::Path;

use anyhow::Context as _;
use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request};
use policy_engine::{Engine, Question};

use super::{Plan, turn_about};
use crate::table;

const QUESTION: &str = r#"{
    "action": "submit_job", "on": "2026-11-20",
    "organisation": {"country": "FR", "size": "small"},
    "evidence": [{"kind": "ai_act_self_assessment", "issued_on": "2026-10-01", "expires_on": null,
        "checked": true}],
    "project": {"civilian": true, "sectors": ["health"]},
    "allocation": {"valid_from": "2026-11-01", "valid_until": "2031-11-01", "suspended": false,
        "unspent_unit_ms": 18000000000, "begun": true, "ended": false},
    "applicant": {"identity_assurance": "medium", "multi_factor": true}
}"#;

/// The same facts in the shape of `facts.cedarschema`; days count from 1970.
const CONTEXT: &str = r#"{
    "on": 20777,
    "organisation": {"country": "FR", "country_readable": true, "size": "small",
        "standing": {"current": ["eu"], "uncertain": [], "past": []}},
    "evidence": {"shown": ["ethics"], "unchecked": [], "expired": []},
    "project": {"civilian": true, "sectors": ["health"]},
    "allocation": {"valid_from": 20758, "valid_until": 22584, "suspended": false,
        "unspent_unit_ms": 18000000000, "begun": true, "ended": false},
    "applicant": {"identity_assurance": "medium", "multi_factor": true}
}"#;

/// A whole decision, with its words, remedies and digests, beside one bare call of Cedar over the
/// same rules with the request built beforehand.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    table::section("Eligibility decisions, one thread");
    let engine = Engine::shipped()?;
    let question: Question = serde_json::from_str(QUESTION)?;
    let policies = rules()?;
    let request = request()?;
    let (authorizer, nobody) = (Authorizer::new(), Entities::empty());
    let [decisions, calls] = turn_about(
        plan,
        [
            &mut || drop(black_box(engine.decide(black_box(&question)))),
            &mut || {
                drop(black_box(authorizer.is_authorized(
                    black_box(&request),
                    &policies,
                    &nobody,
                )));
            },
        ],
    );
    table::rate("Engine::decide", decisions);
    table::rate("bare Cedar, is_authorized", calls);
    table::figure(
        "decisions / bare Cedar",
        &format!("{:.3}", decisions / calls),
    );
    Ok(())
}

fn rules() -> anyhow::Result<PolicySet> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/rules");
    let mut text = String::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
        text.push_str(&std::fs::read_to_string(entry?.path())?);
    }
    Ok(text.parse()?)
}

fn request() -> anyhow::Result<Request> {
    let uid = |text: &str| text.parse::<EntityUid>().map_err(anyhow::Error::from);
    let context = Context::from_json_str(CONTEXT, None)?;
    let (applicant, case) = (uid(r#"Applicant::"applicant""#)?, uid(r#"Case::"case""#)?);
    Ok(Request::new(
        applicant,
        uid(r#"Action::"submit_job""#)?,
        case,
        context,
        None,
    )?)
}
