use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use broker_client::wire::{LoginOptions, LoginView};
use broker_client::{Client, DeviceLogin, Error, TokenSource, Tokens};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;

use crate::config::Settings;
use crate::exit::Failure;
use crate::print;

const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(30);

/// The login as it is kept: in one file per broker that only its owner can read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    login: LoginView,
    tokens: Tokens,
}

/// Tokens from the login file, refreshed there when the broker refuses one.
///
/// A refresh token counts once, and using it twice ends the login. So one process at a time refreshes,
/// under a lock beside the file, and looks first whether another one just did: `logs -f` may run for
/// hours beside other verbs.
#[derive(Debug)]
pub struct FileTokens {
    path: PathBuf,
    http: reqwest::Client,
    kept: Mutex<Option<Kept>>,
}

impl FileTokens {
    /// The login kept in a folder for a broker.
    pub fn at(broker: &Url, home: &Path) -> anyhow::Result<Self> {
        Self::open(&Settings {
            broker: broker.clone(),
            home: home.to_owned(),
        })
    }

    pub(crate) fn open(settings: &Settings) -> anyhow::Result<Self> {
        let path = path(settings);
        let kept = Mutex::new(read(&path)?);
        Ok(Self {
            path,
            http: http()?,
            kept,
        })
    }

    async fn refreshed(&self, refused: &str) -> Result<Kept, Error> {
        let lock = lock(&self.path.with_extension("lock"))
            .await
            .map_err(unusable)?;
        let Some(mut kept) = read(&self.path)? else {
            return Err(nobody());
        };
        if kept.tokens.access_token == refused {
            kept.tokens = kept.tokens.refresh(&self.http, &kept.login).await?;
            write(&self.path, &kept).map_err(unusable)?;
        }
        drop(lock);
        Ok(kept)
    }
}

#[async_trait]
impl TokenSource for FileTokens {
    async fn token(&self, refused: Option<&str>) -> Result<String, Error> {
        let mut guard = self.kept.lock().await;
        let kept = guard.as_mut().ok_or_else(nobody)?;
        if let Some(refused) = refused.filter(|refused| *refused == kept.tokens.access_token) {
            *kept = self.refreshed(refused).await?;
        }
        Ok(kept.tokens.access_token.clone())
    }
}

/// For the issuer. Other processes wait for the lock while it is asked, so it may not hang.
fn http() -> anyhow::Result<reqwest::Client> {
    let http = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .build();
    http.context("the HTTP client cannot be built")
}

fn nobody() -> Error {
    Error::NotSignedIn("run `alcyone login`".to_owned())
}

fn unusable(error: impl std::fmt::Display) -> Error {
    Error::NotSignedIn(format!("the login cannot be kept: {error:#}"))
}

fn read(path: &Path) -> Result<Option<Kept>, Error> {
    let damaged = |reason: String| {
        Error::NotSignedIn(format!("{} {reason}; run `alcyone login`", path.display()))
    };
    match std::fs::read_to_string(path) {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(kept) => Ok(Some(kept)),
            Err(error) => Err(damaged(format!("is damaged at column {}", error.column()))),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(damaged(format!("cannot be read ({error})"))),
    }
}

/// Waits for the lock without holding the thread: who has it may need this thread to finish.
async fn lock(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// A login in progress needs no token: only `GET /login` is asked.
#[derive(Debug)]
struct NoToken;

#[async_trait]
impl TokenSource for NoToken {
    async fn token(&self, _: Option<&str>) -> Result<String, Error> {
        Err(nobody())
    }
}

/// Begins a device login at the first issuer that a broker names.
pub async fn start_login(broker: &Url) -> anyhow::Result<DeviceLogin> {
    start(options(broker).await?.first).await
}

async fn options(broker: &Url) -> anyhow::Result<LoginOptions> {
    Ok(Client::new(broker, Box::new(NoToken))?.login().await?)
}

async fn start(login: LoginView) -> anyhow::Result<DeviceLogin> {
    Ok(DeviceLogin::start(http()?, login).await?)
}

/// The issuer that was asked for by address or name, or the first.
fn chosen(options: LoginOptions, asked: Option<&str>) -> Result<LoginView, Failure> {
    let Some(asked) = asked else {
        return Ok(options.first);
    };
    let names = options
        .issuers
        .iter()
        .map(|choice| format!("{} ({})", choice.login.issuer, choice.name));
    let names = names.collect::<Vec<_>>().join(", ");
    let mut issuers = options.issuers.into_iter();
    issuers
        .find(|choice| choice.login.issuer == asked || choice.name == asked)
        .map(|choice| choice.login)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "--issuer {asked}: the broker has no such issuer; it has {names}"
            ))
        })
}

/// Waits for the person to confirm, and keeps the login in a folder.
pub async fn finish_login(broker: &Url, home: &Path, device: &DeviceLogin) -> anyhow::Result<()> {
    let tokens = device.wait().await?;
    let settings = Settings {
        broker: broker.clone(),
        home: home.to_owned(),
    };
    write(
        &path(&settings),
        &Kept {
            login: device.login().clone(),
            tokens,
        },
    )
}

pub(crate) async fn login(
    settings: &Settings,
    issuer: Option<&str>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let options = options(&settings.broker).await?;
    let others = options.issuers.len() > 1 && issuer.is_none();
    let device = start(chosen(options, issuer)?).await?;
    let address = device
        .verification_uri_complete()
        .unwrap_or_else(|| device.verification_uri());
    if json {
        let view = serde_json::json!({
            "verification_uri": device.verification_uri(),
            "verification_uri_complete": device.verification_uri_complete(),
            "user_code": device.user_code(),
        });
        writeln!(out, "{view}")?;
    } else {
        let code = device.user_code();
        writeln!(
            out,
            "Open this address on any device, and check that it shows {code}:"
        )?;
        writeln!(out, "\n  {address}\n")?;
        if others {
            let issuer = &device.login().issuer;
            writeln!(out, "It belongs to {issuer}; --issuer takes another")?;
        }
        writeln!(out, "Waiting for you to confirm …")?;
    }
    out.flush()?;
    finish_login(&settings.broker, &settings.home, &device).await?;
    let client = Client::new(&settings.broker, Box::new(FileTokens::open(settings)?))?;
    let me = client.whoami().await?;
    if json {
        writeln!(out, "{}", serde_json::to_string(&me)?)?;
    } else {
        writeln!(
            out,
            "Signed in as {}",
            me.name.as_deref().unwrap_or(&me.subject)
        )?;
    }
    Ok(0)
}

pub(crate) fn logout(settings: &Settings, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let signed_out = match std::fs::remove_file(path(settings)) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error.into()),
    };
    if json {
        print::json(&serde_json::json!({ "signed_out": signed_out }), out)?;
    } else if signed_out {
        writeln!(
            out,
            "Signed out on this machine; the issuer may still know you"
        )?;
    } else {
        writeln!(out, "Nobody was signed in")?;
    }
    Ok(0)
}

fn path(settings: &Settings) -> PathBuf {
    settings
        .home
        .join(format!("login-{}.json", settings.broker_name()))
}

/// Writes beside and renames, so that a full disk never leaves half a login.
fn write(path: &Path, kept: &Kept) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    let beside = path.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .with_context(|| format!("{}", beside.display()))?;
    file.write_all(serde_json::to_string(kept)?.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path).with_context(|| format!("{}", path.display()))
}

#[cfg(test)]
mod tests {
    use broker_client::wire::LoginChoice;

    use super::*;

    fn view(issuer: &str) -> LoginView {
        LoginView {
            issuer: issuer.to_owned(),
            client_id: "cli".to_owned(),
            scopes: Vec::new(),
            resource: None,
        }
    }

    fn two() -> LoginOptions {
        let choice = |name: &str, issuer: &str| LoginChoice {
            name: name.to_owned(),
            login: view(issuer),
        };
        LoginOptions {
            first: view("https://one.example"),
            issuers: vec![
                choice("One", "https://one.example"),
                choice("Two", "https://two.example"),
            ],
        }
    }

    #[test]
    fn an_issuer_is_chosen_by_address_or_name_and_the_first_without() {
        let issuer = |asked| chosen(two(), asked).map(|login| login.issuer);
        assert_eq!(issuer(None).unwrap(), "https://one.example");
        assert_eq!(issuer(Some("Two")).unwrap(), "https://two.example");
        let by_address = issuer(Some("https://two.example")).unwrap();
        assert_eq!(by_address, "https://two.example");
        let error = issuer(Some("Three")).unwrap_err().to_string();
        assert!(error.contains("https://two.example (Two)"), "{error}");
    }
}
