use broker_auth::dev_issuer::{DevIssuer, DevIssuerConfig, DevIssuerError};
use jiff::SignedDuration;
use reqwest::{Client, redirect};
use tokio::net::TcpListener;
use url::Url;

use crate::support::{
    AUDIENCE, CALLBACK, authenticator, begin_device, dev_issuer, device_sign_in, manual_clock,
    poll_device, post, text,
};

fn browser() -> Client {
    Client::builder()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap()
}

/// Picks a person on the page, as the button does, and returns the address it leads to.
async fn pick(authorize: &Url, subject: &str) -> (u16, Option<Url>) {
    let page = browser().get(authorize.clone()).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("ada &lt;Example&gt;"), "names are escaped");
    let mut form: Vec<(String, String)> = authorize.query_pairs().into_owned().collect();
    form.push(("subject".to_owned(), subject.to_owned()));
    let mut action = authorize.clone();
    action.set_query(None);
    let answer = browser().post(action).form(&form).send().await.unwrap();
    let location = answer
        .headers()
        .get("location")
        .and_then(|to| to.to_str().ok());
    (
        answer.status().as_u16(),
        location.and_then(|to| Url::parse(to).ok()),
    )
}

fn value(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(key, _)| key == name);
    found
        .unwrap_or_else(|| panic!("no `{name}` in the query"))
        .1
        .into_owned()
}

#[tokio::test]
async fn the_portal_signs_in_with_code_pkce_and_userinfo() {
    let clock = manual_clock();
    let issuer = dev_issuer(clock.clone()).await;
    let auth = authenticator(issuer.issuer_config(), clock);
    let party = auth
        .relying_party(issuer.issuer(), Url::parse(CALLBACK).unwrap())
        .unwrap();
    let (url, pending) = party.begin("/jobs").await.unwrap();
    let (_, back) = pick(&url, "ada").await;
    let back = back.unwrap();
    let (code, state, iss) = (
        value(&back, "code"),
        value(&back, "state"),
        value(&back, "iss"),
    );
    let logged_in = party
        .finish(&code, &state, Some(&iss), &pending)
        .await
        .unwrap();
    assert_eq!(logged_in.principal.name.as_deref(), Some("ada <Example>"));
    assert_eq!(
        logged_in.principal.home_organisation.as_deref(),
        Some("startup.example")
    );
    assert!(logged_in.issuer_session.is_some());
    assert!(logged_in.principal.assurance.multi_factor);
    let replay = party.finish(&code, &state, Some(&iss), &pending).await;
    assert_eq!(replay.unwrap_err().code(), "login_refused");
}

#[tokio::test]
async fn a_request_without_pkce_goes_back_with_an_error_and_a_strange_callback_nowhere() {
    let issuer = dev_issuer(manual_clock()).await;
    let ask = |callback: &str, method: &str| {
        let query = [
            ("client_id", "alcyone-portal"),
            ("redirect_uri", callback),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", "s"),
            (
                "code_challenge",
                "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            ),
            ("code_challenge_method", method),
        ];
        let url = Url::parse_with_params(&format!("{}/authorize", issuer.issuer()), query).unwrap();
        browser().get(url).send()
    };
    assert_eq!(ask(CALLBACK, "S256").await.unwrap().status(), 200);
    let plain = ask(CALLBACK, "plain").await.unwrap();
    let to = plain.headers()["location"].to_str().unwrap();
    assert!(
        to.starts_with(CALLBACK) && to.contains("error=invalid_request"),
        "{to}"
    );
    let strange = ask("https://evil.example/callback", "S256").await.unwrap();
    assert_eq!(strange.status(), 400);
    assert!(strange.headers().get("location").is_none());
}

#[tokio::test]
async fn a_person_may_refuse_and_a_person_not_on_the_list_is_refused() {
    let clock = manual_clock();
    let issuer = dev_issuer(clock.clone()).await;
    let auth = authenticator(issuer.issuer_config(), clock);
    let party = auth
        .relying_party(issuer.issuer(), Url::parse(CALLBACK).unwrap())
        .unwrap();
    for subject in ["", "mallory"] {
        let (url, _) = party.begin("/").await.unwrap();
        let (_, back) = pick(&url, subject).await;
        assert_eq!(value(&back.unwrap(), "error"), "access_denied");
    }
}

#[tokio::test]
async fn a_device_waits_slows_down_is_refused_and_expires() {
    let clock = manual_clock();
    let issuer = dev_issuer(clock.clone()).await;
    let seconds = SignedDuration::from_secs;
    let begun = begin_device(&issuer, "openid").await;
    let device_code = text(&begun, "device_code");
    let error = async || poll_device(&issuer, device_code).await.1["error"].clone();
    assert_eq!(error().await, "authorization_pending");
    assert_eq!(error().await, "slow_down");
    clock.advance(seconds(2));
    assert_eq!(
        error().await,
        "slow_down",
        "the interval has grown by five seconds"
    );
    clock.advance(seconds(11));
    assert_eq!(error().await, "authorization_pending");
    clock.advance(seconds(600));
    assert_eq!(error().await, "expired_token");
    assert_eq!(error().await, "invalid_grant");

    let refused = begin_device(&issuer, "openid").await;
    let form = [("user_code", text(&refused, "user_code")), ("subject", "")];
    post(&format!("{}/device", issuer.issuer()), &form).await;
    let (_, answer) = poll_device(&issuer, text(&refused, "device_code")).await;
    assert_eq!(answer["error"], "access_denied");
}

#[tokio::test]
async fn a_user_code_is_typed_as_people_type_and_a_wrong_one_is_refused() {
    let issuer = dev_issuer(manual_clock()).await;
    let begun = begin_device(&issuer, "openid").await;
    let typed = text(&begun, "user_code").replace('-', "").to_lowercase();
    assert!(matches!(
        issuer.approve_device("ZZZZ-ZZZZ", "ada").await,
        Err(DevIssuerError::UnknownUserCode(_))
    ));
    assert!(issuer.approve_device(&typed, "mallory").await.is_err());
    issuer.approve_device(&typed, "ada").await.unwrap();
    assert!(
        issuer.approve_device(&typed, "bo").await.is_err(),
        "a code is confirmed once"
    );
}

#[tokio::test]
async fn a_refresh_token_rotates_and_its_second_use_ends_the_family() {
    let clock = manual_clock();
    let issuer = dev_issuer(clock.clone()).await;
    let auth = authenticator(issuer.issuer_config(), clock.clone());
    let first = device_sign_in(&issuer, "ada").await;
    let refresh = async |token: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "alcyone-cli"),
            ("refresh_token", token),
        ];
        post(&format!("{}/token", issuer.issuer()), &form).await
    };
    clock.advance(SignedDuration::from_secs(1000));
    let (status, second) = refresh(text(&first, "refresh_token")).await;
    assert_eq!(status, 200);
    assert_eq!(
        auth.bearer(text(&second, "access_token"))
            .await
            .unwrap()
            .subject,
        "ada"
    );
    let (status, _) = refresh(text(&first, "refresh_token")).await;
    assert_eq!(status, 400);
    let (status, _) = refresh(text(&second, "refresh_token")).await;
    assert_eq!(
        status, 400,
        "the thief's or the owner's: nobody knows, so neither"
    );
}

#[tokio::test]
async fn it_starts_on_loopback_only_and_never_beside_a_public_url() {
    let everywhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = DevIssuerConfig::new(AUDIENCE, Vec::new());
    config.public_url = Some(Url::parse("https://broker.example.org").unwrap());
    let public = DevIssuer::start(everywhere, config.clone(), manual_clock());
    assert!(matches!(public, Err(DevIssuerError::PublicUrl(_))));

    // Bound for the moment it takes to be refused; nothing is ever served there.
    let open = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    open.set_nonblocking(true).unwrap();
    config.public_url = Some(Url::parse("http://127.0.0.1:8080").unwrap());
    let open = DevIssuer::start(TcpListener::from_std(open).unwrap(), config, manual_clock());
    assert!(matches!(open, Err(DevIssuerError::NotLoopback(_))));
}

#[tokio::test]
async fn requests_of_other_sites_and_by_other_names_are_turned_away() {
    let issuer = dev_issuer(manual_clock()).await;
    let url = format!("{}/device", issuer.issuer());
    let ask = |name: &'static str, value: String| browser().get(&url).header(name, value).send();
    assert_eq!(
        ask("origin", "https://evil.example".to_owned())
            .await
            .unwrap()
            .status(),
        403
    );
    assert_eq!(
        ask("origin", "null".to_owned()).await.unwrap().status(),
        403
    );
    assert_eq!(
        ask("host", "evil.example".to_owned())
            .await
            .unwrap()
            .status(),
        403
    );
    let own = ask("origin", issuer.issuer().to_owned()).await.unwrap();
    assert_eq!(own.status(), 200);
    assert_eq!(own.headers()["cache-control"], "no-store");
}
