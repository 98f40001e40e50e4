use broker_model::{Outcome, OutcomeKind, RemoteId};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use site_adapter::{HandoffReport, UsageReport};

/// What is told of a carried job. A time that is left out is now.
#[derive(Debug, Subcommand)]
pub(crate) enum Told {
    /// The scheduler has it
    Submitted {
        /// What the scheduler calls it
        #[arg(long)]
        remote_id: String,
        /// As `2026-12-01T06:00:00Z`
        #[arg(long)]
        at: Option<Timestamp>,
    },
    /// It runs
    Started {
        #[arg(long)]
        at: Option<Timestamp>,
    },
    /// It is over; with what it used it is settled at once
    Ended {
        #[arg(long, value_enum)]
        outcome: OutcomeArg,
        #[arg(long, allow_negative_numbers = true)]
        exit_code: Option<i32>,
        #[arg(long)]
        signal: Option<i32>,
        /// The scheduler's own words, as `OUT_OF_MEMORY`
        #[arg(long, default_value = "")]
        words: String,
        #[arg(long)]
        at: Option<Timestamp>,
        /// Since when it ran, to tell what it used
        #[arg(long, requires_all = ["nodes", "cpus"])]
        ran_from: Option<Timestamp>,
        #[command(flatten)]
        counts: Counts,
    },
    /// What it used, from the site's accounting; settles it
    Usage {
        /// The accounting has no record of it: nothing is charged
        #[arg(long, conflicts_with_all = ["ran_from", "ran_until", "nodes"])]
        no_record: bool,
        #[arg(long, required_unless_present = "no_record", requires_all = ["nodes", "cpus"])]
        ran_from: Option<Timestamp>,
        #[arg(long, required_unless_present = "no_record")]
        ran_until: Option<Timestamp>,
        #[command(flatten)]
        counts: Counts,
    },
    /// The site does not take it, or it never came: it may go elsewhere
    Declined {
        /// Its user reads it
        #[arg(long)]
        reason: String,
    },
}

// No words of its own: clap would take them for those of the event.
#[derive(Debug, Args)]
pub(crate) struct Counts {
    /// How many nodes it had
    #[arg(long)]
    nodes: Option<u32>,
    /// On all nodes together, as the scheduler counts them
    #[arg(long, default_value_t = 0)]
    gpus: u32,
    #[arg(long)]
    cpus: Option<u32>,
    #[arg(long, default_value_t = 0)]
    memory_gib: u32,
    #[arg(long)]
    energy_joules: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum OutcomeArg {
    Completed,
    Failed,
    Cancelled,
    TimedOut,
    OutOfMemory,
    NodeFailure,
    Preempted,
    LaunchFailed,
    DependencyFailed,
    Vanished,
}

impl Told {
    /// As it is sent.
    pub(crate) fn report(&self, now: Timestamp) -> anyhow::Result<HandoffReport> {
        Ok(match self {
            Self::Submitted { remote_id, at } => HandoffReport::Submitted {
                remote_id: RemoteId(remote_id.clone()),
                submitted_at: at.unwrap_or(now),
            },
            Self::Started { at } => HandoffReport::Started {
                started_at: at.unwrap_or(now),
            },
            Self::Ended {
                outcome,
                exit_code,
                signal,
                words,
                at,
                ran_from,
                counts,
            } => {
                let ended_at = at.unwrap_or(now);
                let used = |from| counts.usage(from, ended_at);
                HandoffReport::Ended {
                    ended_at,
                    outcome: Outcome {
                        kind: (*outcome).into(),
                        exit_code: *exit_code,
                        signal: *signal,
                        site_words: words.clone(),
                    },
                    usage: ran_from.map(used).transpose()?,
                }
            }
            Self::Usage {
                ran_from,
                ran_until,
                counts,
                ..
            } => {
                let span = ran_from.zip(*ran_until);
                let used = |(from, until)| counts.usage(from, until);
                HandoffReport::Usage {
                    usage: span.map(used).transpose()?,
                }
            }
            Self::Declined { reason } => HandoffReport::Declined {
                reason: reason.clone(),
            },
        })
    }
}

impl Counts {
    fn usage(&self, started_at: Timestamp, ended_at: Timestamp) -> anyhow::Result<UsageReport> {
        let (Some(nodes), Some(cpus)) = (self.nodes, self.cpus) else {
            anyhow::bail!(
                "what it used is told with --nodes and --cpus, and --gpus where it had any"
            );
        };
        Ok(UsageReport {
            started_at,
            ended_at,
            elapsed_seconds: None,
            nodes,
            scheduler_gpus: self.gpus,
            cpus,
            memory_gib: self.memory_gib,
            energy_joules: self.energy_joules,
        })
    }
}

impl From<OutcomeArg> for OutcomeKind {
    fn from(outcome: OutcomeArg) -> Self {
        match outcome {
            OutcomeArg::Completed => Self::Completed,
            OutcomeArg::Failed => Self::Failed,
            OutcomeArg::Cancelled => Self::Cancelled,
            OutcomeArg::TimedOut => Self::TimedOut,
            OutcomeArg::OutOfMemory => Self::OutOfMemory,
            OutcomeArg::NodeFailure => Self::NodeFailure,
            OutcomeArg::Preempted => Self::Preempted,
            OutcomeArg::LaunchFailed => Self::LaunchFailed,
            OutcomeArg::DependencyFailed => Self::DependencyFailed,
            OutcomeArg::Vanished => Self::Vanished,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(subcommand)]
        told: Told,
    }

    fn told(line: &str) -> Result<HandoffReport, String> {
        let words = std::iter::once("report").chain(line.split(' '));
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.told
            .report(Timestamp::UNIX_EPOCH)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_end_is_told_with_or_without_what_it_used() {
        let bare = told("ended --outcome failed --exit-code -9 --at 2026-11-20T13:00:00Z");
        let HandoffReport::Ended { outcome, usage, .. } = bare.unwrap() else {
            panic!("an end")
        };
        assert_eq!(
            (outcome.kind, outcome.exit_code),
            (OutcomeKind::Failed, Some(-9))
        );
        assert_eq!(usage, None);
        let whole = told(
            "ended --outcome timed_out --at 2026-11-20T13:00:00Z --ran-from 2026-11-20T12:00:00Z \
             --nodes 2 --gpus 8 --cpus 112",
        );
        let HandoffReport::Ended { usage, .. } = whole.unwrap() else {
            panic!("an end")
        };
        let usage = usage.unwrap();
        assert_eq!((usage.nodes, usage.scheduler_gpus, usage.cpus), (2, 8, 112));
        let halved = told("ended --outcome completed --ran-from 2026-11-20T12:00:00Z --nodes 2");
        assert!(halved.unwrap_err().contains("--cpus"));
    }

    #[test]
    fn usage_is_a_record_or_the_word_that_there_is_none() {
        assert_eq!(
            told("usage --no-record"),
            Ok(HandoffReport::Usage { usage: None })
        );
        assert!(told("usage").is_err(), "silence is no word");
        assert!(told("usage --no-record --nodes 1").is_err());
    }

    #[test]
    fn a_time_that_is_left_out_is_now() {
        let HandoffReport::Submitted { submitted_at, .. } =
            told("submitted --remote-id 4711").unwrap()
        else {
            panic!("a submission")
        };
        assert_eq!(submitted_at, Timestamp::UNIX_EPOCH);
    }
}
