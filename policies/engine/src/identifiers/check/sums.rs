/// The digits of a text, whatever lies between them.
pub(super) fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

/// Of up to 19 digits; longer ones do not come past the forms.
pub(super) fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0u64, |sum, digit| {
        sum.wrapping_mul(10).wrapping_add(u64::from(*digit))
    })
}

pub(super) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(digit, weight)| digit * weight)
        .sum()
}

/// ISO/IEC 7812-1, Annex B: every second from the right is doubled, and its digits added.
pub(super) fn luhn_sum(digits: &[u32]) -> u32 {
    let doubled = |(place, digit): (usize, &u32)| match (place % 2, digit * 2) {
        (0, _) => *digit,
        (_, twice @ 0..=9) => twice,
        (_, twice) => twice - 9,
    };
    digits.iter().rev().enumerate().map(doubled).sum()
}

/// ISO/IEC 7064, MOD 11,10.
pub(super) fn mod11_10_holds(digits: &[u32]) -> bool {
    let Some((last, head)) = digits.split_last() else {
        return false;
    };
    let product = head.iter().fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        if sum == 0 { 20 % 11 } else { sum * 2 % 11 }
    });
    (11 - product) % 10 == *last
}

/// ISO/IEC 7064, MOD 97-10: letters count from 10 for A, the rest of the whole by 97.
pub(super) fn mod97_of(text: &str) -> u32 {
    let values = text.chars().filter_map(|c| c.to_digit(36));
    values.fold(0, |rest, value| match value {
        0..=9 => (rest * 10 + value) % 97,
        _ => (rest * 100 + value) % 97,
    })
}
