//! What a question about routes must keep to before it is put.

use jiff::civil::Date;
use policy_engine::{Engine, OrganisationFacts, day_in_brussels};

use super::{DeclaredEvidence, RouteQuery};
use crate::applications;
use crate::evidence::days;
use crate::invalid::Faults;
use crate::organisations::check_country;
use crate::{Broker, Error, Result};

/// More of one kind than any table has; each of them would stand in the words of every route.
const MOST_SAID: usize = 50;
/// What screening may have said, where anybody screened.
const SCREENINGS: [&str; 3] = ["clear", "hit", "unsettled"];

impl Broker {
    /// As what is asked would be checked when it is registered, handed in or applied for.
    pub(super) fn check_route_query(&self, query: &RouteQuery, engine: &Engine) -> Result<()> {
        let mut faults = Faults::default();
        if let Some(organisation) = &query.organisation {
            check_organisation(organisation, &mut faults);
            let kinds = self.screening_kinds();
            let strange = organisation.screened.iter().take(MOST_SAID);
            for kind in strange.filter(|it| !kinds.contains(it)) {
                let reason = format!("`{}` is none of them", kind.escape_debug());
                faults.add("organisation.screened", reason, &kinds.join(", "));
            }
        }
        applications::check_sectors(
            &query.project.sectors,
            self.directory().sectors(),
            &mut faults,
        );
        if let Some(ai_act) = &query.project.ai_act {
            applications::check_ai_act(engine, ai_act, &mut faults);
        }
        if query.need.gpu_hours == Some(0) {
            faults.add("need.gpu_hours", "asks for nothing", "1 and more");
        }
        if let Some(months) = query.need.months.filter(|it| !(1..=60).contains(it)) {
            faults.add("need.months", format!("is {months}"), "1 to 60");
        }
        let today = day_in_brussels(self.clock().now());
        check_lists(query, &mut faults);
        for declared in query.evidence.iter().take(MOST_SAID) {
            check_evidence(declared, (engine, today), &mut faults);
        }
        faults.check("question")
    }
}

/// Lists that nobody has that long.
fn check_lists(query: &RouteQuery, faults: &mut Faults) {
    for (field, length) in [
        ("evidence", query.evidence.len()),
        ("project.sectors", query.project.sectors.len()),
    ] {
        if length > MOST_SAID {
            let allowed = format!("up to {MOST_SAID}");
            faults.add(field, format!("are {length}"), &allowed);
        }
    }
}

pub(super) fn not_one() -> Error {
    let mut faults = Faults::default();
    faults.add(
        "organisation",
        "is described and named, or neither",
        "either `organisation_id`, of one that you speak for, or `organisation` with facts",
    );
    faults.into_error("question")
}

/// Country, contradictions, and what screening said; what is no kind or size is told by the rules as not known.
fn check_organisation(facts: &OrganisationFacts, faults: &mut Faults) {
    check_country("organisation.country", &facts.country, faults);
    if let Some(said) = &facts.screening
        && !SCREENINGS.contains(&said.trim().to_lowercase().as_str())
    {
        let reason = format!("`{}` is none of them", said.escape_debug());
        faults.add("organisation.screening", reason, &SCREENINGS.join(", "));
    }
    if facts.startup == Some(true) && facts.size == "large" {
        let reason = "calls want start-ups that are small or medium, and `size` is `large`";
        let allowed = "`false`, or the size by Recommendation 2003/361/EC";
        faults.add("organisation.startup", reason, allowed);
    }
    let kind = facts.kind.as_deref();
    if let Some(kind) = kind.filter(|it| facts.startup == Some(true) && *it != "company") {
        let reason = format!(
            "a start-up is a company, and `kind` is `{}`",
            kind.escape_debug()
        );
        let allowed = "`false`, or `kind` = `company`";
        faults.add("organisation.startup", reason, allowed);
    }
}

fn check_evidence(
    declared: &DeclaredEvidence,
    (engine, today): (&Engine, Date),
    faults: &mut Faults,
) {
    let kinds = engine.evidence_kinds();
    if !kinds.iter().any(|it| it.id == declared.kind) {
        let known: Vec<&str> = kinds.iter().map(|it| it.id.as_str()).collect();
        let reason = format!("`{}` is no kind of evidence", declared.kind.escape_debug());
        faults.add("evidence", reason, &known.join(", "));
    }
    let kind = kinds.iter().find(|it| it.id == declared.kind);
    if let Some((reason, allowed)) = days::wrong_first_day(kind, declared.issued_on, today) {
        faults.add("evidence", reason, &allowed);
    }
    // What is over is no fault here: the rules say that it has expired, and what to do.
    if let Some(reason) = days::contradiction(declared.issued_on, declared.expires_on) {
        let allowed = format!("a last day from {} on, or none", declared.issued_on);
        faults.add("evidence", reason, &allowed);
    }
}
