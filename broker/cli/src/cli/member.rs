use broker_model::{InvitationId, InvitedRole, OrganisationId, PersonId, ProjectId};
use clap::{Args, Subcommand};

use super::values;

/// Who belongs to projects and organisations, and how others come in.
#[derive(Debug, Subcommand)]
pub enum MemberVerb {
    /// See who works in a project, ask others in, or put somebody out
    Project {
        #[command(subcommand)]
        what: ProjectVerb,
    },
    /// List the invitations into the organisations that you speak for and the projects that you lead
    Invitations,
    /// Take an invitation back
    Invitation {
        #[command(subcommand)]
        what: InvitationVerb,
    },
    /// Come into a project or an organisation by the code of an invitation
    Join {
        /// As you were given it; without it, or with `-`, it is read from standard input and does not stand in
        /// your shell's history
        code: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum ProjectVerb {
    /// List who works in a project
    Members {
        /// Needed when you do not work in one project
        #[arg(value_name = "PROJECT")]
        project: Option<ProjectId>,
    },
    /// Ask somebody in; prints the code that they come in by, this once
    Invite {
        /// Needed when you do not work in one project
        #[arg(value_name = "PROJECT")]
        project: Option<ProjectId>,
        /// What they are to be: `member`, as without this, or `lead`, who asks others in
        #[arg(long, value_parser = values::one_of::<InvitedRole>(&["member", "lead"]))]
        role: Option<InvitedRole>,
        #[command(flatten)]
        args: InviteArgs,
    },
    /// Put somebody out of a project, at once; the last lead stays
    Remove {
        /// As `project members` shows them; `me` to leave
        #[arg(value_parser = values::whom)]
        person: Whom,
        /// Needed when you do not work in one project
        #[arg(long)]
        project: Option<ProjectId>,
    },
}

#[derive(Debug, Args)]
pub struct InviteArgs {
    /// Whom it is meant for, to tell your invitations apart; forgotten once it is used or over
    #[arg(long = "for", value_name = "WHO")]
    pub meant_for: String,
    /// How long the code is good, 1 to 60 [default: 14]
    #[arg(long, value_name = "DAYS")]
    pub valid_days: Option<u32>,
    /// The same key again means the same invitation, never a second one
    #[arg(long)]
    pub key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum InvitationVerb {
    /// Take an invitation back that nobody has accepted; its code lets nobody in from then on
    Revoke { invitation: InvitationId },
}

/// What `alcyone organisation` has of the same.
#[derive(Debug, Subcommand)]
pub enum RepresentativeVerb {
    /// List who speaks for an organisation
    Members {
        /// Needed when you do not speak for one organisation
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
    /// Ask somebody to speak for an organisation, too; prints the code that they come in by, this once
    Invite {
        /// Needed when you do not speak for one organisation
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
        #[command(flatten)]
        args: InviteArgs,
    },
    /// Let somebody speak for an organisation no longer, at once; the last one stays
    Remove {
        /// As `organisation members` shows them; `me` to leave
        #[arg(value_parser = values::whom)]
        person: Whom,
        /// Needed when you do not speak for one organisation
        #[arg(long, value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
}

/// Somebody, by the pseudonym that lists show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    Me,
    Person(PersonId),
}
