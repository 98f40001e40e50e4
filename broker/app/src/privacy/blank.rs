//! What is left of something once the words of people are taken out of it.

use broker_model::{
    Attempt, AttemptState, Evidence, Job, JobState, Outcome, Referral, ReferralState,
};

/// What stands where a text was. It is a script, too: one that does nothing.
const BLANK: &str = "# erased";

/// The referral without words; `None` when it has none. Centres, states and times stay, for the figures.
pub(super) fn referral(mut referral: Referral) -> Option<Referral> {
    let before = referral.clone();
    referral.words.clear();
    referral.job = None;
    for leg in &mut referral.legs {
        state(&mut leg.state);
        for step in &mut leg.steps {
            state(&mut step.state);
        }
    }
    (referral != before).then_some(referral)
}

/// The record of a screening without which list was asked and what was found there in words; `None` when it has
/// none. Its outcome and days stay: without them nobody would seem to have looked.
pub(super) fn screening(mut evidence: Evidence) -> Option<Evidence> {
    let before = evidence.clone();
    evidence.source.clear();
    if let Some(check) = &mut evidence.check {
        check.words.clear();
    }
    (evidence != before).then_some(evidence)
}

fn state(state: &mut ReferralState) {
    match state {
        ReferralState::Declined { reason } | ReferralState::HandedOver { reason, .. } => {
            reason.clear();
        }
        ReferralState::Closed { words, .. } => words.clear(),
        ReferralState::Sent | ReferralState::Acknowledged | ReferralState::Accepted => {}
    }
}

/// The job without name, scripts, images and what sites said of it; `None` when it has none of them. What
/// it was placed and charged by stays: both can be made again from it.
pub(super) fn job(mut job: Job) -> Option<Job> {
    let before = job.clone();
    "erased".clone_into(&mut job.spec.name);
    for variant in job.spec.variants.values_mut() {
        BLANK.clone_into(&mut variant.script);
        variant.image = None;
    }
    for refusal in &mut job.refusals {
        refusal.words.clear();
    }
    if let Some(outcome) = outcome(&mut job.state) {
        outcome.site_words.clear();
    }
    (job != before).then_some(job)
}

/// The attempt without the site's words, how it ended and what it is called there; `None` when it has none,
/// and while it is not settled.
pub(super) fn attempt(mut attempt: Attempt) -> Option<Attempt> {
    let words = match &mut attempt.state {
        AttemptState::Ended { outcome } => &mut outcome.site_words,
        AttemptState::Refused { reason } => reason,
        _ => return None,
    };
    if words.is_empty() || !attempt.settled {
        return None;
    }
    words.clear();
    Some(attempt)
}

const fn outcome(state: &mut JobState) -> Option<&mut Outcome> {
    match state {
        JobState::Completed { outcome, .. }
        | JobState::Failed { outcome, .. }
        | JobState::Cancelled { outcome, .. }
        | JobState::TimedOut { outcome, .. } => Some(outcome),
        _ => None,
    }
}
