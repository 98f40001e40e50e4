use std::ops::RangeInclusive;

use anyhow::bail;
use broker_app::Retention;
use serde::{Deserialize, Serialize};

const TEN_YEARS: u32 = 3650;

/// For how many days something is kept once it is over, by class; see `broker_app::Retention`. How long
/// answers to idempotency keys are kept is `limits.idempotency_hours`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionConfig {
    #[serde(default)]
    pub sessions_days: Option<u32>,
    #[serde(default)]
    pub refused_evidence_days: Option<u32>,
    #[serde(default)]
    pub withdrawn_profiles_days: Option<u32>,
    #[serde(default)]
    pub closed_referrals_days: Option<u32>,
    #[serde(default)]
    pub erased_scripts_days: Option<u32>,
    #[serde(default)]
    pub erased_logins_days: Option<u32>,
}

impl RetentionConfig {
    /// Who was refused has to be able to object, and a token of before outlives nobody's erasure.
    pub(crate) fn validate(&self) -> anyhow::Result<()> {
        let within = |name: &str, given: Option<u32>, allowed: RangeInclusive<u32>| match given {
            Some(days) if !allowed.contains(&days) => bail!(
                "retention.{name}: {days} is out of range; allowed: {} to {}",
                allowed.start(),
                allowed.end()
            ),
            _ => Ok(()),
        };
        within("sessions_days", self.sessions_days, 0..=30)?;
        within(
            "refused_evidence_days",
            self.refused_evidence_days,
            30..=TEN_YEARS,
        )?;
        within(
            "withdrawn_profiles_days",
            self.withdrawn_profiles_days,
            0..=TEN_YEARS,
        )?;
        within(
            "closed_referrals_days",
            self.closed_referrals_days,
            30..=TEN_YEARS,
        )?;
        within(
            "erased_scripts_days",
            self.erased_scripts_days,
            0..=TEN_YEARS,
        )?;
        within("erased_logins_days", self.erased_logins_days, 1..=90)
    }

    pub(crate) fn days(&self) -> Retention {
        let or = Retention::default();
        Retention {
            sessions: self.sessions_days.unwrap_or(or.sessions),
            refused_evidence: self.refused_evidence_days.unwrap_or(or.refused_evidence),
            withdrawn_profiles: { self.withdrawn_profiles_days }.unwrap_or(or.withdrawn_profiles),
            closed_referrals: self.closed_referrals_days.unwrap_or(or.closed_referrals),
            erased_scripts: self.erased_scripts_days.unwrap_or(or.erased_scripts),
            erased_logins: self.erased_logins_days.unwrap_or(or.erased_logins),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> RetentionConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn days_that_are_not_given_are_the_defaults() {
        let config = read("refused_evidence_days = 90");
        config.validate().unwrap();
        let expected = Retention {
            refused_evidence: 90,
            ..Retention::default()
        };
        assert_eq!(config.days(), expected);
    }

    #[test]
    fn days_out_of_range_are_refused_with_what_is_allowed() {
        for (text, allowed) in [
            ("sessions_days = 31", "0 to 30"),
            ("refused_evidence_days = 29", "30 to 3650"),
            ("withdrawn_profiles_days = 3651", "0 to 3650"),
            ("closed_referrals_days = 29", "30 to 3650"),
            ("erased_scripts_days = 3651", "0 to 3650"),
            ("erased_logins_days = 0", "1 to 90"),
        ] {
            let said = read(text).validate().unwrap_err().to_string();
            let (key, _) = text.split_once(' ').unwrap();
            assert!(said.contains(key) && said.contains(allowed), "{said}");
        }
    }
}
