use std::collections::BTreeMap;

use reqwest::{Client, RequestBuilder, Response, redirect};
use url::Url;

const MOST_STEPS: usize = 12;

/// As much of a browser as sign-in pages need: cookies by path, redirects one at a time, forms.
#[derive(Debug)]
pub struct Browser {
    http: Client,
    /// By path and name; every page here is of one host.
    cookies: BTreeMap<(String, String), String>,
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

impl Browser {
    pub fn new() -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build();
        Self {
            http: client.expect("an HTTP client"),
            cookies: BTreeMap::new(),
        }
    }

    /// Follows a sign-in at the test provider as `login` until it leaves the provider, and
    /// returns where to: the portal's callback with its query.
    pub async fn sign_in(&mut self, start: Url, login: &str) -> Url {
        let home = start.clone();
        match self.follow(start, login).await {
            Ok(url) if url.origin() != home.origin() => url,
            Ok(url) => panic!("the sign-in went round in circles at {}", url.path()),
            Err(page) => panic!("the sign-in ended on a page: {}", heading(&page)),
        }
    }

    /// Confirms the user code on the device page and signs in there as `login`.
    pub async fn approve_device(&mut self, page: Url, login: &str) {
        let form_page = self.open(page.clone()).await.text().await.expect("a page");
        let user_code = page.query_pairs().find(|(name, _)| name == "user_code");
        let user_code = user_code.expect("a user code").1.into_owned();
        let xsrf = hidden(&form_page, "xsrf").expect("a form");
        let mut action = page;
        action.set_query(None);
        let form = [
            ("xsrf", xsrf.as_str()),
            ("user_code", &user_code),
            ("confirm", "yes"),
        ];
        let answer = self.post(action.clone(), &form).await;
        let next = match location(&action, &answer) {
            Some(next) => next,
            None => self.confirm(action, &user_code, answer).await,
        };
        match self.follow(next, login).await {
            Err(last) => assert_eq!(heading(&last), "Signed in"),
            Ok(url) => panic!("the device page led away to {}", url.path()),
        }
    }

    /// Confirms the sign-out page and returns where it leads: back to the portal.
    pub async fn sign_out(&mut self, page: Url) -> Url {
        let shown = self.open(page.clone()).await.text().await;
        let xsrf = hidden(&shown.expect("a page"), "xsrf").expect("a form");
        let action = page.join("/session/end/confirm").expect("a path");
        let form = [("xsrf", xsrf.as_str()), ("logout", "yes")];
        let answer = self.post(action.clone(), &form).await;
        location(&action, &answer).expect("the way back")
    }

    async fn confirm(&mut self, action: Url, user_code: &str, shown: Response) -> Url {
        let shown = shown.text().await.expect("a page");
        let xsrf = hidden(&shown, "xsrf").expect("a second form");
        let form = [
            ("xsrf", xsrf.as_str()),
            ("user_code", user_code),
            ("confirm", "yes"),
        ];
        let answer = self.post(action.clone(), &form).await;
        location(&action, &answer).expect("the way to the sign-in page")
    }

    /// `Ok` with the first address elsewhere, `Err` with the page it ended on.
    async fn follow(&mut self, start: Url, login: &str) -> Result<Url, String> {
        let mut url = start.clone();
        for _ in 0..MOST_STEPS {
            if url.origin() != start.origin() {
                return Ok(url);
            }
            let answer = if url.path().starts_with("/interaction/") {
                self.post(url.clone(), &[("login", login)]).await
            } else {
                self.open(url.clone()).await
            };
            match location(&url, &answer) {
                Some(next) => url = next,
                None => return Err(answer.text().await.expect("a page")),
            }
        }
        Ok(url)
    }

    async fn open(&mut self, url: Url) -> Response {
        let request = self.http.get(url.clone());
        self.send(&url, request).await
    }

    async fn post(&mut self, url: Url, form: &[(&str, &str)]) -> Response {
        let request = self.http.post(url.clone()).form(form);
        self.send(&url, request).await
    }

    async fn send(&mut self, url: &Url, request: RequestBuilder) -> Response {
        let sent = self
            .cookies
            .iter()
            .filter(|((path, _), _)| url.path().starts_with(path.as_str()));
        let sent = sent
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect::<Vec<_>>();
        let answer = request
            .header("cookie", sent.join("; "))
            .send()
            .await
            .expect("an answer");
        for set in answer.headers().get_all("set-cookie") {
            self.keep(set.to_str().expect("a plain cookie"));
        }
        answer
    }

    fn keep(&mut self, set_cookie: &str) {
        let mut parts = set_cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let path = parts
            .find_map(|part| part.strip_prefix("path="))
            .unwrap_or("/");
        let key = (path.to_owned(), name.to_owned());
        match value {
            "" => self.cookies.remove(&key),
            value => self.cookies.insert(key, value.to_owned()),
        };
    }
}

fn location(from: &Url, answer: &Response) -> Option<Url> {
    let to = answer.headers().get("location")?.to_str().ok()?;
    from.join(to).ok()
}

fn heading(page: &str) -> &str {
    let after = page.split("<h1>").nth(1).unwrap_or(page);
    after.split("</h1>").next().unwrap_or(after)
}

fn hidden(page: &str, name: &str) -> Option<String> {
    let after = page.split(&format!("name=\"{name}\" value=\"")).nth(1)?;
    after.split('"').next().map(str::to_owned)
}
