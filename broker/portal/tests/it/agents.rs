use agent_link::{EnrolRequest, InviteText, KeyPair};

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

#[tokio::test]
async fn why_an_agent_was_revoked_is_kept_to_the_last_word() {
    let house = House::build().await;
    let mut browser = house.signed_in(OPERATOR).await;
    let page = browser.get("/sites/lumi/agents").await;
    let token = page.hidden("form_token").unwrap();
    let form = [("form_token", token.as_str())];
    let made = browser.post("/sites/lumi/agents/invite", &form).await;
    let line = made.text.split("<code>alcyone-invite").nth(1).unwrap();
    let line = format!("alcyone-invite{}", line.split('<').next().unwrap());
    let invite: InviteText = line.parse().unwrap();
    let key = KeyPair::generate();
    let id = invite.id.to_string();
    let request = EnrolRequest::new(&key, &id, "login1".to_owned(), "1".to_owned());
    let agent = house.broker.enrol(invite.id, &request).await.unwrap().agent;

    let reason = format!("{}its disk was stolen", "x".repeat(600));
    let form = [("form_token", token.as_str()), ("reason", reason.as_str())];
    let path = format!("/sites/lumi/agents/{agent}/revoke");
    let done = browser.post(&path, &form).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let page = browser.get("/sites/lumi/agents").await;
    assert!(page.text.contains(&reason), "{}", page.text);
}
