use broker_model::DecisionId;
use clap::Subcommand;

/// What the rules found of an application or of a job.
#[derive(Debug, Subcommand)]
pub enum DecisionVerb {
    /// Show the answer and every rule that spoke, with its legal source and the day it took effect
    Show { decision: DecisionId },
    /// Make it again from its stored question, under the policy of its day; exit code 5 where it differs
    Replay { decision: DecisionId },
}
