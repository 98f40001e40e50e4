use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::keys;

const CODE_SECONDS: i64 = 60;
const DEVICE_SECONDS: i64 = 600;
const REFRESH_SECONDS: i64 = 86_400;
/// What RFC 8628, 3.5, adds to the interval of a device that polls too fast.
const SLOW_DOWN_SECONDS: i64 = 5;

/// What somebody agreed to.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) client: String,
    pub(super) subject: String,
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    pub(super) session: String,
    pub(super) signed_in_at: i64,
}

/// An authorization code may be exchanged once, by whoever holds the verifier.
pub(super) struct CodeRecord {
    pub(super) grant: Grant,
    pub(super) callback: String,
    pub(super) challenge: String,
    expires_at: i64,
}

pub(super) struct DeviceRecord {
    user_code: String,
    client: String,
    scope: String,
    choice: Choice,
    interval: i64,
    next_poll_at: i64,
    expires_at: i64,
}

enum Choice {
    Pending,
    Person {
        subject: String,
        session: String,
        at: i64,
    },
    Denied,
}

struct RefreshRecord {
    grant: Grant,
    family: String,
    used: bool,
    expires_at: i64,
}

/// How a device's poll ends.
pub(super) enum Poll {
    Granted(Box<Grant>),
    Refused(&'static str),
}

#[derive(Default)]
pub(super) struct Records(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    codes: HashMap<String, CodeRecord>,
    devices: HashMap<String, DeviceRecord>,
    refresh: HashMap<String, RefreshRecord>,
}

impl Records {
    pub(super) fn add_code(
        &self,
        grant: Grant,
        callback: &str,
        challenge: &str,
        now: i64,
    ) -> Option<String> {
        let code = keys::secret_text()?;
        let record = CodeRecord {
            grant,
            callback: callback.to_owned(),
            challenge: challenge.to_owned(),
            expires_at: now + CODE_SECONDS,
        };
        self.with(now, |tables| tables.codes.insert(code.clone(), record));
        Some(code)
    }

    /// Takes the code out, right or wrong: a second try never succeeds.
    pub(super) fn take_code(&self, code: &str, now: i64) -> Option<CodeRecord> {
        self.with(now, |tables| tables.codes.remove(code))
    }

    /// Returns the device code, the user code and how long both live.
    pub(super) fn add_device(
        &self,
        client: &str,
        scope: &str,
        interval: u32,
        now: i64,
    ) -> Option<(String, String, i64)> {
        let (device_code, user_code) = (keys::secret_text()?, keys::user_code()?);
        let record = DeviceRecord {
            user_code: user_code.clone(),
            client: client.to_owned(),
            scope: scope.to_owned(),
            choice: Choice::Pending,
            interval: interval.into(),
            next_poll_at: now,
            expires_at: now + DEVICE_SECONDS,
        };
        self.with(now, |tables| {
            tables.devices.insert(device_code.clone(), record)
        });
        Some((device_code, user_code, DEVICE_SECONDS))
    }

    /// Whether this user code waits for somebody. People type in lower case and leave the hyphen out.
    pub(super) fn awaits(&self, user_code: &str, now: i64) -> bool {
        self.with(now, |tables| tables.pending(user_code).is_some())
    }

    /// Records the choice; `None` as subject is a refusal. `false` if no device waits for it.
    pub(super) fn choose(&self, user_code: &str, subject: Option<&str>, now: i64) -> bool {
        let Some(session) = keys::secret_text() else {
            return false;
        };
        self.with(now, |tables| {
            let Some(device) = tables.pending(user_code) else {
                return false;
            };
            device.choice = match subject {
                Some(subject) => Choice::Person {
                    subject: subject.to_owned(),
                    session,
                    at: now,
                },
                None => Choice::Denied,
            };
            true
        })
    }

    pub(super) fn poll(&self, device_code: &str, client: &str, now: i64) -> Poll {
        // Looked at before the broom of `with`: expired is another answer than unknown.
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(device) = tables
            .devices
            .get_mut(device_code)
            .filter(|d| d.client == client)
        else {
            return Poll::Refused("invalid_grant");
        };
        let answer = device.polled(now);
        if !matches!(answer, Poll::Refused("authorization_pending" | "slow_down")) {
            tables.devices.remove(device_code);
        }
        answer
    }

    pub(super) fn add_refresh(
        &self,
        grant: Grant,
        family: Option<String>,
        now: i64,
    ) -> Option<String> {
        let token = keys::secret_text()?;
        let family = family.unwrap_or_else(|| token.clone());
        let record = RefreshRecord {
            grant,
            family,
            used: false,
            expires_at: now + REFRESH_SECONDS,
        };
        self.with(now, |tables| tables.refresh.insert(token.clone(), record));
        Some(token)
    }

    /// Each refresh token counts once. A second use means that it leaked: the whole family dies.
    pub(super) fn use_refresh(
        &self,
        token: &str,
        client: &str,
        now: i64,
    ) -> Option<(Grant, String)> {
        self.with(now, |tables| {
            let record = tables
                .refresh
                .get_mut(token)
                .filter(|r| r.grant.client == client)?;
            let family = record.family.clone();
            if record.used {
                tables.refresh.retain(|_, record| record.family != family);
                return None;
            }
            record.used = true;
            Some((record.grant.clone(), family))
        })
    }

    fn with<R>(&self, now: i64, change: impl FnOnce(&mut Tables) -> R) -> R {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tables.sweep(now);
        change(&mut tables)
    }
}

impl Tables {
    fn sweep(&mut self, now: i64) {
        self.codes.retain(|_, code| now < code.expires_at);
        // An expired device stays a while, to be told so at its next poll.
        self.devices
            .retain(|_, device| now < device.expires_at + DEVICE_SECONDS);
        self.refresh.retain(|_, refresh| now < refresh.expires_at);
    }

    fn pending(&mut self, user_code: &str) -> Option<&mut DeviceRecord> {
        let plain = |code: &str| code.replace(['-', ' '], "").to_ascii_uppercase();
        let wanted = plain(user_code);
        self.devices.values_mut().find(|device| {
            matches!(device.choice, Choice::Pending) && plain(&device.user_code) == wanted
        })
    }
}

impl DeviceRecord {
    fn polled(&mut self, now: i64) -> Poll {
        if now >= self.expires_at {
            return Poll::Refused("expired_token");
        }
        let too_soon = now < self.next_poll_at;
        match &self.choice {
            Choice::Denied => Poll::Refused("access_denied"),
            Choice::Person {
                subject,
                session,
                at,
            } => Poll::Granted(Box::new(Grant {
                client: self.client.clone(),
                subject: subject.clone(),
                scope: self.scope.clone(),
                nonce: None,
                session: session.clone(),
                signed_in_at: *at,
            })),
            Choice::Pending if too_soon => {
                self.interval += SLOW_DOWN_SECONDS;
                self.next_poll_at = now + self.interval;
                Poll::Refused("slow_down")
            }
            Choice::Pending => {
                self.next_poll_at = now + self.interval;
                Poll::Refused("authorization_pending")
            }
        }
    }
}
