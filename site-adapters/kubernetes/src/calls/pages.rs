//! Lists in pages: one answer with ten thousand objects would be tens of megabytes.

use k8s_openapi::List;
use k8s_openapi::ListableResource;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use serde::de::DeserializeOwned;
use site_adapter::{Error, ErrorKind, Result};

use crate::answer::Asked;
use crate::client::{Transport, get};

const PAGE: usize = 500;
/// A list that goes on for longer is not believed: a proxy may answer the same page for ever.
const MOST_PAGES: usize = 2000;
/// How often a list is begun again because its continuation expired (410).
const MOST_BEGINNINGS: usize = 3;

/// One answer's part of a list.
pub(crate) trait Page: DeserializeOwned {
    type Item;
    fn open(self) -> (Vec<Self::Item>, ListMeta);
}

impl<T: ListableResource + DeserializeOwned> Page for List<T> {
    type Item = T;
    fn open(self) -> (Vec<T>, ListMeta) {
        (self.items, self.metadata)
    }
}

impl Transport {
    /// Hands each object of a list to `each` and returns the version of the whole.
    ///
    /// `each` is told of a new beginning by `None`.
    pub(crate) async fn list<P: Page>(
        &self,
        operation: &'static str,
        path: &str,
        query: &str,
        mut each: impl FnMut(Option<P::Item>),
    ) -> Result<String> {
        for _ in 0..MOST_BEGINNINGS {
            each(None);
            if let Some(version) = self.pages::<P>(operation, path, query, &mut each).await? {
                return Ok(version);
            }
        }
        let words = "the list expired again and again before it was read";
        Err(Error::new(ErrorKind::Unavailable, operation, words))
    }

    async fn pages<P: Page>(
        &self,
        operation: &'static str,
        path: &str,
        query: &str,
        each: &mut impl FnMut(Option<P::Item>),
    ) -> Result<Option<String>> {
        let mut token = String::new();
        for _ in 0..MOST_PAGES {
            let path = format!("{path}?{query}&limit={PAGE}{token}");
            let answer = self.call(get(operation, &path)?).await?;
            if answer.status == 410 {
                return Ok(None);
            }
            let page: P = answer.read(operation, Asked::Read)?;
            let (items, meta) = page.open();
            for item in items {
                each(Some(item));
            }
            match meta.continue_.filter(|next| !next.is_empty()) {
                Some(next) => token = format!("&continue={}", escaped(&next)),
                None => return Ok(Some(meta.resource_version.unwrap_or_default())),
            }
        }
        let words = format!("the list did not end after {MOST_PAGES} pages");
        Err(Error::new(ErrorKind::Protocol, operation, words))
    }
}

/// A continue token is base64 as a rule, and the server's own business.
fn escaped(token: &str) -> String {
    let bytes = token.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    });
    bytes.collect()
}
