//! Slurm's job states and what they mean for an attempt.

use broker_model::{Outcome, OutcomeKind};

use crate::value::Exit;

/// What a job does, without its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    Running,
    Over(OutcomeKind),
    /// A word this adapter does not know: the job is there, and not known to be over.
    Unknown,
}

/// A job's state as Slurm writes it: the base state first, then flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobState {
    pub(crate) phase: Phase,
    /// The base state in the site's word.
    pub(crate) word: String,
    /// It has ended but for its nodes, which still let it go: nothing of it is left to stop.
    pub(crate) is_completing: bool,
}

impl JobState {
    /// `None` if there is no word at all. A word that is not known is not guessed, and concerns no
    /// other job of the answer.
    pub(crate) fn parse(words: &[String]) -> Option<Self> {
        let first = words.first()?;
        let base = match first.as_str() {
            "PENDING" => Phase::Waiting,
            "RUNNING" | "SUSPENDED" => Phase::Running,
            // Up to v0.0.38 a flag stands in the place of the state.
            "COMPLETING" | "CONFIGURING" | "STAGE_OUT" | "SIGNALING" | "STOPPED" | "RESIZING" => {
                Phase::Running
            }
            "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" | "RESV_DEL_HOLD" => {
                Phase::Waiting
            }
            "COMPLETED" => Phase::Over(OutcomeKind::Completed),
            "FAILED" => Phase::Over(OutcomeKind::Failed),
            "CANCELLED" | "REVOKED" => Phase::Over(OutcomeKind::Cancelled),
            "TIMEOUT" | "DEADLINE" => Phase::Over(OutcomeKind::TimedOut),
            "OUT_OF_MEMORY" => Phase::Over(OutcomeKind::OutOfMemory),
            "NODE_FAIL" | "BOOT_FAIL" => Phase::Over(OutcomeKind::NodeFailure),
            "PREEMPTED" => Phase::Over(OutcomeKind::Preempted),
            word => {
                tracing::warn!(
                    state = crate::answer::quote(word),
                    "Slurm has a state that is not known here"
                );
                Phase::Unknown
            }
        };
        let flag = |wanted: &[&str]| words.iter().skip(1).any(|w| wanted.contains(&w.as_str()));
        let phase = if flag(&["REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"]) {
            Phase::Waiting
        } else if flag(&["COMPLETING", "STAGE_OUT"]) {
            // Over only once its nodes have let it go.
            Phase::Running
        } else {
            base
        };
        // To v0.0.38 the flag is all that there is.
        let has_ended = matches!(base, Phase::Over(_)) && flag(&["COMPLETING"]);
        Some(Self {
            phase,
            word: first.clone(),
            is_completing: phase == Phase::Running && (has_ended || first == "COMPLETING"),
        })
    }
}

/// `SIGRTMAX` of Linux.
const LAST_SIGNAL: i32 = 64;

/// The outcome of a job that is over, in our word and in the site's.
pub(crate) fn outcome(kind: OutcomeKind, word: &str, reason: Option<&str>, exit: Exit) -> Outcome {
    let site_words = match reason {
        Some(reason) => format!("{word} {reason}"),
        None => word.to_owned(),
    };
    // 22.05's accounting says 0 for every job, so a failed one with 0 says nothing.
    let says_nothing = kind != OutcomeKind::Completed && exit.code == Some(0);
    // OUT_OF_MEMORY has 125, which is none of the kernel's.
    let is_real = |signal: &i32| (1..=LAST_SIGNAL).contains(signal);
    Outcome {
        kind,
        exit_code: exit.code.filter(|_| !says_nothing),
        signal: exit.signal.filter(is_real),
        site_words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(words: &[&str]) -> Option<Phase> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        JobState::parse(&words).map(|state| state.phase)
    }

    #[test]
    fn a_job_is_over_only_when_it_is_not_completing() {
        let over = Some(Phase::Over(OutcomeKind::Completed));
        assert_eq!(phase(&["COMPLETED"]), over);
        assert_eq!(phase(&["COMPLETED", "COMPLETING"]), Some(Phase::Running));
        assert_eq!(phase(&["COMPLETING"]), Some(Phase::Running));
        assert_eq!(phase(&["RUNNING", "CONFIGURING"]), Some(Phase::Running));
    }

    #[test]
    fn only_a_job_that_has_ended_is_completing() {
        let is_completing = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
            JobState::parse(&words).unwrap().is_completing
        };
        for end in ["COMPLETED", "FAILED", "TIMEOUT", "NODE_FAIL", "CANCELLED"] {
            assert!(is_completing(&[end, "COMPLETING"]), "{end}");
        }
        assert!(is_completing(&["COMPLETING"]));
        for other in [
            &["RUNNING"][..],
            &["COMPLETED"],
            &["PENDING", "COMPLETING"],
            &["NODE_FAIL", "COMPLETING", "REQUEUED"],
        ] {
            assert!(!is_completing(other), "{other:?}");
        }
    }

    #[test]
    fn a_requeued_job_waits_again() {
        assert_eq!(phase(&["NODE_FAIL", "REQUEUED"]), Some(Phase::Waiting));
        assert_eq!(phase(&["PENDING", "REQUEUED"]), Some(Phase::Waiting));
    }

    #[test]
    fn every_end_has_its_own_outcome() {
        for (word, kind) in [
            ("FAILED", OutcomeKind::Failed),
            ("CANCELLED", OutcomeKind::Cancelled),
            ("TIMEOUT", OutcomeKind::TimedOut),
            ("DEADLINE", OutcomeKind::TimedOut),
            ("OUT_OF_MEMORY", OutcomeKind::OutOfMemory),
            ("NODE_FAIL", OutcomeKind::NodeFailure),
            ("BOOT_FAIL", OutcomeKind::NodeFailure),
            ("PREEMPTED", OutcomeKind::Preempted),
        ] {
            assert_eq!(phase(&[word]), Some(Phase::Over(kind)), "{word}");
        }
    }

    #[test]
    fn a_number_that_is_no_signal_is_not_told_as_one() {
        let told = |signal| {
            let exit = Exit {
                code: None,
                signal: Some(signal),
            };
            let reason = Some("OutOfMemory");
            outcome(OutcomeKind::OutOfMemory, "OUT_OF_MEMORY", reason, exit)
        };
        assert_eq!(told(125).signal, None);
        assert_eq!(told(125).site_words, "OUT_OF_MEMORY OutOfMemory");
        assert_eq!((told(9).signal, told(64).signal), (Some(9), Some(64)));
    }

    #[test]
    fn an_unknown_state_is_not_guessed() {
        assert_eq!(phase(&["LEVITATING"]), Some(Phase::Unknown));
        assert_eq!(phase(&[]), None);
    }

    #[test]
    fn a_failure_with_exit_code_zero_tells_no_exit_code() {
        let exit = Exit {
            code: Some(0),
            signal: None,
        };
        let failed = outcome(OutcomeKind::Failed, "FAILED", Some("NonZeroExitCode"), exit);
        assert_eq!(failed.exit_code, None);
        assert_eq!(failed.site_words, "FAILED NonZeroExitCode");
        let completed = outcome(OutcomeKind::Completed, "COMPLETED", None, exit);
        assert_eq!(completed.exit_code, Some(0));
    }
}
