use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use async_trait::async_trait;
use broker_client::wire::LoginView;
use broker_client::{Client, DeviceLogin, Error, TokenSource, Tokens};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;

use crate::config::Settings;

/// The login as it is kept: in one file per broker that only its owner can read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    login: LoginView,
    tokens: Tokens,
}

/// Tokens from the login file, refreshed there when the broker refuses one.
#[derive(Debug)]
pub struct FileTokens {
    path: PathBuf,
    http: reqwest::Client,
    kept: Mutex<Option<Kept>>,
}

impl FileTokens {
    /// The login kept in a folder for a broker.
    pub fn at(broker: &Url, home: &Path) -> anyhow::Result<Self> {
        Self::open(&Settings { broker: broker.clone(), home: home.to_owned() })
    }

    pub(crate) fn open(settings: &Settings) -> anyhow::Result<Self> {
        let path = path(settings);
        let kept = match std::fs::read_to_string(&path) {
            Ok(text) => Some(
                serde_json::from_str(&text)
                    .with_context(|| format!("{} is damaged; run `alcyone login`", path.display()))?,
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("{}", path.display())),
        };
        Ok(Self { path, http: reqwest::Client::new(), kept: Mutex::new(kept) })
    }
}

#[async_trait]
impl TokenSource for FileTokens {
    async fn token(&self, refused: Option<&str>) -> Result<String, Error> {
        let mut guard = self.kept.lock().await;
        let Some(kept) = guard.as_mut() else {
            return Err(Error::NotSignedIn("run `alcyone login`".to_owned()));
        };
        if refused.is_some_and(|refused| refused == kept.tokens.access_token) {
            kept.tokens = kept.tokens.refresh(&self.http, &kept.login).await?;
            write(&self.path, kept).map_err(|error| Error::NotSignedIn(error.to_string()))?;
        }
        Ok(kept.tokens.access_token.clone())
    }
}

/// A login in progress needs no token: only `GET /login` is asked.
#[derive(Debug)]
struct NoToken;

#[async_trait]
impl TokenSource for NoToken {
    async fn token(&self, _: Option<&str>) -> Result<String, Error> {
        Err(Error::NotSignedIn("run `alcyone login`".to_owned()))
    }
}

/// Begins a device login at the issuer that a broker names.
pub async fn start_login(broker: &Url) -> anyhow::Result<DeviceLogin> {
    let login = Client::new(broker, Box::new(NoToken))?.login().await?;
    Ok(DeviceLogin::start(reqwest::Client::new(), login).await?)
}

/// Waits for the person to confirm, and keeps the login in a folder.
pub async fn finish_login(broker: &Url, home: &Path, device: &DeviceLogin) -> anyhow::Result<()> {
    let tokens = device.wait().await?;
    let settings = Settings { broker: broker.clone(), home: home.to_owned() };
    write(&path(&settings), &Kept { login: device.login().clone(), tokens })
}

pub(crate) async fn login(
    settings: &Settings,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let device = start_login(&settings.broker).await?;
    let address = device.verification_uri_complete().unwrap_or_else(|| device.verification_uri());
    if json {
        let view = serde_json::json!({
            "verification_uri": device.verification_uri(),
            "verification_uri_complete": device.verification_uri_complete(),
            "user_code": device.user_code(),
        });
        writeln!(out, "{view}")?;
    } else {
        writeln!(out, "Open {address}\nand enter the code {}", device.user_code())?;
    }
    out.flush()?;
    finish_login(&settings.broker, &settings.home, &device).await?;
    let client = Client::new(&settings.broker, Box::new(FileTokens::open(settings)?))?;
    let me = client.whoami().await?;
    if json {
        writeln!(out, "{}", serde_json::to_string(&me)?)?;
    } else {
        writeln!(out, "Signed in as {}", me.name.as_deref().unwrap_or(&me.subject))?;
    }
    Ok(0)
}

pub(crate) fn logout(settings: &Settings, out: &mut impl Write) -> anyhow::Result<u8> {
    match std::fs::remove_file(path(settings)) {
        Ok(()) => writeln!(out, "Signed out on this machine")?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            writeln!(out, "Nobody was signed in")?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(0)
}

fn path(settings: &Settings) -> PathBuf {
    settings.home.join(format!("login-{}.json", settings.broker_name()))
}

/// Writes beside and renames, so that a full disk never leaves half a login.
fn write(path: &Path, kept: &Kept) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    let beside = path.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .with_context(|| format!("{}", beside.display()))?;
    file.write_all(serde_json::to_string(kept)?.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path).with_context(|| format!("{}", path.display()))
}
