use std::path::Path;
use std::{env, fmt, fs};

use serde::{Deserialize, Serialize};

use crate::ConfigError;

/// A token, code or client secret: readable where it is used, never in `Debug`.
///
/// It does serialize, for the login cookie that the portal encrypts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Reads a secret from the file or from the environment variable, whichever is named.
    pub(crate) fn load(
        file: Option<&Path>,
        variable: Option<&str>,
    ) -> Result<Option<Self>, ConfigError> {
        let text = match (file, variable) {
            (None, None) => return Ok(None),
            (Some(path), None) => {
                fs::read_to_string(path).map_err(|source| ConfigError::SecretUnreadable {
                    path: path.to_owned(),
                    source,
                })?
            }
            (None, Some(name)) => env::var(name).map_err(|_| ConfigError::SecretUnset {
                variable: name.to_owned(),
            })?,
            (Some(path), Some(name)) => {
                return Err(ConfigError::SecretTwice {
                    path: path.to_owned(),
                    variable: name.to_owned(),
                });
            }
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(ConfigError::SecretEmpty {
                place: file.map_or_else(
                    || variable.unwrap_or_default().to_owned(),
                    |path| path.display().to_string(),
                ),
            });
        }
        Ok(Some(Self::new(text)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_file_loses_its_last_newline_and_never_shows_in_debug() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "hunter2\n").unwrap();
        let secret = Secret::load(Some(file.path()), None).unwrap().unwrap();
        assert_eq!(secret.reveal(), "hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
    }

    #[test]
    fn an_empty_missing_or_doubly_named_secret_is_refused_with_its_place() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let empty = Secret::load(Some(file.path()), None).unwrap_err();
        assert!(
            empty
                .to_string()
                .contains(&file.path().display().to_string())
        );
        let unset = Secret::load(None, Some("ALCYONE_NO_SUCH_VARIABLE")).unwrap_err();
        assert!(unset.to_string().contains("ALCYONE_NO_SUCH_VARIABLE"));
        assert!(Secret::load(Some(file.path()), Some("X")).is_err());
        assert!(Secret::load(None, None).unwrap().is_none());
    }
}
