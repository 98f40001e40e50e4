//! PBS's job states, substates and exit statuses, and what they mean for an attempt.

use broker_model::{Outcome, OutcomeKind};

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    Running,
    Over,
    /// At another server now, or in a state that is not known here: there, and not known to be over.
    Elsewhere,
}

/// The letter of `job_state` with the number of `substate` (`pbs_job_attributes(7B)`).
pub(crate) fn phase(state: &str, substate: Option<i64>) -> Phase {
    match (state, substate) {
        // On its way to the node: the script has not begun.
        ("R", Some(41)) => Phase::Waiting,
        ("Q" | "H" | "W" | "T", _) => Phase::Waiting,
        ("R" | "S" | "U" | "E" | "B", _) => Phase::Running,
        ("F" | "X", _) => Phase::Over,
        ("M", _) => Phase::Elsewhere,
        _ => {
            tracing::warn!(state = %state.escape_debug(), "PBS has a state that is not known here");
            Phase::Elsewhere
        }
    }
}

/// What PBS tells of a job that is over.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that hold beside each other, each by itself"
)]
pub(crate) struct End<'a> {
    pub(crate) exit_status: Option<i64>,
    pub(crate) substate: Option<i64>,
    pub(crate) comment: &'a str,
    pub(crate) depends: bool,
    pub(crate) has_started: bool,
    /// It ran for at least the time that it had asked for.
    pub(crate) used_its_time: bool,
    pub(crate) run_count: u64,
    /// How the user's code ended by our own wrapper's word, 0 to 255.
    pub(crate) own_status: Option<i32>,
    /// Our wrapper began to run the user's code.
    pub(crate) has_begun: bool,
    /// Our wrapper began, and could not start the user's code.
    pub(crate) unlaunched: bool,
    /// Our wrapper saw that the kernel killed for memory meanwhile.
    pub(crate) out_of_memory: bool,
}

const DELETED: Option<i64> = Some(91);
const REMOVED: Option<i64> = Some(92);

/// How an ended job ended. PBS's word counts for why, our wrapper's for the code: a node's daemon
/// that restarts reports 0 for a job that failed meanwhile.
pub(crate) fn outcome(end: &End<'_>) -> Outcome {
    let (kind, status) = judge(end);
    let killed_by = end.exit_status.and_then(|status| status.checked_sub(256));
    let killed_by = killed_by.filter(|signal| (1..=64).contains(signal));
    let is_own = matches!(
        kind,
        OutcomeKind::Completed | OutcomeKind::Failed | OutcomeKind::OutOfMemory
    );
    let own_signal = status
        .filter(|code| (129..=192).contains(code))
        .map(|code| code - 128);
    let pbs_signal = killed_by.and_then(|signal| i32::try_from(signal).ok());
    Outcome {
        kind,
        exit_code: status.filter(|_| is_own),
        signal: if is_own {
            own_signal.or(pbs_signal)
        } else {
            None
        },
        site_words: site_words(end),
    }
}

fn judge(end: &End<'_>) -> (OutcomeKind, Option<i32>) {
    if end.unlaunched {
        return (OutcomeKind::LaunchFailed, None);
    }
    let Some(status) = end.exit_status else {
        return (without_status(end), end.own_status);
    };
    if end.comment.contains("exceeded resource walltime") {
        return (OutcomeKind::TimedOut, None);
    }
    match status {
        // A task of an array that was deleted while it waited has a status of 1.
        0..=255 if end.substate == DELETED && end.own_status.is_none_or(|code| code > 128) => {
            (OutcomeKind::Cancelled, None)
        }
        0..=255 => by_code(end, i32::try_from(status).unwrap_or(255)),
        // PBS Pro before 2020 ends a job over its time as qdel does, and not all say so in the comment.
        271 if end.used_its_time && end.substate != DELETED => (OutcomeKind::TimedOut, None),
        271 => (OutcomeKind::Cancelled, None),
        257.. if end.substate == DELETED => (OutcomeKind::Cancelled, None),
        256.. => (failed_or_memory(end), end.own_status),
        _ => by_pbs(end, status),
    }
}

/// A missing status is not 0: the job was deleted while it waited, or a job it waited for failed.
fn without_status(end: &End<'_>) -> OutcomeKind {
    if end.substate == DELETED || end.comment.contains("terminated") {
        return OutcomeKind::Cancelled;
    }
    if !end.has_started && (end.depends || end.substate == REMOVED) {
        return OutcomeKind::DependencyFailed;
    }
    match end.own_status {
        Some(0) => OutcomeKind::Completed,
        Some(_) => OutcomeKind::Failed,
        None if end.has_started => OutcomeKind::NodeFailure,
        None => OutcomeKind::Failed,
    }
}

fn by_code(end: &End<'_>, told: i32) -> (OutcomeKind, Option<i32>) {
    if end.own_status.is_none() && end.has_begun {
        // The wrapper began and never wrote an end, yet PBS has one: the node went down under it and
        // what ran then was the wrapper that does not run the code a second time.
        if end.run_count > 1 || told == RAN_BEFORE {
            return (OutcomeKind::NodeFailure, None);
        }
    }
    if end.own_status.is_none() && told == NOT_LAUNCHED {
        return (OutcomeKind::LaunchFailed, None);
    }
    match end.own_status.unwrap_or(told) {
        0 => (OutcomeKind::Completed, Some(0)),
        code => (failed_or_memory(end), Some(code)),
    }
}

/// PBS's own code for a shell or an executable that is missing, and our wrapper's for a folder that is.
pub(crate) const NOT_LAUNCHED: i32 = 254;
/// Our wrapper's, when the attempt's code was started before.
pub(crate) const RAN_BEFORE: i32 = 253;

/// The cgroups hook has no exit status of its own, and says so in its node's log alone.
const fn failed_or_memory(end: &End<'_>) -> OutcomeKind {
    if end.out_of_memory {
        return OutcomeKind::OutOfMemory;
    }
    OutcomeKind::Failed
}

/// The negative statuses of PBS's `job.h`.
fn by_pbs(end: &End<'_>, status: i64) -> (OutcomeKind, Option<i32>) {
    let kind = match status {
        -29 | -28 => OutcomeKind::TimedOut,
        -27 | -26 => OutcomeKind::OutOfMemory,
        -25 | -24 => OutcomeKind::Failed,
        // The node was lost after the script had ended by itself; a signal may be the node's doing.
        -20 | -14 | -6..=-4 if end.own_status.is_some_and(|code| code <= 128) => {
            return by_code(end, NOT_LAUNCHED);
        }
        -20 | -14 | -6..=-4 => OutcomeKind::NodeFailure,
        -15 | -12 | -11 => OutcomeKind::Preempted,
        _ if end.own_status.is_some() => return by_code(end, NOT_LAUNCHED),
        _ => OutcomeKind::LaunchFailed,
    };
    (kind, None)
}

fn site_words(end: &End<'_>) -> String {
    let mut words = match end.exit_status {
        Some(status) => format!("Exit_status={status}"),
        None => "no Exit_status".to_owned(),
    };
    if let Some(name) = end.exit_status.and_then(name) {
        words = format!("{words} {name}");
    }
    if let Some(own) = end.own_status
        && end.exit_status != Some(i64::from(own))
    {
        words = format!("{words} (the script itself: {own})");
    }
    if !end.comment.is_empty() {
        words = format!("{words}: {}", crate::answer::words(end.comment));
    }
    words
}

const fn name(status: i64) -> Option<&'static str> {
    Some(match status {
        -1 => "JOB_EXEC_FAIL1",
        -2 => "JOB_EXEC_FAIL2",
        -3 => "JOB_EXEC_RETRY",
        -4 => "JOB_EXEC_INITABT",
        -5 => "JOB_EXEC_INITRST",
        -6 => "JOB_EXEC_INITRMG",
        -7 => "JOB_EXEC_BADRESRT",
        -10 => "JOB_EXEC_FAILUID",
        -11 => "JOB_EXEC_RERUN",
        -12 => "JOB_EXEC_CHKP",
        -13 => "JOB_EXEC_FAIL_PASSWORD",
        -14 => "JOB_EXEC_RERUN_ON_SIS_FAIL",
        -15 => "JOB_EXEC_QUERST",
        -16 => "JOB_EXEC_FAILHOOK_RERUN",
        -17 => "JOB_EXEC_FAILHOOK_DELETE",
        -18 => "JOB_EXEC_HOOK_RERUN",
        -19 => "JOB_EXEC_HOOK_DELETE",
        -20 => "JOB_EXEC_RERUN_MS_FAIL",
        -21 => "JOB_EXEC_FAIL_SECURITY",
        -22 => "JOB_EXEC_HOOKERROR",
        -23 => "JOB_EXEC_FAIL_KRB5",
        -24 => "JOB_EXEC_KILL_NCPUS_BURST",
        -25 => "JOB_EXEC_KILL_NCPUS_SUM",
        -26 => "JOB_EXEC_KILL_VMEM",
        -27 => "JOB_EXEC_KILL_MEM",
        -28 => "JOB_EXEC_KILL_CPUT",
        -29 => "JOB_EXEC_KILL_WALLTIME",
        -30 => "JOB_EXEC_JOINJOB",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use OutcomeKind::{
        Cancelled, Completed, DependencyFailed, Failed, LaunchFailed, NodeFailure, OutOfMemory,
        Preempted, TimedOut,
    };

    fn ended(exit_status: i64) -> End<'static> {
        End {
            exit_status: Some(exit_status),
            substate: Some(93),
            has_started: true,
            run_count: 1,
            ..End::default()
        }
    }

    #[test]
    fn every_exit_status_has_its_own_outcome() {
        for (status, kind) in [
            (0, Completed),
            (1, Failed),
            (255, Failed),
            (254, LaunchFailed),
            (271, Cancelled),
            (-29, TimedOut),
            (-28, TimedOut),
            (-27, OutOfMemory),
            (-26, OutOfMemory),
            (-25, Failed),
            (-20, NodeFailure),
            (-4, NodeFailure),
            (-11, Preempted),
            (-12, Preempted),
            (-14, NodeFailure),
            (-15, Preempted),
            (-7, LaunchFailed),
            (-13, LaunchFailed),
            (-1, LaunchFailed),
            (-2, LaunchFailed),
            (-3, LaunchFailed),
            (-10, LaunchFailed),
            (-21, LaunchFailed),
            (-23, LaunchFailed),
            (-30, LaunchFailed),
            (265, Failed),
        ] {
            assert_eq!(outcome(&ended(status)).kind, kind, "{status}");
        }
    }

    #[test]
    fn above_256_a_signal_is_added_and_above_128_a_shell_did_the_same() {
        assert_eq!(outcome(&ended(265)).signal, Some(9));
        let by_shell = outcome(&ended(137));
        assert_eq!((by_shell.exit_code, by_shell.signal), (Some(137), Some(9)));
        assert_eq!(outcome(&ended(255)).signal, None);
        let deleted = End {
            substate: DELETED,
            ..ended(265)
        };
        assert_eq!(outcome(&deleted).kind, Cancelled);
    }

    #[test]
    fn an_older_walltime_kill_is_told_by_its_comment() {
        let end = End {
            comment: "Job run … and exceeded resource walltime",
            ..ended(271)
        };
        assert_eq!(outcome(&end).kind, TimedOut);
    }

    #[test]
    fn a_walltime_kill_without_a_word_is_told_by_the_time_it_ran() {
        let end = End {
            used_its_time: true,
            ..ended(271)
        };
        assert_eq!(outcome(&end).kind, TimedOut);
        let deleted = End {
            substate: DELETED,
            ..end
        };
        assert_eq!(outcome(&deleted).kind, Cancelled);
    }

    #[test]
    fn a_missing_exit_status_is_never_success() {
        let missing = End {
            exit_status: None,
            ..ended(0)
        };
        let never_ran = End {
            has_started: false,
            ..missing
        };
        let deleted = End {
            substate: DELETED,
            ..never_ran
        };
        let removed = End {
            substate: REMOVED,
            depends: true,
            ..never_ran
        };
        assert_eq!(outcome(&deleted).kind, Cancelled);
        assert_eq!(outcome(&removed).kind, DependencyFailed);
        assert_eq!(outcome(&never_ran).kind, Failed);
        assert_eq!(outcome(&missing).kind, NodeFailure);
    }

    #[test]
    fn the_wrappers_own_word_goes_before_an_invented_zero() {
        let told = outcome(&End {
            own_status: Some(7),
            has_begun: true,
            ..ended(0)
        });
        assert_eq!((told.kind, told.exit_code), (Failed, Some(7)));
        assert!(
            told.site_words.contains("the script itself: 7"),
            "{}",
            told.site_words
        );
        let is_254 = outcome(&End {
            own_status: Some(254),
            has_begun: true,
            ..ended(254)
        });
        assert_eq!((is_254.kind, is_254.exit_code), (Failed, Some(254)));
        let unlaunched = outcome(&End {
            unlaunched: true,
            has_begun: true,
            ..ended(0)
        });
        assert_eq!(unlaunched.kind, LaunchFailed);
    }

    #[test]
    fn a_job_whose_node_restarted_it_failed_with_the_node() {
        let again = End {
            has_begun: true,
            run_count: 2,
            ..ended(i64::from(RAN_BEFORE))
        };
        assert_eq!(outcome(&again).kind, NodeFailure);
    }

    #[test]
    fn code_that_the_kernel_killed_for_its_memory_ran_out_of_it() {
        let end = |code: i32| End {
            own_status: Some(code),
            out_of_memory: true,
            ..ended(i64::from(code))
        };
        let told = outcome(&end(137));
        assert_eq!((told.kind, told.exit_code), (OutOfMemory, Some(137)));
        assert_eq!(outcome(&end(1)).kind, OutOfMemory);
        assert_eq!(outcome(&end(0)).kind, Completed, "it survived that");
        assert_eq!(outcome(&ended(137)).kind, Failed);
    }

    #[test]
    fn a_job_on_its_way_to_the_node_still_waits() {
        assert_eq!(phase("R", Some(41)), Phase::Waiting);
        assert_eq!(phase("R", Some(42)), Phase::Running);
        for (state, expected) in [
            ("Q", Phase::Waiting),
            ("H", Phase::Waiting),
            ("W", Phase::Waiting),
            ("T", Phase::Waiting),
            ("S", Phase::Running),
            ("U", Phase::Running),
            ("E", Phase::Running),
            ("B", Phase::Running),
            ("X", Phase::Over),
            ("F", Phase::Over),
            ("M", Phase::Elsewhere),
            ("?", Phase::Elsewhere),
        ] {
            assert_eq!(phase(state, None), expected, "{state}");
        }
    }
}
