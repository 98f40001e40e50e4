//! Bodies of `/api/v1`.

mod access_mode;
mod agent;
mod audit;
mod contact;
mod decision;
mod entitlement;
mod follow_up;
mod job;
mod me;
mod member;
mod person;
mod problem;
mod registry;
mod route;
mod set_item;
mod site;
mod terms;
mod whoami;

use serde::{Deserialize, Serialize};

pub use access_mode::{
    AccessModeView, ClockView, CutOffsView, DueView, DutyView, GpuHoursView, HolidayView,
    OfferView, SourcedView,
};
pub use agent::{AgentStatus, AgentView, InviteRequest, InviteView, RevokeRequest};
pub use audit::{CheckpointView, ConsistencyView, EntryView, InclusionView, UsageView};
pub use contact::{
    CentreQuery, ContactReason, ContactService, ContactVocabulary, ExcludedCentre, Finance, Match,
    MatchContact, RankedCentre, Ranking, ReferralClock, ReferralSender, ReferralView,
    SupportCentre,
};
pub use decision::{
    DecisionChangeView, DecisionReplayView, DecisionResult, DecisionView, PolicyComparisonQuery,
    PolicyComparisonView, PolicyView, RuleEffect, SizeChangeView, SpokenView,
};
pub use entitlement::{
    ApplicationForm, FormClosed, FormField, OrganisationDocument, OrganisationSize, PeriodFound,
    SizeFound, SizeReason, Undertaking, UndertakingMember,
};
pub use follow_up::FollowUpView;
pub use job::{JobView, LogView, QuoteView};
pub use me::ErasureRequestView;
pub use member::{AcceptRequest, InvitationView, Member, PersonName};
pub use person::{
    ConfirmationAnswer, ConfirmationDecision, ConfirmationSaid, HandedIn, HandoffView,
};
pub use problem::Problem;
pub use registry::{
    ControlsView, DifferenceView, Filed, FiledView, LimitView, RemovedView, SiteDocument,
    SiteJobView, UnknownAccountView, WindowView,
};
pub use route::{
    ChangeView, NotOfferedView, RouteEvidence, RouteListView, RouteNeed, RouteOrganisation,
    RouteProject, RouteQuery, RouteView,
};
pub use set_item::SetItem;
pub use site::{SiteCapacity, SiteStateView, SiteView};
pub use terms::{TermsAcceptanceView, TermsView};
pub use whoami::{
    AllocationView, CheckRequest, CheckView, LoginChoice, LoginOptions, LoginView, ProjectView,
    RoleOrigin, RoleView, WhoAmI,
};

/// A keyset page: ask again with `cursor` for what comes after; none on the last page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
