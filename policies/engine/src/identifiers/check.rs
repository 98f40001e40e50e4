//! The rules of check digits, by the names they have in `tables/identifiers.toml`.
//!
//! The states publish few of them; they are known from libraries (python-stdnum first of all) and
//! were tried on published numbers, see the tests.

mod national;
mod sums;

use serde::Deserialize;

use self::sums::{digits, luhn_sum, mod11_10_holds, mod97_of, number, weighted};

#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    At,
    Bg,
    Cy,
    Cz,
    Ee,
    El,
    Es,
    Fr,
    Hu,
    Ie,
    IeOld,
    Lt,
    /// Numbers of companies; those of persons are not checked.
    Lv,
    Nl,
    Pl,
    Pt,
    Ro,
    Si,
    Luhn,
    LuhnSe,
    /// ISO/IEC 7064, MOD 11,10.
    #[serde(rename = "mod11_10")]
    Mod11And10,
    Mod11Ch,
    Mod11Dk,
    Mod11Fi,
    Mod11No,
    Mod11Sk,
    Mod37Mt,
    Mod89Lu,
    Mod97Be,
    Mod97Gb,
    /// ISO/IEC 7064, MOD 97-10.
    #[serde(rename = "mod97_10")]
    Mod97And10,
}

impl Check {
    /// None where the rule does not cover this text. The text has the form already.
    pub(super) fn holds(self, text: &str) -> Option<bool> {
        let d = digits(text);
        let holds = match self {
            Self::Es => return national::es(text),
            Self::Fr => return national::fr(text),
            Self::Lv => return national::lv(&d),
            Self::At => national::at(&d),
            Self::Bg => national::bg(&d),
            Self::Cy => national::cy(text),
            Self::Cz => national::cz(&d),
            Self::Ee => weighted(&d, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10),
            Self::El => national::el(&d),
            Self::Hu => weighted(&d, &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10),
            Self::Ie => national::ie(text),
            Self::IeOld => national::ie_old(text),
            Self::Lt => national::lt(&d),
            Self::Nl => national::nl(text, &d),
            Self::Pl => national::pl(&d),
            Self::Pt => national::pt(&d),
            Self::Ro => national::ro(&d),
            Self::Si => national::si(&d),
            Self::Luhn => luhn_sum(&d).is_multiple_of(10),
            // The ten of the organisation; the last two count its registrations.
            Self::LuhnSe => luhn_sum(d.get(..10).unwrap_or_default()).is_multiple_of(10),
            Self::Mod11And10 => mod11_10_holds(&d),
            Self::Mod11Ch => national::mod11(&d, &[5, 4, 3, 2, 7, 6, 5, 4]),
            Self::Mod11Dk => weighted(&d, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11),
            Self::Mod11Fi => weighted(&d, &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11),
            Self::Mod11No => national::mod11(&d, &[3, 2, 7, 6, 5, 4, 3, 2]),
            Self::Mod11Sk => number(&d).is_multiple_of(11),
            Self::Mod37Mt => weighted(&d, &[3, 4, 6, 7, 8, 9, 10, 1]).is_multiple_of(37),
            Self::Mod89Lu => national::lu(&d),
            Self::Mod97Be => national::be(&d),
            Self::Mod97Gb => matches!(weighted(&d, &[8, 7, 6, 5, 4, 3, 2, 10, 1]) % 97, 0 | 42),
            Self::Mod97And10 => mod97_of(text) == 1,
        };
        Some(holds)
    }
}
