//! What the rules could not be asked of. A rule on a fact is put only where the question has that fact, and its
//! silence is no yes: who decides is told what nobody has looked at.

use policy_engine::Question;

use crate::texts::Texts;

/// Aid of states is not among them: where it matters, the rules say themselves that nothing was stated.
pub(super) fn facts(texts: Texts, question: &Question) -> Vec<&'static str> {
    let of = [
        &question.applicant.screening,
        &question.organisation.screening,
    ];
    let is_screened = of.iter().any(|it| it.is_some());
    let given = [
        ("unasked.ai_act", question.project.ai_act.is_some()),
        ("unasked.fair_access", question.fair_access.is_some()),
        ("unasked.follow_ups", question.follow_ups.is_some()),
        ("unasked.screening", is_screened),
        ("unasked.shares", question.shares.is_some()),
        ("unasked.veto", question.vetoed_by_site.is_some()),
    ];
    let absent = given.into_iter().filter(|(_, is_given)| !is_given);
    absent.map(|(key, _)| texts.of(key)).collect()
}
