//! Who may come in, and who no longer: roles by entitlement, and revocations by an operator.

use broker_auth::{MappedRole, RoleMapping};
use broker_client::wire::RoleOrigin;
use integration_tests::{ENGINEER, Installation, People, Setup, alpha, until};
use serde_json::json;

use crate::shutdown::LIMIT;

const GROUP: &str = "urn:geant:example.org:group:hpc:role=member#aai.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_person_is_out_also_after_a_restart_until_it_is_lifted() {
    let Some(people) = People::arrive().await else {
        return;
    };
    let mut issuer = people.issuer();
    // Both run on this machine's clock; a new sign-in counts once this is over.
    issuer.leeway_seconds = 1;
    let installation = Installation::set_up(Setup::new(issuer, vec![alpha()])).await;
    let mut broker = installation.serve(0).await;
    let engineer = people.client(&installation.url(0), ENGINEER).await;
    let person = engineer.whoami().await.unwrap().person.to_string();

    let config = installation.config(0);
    let order = async |verb: &str, more: &[&str]| {
        let mut words = vec![verb, "--config", config.to_str().unwrap()];
        words.extend(more);
        installation.broker(&words).await
    };
    let issuer = people.provider.issuer();
    let whom = ["--issuer", issuer, "--subject", ENGINEER];
    let why = [&whom[..], &["--reason", "a lost laptop"]].concat();
    let said = order("revoke", &why).await.with(0).stdout;
    assert!(said.contains(&person), "{said}");
    let listed = order("revocations", &[]).await.with(0).stdout;
    assert!(listed.contains("a lost laptop"), "{listed}");
    until("the token is refused", LIMIT, async || {
        engineer.whoami().await.err()
    })
    .await;
    let again = until("a new sign-in counts", LIMIT, async || {
        let again = people.client(&installation.url(0), ENGINEER).await;
        again.whoami().await.is_ok().then_some(again)
    })
    .await;

    broker.terminate();
    assert!(broker.ended(LIMIT).await.success(), "{}", broker.said());
    let _broker = installation.serve(0).await;
    assert!(
        engineer.whoami().await.is_err(),
        "from the first request on"
    );
    assert!(again.whoami().await.is_ok());

    let _said = order("revoke", &[&whom[..], &["--lift"]].concat())
        .await
        .with(0);
    until("the old token counts again", LIMIT, async || {
        engineer.whoami().await.ok()
    })
    .await;
    let misspelt = ["--issuer", "https://x.example", "--subject", ENGINEER];
    let misspelt = [&misspelt[..], &["--reason", "none"]].concat();
    let refused = order("revoke", &misspelt).await.with(1).stderr;
    assert!(refused.contains(issuer), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entitlement_of_the_issuer_is_a_role_where_the_configuration_says_so() {
    let Some(people) = People::arrive().await else {
        return;
    };
    let newcomer = json!({ "name": "Nell Example", "eduperson_entitlement": [GROUP] });
    people.provider.put_person("nell", &newcomer).await;
    let mut issuer = people.issuer();
    issuer.roles = vec![RoleMapping {
        entitlement: GROUP.to_owned(),
        role: MappedRole::Member,
        project: Some("sample".to_owned()),
        site: None,
        share: None,
    }];
    let installation = Installation::set_up(Setup::new(issuer, vec![alpha()])).await;
    let _broker = installation.serve(0).await;
    let nell = people.client(&installation.url(0), "nell").await;
    let me = nell.whoami().await.unwrap();
    assert_eq!(me.entitlements, [GROUP]);
    assert_eq!(me.roles[0].from, RoleOrigin::Entitlement);
    assert_eq!(me.roles[0].entitlement.as_deref(), Some(GROUP));
    assert_eq!(me.projects[0].id, installation.project());
    let engineer = people.client(&installation.url(0), ENGINEER).await;
    let engineer = engineer.whoami().await.unwrap();
    assert_eq!(engineer.roles[0].from, RoleOrigin::Grant);
}
