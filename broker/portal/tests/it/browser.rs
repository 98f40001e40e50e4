use std::collections::BTreeMap;

use reqwest::header::{ACCEPT_LANGUAGE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response, redirect};
use url::Url;

/// As much of a browser as the pages need: cookies, redirects one at a time, forms with their hidden
/// fields. It knows the portal's cookies from the issuer's by their origin.
pub(crate) struct Browser {
    http: Client,
    base: Url,
    cookies: BTreeMap<(String, String), String>,
    pub(crate) language: &'static str,
}

/// A page as it was shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) fn new(base: &Url) -> Self {
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build();
        let (http, base) = (http.unwrap(), base.clone());
        Self {
            http,
            base,
            cookies: BTreeMap::new(),
            language: "en",
        }
    }

    /// One request, no redirect followed.
    pub(crate) async fn get(&mut self, path: &str) -> Shown {
        let url = self.base.join(path).unwrap();
        let request = self.http.get(url.clone());
        self.send(url, request).await
    }

    pub(crate) async fn get_with(&mut self, path: &str, name: &str, value: &str) -> Shown {
        let url = self.base.join(path).unwrap();
        let request = self.http.get(url.clone()).header(name, value);
        self.send(url, request).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Shown {
        let url = self.base.join(path).unwrap();
        let request = self.http.post(url.clone()).form(form);
        self.send(url, request).await
    }

    /// Sends a file as the script of the pages does.
    pub(crate) async fn send_file(
        &mut self,
        path: &str,
        token: &str,
        (media_type, bytes): (&str, Vec<u8>),
    ) -> Shown {
        let url = self.base.join(path).unwrap();
        let request = self
            .http
            .post(url.clone())
            .header("content-type", media_type);
        let request = request.header("x-form-token", token).body(bytes);
        self.send(url, request).await
    }

    /// A response whose body goes on: server-sent events.
    pub(crate) async fn stream(&mut self, path: &str, last_event_id: Option<&str>) -> Response {
        let url = self.base.join(path).unwrap();
        let mut request = self
            .http
            .get(url.clone())
            .header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        request
            .header(COOKIE, self.sent_to(&url))
            .send()
            .await
            .unwrap()
    }

    /// Follows redirects to the page where they end.
    pub(crate) async fn visit(&mut self, path: &str) -> Shown {
        let shown = self.get(path).await;
        self.follow(shown).await
    }

    pub(crate) async fn follow(&mut self, mut shown: Shown) -> Shown {
        for _ in 0..8 {
            let Some(next) = shown.location() else {
                return shown;
            };
            let request = self.http.get(next.clone());
            shown = self.send(next, request).await;
        }
        panic!("round in circles at {}", shown.url);
    }

    /// Signs in as one of the issuer's people, from whatever page asks for it, and returns the page
    /// that this leads back to.
    pub(crate) async fn sign_in_at(&mut self, path: &str, person: &str) -> Shown {
        let callback = self.answer_issuer(path, person).await;
        self.follow(callback).await
    }

    /// Goes to the issuer, picks a person there, and returns the redirect back to the portal.
    pub(crate) async fn answer_issuer(&mut self, path: &str, person: &str) -> Shown {
        let page = self.visit(path).await;
        assert!(
            page.text.contains("Who are you?"),
            "{} {}",
            page.url,
            page.text
        );
        let mut form = page.hidden_fields();
        form.push(("subject".to_owned(), person.to_owned()));
        let action = page.url.join("/authorize").unwrap();
        let request = self.http.post(action.clone()).form(&form);
        self.send(action, request).await
    }

    /// Sends a page's form with its hidden fields and these.
    pub(crate) async fn submit(
        &mut self,
        page: &Shown,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Shown {
        let mut form = page.hidden_fields_of(path);
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        form.retain(|(name, _)| !names.contains(&name.as_str()));
        form.extend(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.post(path, &form).await
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let key = (self.base.origin().ascii_serialization(), name.to_owned());
        self.cookies.get(&key).map(String::as_str)
    }

    pub(crate) fn put_cookie(&mut self, name: &str, value: &str) {
        let key = (self.base.origin().ascii_serialization(), name.to_owned());
        self.cookies.insert(key, value.to_owned());
    }

    fn sent_to(&self, url: &Url) -> String {
        let origin = url.origin().ascii_serialization();
        let own = self.cookies.iter().filter(|((of, _), _)| *of == origin);
        own.map(|((_, name), value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    async fn send(&mut self, url: Url, request: RequestBuilder) -> Shown {
        let request = request
            .header(COOKIE, self.sent_to(&url))
            .header(ACCEPT_LANGUAGE, self.language);
        let answer = request.send().await.unwrap();
        for set in answer.headers().get_all(SET_COOKIE) {
            self.keep(&url, set.to_str().unwrap());
        }
        Shown {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text().await.unwrap(),
            url,
        }
    }

    fn keep(&mut self, url: &Url, set: &str) {
        let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
        let key = (url.origin().ascii_serialization(), name.trim().to_owned());
        if value.is_empty() || set.contains("Max-Age=0") {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, value.to_owned());
        }
    }
}

impl Shown {
    pub(crate) fn location(&self) -> Option<Url> {
        self.url
            .join(self.headers.get(LOCATION)?.to_str().unwrap())
            .ok()
    }

    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        self.headers
            .get_all(SET_COOKIE)
            .iter()
            .map(|set| set.to_str().unwrap())
            .collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn heading(&self) -> &str {
        between(&self.text, "<h1>", "</h1>").unwrap_or_default()
    }

    pub(crate) fn hidden(&self, name: &str) -> Option<String> {
        self.hidden_fields()
            .into_iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value)
    }

    fn hidden_fields(&self) -> Vec<(String, String)> {
        hidden_in(&self.text)
    }

    fn hidden_fields_of(&self, action: &str) -> Vec<(String, String)> {
        let form = self
            .text
            .split("<form")
            .find(|form| form.contains(&format!("action=\"{action}\"")));
        let form = form.unwrap_or_else(|| panic!("no form for {action} on {}", self.url));
        hidden_in(form.split("</form>").next().unwrap())
    }

    /// The main part, with what differs from run to run replaced.
    pub(crate) fn main(&self) -> String {
        let main = between(&self.text, "<main id=\"main\">", "</main>").unwrap_or_default();
        let replacements = [
            (r"(job|att|dec|per|agt)_[0-9a-f]{32}", "${1}_ID"),
            (
                r#"name="(form_token|key|quoted)" value="[^"]*""#,
                "name=\"$1\" value=\"REDACTED\"",
            ),
            (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
            (
                r"<code>(\d+) · [0-9a-f]{16}</code>",
                "<code>$1 · REQUEST</code>",
            ),
            (r"\n\s*\n", "\n"),
        ];
        let replace = |text: String, (pattern, by): (&str, &str)| {
            regex_lite::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, by)
                .into_owned()
        };
        replacements.into_iter().fold(main.to_owned(), replace)
    }
}

fn hidden_in(html: &str) -> Vec<(String, String)> {
    let inputs = html.split("<input type=\"hidden\" ").skip(1);
    let field = |input: &str| {
        let name = between(input, "name=\"", "\"")?;
        let value = between(input, "value=\"", "\"")?;
        Some((
            name.to_owned(),
            value
                .replace("&#38;", "&")
                .replace("&amp;", "&")
                .replace("&quot;", "\""),
        ))
    };
    inputs.filter_map(field).collect()
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    text.split_once(begin)?
        .1
        .split_once(end)
        .map(|(inside, _)| inside)
}
