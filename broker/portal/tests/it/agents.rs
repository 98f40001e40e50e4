use agent_link::InviteText;

use crate::house::{ENGINEER, House, OPERATOR};

#[tokio::test]
async fn an_administrator_makes_an_invite_sees_it_once_and_takes_it_back() {
    let house = House::build().await;
    let mut browser = house.signed_in(OPERATOR).await;
    let sites = browser.get("/sites").await;
    assert!(sites.text.contains("/sites/lumi/admin"));
    let admin = browser.get("/sites/lumi/admin").await;
    assert!(admin.text.contains("/sites/lumi/agents"));
    let page = browser.get("/sites/lumi/agents").await;
    assert!(
        page.text.contains("No agent has come in yet"),
        "{}",
        page.text
    );
    let token = page.hidden("form_token").unwrap();
    let form = [("form_token", token.as_str()), ("note", "login <b>1</b>")];
    let made = browser.post("/sites/lumi/agents/invite", &form).await;
    let line = made
        .text
        .split("<pre tabindex=\"0\"><code>")
        .nth(1)
        .unwrap();
    let line = line.split('<').next().unwrap();
    let invite: InviteText = line.parse().unwrap();
    assert_eq!(invite.site.as_str(), "lumi");
    assert!(!made.text.contains("<b>1</b>"), "{}", made.text);

    let again = browser.get("/sites/lumi/agents").await;
    assert!(!again.text.contains("alcyone-invite-1"), "{}", again.text);
    let path = format!("/sites/lumi/invites/{}/withdraw", invite.id);
    let done = browser.post(&path, &form).await;
    assert_eq!(done.status, 303);
    let page = browser.get("/sites/lumi/agents").await;
    assert!(page.text.contains(">withdrawn"), "{}", page.text);
    let foreign = browser.post("/sites/lumi/agents/invite", &[]).await;
    assert_eq!(foreign.status, 403, "a form of another page");
}

#[tokio::test]
async fn nobody_else_sees_a_sites_agents() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    assert_eq!(browser.get("/sites/lumi/agents").await.status, 403);
    assert_eq!(browser.get("/sites/atlantis/agents").await.status, 404);
    let sites = browser.get("/sites").await;
    assert!(!sites.text.contains("/agents\""));
}
