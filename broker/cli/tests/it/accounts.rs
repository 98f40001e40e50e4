//! Local accounts: those of one's own allocations, and those of a site that are nobody's.

use broker_app::setup::{MemberSetup, SetupFile};
use serde_json::json;

use crate::stage::{SITE, Stage};

#[tokio::test]
async fn accounts_that_no_allocation_names_are_listed_for_the_sites_people() {
    let stage = Stage::open().await;
    for person in ["ada", "operator"] {
        stage.sign_in(person).await;
    }
    let words = ["site", "unknown-accounts", SITE];
    let none = stage.run("operator", &words).await;
    assert_eq!(
        none.out,
        format!("every account that {SITE} told of is an allocation's\n")
    );
    stage.submitted("ada").await;
    stage.ran().await;
    let listed = stage.run("operator", &words).await;
    assert_eq!(
        listed.out,
        "ACCOUNT  JOBS  GPU-HOURS  FIRST SEEN            LAST SEEN\n\
         p200001  1     2.0000     2026-11-20T12:30:00Z  2026-11-20T12:30:00Z\n"
    );
    let json = stage.json("operator", &words).await;
    assert_eq!(json["items"][0]["gpu"], json!(7_200_000));
    let refused = stage.run("ada", &words).await;
    assert_ne!(refused.code, 0);
    assert!(refused.error.contains("site_admin"), "{}", refused.error);
}

#[tokio::test]
async fn whoami_names_the_account_of_an_allocation_at_each_site() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let text = include_str!("../../../api/tests/it/setup.toml");
    let mut file: SetupFile = toml::from_str(text).unwrap();
    file.grants.clear();
    let mut main = file.projects.remove("main").unwrap();
    main.members.clear();
    let allocation = main.allocations.get_mut("playground").unwrap();
    let accounts = &mut allocation.local_accounts;
    accounts.insert(SITE.parse().unwrap(), "p200001".to_owned());
    accounts.insert("bsc".parse().unwrap(), "b<1>".to_owned());
    let me = stage.json("ada", &["whoami"]).await;
    main.members.push(MemberSetup {
        issuer: me["issuer"].as_str().unwrap().to_owned(),
        subject: "ada".to_owned(),
        lead: true,
    });
    file.projects.clear();
    file.projects.insert("main".to_owned(), main);
    stage.world.broker.import(&file).await.unwrap();

    let id = broker_app::setup::allocation_id("main", "playground");
    let told = stage.run("ada", &["whoami"]).await;
    for line in [
        format!("\n{id} is the account b<1> at bsc\n"),
        format!("\n{id} is the account p200001 at {SITE}\n"),
    ] {
        assert!(told.out.contains(&line), "{}", told.out);
    }
    let me = stage.json("ada", &["whoami"]).await;
    let accounts = &me["projects"][0]["allocations"][0]["local_accounts"];
    assert_eq!(accounts, &json!({ SITE: "p200001", "bsc": "b<1>" }));
}
