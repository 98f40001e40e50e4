//! The one style sheet, the one script and the mark, served from the program itself.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::fields::Fields;
use crate::refusal::Refusal;

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "portal.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("../assets/portal.css"),
    },
    Asset {
        name: "portal.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../assets/portal.js"),
    },
    Asset {
        name: "mark.svg",
        kind: "image/svg+xml",
        text: include_str!("../assets/mark.svg"),
    },
];

static STYLE: LazyLock<String> = LazyLock::new(|| path("portal.css"));
static SCRIPT: LazyLock<String> = LazyLock::new(|| path("portal.js"));

pub(crate) fn style_path() -> &'static str {
    &STYLE
}

pub(crate) fn script_path() -> &'static str {
    &SCRIPT
}

/// The version in the path makes a new program's pages load the new file at once.
fn path(name: &str) -> String {
    let version = find(name).map(Asset::version).unwrap_or_default();
    format!("/assets/{name}?v={version}")
}

fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

impl Asset {
    fn version(&self) -> String {
        let mut digest = hex::encode(Sha256::digest(self.text));
        digest.truncate(16);
        digest
    }

    fn respond(&self, headers: &HeaderMap, asked: Option<&str>) -> Response {
        let version = self.version();
        let tag = format!("\"{version}\"");
        let caching = match asked {
            Some(asked) if asked == version => "public, max-age=31536000, immutable",
            _ => "public, no-cache",
        };
        let known = headers
            .get(IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok());
        let same = known.is_some_and(|known| known.split(',').any(|it| it.trim() == tag));
        let told = [
            (CACHE_CONTROL, caching),
            (CONTENT_TYPE, self.kind),
            (ETAG, tag.as_str()),
        ];
        if same {
            return (StatusCode::NOT_MODIFIED, told).into_response();
        }
        (told, self.text).into_response()
    }
}

pub(crate) async fn asset(
    Path(name): Path<String>,
    fields: Fields,
    headers: HeaderMap,
) -> Response {
    match find(&name) {
        Some(asset) => asset.respond(&headers, fields.text("v")),
        None => Refusal::NoPage.into_response(),
    }
}

pub(crate) async fn icon(headers: HeaderMap) -> Response {
    match find("mark.svg") {
        Some(asset) => asset.respond(&headers, None),
        None => Refusal::NoPage.into_response(),
    }
}
