//! Colleagues come in by invitations; how they leave is in `leaving`.

mod leaving;

use std::sync::Arc;

use broker_app::{InvitationRefusal, InvitationView, Members, RoleRule};
use broker_model::{
    Entitlement, EntryBody, EntryKind, InvitationDraft, InvitationStateName, InvitedRole,
    MembersOf, PersonId, Principal, Role,
};
use futures::future::join;
use jiff::SignedDuration;

use super::*;
use crate::fault::FaultyStore;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A project that the founder leads and whose organisation they speak for.
struct Team {
    case: Case,
    organisation: MembersOf,
    project: MembersOf,
}

fn draft(role: InvitedRole) -> InvitationDraft {
    InvitationDraft {
        role: Some(role),
        meant_for: "maia@pleione.example".to_owned(),
        valid_days: None,
    }
}

fn named(subject: &str, name: &str) -> Arc<Principal> {
    Arc::new(Principal {
        name: Some(name.to_owned()),
        email: Some("hidden@pleione.example".to_owned()),
        ..Principal::clone(&principal(subject))
    })
}

impl Team {
    async fn new() -> Self {
        let mut case = Case::new().await;
        let (organisation, waiting) = case.waiting().await;
        let acceptance = acceptance();
        let ruled = case.broker.rule(&case.reviewer, waiting.id, &acceptance);
        let ApplicationState::Accepted { project, .. } = ruled.await.unwrap().state else {
            panic!("it was to be accepted");
        };
        case.founder = case.founder().await;
        Self {
            case,
            organisation: MembersOf::Organisation(organisation.id),
            project: MembersOf::Project(project),
        }
    }

    fn broker(&self) -> &Broker {
        &self.case.broker
    }

    async fn caller(&self, subject: &str) -> Caller {
        self.broker().caller(principal(subject)).await.unwrap()
    }

    async fn invited(&self, of: MembersOf, role: InvitedRole) -> InvitationView {
        let draft = draft(role);
        let made = self.broker().invite(&self.case.founder, of, &draft).await;
        made.unwrap()
    }

    /// Somebody who came in by an invitation.
    async fn joined(&self, subject: &str, of: MembersOf, role: InvitedRole) -> Caller {
        let code = code_of(&self.invited(of, role).await);
        let caller = self.caller(subject).await;
        let joined = self.broker().accept_invitation(&caller, &code).await;
        assert_eq!(joined.unwrap().state, InvitationStateName::Accepted);
        self.caller(subject).await
    }

    async fn members(&self, of: MembersOf) -> Members {
        let listed = self.broker().members(&self.case.founder, of).await;
        listed.unwrap()
    }

    async fn entries(&self) -> Vec<EntryBody> {
        let entries = self.broker().store().entries(0, 1000).await.unwrap();
        entries.iter().map(|it| it.body().unwrap()).collect()
    }

    /// The stored text of everything an invitation may be in.
    async fn stored(&self) -> String {
        let MembersOf::Organisation(of) = self.organisation else {
            panic!("it is one");
        };
        let found = self.broker().store().dossiers_of(of, "invitation").await;
        let documents = found.unwrap().into_iter().map(|it| it.document);
        documents.collect::<Vec<_>>().join("\n")
    }
}

fn code_of(made: &InvitationView) -> String {
    made.code.clone().unwrap()
}

fn refusal<T: std::fmt::Debug>(refused: Result<T, Error>) -> InvitationRefusal {
    match refused {
        Err(Error::Invitation(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_colleague_comes_in_once_and_both_see_who_belongs_there() {
    let team = Team::new().await;
    let made = team.invited(team.project, InvitedRole::Member).await;
    assert_eq!(made.expires_at, made.invited_at + DAY * 14);
    let code = code_of(&made);
    let stored = team.stored().await;
    assert!(stored.contains("maia@pleione.example"), "{stored}");
    assert!(!stored.contains(&code), "{stored}");
    let before = team.entries().await.len();
    let maia = team.broker().caller(named("maia", "Maia")).await.unwrap();
    let before = before + 1; // that she was seen first
    let joined = { team.broker().accept_invitation(&maia, &code).await }.unwrap();
    assert_eq!(joined.project_name.as_deref(), Some("Folding"));
    let entries = team.entries().await;
    let [granted] = &entries[before..] else {
        panic!("{:?}", &entries[before..]);
    };
    assert_eq!(granted.kind, EntryKind::RoleGranted);
    assert_eq!(granted.actor, Some(maia.person));
    assert_eq!(granted.data["role"], "member");
    assert!(
        !team.stored().await.contains("maia@"),
        "it is not needed any more"
    );
    let all = serde_json::to_string(&entries).unwrap();
    assert!(!all.contains("maia@") && !all.contains(&code), "{all}");

    let maia = team.broker().caller(named("maia", "Maia")).await.unwrap();
    let MembersOf::Project(project) = team.project else {
        panic!("it is one");
    };
    assert!(maia.may_use(project));
    let seen = team.broker().members(&maia, team.project).await.unwrap();
    assert!(!seen.managed);
    let shown: Vec<_> = seen
        .members
        .iter()
        .map(|it| (it.name.as_deref(), it.you))
        .collect();
    assert_eq!(shown, [(None, false), (Some("Maia"), true)]);
    assert_eq!(seen.members[0].roles, [InvitedRole::Lead]);
    let of_organisation = team.broker().members(&maia, team.organisation).await;
    assert!(matches!(of_organisation, Err(Error::NotFound(_))));

    // Again she is told that it is done, and nobody else comes in by it.
    let again = team.broker().accept_invitation(&maia, &code).await.unwrap();
    assert_eq!(again.state, InvitationStateName::Accepted);
    assert_eq!(team.entries().await.len(), entries.len());
    let thief = team.caller("thief").await;
    let second = team.broker().accept_invitation(&thief, &code).await;
    assert_eq!(refusal(second), InvitationRefusal::Used);
}

#[tokio::test]
async fn each_code_that_lets_nobody_in_says_why_and_a_wrong_one_nothing_of_others() {
    let team = Team::new().await;
    let (broker, founder) = (team.broker(), &team.case.founder);
    let of = team.organisation;
    let caller = team.caller("maia").await;
    let wrong = format!("join_{}", "A".repeat(43));
    let open = code_of(&team.invited(of, InvitedRole::Representative).await);
    let nearly = open[..open.len() - 1].to_owned();
    for code in ["", "maia", &wrong, &nearly] {
        let refused = broker.accept_invitation(&caller, code).await;
        assert_eq!(refusal(refused), InvitationRefusal::Unknown, "{code}");
    }
    let revoked = team.invited(of, InvitedRole::Representative).await;
    for _ in 0..2 {
        let view = broker
            .revoke_invitation(founder, (of, revoked.id))
            .await
            .unwrap();
        assert_eq!(view.state, InvitationStateName::Revoked);
        assert_eq!(view.meant_for, None);
    }
    let refused = broker.accept_invitation(&caller, &code_of(&revoked)).await;
    assert_eq!(refusal(refused), InvitationRefusal::Revoked);
    let revocations =
        { team.entries().await.into_iter() }.filter(|it| it.kind == EntryKind::InvitationRevoked);
    assert_eq!(revocations.count(), 1);

    let mut brief = draft(InvitedRole::Representative);
    brief.valid_days = Some(1);
    let brief = broker.invite(founder, of, &brief).await.unwrap();
    team.case.world.clock.advance(DAY);
    let refused = broker.accept_invitation(&caller, &code_of(&brief)).await;
    assert_eq!(
        refusal(refused),
        InvitationRefusal::Expired(brief.expires_at)
    );
    let listed = broker.invitations(founder, of).await.unwrap();
    let states: Vec<_> = listed.iter().map(|it| it.state).collect();
    assert_eq!(
        states,
        [
            InvitationStateName::Expired,
            InvitationStateName::Revoked,
            InvitationStateName::Open
        ]
    );
    assert!(listed.iter().all(|it| it.code.is_none()));
    broker.accept_invitation(&caller, &open).await.unwrap();
    let late = broker.revoke_invitation(founder, (of, listed[2].id)).await;
    assert!(matches!(late, Err(Error::NotWaiting(_))), "{late:?}");
}

#[tokio::test]
async fn whom_an_invitation_was_meant_for_is_forgotten_when_its_time_is_over() {
    let team = Team::new().await;
    team.invited(team.project, InvitedRole::Member).await;
    team.broker().sweep_once().await.unwrap();
    assert!(team.stored().await.contains("maia@"));
    team.case.world.clock.advance(DAY * 14);
    let size = team.entries().await.len();
    team.broker().sweep_once().await.unwrap();
    assert!(!team.stored().await.contains("maia@"));
    assert_eq!(team.entries().await.len(), size);
    let due = team
        .broker()
        .store()
        .dossiers_due("invitation", team.case.world.now(), 10);
    assert_eq!(due.await.unwrap(), []);
}

#[tokio::test]
async fn of_two_who_come_with_one_code_at_once_one_is_let_in() {
    let team = Team::new().await;
    let code = code_of(&team.invited(team.project, InvitedRole::Member).await);
    let (maia, thief) = (team.caller("maia").await, team.caller("thief").await);
    // The thief's commit is held back until Maia has come in by another replica.
    let store = Arc::new(FaultyStore::over(team.case.world.store().await));
    let replica = team.case.world.broker_over(store.clone());
    let (other, hers) = (team.broker().clone(), code.clone());
    store.meanwhile(async move {
        other.accept_invitation(&maia, &hers).await.unwrap();
    });
    let second = replica.accept_invitation(&thief, &code).await;
    assert_eq!(refusal(second), InvitationRefusal::Used);
    let members = team.members(team.project).await.members;
    assert_eq!(members.len(), 2);
    assert!(members.iter().all(|it| it.person != thief.person));

    let code = code_of(&team.invited(team.project, InvitedRole::Member).await);
    let (one, two) = (team.caller("one").await, team.caller("two").await);
    let (one, two) = join(
        team.broker().accept_invitation(&one, &code),
        replica.accept_invitation(&two, &code),
    )
    .await;
    assert_ne!(one.is_ok(), two.is_ok(), "{one:?} {two:?}");
}

#[tokio::test]
async fn an_invitation_that_is_revoked_while_somebody_comes_with_it_lets_nobody_in() {
    let team = Team::new().await;
    let made = team.invited(team.project, InvitedRole::Member).await;
    let maia = team.caller("maia").await;
    let store = Arc::new(FaultyStore::over(team.case.world.store().await));
    let replica = team.case.world.broker_over(store.clone());
    let (other, founder) = (team.broker().clone(), team.case.founder.clone());
    let (of, id) = (team.project, made.id);
    store.meanwhile(async move {
        other.revoke_invitation(&founder, (of, id)).await.unwrap();
    });
    let late = replica.accept_invitation(&maia, &code_of(&made)).await;
    assert_eq!(refusal(late), InvitationRefusal::Revoked);
    assert_eq!(team.members(team.project).await.members.len(), 1);
}

#[tokio::test]
async fn members_invite_nobody_and_a_lead_nobody_into_the_organisation() {
    let team = Team::new().await;
    let (broker, member) = (team.broker(), InvitedRole::Member);
    let maia = team.joined("maia", team.project, member).await;
    let by_member = broker.invite(&maia, team.project, &draft(member)).await;
    assert!(
        matches!(by_member, Err(Error::Forbidden(_))),
        "{by_member:?}"
    );
    let listed = broker.invitations(&maia, team.project).await;
    assert!(matches!(listed, Err(Error::Forbidden(_))), "{listed:?}");
    let put_out = (team.project, team.case.founder.person);
    let put_out = broker.remove_member(&maia, put_out).await;
    assert!(matches!(put_out, Err(Error::Forbidden(_))), "{put_out:?}");

    let lead = team
        .joined("electra", team.project, InvitedRole::Lead)
        .await;
    broker
        .invite(&lead, team.project, &draft(member))
        .await
        .unwrap();
    let wanted = draft(InvitedRole::Representative);
    let above = broker.invite(&lead, team.organisation, &wanted).await;
    assert!(matches!(above, Err(Error::NotFound(_))), "{above:?}");
    let by_reviewer = broker
        .invite(&team.case.reviewer, team.organisation, &wanted)
        .await;
    assert!(
        matches!(by_reviewer, Err(Error::Forbidden(_))),
        "{by_reviewer:?}"
    );
    let stranger = team.caller("stranger").await;
    let hidden = broker.members(&stranger, team.project).await;
    assert!(matches!(hidden, Err(Error::NotFound("project"))));

    // Whoever speaks for the organisation lets people into its projects.
    let speaker = team
        .joined("merope", team.organisation, InvitedRole::Representative)
        .await;
    broker
        .invite(&speaker, team.project, &draft(member))
        .await
        .unwrap();
    let all = broker
        .invitations(&speaker, team.organisation)
        .await
        .unwrap();
    assert_eq!(all.len(), 5, "its own and those into its project");
    let seen = broker.members(&speaker, team.organisation).await.unwrap();
    let projects = seen.projects.iter().map(|it| MembersOf::Project(it.id));
    assert_eq!(projects.collect::<Vec<_>>(), [team.project]);
}

#[tokio::test]
async fn what_is_wrong_with_an_invitation_is_told_by_field_and_there_are_not_too_many() {
    let team = Team::new().await;
    let (broker, founder) = (team.broker(), &team.case.founder);
    let wrong = InvitationDraft {
        role: Some(InvitedRole::Representative),
        meant_for: "  ".to_owned(),
        valid_days: Some(61),
    };
    let refused = broker
        .invite(founder, team.project, &wrong)
        .await
        .unwrap_err();
    assert_eq!(fields(&refused), ["role", "meant_for", "valid_days"]);
    let bare = InvitationDraft {
        meant_for: "whoever".to_owned(),
        ..InvitationDraft::default()
    };
    for _ in 0..100 {
        let made = broker.invite(founder, team.project, &bare).await.unwrap();
        assert_eq!(
            made.role,
            InvitedRole::Member,
            "the least, if nothing is said"
        );
    }
    let too_many = broker.invite(founder, team.project, &bare).await;
    assert!(matches!(too_many, Err(Error::AlreadySo(_))), "{too_many:?}");
    team.invited(team.organisation, InvitedRole::Representative)
        .await;
}

#[tokio::test]
async fn whoever_is_there_already_leaves_the_code_to_others_and_a_member_may_come_to_lead() {
    let team = Team::new().await;
    let broker = team.broker();
    let code = code_of(&team.invited(team.project, InvitedRole::Member).await);
    let own = broker.accept_invitation(&team.case.founder, &code).await;
    assert!(matches!(own, Err(Error::AlreadySo(_))), "{own:?}");
    let maia = team.caller("maia").await;
    broker.accept_invitation(&maia, &code).await.unwrap();
    team.joined("maia", team.project, InvitedRole::Lead).await;
    let members = team.members(team.project).await.members;
    let hers = members.iter().find(|it| it.person == maia.person).unwrap();
    assert_eq!(
        hers.roles,
        [InvitedRole::Lead],
        "and no mere member besides"
    );
}
