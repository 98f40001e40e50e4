//! Kubernetes quantities: `500m`, `16Mi`, `4`, `1e3`.

/// No quantity is larger than 2^63-1; Kubernetes caps what is. So sums of them fit.
const LARGEST_MILLI: i128 = i64::MAX as i128 * 1000;

/// Thousandths of a unit, rounded down; `None` for what is no quantity.
///
/// Source: `k8s.io/apimachinery/pkg/api/resource/quantity.go`.
pub(crate) fn milli(text: &str) -> Option<i128> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (numerator, denominator) = scale(suffix)?;
    let (value, decimals) = decimal(number)?;
    let divisor = 10_i128.checked_pow(decimals)?.checked_mul(denominator)?;
    value
        .checked_mul(1000)?
        .checked_mul(numerator)?
        .checked_div(divisor)
        .map(|milli| milli.clamp(-LARGEST_MILLI, LARGEST_MILLI))
}

/// The number without its point, and how many digits stood behind it.
fn decimal(number: &str) -> Option<(i128, u32)> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 18 || fraction.contains(['+', '-']) || number.is_empty() {
        return None;
    }
    let value = format!("{whole}{fraction}").parse().ok()?;
    Some((value, u32::try_from(fraction.len()).ok()?))
}

/// What a suffix multiplies and divides by.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    let binary = |power: u32| Some((1_i128 << (10 * power), 1));
    match suffix {
        "" => Some((1, 1)),
        "n" => Some((1, 1_000_000_000)),
        "u" => Some((1, 1_000_000)),
        "m" => Some((1, 1000)),
        "k" => Some((1000, 1)),
        "M" => Some((1_000_000, 1)),
        "G" => Some((1_000_000_000, 1)),
        "T" => Some((1_000_000_000_000, 1)),
        "P" => Some((1_000_000_000_000_000, 1)),
        "E" => Some((1_000_000_000_000_000_000, 1)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => exponent(suffix),
    }
}

fn exponent(suffix: &str) -> Option<(i128, i128)> {
    let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let size = 10_i128.checked_pow(power.unsigned_abs().min(30))?;
    Some(if power < 0 { (1, size) } else { (size, 1) })
}

/// Whole units, rounded up: what is counted and charged.
pub(crate) fn units(milli: i128) -> u32 {
    let whole = milli.max(0).saturating_add(999) / 1000;
    u32::try_from(whole).unwrap_or(u32::MAX)
}

/// GiB, rounded up.
pub(crate) fn gib(milli: i128) -> u32 {
    const GIB_MILLI: i128 = 1024 * 1024 * 1024 * 1000;
    let whole = milli.max(0).saturating_add(GIB_MILLI - 1) / GIB_MILLI;
    u32::try_from(whole).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_the_api_server_writes_them() {
        for (text, expected) in [
            ("4", 4000),
            ("500m", 500),
            ("0.5", 500),
            ("50m", 50),
            ("1e3", 1_000_000),
            ("2E2", 200_000),
            ("100n", 0),
            ("-1", -1000),
        ] {
            assert_eq!(milli(text), Some(expected), "{text}");
        }
        assert_eq!(gib(milli("9007199254740988Ki").unwrap()), u32::MAX);
        assert_eq!(gib(milli("16Mi").unwrap()), 1);
        assert_eq!(gib(milli("32Gi").unwrap()), 32);
        assert_eq!(units(milli("50m").unwrap()), 1);
    }

    #[test]
    fn what_is_no_quantity_is_no_number() {
        for text in [
            "", "x", "1 G", "1.2.3", "--1", "1Gib", "e3", ".", "1e", "1.-5",
        ] {
            assert_eq!(milli(text), None, "{text}");
        }
    }
}
