//! Colleagues leave, or are removed, and do not come back by what they had.

use super::*;

#[tokio::test]
async fn the_last_lead_stays_and_whoever_is_removed_is_out_at_once() {
    let team = Team::new().await;
    let (broker, founder) = (team.broker(), &team.case.founder);
    let own = (team.project, founder.person);
    let last = broker.remove_member(founder, own).await;
    assert!(
        matches!(last, Err(Error::LastOne(InvitedRole::Lead))),
        "{last:?}"
    );
    let last = broker
        .remove_member(founder, (team.organisation, founder.person))
        .await;
    assert!(
        matches!(last, Err(Error::LastOne(InvitedRole::Representative))),
        "{last:?}"
    );

    let maia = team.joined("maia", team.project, InvitedRole::Member).await;
    let before = team.entries().await.len();
    let removed = broker
        .remove_member(founder, (team.project, maia.person))
        .await
        .unwrap();
    assert_eq!(removed.roles, [InvitedRole::Member]);
    assert_eq!(team.caller("maia").await.roles.to_vec(), []);
    let entries = team.entries().await;
    let [entry] = &entries[before..] else {
        panic!("{:?}", &entries[before..]);
    };
    assert_eq!(
        (entry.kind, entry.actor),
        (EntryKind::RoleRemoved, Some(maia.person))
    );
    assert_eq!(entry.data["removed_by"], founder.person.to_string());
    let again = broker
        .remove_member(founder, (team.project, maia.person))
        .await;
    assert!(matches!(again, Err(Error::NotFound("member"))), "{again:?}");

    let electra = team
        .joined("electra", team.project, InvitedRole::Lead)
        .await;
    broker.remove_member(founder, own).await.unwrap();
    let last = (team.project, electra.person);
    for caller in [&electra, founder] {
        let refused = broker.remove_member(caller, last).await;
        assert!(matches!(refused, Err(Error::LastOne(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn of_two_leads_who_leave_at_once_one_stays() {
    let team = Team::new().await;
    let electra = team
        .joined("electra", team.project, InvitedRole::Lead)
        .await;
    let store = Arc::new(FaultyStore::over(team.case.world.store().await));
    let replica = team.case.world.broker_over(store.clone());
    let (other, founder) = (team.broker().clone(), team.case.founder.clone());
    let of = team.project;
    store.meanwhile(async move {
        other
            .remove_member(&founder, (of, founder.person))
            .await
            .unwrap();
    });
    let second = replica.remove_member(&electra, (of, electra.person)).await;
    assert!(
        matches!(second, Err(Error::LastOne(InvitedRole::Lead))),
        "{second:?}"
    );
    let left: Vec<PersonId> = { team.members(of).await.members }
        .iter()
        .map(|it| it.person)
        .collect();
    assert_eq!(left, [electra.person]);
}

#[tokio::test]
async fn whoever_is_removed_cannot_come_back_by_an_invitation_of_their_own() {
    let team = Team::new().await;
    let (broker, founder) = (team.broker(), &team.case.founder);
    let electra = team
        .joined("electra", team.project, InvitedRole::Lead)
        .await;
    let back_door = broker
        .invite(&electra, team.project, &draft(InvitedRole::Lead))
        .await;
    let theirs = team.invited(team.project, InvitedRole::Member).await;
    broker
        .remove_member(founder, (team.project, electra.person))
        .await
        .unwrap();
    let code = code_of(&back_door.unwrap());
    let refused = broker.accept_invitation(&electra, &code).await;
    assert_eq!(refusal(refused), InvitationRefusal::Revoked);
    let other = team.caller("maia").await;
    broker
        .accept_invitation(&other, &code_of(&theirs))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_role_by_entitlement_is_the_issuers_to_take_away() {
    let team = Team::new().await;
    let broker = team.broker();
    let MembersOf::Project(project) = team.project else {
        panic!("it is one");
    };
    let entitlement = Entitlement {
        namespace: "urn:geant:example.eu".to_owned(),
        group: vec!["folding".to_owned()],
        role: None,
        authority: None,
    };
    broker.put_role_rules(vec![RoleRule {
        issuer: ISSUER.to_owned(),
        entitlement: entitlement.clone(),
        role: Role::Member { project },
    }]);
    let mut entitled = Principal::clone(&principal("entitled"));
    entitled.entitlements.insert(entitlement);
    let entitled = Arc::new(entitled);
    let caller = broker.caller(entitled.clone()).await.unwrap();
    let own = (team.project, caller.person);
    let refused = broker.remove_member(&caller, own).await;
    assert!(matches!(refused, Err(Error::AlreadySo(_))), "{refused:?}");
    assert_eq!(team.members(team.project).await.members.len(), 1);
    let code = code_of(&team.invited(team.project, InvitedRole::Lead).await);
    broker.accept_invitation(&caller, &code).await.unwrap();
    broker.remove_member(&team.case.founder, own).await.unwrap();
    let caller = broker.caller(entitled).await.unwrap();
    assert_eq!(caller.roles.to_vec(), [Role::Member { project }]);
}

#[tokio::test]
async fn an_import_takes_nobody_away_whom_the_projects_own_people_invited() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let mut file = crate::world::setup();
    let members = &mut file.projects.get_mut("sample").unwrap().members;
    members[0].lead = true;
    let lead = members[0].subject.clone();
    broker.import(&file).await.unwrap();
    let lead = broker.caller(principal(&lead)).await.unwrap();
    let of = MembersOf::Project(broker_app::setup::project_id("sample"));
    let made = broker.invite(&lead, of, &draft(InvitedRole::Member)).await;
    let maia = broker.caller(principal("maia")).await.unwrap();
    let code = code_of(&made.unwrap());
    broker.accept_invitation(&maia, &code).await.unwrap();
    assert!(broker.import(&file).await.unwrap().is_empty());
    let listed = broker.members(&lead, of).await.unwrap().members;
    assert!(listed.iter().any(|it| it.person == maia.person));
    broker
        .remove_member(&lead, (of, maia.person))
        .await
        .unwrap();
    assert!(broker.import(&file).await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_an_operator_removes_cannot_come_back_by_an_invitation_of_their_own() {
    let team = Team::new().await;
    let (broker, founder) = (team.broker(), &team.case.founder);
    let back_door = broker
        .invite(
            founder,
            team.organisation,
            &draft(InvitedRole::Representative),
        )
        .await;
    let MembersOf::Organisation(organisation) = team.organisation else {
        panic!("it is one");
    };
    let gone = format!(
        r#"
        [[grants]]
        issuer = "{ISSUER}"
        subject = "founder"
        role = "representative"
        organisation = "{organisation}"
        removed = true
        "#
    );
    broker
        .import(&toml::from_str(&gone).unwrap())
        .await
        .unwrap();
    let code = code_of(&back_door.unwrap());
    let founder = team.case.founder().await;
    let refused = broker.accept_invitation(&founder, &code).await;
    assert_eq!(refusal(refused), InvitationRefusal::Revoked);
}

#[tokio::test]
async fn a_code_that_somebody_came_in_by_says_nothing_good_once_they_were_removed() {
    let team = Team::new().await;
    let (broker, founder) = (team.broker(), &team.case.founder);
    let made = broker
        .invite(founder, team.project, &draft(InvitedRole::Member))
        .await;
    let code = code_of(&made.unwrap());
    let maia = team.caller("maia").await;
    broker.accept_invitation(&maia, &code).await.unwrap();
    broker.accept_invitation(&maia, &code).await.unwrap();
    broker
        .remove_member(founder, (team.project, maia.person))
        .await
        .unwrap();
    let again = broker.accept_invitation(&maia, &code).await;
    assert_eq!(refusal(again), InvitationRefusal::Used);
}
