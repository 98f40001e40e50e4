//! Reads a Waldur over HTTPS, page by page, and hands on nothing unless it has all of it.
//!
//! From Waldur's own pages (docs.waldur.com/integrator-guide/APIs/api/): the token goes into the header
//! `Authorization: Token …`; lists are pages of 10, or of `page_size` up to 100; `Link` names the next page and
//! `X-Result-Count` counts all entries. Parameters of the list of resources (`page`, `page_size`, `o`,
//! `offering_uuid` several times) are those of `api/marketplace_resources/marketplace_resources_list.py` in
//! github.com/waldur/py-client. That `o=created` sorts is taken from there and not certain; a list that
//! changes while it is read is noticed all the same, by its count and by what comes twice.

mod answer;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use broker_app::imports::{
    ImportBatch, Mapped, WaldurCustomer, WaldurMap, WaldurResource, line_of, same_uuid,
};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use url::{Host, Url};

use self::answer::{asked_pause, body, count, has_next, is_passing, refused};

const CONNECT_TIME: Duration = Duration::from_secs(10);
/// To the last byte of one page.
const ANSWER_TIME: Duration = Duration::from_mins(1);
const PAGE_SIZE: usize = 100;
/// A list of more than 50 000 is somebody else's.
const MOST_PAGES: usize = 500;
const TRIES: u32 = 4;
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// One Waldur and a token for it, which goes to this host and to no other.
pub(crate) struct Waldur {
    http: Client,
    base: Url,
    authorization: HeaderValue,
    /// Before the second try; twice as long before each other.
    pause: Duration,
}

/// An entry of a list, told apart from the others.
pub(crate) trait Listed: DeserializeOwned {
    fn uuid(&self) -> &str;
}

impl Listed for WaldurResource {
    fn uuid(&self) -> &str {
        &self.uuid
    }
}

impl Listed for WaldurCustomer {
    fn uuid(&self) -> &str {
        &self.uuid
    }
}

/// The token in a file, without white space around it.
pub(crate) fn token(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        bail!(
            "{}: it has to hold a token and nothing else",
            file.display()
        );
    }
    Ok(token.to_owned())
}

impl Waldur {
    pub(crate) fn new(url: &Url, token: &str) -> anyhow::Result<Self> {
        let mut authorization = HeaderValue::from_str(&format!("Token {token}"))
            .context("the token has a character that no token has")?;
        authorization.set_sensitive(true);
        let base = base(url)?;
        let mut http = Client::builder();
        // What is on this machine is asked without a proxy that the environment names: over plain HTTP the token
        // would go to it in the clear.
        if base.scheme() == "http" || base.host_str().is_some_and(crate::config::is_loopback_host) {
            http = http.no_proxy();
        }
        let http = http
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIME)
            .timeout(ANSWER_TIME)
            .user_agent(concat!("alcyone/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            base,
            authorization,
            pause: Duration::from_secs(1),
        })
    }

    /// What its references are kept under: its host, with the port where it is no usual one.
    pub(crate) fn name(&self) -> String {
        let host = self.base.host_str().unwrap_or_default().to_lowercase();
        let plain: String = { host.chars() }
            .map(|c| {
                if c.is_ascii_alphanumeric() || "-.".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        match self.base.port() {
            Some(port) => format!("{plain}_{port}"),
            None => plain,
        }
    }

    /// All resources that the token may see as one batch; an error if one page of them is missing.
    pub(crate) async fn batch(
        &self,
        source: &str,
        offerings: &[String],
        map: &WaldurMap,
    ) -> anyhow::Result<ImportBatch> {
        let of: Vec<(&str, &str)> = { offerings.iter() }
            .map(|uuid| ("offering_uuid", uuid.as_str()))
            .collect();
        let resources: Vec<WaldurResource> = self.list("marketplace-resources", &of).await?;
        let mut batch = ImportBatch {
            source: source.to_owned(),
            whole: offerings.is_empty(),
            ..ImportBatch::default()
        };
        let customers: Vec<WaldurCustomer> = match self.list("customers", &[]).await {
            Ok(customers) => customers,
            Err(error) => {
                let remark = format!(
                    "customers cannot be read, so the map has to say their countries: {error:#}"
                );
                batch.remarks.push(remark);
                Vec::new()
            }
        };
        for resource in &resources {
            let customer = { customers.iter() }
                .find(|it: &&WaldurCustomer| same_uuid(&it.uuid, &resource.customer_uuid));
            add(&mut batch, line_of(resource, customer, map));
        }
        Ok(batch)
    }

    async fn list<T: Listed>(&self, what: &str, query: &[(&str, &str)]) -> anyhow::Result<Vec<T>> {
        let mut all: Vec<T> = Vec::new();
        let mut known = BTreeSet::new();
        // As the last answer that had one says.
        let mut told = None;
        for page in 1..=MOST_PAGES {
            let url = self.page(what, query, page)?;
            let place = || format!("{what}, page {page}");
            let answer = self.ask(&url, page > 1).await.with_context(place)?;
            let (counted, next) = (count(&answer), has_next(&answer));
            told = counted.or(told);
            let count = told;
            let entries: Vec<T> = match answer.status() {
                StatusCode::NOT_FOUND => Vec::new(),
                _ => body(answer).await.with_context(place)?,
            };
            // Whatever is said to come next: behind it there is nothing.
            let is_end = entries.is_empty();
            let is_full = entries.len() >= PAGE_SIZE;
            for entry in entries {
                if !known.insert(entry.uuid().to_owned()) {
                    bail!(
                        "{what}: {} came twice: the list changed while it was read; try again",
                        entry.uuid()
                    );
                }
                all.push(entry);
            }
            let by_count = count.map_or(is_full, |count| all.len() < count);
            if is_end || !next.unwrap_or(by_count) {
                return match count {
                    Some(count) if count != all.len() => bail!(
                        "{what}: {} of {count} came: the list changed while it was read (try again), or the token \
                         does not see all that is counted",
                        all.len()
                    ),
                    _ => Ok(all),
                };
            }
        }
        bail!("{what}: more than {MOST_PAGES} pages of {PAGE_SIZE}; name offerings (`--offering`)")
    }

    fn page(&self, what: &str, query: &[(&str, &str)], page: usize) -> anyhow::Result<Url> {
        let mut url = self.base.join(&format!("api/{what}/"))?;
        url.query_pairs_mut()
            .extend_pairs(query)
            .append_pair("o", "created")
            .append_pair("page", &page.to_string())
            .append_pair("page_size", &PAGE_SIZE.to_string());
        Ok(url)
    }

    /// Asks until there is an answer; what passes by itself is asked again. That there is no such page is an answer where
    /// there was one before it.
    async fn ask(&self, url: &Url, is_later: bool) -> anyhow::Result<Response> {
        let mut pause = self.pause;
        for tried in 1..=TRIES {
            let request = self.http.get(url.clone());
            let request = request
                .header(AUTHORIZATION, self.authorization.clone())
                .header("accept", "application/json");
            let wait = match request.send().await {
                Ok(answer) if answer.status() == StatusCode::OK => return Ok(answer),
                Ok(answer) if is_later && answer.status() == StatusCode::NOT_FOUND => {
                    return Ok(answer);
                }
                Ok(answer) if is_passing(answer.status()) && tried < TRIES => {
                    asked_pause(&answer).unwrap_or(pause)
                }
                Ok(answer) => return Err(refused(&answer)),
                Err(error) if tried == TRIES => return Err(error.without_url().into()),
                Err(_) => pause,
            };
            tokio::time::sleep(wait.min(LONGEST_PAUSE)).await;
            pause *= 2;
        }
        bail!("it does not answer")
    }
}

/// Adds what a resource is.
fn add(batch: &mut ImportBatch, mapped: Result<Mapped, broker_model::InvalidSpec>) {
    match mapped {
        Ok(Mapped::Line(line)) => batch.lines.push(*line),
        Ok(Mapped::Over(over)) => batch.over.push(over),
        Ok(Mapped::PassedOver { reference, words }) => {
            batch
                .remarks
                .push(format!("{reference} {words}: left as it is"));
            batch.passed_over.insert(reference);
        }
        Err(fault) => batch.faults.push(fault),
    }
}

/// Where `api/` is below. A token is sent to nobody in the clear, but for this machine itself.
fn base(url: &Url) -> anyhow::Result<Url> {
    let is_here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
        bail!("{url}: the token would go in the clear; give an `https://` address");
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/api").unwrap_or(path);
    let mut base = url.clone();
    base.set_path(&format!("{path}/"));
    base.set_query(None);
    base.set_fragment(None);
    Ok(base)
}

#[cfg(test)]
pub(crate) mod emulated;
#[cfg(test)]
mod tests;
