//! Rules of one state each. All digits come in, check digits included.

use super::sums::{digits, luhn_sum, mod97_of, number, weighted};

/// The letter at a place, where there is one.
fn letter(letters: &str, place: u64) -> Option<char> {
    letters.chars().nth(usize::try_from(place).ok()?)
}

/// Eleven less the rest, 11 for 0; where it is 10 the number is never given out.
pub(super) fn mod11(digits: &[u32], weights: &[u32]) -> bool {
    let rest = weighted(digits, weights) % 11;
    digits.last().is_some_and(|last| (11 - rest) % 11 == *last)
}

pub(super) fn at(digits: &[u32]) -> bool {
    let Some((last, head)) = digits.split_last() else {
        return false;
    };
    (luhn_sum(head) + 4 + last).is_multiple_of(10)
}

pub(super) fn be(digits: &[u32]) -> bool {
    let Some((head, check)) = digits.split_last_chunk::<2>() else {
        return false;
    };
    97 - number(head) % 97 == number(check)
}

pub(super) fn bg(digits: &[u32]) -> bool {
    let rest = match weighted(digits, &[1, 2, 3, 4, 5, 6, 7, 8]) % 11 {
        10 => weighted(digits, &[3, 4, 5, 6, 7, 8, 9, 10]) % 11 % 10,
        rest => rest,
    };
    digits.last() == Some(&rest)
}

pub(super) fn cy(text: &str) -> bool {
    const ODD: [u64; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    let values = digits(text).into_iter().enumerate().map(|(place, digit)| {
        let of_odd = ODD.get(digit as usize).copied().unwrap_or_default();
        if place % 2 == 0 {
            of_odd
        } else {
            u64::from(digit)
        }
    });
    text.chars().last() == letter("ABCDEFGHIJKLMNOPQRSTUVWXYZ", values.sum::<u64>() % 26)
}

/// Companies; those of persons are longer.
pub(super) fn cz(digits: &[u32]) -> bool {
    let check = match (11 - weighted(digits, &[8, 7, 6, 5, 4, 3, 2]) % 11) % 11 {
        0 => 1,
        check => check % 10,
    };
    digits.last() == Some(&check)
}

pub(super) fn el(digits: &[u32]) -> bool {
    let rest = weighted(digits, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10;
    digits.last() == Some(&rest)
}

/// NIF: of persons with a letter by 23, of foreigners with X, Y or Z before it, of companies with a
/// digit by Luhn or the letter in its stead. K, L and M are rare and not checked.
pub(super) fn es(text: &str) -> Option<bool> {
    const OF_PERSONS: &str = "TRWAGMYFPDXBNJZSQVHLCKE";
    let (first, last) = (text.chars().next()?, text.chars().last()?);
    let all = digits(text);
    let person = |lead: u64, head: &[u32]| {
        Some(letter(OF_PERSONS, (lead * 10_000_000 + number(head)) % 23) == Some(last))
    };
    match first {
        '0'..='9' => person(0, &all),
        'X' => person(0, &all),
        'Y' => person(1, &all),
        'Z' => person(2, &all),
        'K' | 'L' | 'M' => None,
        'I' | 'O' | 'T' => Some(false),
        _ => {
            let head = all.get(..7)?;
            let mut padded = head.to_vec();
            padded.push(0);
            let check = (10 - luhn_sum(&padded) % 10) % 10;
            let digit = char::from_digit(check, 10);
            Some(Some(last) == digit || Some(last) == letter("JABCDEFGHI", check.into()))
        }
    }
}

/// The SIREN by Luhn, but for Monaco, and its key; a key with letters is not checked.
pub(super) fn fr(text: &str) -> Option<bool> {
    let siren = digits(text.get(2..)?);
    let is_of_monaco = siren.starts_with(&[0, 0, 0]);
    if !is_of_monaco && !luhn_sum(&siren).is_multiple_of(10) {
        return Some(false);
    }
    let key: u64 = text.get(..2)?.parse().ok()?;
    Some(key == (12 + 3 * (number(&siren) % 97)) % 97)
}

/// The second letter, where there is one, counts nine times from W for 0.
pub(super) fn ie(text: &str) -> bool {
    let seven = digits(text);
    let mut letters = text.chars().filter(char::is_ascii_uppercase);
    let check = letters.next();
    let further = letters.next().map_or(0, |c| match c {
        'W' => 0,
        c => c.to_digit(36).unwrap_or_default().saturating_sub(9),
    });
    let sum = weighted(&seven, &[8, 7, 6, 5, 4, 3, 2]) + 9 * further;
    check == letter("WABCDEFGHIJKLMNOPQRSTUV", (sum % 23).into())
}

/// Before 2013 the second sign was a letter: the first digit then counts as the seventh.
pub(super) fn ie_old(text: &str) -> bool {
    let sum = weighted(&digits(text), &[2, 7, 6, 5, 4, 3]);
    text.chars().last() == letter("WABCDEFGHIJKLMNOPQRSTUV", (sum % 23).into())
}

pub(super) fn lt(digits: &[u32]) -> bool {
    let Some((last, head)) = digits.split_last() else {
        return false;
    };
    let sum = |weights: [u32; 11]| weighted(head, &weights) % 11;
    let rest = match sum([1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2]) {
        10 => sum([3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4]) % 10,
        rest => rest,
    };
    rest == *last
}

pub(super) fn lu(digits: &[u32]) -> bool {
    let Some((head, check)) = digits.split_last_chunk::<2>() else {
        return false;
    };
    number(head) % 89 == number(check)
}

/// Companies begin with a digit above 3.
pub(super) fn lv(digits: &[u32]) -> Option<bool> {
    let is_company = digits.first().is_some_and(|first| *first > 3);
    let sum = weighted(digits, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]);
    is_company.then_some(sum % 11 == 3)
}

/// By 11 as ever or, of sole traders since 2020, the whole number by 97.
pub(super) fn nl(text: &str, digits: &[u32]) -> bool {
    let last = digits.get(8).copied().unwrap_or_default();
    let rest = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    rest == last || mod97_of(&format!("NL{text}")) == 1
}

pub(super) fn pl(digits: &[u32]) -> bool {
    let rest = weighted(digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11;
    digits.last() == Some(&rest)
}

pub(super) fn pt(digits: &[u32]) -> bool {
    let rest = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    digits.last() == Some(&((11 - rest) % 11 % 10))
}

/// Weighted from the right, since it has two to ten digits.
pub(super) fn ro(digits: &[u32]) -> bool {
    let Some((last, head)) = digits.split_last() else {
        return false;
    };
    let turned: Vec<u32> = head.iter().rev().copied().collect();
    let rest = weighted(&turned, &[2, 3, 5, 7, 1, 2, 3, 5, 7]) * 10 % 11 % 10;
    rest == *last
}

pub(super) fn si(digits: &[u32]) -> bool {
    let check = match 11 - weighted(digits, &[8, 7, 6, 5, 4, 3, 2]) % 11 {
        10 => 0,
        check => check,
    };
    digits.last() == Some(&check)
}
