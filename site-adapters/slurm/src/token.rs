//! The tokens that slurmrestd asks for: one per local user, kept until they are nearly spent.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker_model::Clock;
use hmac::{Hmac, Mac as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;
use site_adapter::local::is_posix_user;
use site_adapter::{Error, ErrorKind};
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::config::{SlurmSettings, TokenSource};

/// The operation of making a token, in its errors.
pub(crate) const OPERATION: &str = "token";
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// A JWT. Prints as nothing.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[derive(Debug)]
struct Kept {
    token: Token,
    renew_at: Timestamp,
}

#[derive(Debug)]
pub(crate) struct Tokens {
    settings: SlurmSettings,
    clock: Arc<dyn Clock>,
    /// A place for each user: a token that is long in the making keeps nobody else waiting.
    kept: std::sync::Mutex<HashMap<String, Arc<Mutex<Option<Kept>>>>>,
}

impl Tokens {
    pub(crate) fn new(settings: SlurmSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            clock,
            kept: std::sync::Mutex::default(),
        }
    }

    /// A token that is good for at least a quarter of its life.
    pub(crate) async fn token(&self, user: &str) -> Result<Token, Error> {
        if !is_posix_user(user) {
            return Err(Error::new(
                ErrorKind::Unauthorized,
                OPERATION,
                "the local account is not a POSIX user's name; correct the site's account mapping",
            ));
        }
        if self.settings.is_master(user) {
            return Err(Error::new(
                ErrorKind::Unauthorized,
                OPERATION,
                format!("no job runs as `{user}`; correct the site's account mapping"),
            ));
        }
        let place = self.place(user);
        let mut kept = place.lock().await;
        let now = self.clock.now();
        if let Some(known) = kept.as_ref().filter(|known| now < known.renew_at) {
            return Ok(known.token.clone());
        }
        let (token, expires) = self.make(user, now).await?;
        let life = expires.duration_since(now);
        let renew_at = now.saturating_add(life * 3 / 4).unwrap_or(now);
        *kept = Some(Kept {
            token: token.clone(),
            renew_at,
        });
        Ok(token)
    }

    /// The user's place. Those of tokens that are spent, and that nobody waits at, are cleared away.
    fn place(&self, user: &str) -> Arc<Mutex<Option<Kept>>> {
        let now = self.clock.now();
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, place| {
            let spent = place
                .try_lock()
                .is_ok_and(|kept| kept.as_ref().is_none_or(|known| now >= known.renew_at));
            !spent || Arc::strong_count(place) > 1
        });
        Arc::clone(all.entry(user.to_owned()).or_default())
    }

    /// The site refused it: the next call makes a new one (the site's key may have changed).
    pub(crate) async fn forget(&self, user: &str) {
        self.place(user).lock().await.take();
    }

    async fn make(&self, user: &str, now: Timestamp) -> Result<(Token, Timestamp), Error> {
        match &self.settings.token {
            TokenSource::Signed {
                key_file,
                lifetime_seconds,
            } => {
                let key = read_key(key_file).await?;
                let expires = after(now, *lifetime_seconds);
                Ok((sign(&key, user, now, expires)?, expires))
            }
            TokenSource::Command {
                argv,
                lifetime_seconds,
            } => {
                let token = fetch(argv, user).await?;
                let expires = expiry(&token).unwrap_or_else(|| after(now, *lifetime_seconds));
                Ok((token, expires))
            }
        }
    }
}

fn after(now: Timestamp, seconds: u64) -> Timestamp {
    let life = SignedDuration::from_secs(seconds.try_into().unwrap_or(i64::MAX));
    now.saturating_add(life).unwrap_or(Timestamp::MAX)
}

/// Read anew for each token: a changed key is good at once, without a restart.
async fn read_key(path: &Path) -> Result<Vec<u8>, Error> {
    let problem = |reason: &str| {
        Error::new(
            ErrorKind::Local,
            OPERATION,
            format!("cannot use the key file {}: {reason}", path.display()),
        )
    };
    let key = tokio::fs::read(path)
        .await
        .map_err(|error| problem("make it readable for the agent").caused_by(error))?;
    if key.is_empty() {
        return Err(problem("it is empty; give the site's `jwt_key` file"));
    }
    Ok(key)
}

/// Slurm's JWT: HS256 over the site's key, with `exp`, `iat` and the user as `sun`.
fn sign(key: &[u8], user: &str, now: Timestamp, expires: Timestamp) -> Result<Token, Error> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"exp": expires.as_second(), "iat": now.as_second(), "sun": user});
    let head = part(&json!({"alg": "HS256", "typ": "JWT"}));
    let signed = format!("{head}.{}", part(&claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| {
        Error::new(ErrorKind::Local, OPERATION, "the key cannot sign").caused_by(error)
    })?;
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Ok(Token(format!("{signed}.{signature}")))
}

async fn fetch(argv: &[String], user: &str) -> Result<Token, Error> {
    let failed = |reason: String| Error::new(ErrorKind::Local, OPERATION, reason);
    let (program, arguments) = argv
        .split_first()
        .ok_or_else(|| failed("`token.argv` is empty".to_owned()))?;
    let run = Command::new(program)
        .args(arguments)
        .arg(user)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(COMMAND_TIMEOUT, run)
        .await
        .map_err(|_| failed(format!("`{program}` did not end in 20 s")))?
        .map_err(|error| failed(format!("`{program}` cannot be run")).caused_by(error))?;
    if !output.status.success() {
        return Err(failed(format!("`{program}` ended with {}", output.status)));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let token = printed.trim();
    // As `scontrol token` prints it.
    let token = token.strip_prefix("SLURM_JWT=").unwrap_or(token);
    let is_token =
        !token.is_empty() && token.len() <= 8192 && token.bytes().all(|b| b.is_ascii_graphic());
    if !is_token {
        return Err(failed(format!("`{program}` printed no token")));
    }
    let token = Token(token.to_owned());
    // Slurm lets a token of root's or of its own user's act for anybody who is named beside it.
    let sun = claim(&token, "sun");
    if sun.is_some_and(|sun| sun.as_str() != Some(user)) {
        return Err(failed(format!(
            "`{program}` printed another user's token; print one of the user that is asked for"
        )));
    }
    Ok(token)
}

/// What the token says of its own end; not verified, that is the site's business.
fn expiry(token: &Token) -> Option<Timestamp> {
    Timestamp::from_second(claim(token, "exp")?.as_i64()?).ok()
}

/// For the fuzzer.
pub(crate) fn read_claims(text: &str) {
    let token = Token(text.to_owned());
    let _ = (expiry(&token), claim(&token, "sun"));
}

fn claim(token: &Token, name: &str) -> Option<Value> {
    let claims = URL_SAFE_NO_PAD.decode(token.0.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims.get(name).cloned()
}

#[cfg(test)]
mod tests;
