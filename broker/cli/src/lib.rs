//! `alcyone`, the command line of start-ups, site administrators and auditors.
//!
//! Exit codes: 0 done; 1 the broker refused, or the answer is "no" (`check`, `quote`), or the job that
//! was waited for did not complete; 2 wrong use, or a file that cannot be read; 3 not signed in; 4 the
//! broker, or at a login its issuer, cannot be reached; 5 verification failed.
//!
//! With `--json` every verb prints JSON on standard output: one document, whose shapes are those of
//! `GET /api/v1/openapi.json`:
//!
//! | verb | document |
//! |---|---|
//! | `whoami`, `check`, `quote` | `WhoAmI`, `CheckView`, `QuoteView` |
//! | `submit`, `cancel` | `JobView` |
//! | `jobs` | `JobPage` |
//! | `show` | `{"job": JobView, "placement": Placement}` |
//! | `site confirmations`, `site handoffs` | an array of `ConfirmationView`, of `HandoffView` |
//! | `site confirm`, `site decline`, `site report`, `handoff --handed-in` | `JobView` |
//! | `handoff` | `{"file", "text"}`, or with `-o` `{"file", "bytes"}` |
//! | `sites`, `usage` | an array of `SiteView`, of `UsageView` |
//! | `site invite`, `site withdraw-invite` | `InviteView` |
//! | `site agents`, `site invites` | an array of `AgentView`, of `InviteView` |
//! | `site revoke-agent` | `AgentView` |
//! | `site import`, `site document` | `FiledView`, the document of the site |
//! | `site show`, `site windows list` | `ControlsView`, an array of `WindowView` |
//! | `site windows add`, `… close` | `CapacityWindow` |
//! | `site drain`, `undrain` | `Drain` |
//! | `site incident open`, `… update`, `… close` | `Incident` |
//! | `site veto`, `lift-veto`; of an organisation; `site limit` | `Veto`; `OrganisationVeto`; `OrganisationLimit` |
//! | `site jobs` | `SiteJobPage` |
//! | `modes`, `routes` | an array of `AccessModeView`, of `RouteView` |
//! | `organisations`, `evidence`, `applications` | an array of `Organisation`, of `Evidence`, of `Application` |
//! | `organisation show`, `… register`, `… describe`; `… size` | `Organisation`; `OrganisationSize` |
//! | `evidence add`, `… withdraw`, `… file add`, `review evidence`, `review screening` | `Evidence` |
//! | `evidence file get -o` | `{"file", "media_type", "bytes"}` |
//! | `apply`, `application show`, `… withdraw`, `review application` | `Application` |
//! | `apply --form` | `ApplicationForm` |
//! | `decision show`, `… replay` | `DecisionReplay`; exit code 5 of `replay` where it comes out otherwise |
//! | `policy list`, `… compare` | an array of `PolicyView`, `PolicyComparison` |
//! | `review` | `{"evidence": [Evidence], "applications": [Application]}` |
//! | `project members`, `organisation members`; `invitations` | an array of `Member`; of `Invitation` |
//! | `project invite`, `organisation invite`, `invitation revoke`, `join` | `Invitation` |
//! | `project remove`, `organisation remove` | `Member` |
//! | `logs` | a `LogView` on each line |
//! | `login` | two lines: `{"verification_uri", "verification_uri_complete", "user_code"}`, then `WhoAmI` |
//! | `logout` | `{"signed_out": bool}` |
//! | `audit export` | `{"file", "bytes"}` |
//! | `audit verify FILE` | `{"verified": true, "origin", "entries", "root", …, "continues": [{"file", "size"}]}` |
//! | `audit verify --job` | `{"job", "tree_size", "root", "entries", "verified": true}` |
//! | `audit verify`, exit code 5 | `{"verified": false, "code": "verification-failed", "detail"}` |
//! | any, when the broker refuses | its `Problem`: `{"code", "detail", …}` |
//! | any, when anything else fails | `{"code", "detail"}` on one line |
//!
//! Codes of this program's own are `usage`, `verification-failed`, `not-signed-in`, `unreachable`,
//! `answer-not-understood`, `login-refused` and `failed`.

mod cli;
mod config;
mod exit;
#[doc(hidden)]
pub mod fuzzing;
mod jobfile;
mod login;
mod print;
mod verbs;
mod words;
mod written;

pub use cli::{
    AcceptArgs, AcceptTermsArgs, AgentVerb, ApplicationVerb, ApplyArgs, Audit, CentresVerb, Cli,
    CompareArgs, ContactVerb, DecisionVerb, DrainVerb, EntitlementVerb, EvidenceAdd, EvidenceVerb,
    FileVerb, FindArgs, FollowUpVerb, FunderVerb, HandoffArgs, HandoffFormat, IncidentVerb,
    InvitationVerb, InviteArgs, KindArg, MatchesVerb, MatchingVerb, MeVerb, MemberVerb, MovedArgs,
    ObjectiveArgs, ObjectiveVerb, OrganisationVerb, PersonVerb, PolicyVerb, ProjectVerb, ReferArgs,
    ReferralVerb, Refused, RegisterArgs, RepresentativeVerb, ReviewVerb, RouteArgs, ScopeArgs,
    ScreeningArgs, SeverityArg, SiteVerb, TermsVerb, Verb, VetoVerb, Whom, WindowVerb, parse,
};
pub use exit::{Failure, exit_code};
pub use login::{FileTokens, finish_login, start_login};

use std::io::Write;

use broker_client::Client;

use crate::config::Place;

/// Runs one verb and writes what it has to say; the exit code is 0 unless the answer is "no".
///
/// An error is for standard error and [`exit_code`]; with `--json` it is written as one JSON object
/// besides, since whoever reads JSON reads nothing else.
pub async fn run(cli: Cli, out: &mut impl Write) -> anyhow::Result<u8> {
    let json = cli.json;
    // Programs read English, whatever the shell is set to.
    let language = cli.language.clone().filter(|_| !json);
    let answer = words::read_in(language.as_deref(), dispatch(cli, out)).await;
    if let Err(error) = &answer
        && json
    {
        print::line(&exit::document(error), out)?;
    }
    answer
}

async fn dispatch(cli: Cli, out: &mut impl Write) -> anyhow::Result<u8> {
    let place = Place::of(&cli);
    let json = cli.json;
    match cli.verb {
        Verb::Login { issuer } => {
            login::login(&place.settings()?, issuer.as_deref(), json, out).await
        }
        Verb::Logout => login::logout(&place.named()?, json, out),
        Verb::Audit { what } => verbs::audit::run(&place, what, json, out).await,
        verb => {
            let settings = place.settings()?;
            let tokens = FileTokens::open(&settings)?;
            let client = Client::new(&settings.broker, Box::new(tokens))?;
            let client = client.reading(cli.language.as_deref());
            verbs::run(&client, verb, json, out).await
        }
    }
}
