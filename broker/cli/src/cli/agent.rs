use broker_model::{AgentId, InviteId, SiteId};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum AgentVerb {
    /// Make a one-time invite for an agent and print its line for `alcyone-agent enrol`
    Invite {
        site: SiteId,
        /// How long it is good, 1 to 168 [default: 24]
        #[arg(long, value_name = "HOURS")]
        valid_hours: Option<u32>,
        /// Which machine it is for
        #[arg(long)]
        note: Option<String>,
    },
    /// List the invites of a site
    Invites { site: SiteId },
    /// Take an invite back that nobody has used
    WithdrawInvite { site: SiteId, invite: InviteId },
    /// List the agents of a site
    Agents { site: SiteId },
    /// Put an agent out, at once; the site's others take over what it held
    RevokeAgent {
        site: SiteId,
        agent: AgentId,
        /// Why; the agent is told, and the ledger is not
        #[arg(long)]
        reason: String,
    },
}
