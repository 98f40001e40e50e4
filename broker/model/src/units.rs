use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            pub const ZERO: Self = Self(0);
            pub const PER_HOUR: i64 = 3_600_000;

            pub const fn from_hours(hours: i64) -> Self {
                Self(hours.saturating_mul(Self::PER_HOUR))
            }

            pub const fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, Add::add)
            }
        }

        /// In hours with four decimals, rounded half up; the integer stays the truth.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let tenth_milli = (i128::from(self.0).abs() * 10_000 + 1_800_000) / 3_600_000;
                let sign = if self.0 < 0 && tenth_milli > 0 { "-" } else { "" };
                write!(f, "{sign}{}.{:04}", tenth_milli / 10_000, tenth_milli % 10_000)
            }
        }
    };
}

unit!(
    /// Physical GPU-time in GPU-milliseconds: one module for one hour is 3 600 000.
    ///
    /// An integer that holds a LUMI GCD-second (half a module) exactly.
    GpuMillis
);
unit!(
    /// Time in the unit an allocation is granted in (GPU-hour, node-hour, core-hour), in
    /// unit-milliseconds: one unit-hour is 3 600 000.
    ///
    /// Every charge rule of the sites is "a number of units while the job runs", so this integer
    /// is exact for each of them and sums without rounding.
    UnitMillis
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_module_for_an_hour_prints_as_half() {
        assert_eq!(GpuMillis(1_800_000).to_string(), "0.5000");
        assert_eq!(GpuMillis(-1).to_string(), "0.0000");
        assert_eq!(UnitMillis::from_hours(-2).to_string(), "-2.0000");
        assert_eq!(UnitMillis(i64::MIN).to_string(), "-2562047788015.2155");
    }
}
