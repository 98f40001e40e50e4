use broker_model::ApplicationAid;
use serde::Deserialize;

use crate::exit::Failure;

/// `[aid]` of a file for `alcyone apply`, whose form leaves both open.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SaidAid {
    #[serde(default)]
    pub(super) received_eur: Option<u32>,
    #[serde(default)]
    pub(super) worth_eur: Option<u32>,
}

impl SaidAid {
    /// A worth by itself declares nothing: what was received is what the ceiling is about.
    pub(super) fn declared(self) -> Result<Option<ApplicationAid>, Failure> {
        let worth_eur = self.worth_eur;
        match self.received_eur {
            Some(received_eur) => Ok(Some(ApplicationAid {
                received_eur,
                worth_eur,
            })),
            None if worth_eur.is_none() => Ok(None),
            None => {
                let words = "aid.received_eur is missing where aid.worth_eur is said: what de minimis aid was received in \
                             three years, 0 where there was none";
                Err(Failure::Usage(words.to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worth_is_no_declaration_without_what_was_received() {
        let said = |received_eur, worth_eur| SaidAid {
            received_eur,
            worth_eur,
        };
        assert_eq!(said(None, None).declared().unwrap(), None);
        let declared = said(Some(0), None).declared().unwrap().unwrap();
        assert_eq!((declared.received_eur, declared.worth_eur), (0, None));
        let refused = said(None, Some(1)).declared().unwrap_err();
        assert!(
            refused.to_string().contains("aid.received_eur"),
            "{refused}"
        );
    }
}
