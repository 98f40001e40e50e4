//! Files in a bucket, against a small S3 that keeps objects and looks at who asks.

use std::collections::BTreeMap;
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

const KEY: &str = "AKALCYONE";

#[derive(Debug, Default)]
struct Stored {
    objects: BTreeMap<String, Bytes>,
    /// Method and path, in the order they were asked.
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Stored>>;

struct EmulatedS3 {
    url: String,
    stored: Shared,
    server: JoinHandle<()>,
}

impl Drop for EmulatedS3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl EmulatedS3 {
    async fn start() -> Self {
        let stored = Shared::default();
        let router = Router::new()
            .route("/{bucket}/{*key}", any(object))
            .with_state(Arc::clone(&stored));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            stored,
            server,
        }
    }

    fn config(&self, folder: &Path, key: &str) -> FilesConfig {
        let secret = folder.join("s3-key");
        std::fs::write(&secret, "a secret\n").unwrap();
        FilesConfig {
            s3: Some(S3Config {
                bucket: "alcyone-evidence".to_owned(),
                region: "eu-central-1".to_owned(),
                endpoint: Some(self.url.parse().unwrap()),
                access_key_id: key.to_owned(),
                secret_access_key_file: secret,
            }),
            ..FilesConfig::default()
        }
    }

    fn asked(&self) -> Vec<String> {
        self.stored.lock().unwrap().asked.clone()
    }
}

/// Signed by the known key for this region and service, over the headers that S3 wants signed.
fn is_signed(headers: &HeaderMap) -> bool {
    let said = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let said = said.unwrap_or_default();
    let signature = said.rsplit_once("Signature=").unwrap_or_default().1;
    said.starts_with(&format!("AWS4-HMAC-SHA256 Credential={KEY}/"))
        && said.contains("/eu-central-1/s3/aws4_request")
        && said.contains("host;x-amz-content-sha256;x-amz-date")
        && signature.len() == 64
        && headers.contains_key("x-amz-date")
}

fn refusal(status: StatusCode, code: &str) -> Response {
    let body =
        format!("<Error><Code>{code}</Code><Message>told by the emulated S3</Message></Error>");
    (status, body).into_response()
}

async fn object(
    State(stored): State<Shared>,
    method: Method,
    UrlPath((bucket, key)): UrlPath<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut stored = stored.lock().unwrap();
    stored.asked.push(format!("{method} {bucket}/{key}"));
    if !is_signed(&headers) {
        return refusal(StatusCode::FORBIDDEN, "InvalidAccessKeyId");
    }
    let etag = |body: &Bytes| format!("\"{}\"", body.len());
    let told = |body: &Bytes| {
        [
            ("etag", etag(body)),
            ("last-modified", "Fri, 20 Nov 2026 12:00:00 GMT".to_owned()),
        ]
    };
    match method {
        Method::PUT => {
            let answer = [("etag", etag(&body))].into_response();
            stored.objects.insert(key, body);
            answer
        }
        Method::GET | Method::HEAD => match stored.objects.get(&key) {
            Some(body) => (told(body), body.clone()).into_response(),
            None => refusal(StatusCode::NOT_FOUND, "NoSuchKey"),
        },
        Method::DELETE => {
            stored.objects.remove(&key);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
    }
}

#[tokio::test]
async fn a_file_is_put_into_the_bucket_read_and_taken_away_by_signed_requests() {
    let (folder, s3) = (tempfile::tempdir().unwrap(), EmulatedS3::start().await);
    let objects = store(&s3.config(folder.path(), KEY)).unwrap().objects;
    let path = ObjectPath::from_iter(["evidence", "00ff"]);
    objects.put(&path, "a pledge".into()).await.unwrap();
    assert_eq!(objects.head(&path).await.unwrap().size, 8);
    let read = objects.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(read, "a pledge");
    objects.delete(&path).await.unwrap();
    let gone = objects.get(&path).await.unwrap_err();
    assert!(
        matches!(gone, object_store::Error::NotFound { .. }),
        "{gone}"
    );
    objects.delete(&path).await.unwrap();
    let of = |method: &str| format!("{method} alcyone-evidence/evidence/00ff");
    let asked = ["PUT", "HEAD", "GET", "DELETE", "GET", "DELETE"].map(of);
    assert_eq!(
        s3.asked(),
        asked,
        "no bulk request, which not every service has"
    );
}

#[tokio::test]
async fn the_doctor_tries_the_bucket_and_says_so_when_the_key_is_refused() {
    let (folder, s3) = (tempfile::tempdir().unwrap(), EmulatedS3::start().await);
    let told = try_out(&s3.config(folder.path(), KEY)).await.unwrap();
    assert_eq!(told, "a file can be written, read and deleted");
    assert!(s3.stored.lock().unwrap().objects.is_empty());
    let refused = try_out(&s3.config(folder.path(), "AKSOMEBODY")).await;
    let refused = format!("{:#}", refused.unwrap_err());
    let begins = format!("files.s3: bucket `alcyone-evidence` at {}/", s3.url);
    assert!(refused.starts_with(&begins), "{refused}");
    assert!(refused.contains("403"), "{refused}");
    assert!(refused.contains("InvalidAccessKeyId"), "{refused}");
    assert!(!refused.contains("a secret"), "{refused}");
}

#[test]
fn evidence_goes_in_the_clear_to_this_machine_alone_and_a_missing_key_is_told_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = FilesConfig {
        s3: Some(S3Config {
            bucket: "alcyone-evidence".to_owned(),
            region: "eu-central-1".to_owned(),
            endpoint: Some("http://objects.example.eu".parse().unwrap()),
            access_key_id: KEY.to_owned(),
            secret_access_key_file: folder.path().join("s3-key"),
        }),
        ..FilesConfig::default()
    };
    let said = |config: &FilesConfig| format!("{:#}", store(config).unwrap_err());
    assert!(said(&config).contains("s3-key"), "{}", said(&config));
    std::fs::write(folder.path().join("s3-key"), "a secret").unwrap();
    assert!(said(&config).contains("in clear"), "{}", said(&config));
    config.s3.as_mut().unwrap().endpoint = Some("https://objects.example.eu".parse().unwrap());
    store(&config).unwrap();
}
