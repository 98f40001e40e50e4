//! Colleagues come in by a code that a page shows once.

use crate::browser::Shown;
use crate::house::{ENGINEER, FOUNDER, House, OPERATOR, STRANGER};
use crate::organisations::{contains_all, registered};

fn code(page: &Shown) -> String {
    let code = page.text.split("<pre tabindex=\"0\"><code>").nth(1);
    let code = code.unwrap_or_else(|| panic!("no code on {}", page.text));
    code.split('<').next().unwrap().to_owned()
}

fn lacks(page: &Shown, words: &str) {
    assert!(!page.text.contains(words), "{words}: {}", page.text);
}

#[tokio::test]
async fn a_colleague_is_invited_comes_in_by_the_code_and_leaves() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    let members = format!("{organisation}/members");
    let page = founder.get(&organisation).await;
    contains_all(&page, &[&format!("href=\"{members}\"")]);

    let page = founder.get(&members).await;
    let invite = format!("{members}/invite");
    let fields = [("meant_for", "Maia <b>Pleiade</b>"), ("valid_days", "")];
    let made = founder.submit(&page, &invite, &fields).await;
    let code = code(&made);
    assert!(code.starts_with("join_"), "{code}");
    contains_all(&made, &["/join</a>", "2026-12-04", "Maia &#60;b&#62;"]);
    lacks(&founder.get(&members).await, &code);

    let mut maia = house.signed_in(STRANGER).await;
    assert_eq!(maia.get(&members).await.status, 404);
    let form = maia.get("/join").await;
    let wrong = maia.submit(&form, "/join", &[("code", "join_x")]).await;
    assert_eq!(wrong.status, 409);
    contains_all(&wrong, &["There is no invitation with this code"]);
    let joined = maia.submit(&form, "/join", &[("code", &code)]).await;
    assert_eq!(joined.location().unwrap().path(), members);
    let page = maia.get(&members).await;
    contains_all(&page, &["speaks for it", "Leave", "accepted"]);
    lacks(&page, "Maia &#60;b&#62;");
    let again = founder.submit(&form, "/join", &[("code", &code)]).await;
    assert_eq!(again.status, 403, "a form of another session");

    let both = founder.get(&members).await;
    let mine = both.text.split("action=\"").find(|it| it.contains("Leave"));
    let mine = mine.unwrap().split('"').next().unwrap();
    let leave = page.text.split("action=\"").find(|it| it.contains("Leave"));
    let leave = leave.unwrap().split('"').next().unwrap();
    let left = maia.submit(&page, leave, &[]).await;
    assert_eq!(left.location().unwrap().path(), "/");
    assert_eq!(maia.get(&members).await.status, 404);
    let page = founder.get(&members).await;
    lacks(&page, "Leave");
    contains_all(&page, &["This is the last one who asks others in"]);
    let last = founder.submit(&both, mine, &[]).await;
    assert_eq!(last.status, 409);
    contains_all(&last, &["This is the last one who asks others in"]);
}

#[tokio::test]
async fn an_invitation_is_revoked_and_wrong_fields_are_said_in_french() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let members = format!("{}/members", registered(&mut founder).await);
    founder.language = "fr";
    let page = founder.get(&members).await;
    let invite = format!("{members}/invite");
    for fields in [
        [("meant_for", ""), ("valid_days", "3")],
        [("meant_for", "Maia"), ("valid_days", "soon")],
    ] {
        let wrong = founder.submit(&page, &invite, &fields).await;
        assert_eq!(wrong.status, 400, "{}", wrong.text);
        contains_all(&wrong, &["Ceci ne peut pas être accepté", "aria-invalid"]);
    }
    let fields = [("meant_for", "Maia"), ("valid_days", "3")];
    let made = founder.submit(&page, &invite, &fields).await;
    contains_all(&made, &["Le code", "ouverte"]);
    let revoke = made
        .text
        .split("action=\"")
        .find(|it| it.contains("/revoke"));
    let revoke = revoke.unwrap().split('"').next().unwrap();
    let gone = founder.submit(&made, revoke, &[]).await;
    assert_eq!(gone.location().unwrap().path(), members);
    contains_all(&founder.get(&members).await, &["révoquée"]);
    let mut maia = house.signed_in(STRANGER).await;
    maia.language = "fr";
    let form = maia.get("/join").await;
    let late = maia.submit(&form, "/join", &[("code", &code(&made))]).await;
    contains_all(&late, &["Cette invitation a été reprise"]);
}

#[tokio::test]
async fn a_member_of_a_project_sees_who_is_there_and_asks_nobody_in() {
    let house = House::build().await;
    let mut member = house.signed_in(STRANGER).await;
    let home = member.get("/").await;
    let members = home.text.split("href=\"/projects/").nth(1).unwrap();
    let members = format!("/projects/{}", members.split('"').next().unwrap());
    let page = member.get(&members).await;
    assert_eq!(page.status, 200, "{}", page.text);
    lacks(&page, "/members/invite");
    contains_all(&page, &["Leave"]);
    let mut operator = house.signed_in(OPERATOR).await;
    let seen = operator.get(&members).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    lacks(&seen, "/members/invite");
    let mut engineer = house.signed_in(ENGINEER).await;
    assert_eq!(engineer.get(&members).await.status, 404);
    let mut nobody = house.signed_in("nobody").await;
    assert_eq!(nobody.get("/projects/nothing/members").await.status, 404);
    let sent_off = house.browser().get(&members).await;
    assert_eq!(sent_off.status, 303);
    let own = engineer.get("/").await;
    let own = own.text.split("href=\"/projects/").nth(1).unwrap();
    let own = format!("/projects/{}", own.split('"').next().unwrap());
    let page = engineer.get(&own).await;
    contains_all(&page, &["/members/invite", "name=\"role\""]);
}
