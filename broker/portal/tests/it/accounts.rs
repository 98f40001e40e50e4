//! Local accounts, as their projects and as a site's people see them.

use broker_app::setup::SetupFile;

use crate::house::{ENGINEER, House, OPERATOR};

#[tokio::test]
async fn the_people_of_a_site_see_accounts_that_no_allocation_names() {
    let house = House::build().await;
    let mut operator = house.signed_in(OPERATOR).await;
    let before = operator.get("/sites/meluxina/admin").await;
    assert!(before.text.contains("Accounts that no allocation names"));
    let mut engineer = house.signed_in(ENGINEER).await;
    house.hand_in(&mut engineer).await;
    let leased = house.lease().await;
    house.start(&leased).await;
    house.end(&leased, "COMPLETED").await;
    let page = operator.get("/sites/meluxina/admin").await;
    assert!(page.text.contains("p&#60;1&#62;"), "{}", page.text);
    assert!(!page.text.contains("p<1>"), "{}", page.text);
}

#[tokio::test]
async fn a_project_sees_what_it_is_called_at_each_site() {
    let house = House::build().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let text = format!(
        r#"
        [organisations.start-up]
        name = "Start-up"
        country = "FR"
        size = "small"
        [projects.sample]
        organisation = "start-up"
        name = "Sample"
        members = [{{ issuer = "{}", subject = "engineer", lead = true }}]
        [projects.sample.allocations.more]
        share = "union"
        unit = "GPU-hour"
        hours = 1
        valid_from = "2026-11-01T00:00:00Z"
        valid_until = "2027-11-01T00:00:00Z"
        local_accounts = {{ lumi = "project_<1>" }}
        "#,
        house.issuer.issuer()
    );
    let file: SetupFile = toml::from_str(&text).unwrap();
    house.broker.import(&file).await.unwrap();
    let page = engineer.get("/").await;
    assert!(
        page.text
            .contains("Account at lumi: <code>project_&#60;1&#62;</code>"),
        "{}",
        page.text
    );
}
