//! Hours as they are written, without a binary fraction on the way.

use std::fmt;
use std::str::FromStr;

use broker_model::UnitMillis;

/// Digits that a number may have on each side of its point.
const MOST_WHOLE: usize = 10;
const MOST_FRACTION: usize = 9;

/// A number of hours, or of hours for each of something: `1500`, `0.25`. Exact, never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    digits: i128,
    /// How many of the digits stand behind the point.
    scale: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no such number")]
pub struct NoDecimal(String);

impl Decimal {
    pub const ONE: Self = Self {
        digits: 1,
        scale: 0,
    };

    /// None where it has more digits than can be kept.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        Some(Self {
            digits: self.digits.checked_mul(other.digits)?,
            scale: self.scale + other.scale,
        })
    }

    /// As unit-milliseconds; none where it is no whole number of them, or more than a balance holds.
    #[must_use]
    pub fn hours(self) -> Option<UnitMillis> {
        let millis = self.digits.checked_mul(UnitMillis::PER_HOUR.into())?;
        let per = 10_i128.checked_pow(self.scale)?;
        if millis % per != 0 {
            return None;
        }
        i64::try_from(millis / per).ok().map(UnitMillis)
    }
}

impl FromStr for Decimal {
    type Err = NoDecimal;

    fn from_str(text: &str) -> Result<Self, NoDecimal> {
        let no = || NoDecimal(text.chars().take(40).collect());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_run = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        if !is_run(whole, MOST_WHOLE) || !is_run(fraction, MOST_FRACTION) {
            return Err(no());
        }
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}").parse().map_err(|_| no())?;
        let scale = u32::try_from(fraction.len()).map_err(|_| no())?;
        Ok(Self { digits, scale })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let padded = format!("{:0>width$}", self.digits, width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        match fraction.trim_end_matches('0') {
            "" => f.write_str(whole),
            fraction => write!(f, "{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn hours_are_exact_however_many_decimals_can_be_kept() {
        for (text, millis) in [
            ("1500", 5_400_000_000),
            ("0.1", 360_000),
            ("0.001", 3600),
            ("0.00001", 36),
            ("0.000005", 18),
            ("7.50", 27_000_000),
        ] {
            assert_eq!(decimal(text).hours(), Some(UnitMillis(millis)), "{text}");
        }
        for text in ["0.0000001", "0.333333333"] {
            assert_eq!(decimal(text).hours(), None, "{text}");
        }
    }

    #[test]
    fn what_may_mean_two_numbers_or_none_is_no_number() {
        for text in [
            "",
            ".5",
            "5.",
            "1,5",
            "1 500",
            "-1",
            "+1",
            "1e3",
            "1.500.000",
            "NaN",
            "٣",
            "12345678901",
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_factor_is_applied_exactly_and_the_product_is_written_as_it_is() {
        let half = decimal("2500.5").times(decimal("0.5")).unwrap();
        assert_eq!(half.to_string(), "1250.25");
        assert_eq!(half.hours(), Some(UnitMillis(4_500_900_000)));
        assert_eq!(decimal("10").times(Decimal::ONE).unwrap().to_string(), "10");
        assert_eq!(
            decimal("0.05").times(decimal("0.2")).unwrap().to_string(),
            "0.01"
        );
    }
}
