//! Damage, by a seed: what a server, a proxy, a full disk or somebody with a purpose makes of an answer.

use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::{Number, Value};

/// Numbers, texts and bytes that readers trip over.
const HOSTILE: [&[u8]; 24] = [
    b"18446744073709551615",
    b"18446744073709551616",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"4294967295",
    b"2147483648",
    b"-1",
    b"0",
    b"1e400",
    b"-0.0000001",
    b"99999999999999999999999999999999999999999",
    b"253402207200",
    b"0-4294967295",
    b"0xFFFFFFFFFFFFFFFF",
    b"null",
    b"{}",
    b"[]",
    b"\"\"",
    b"\xff\xfe",
    b"\xf0\x9f",
    b"\0",
    b"\r\n",
    "\u{2028}\u{0130}\u{1f468}".as_bytes(),
    b"9999-12-31T23:59:59Z",
];

/// How deep nothing honest is nested.
const DEEP: usize = 10_000;

/// Most bytes of a damaged input: what is repeated and escaped again and again grows without bounds.
const LARGEST: usize = 64 * 1024;

/// One input damaged once or several times; `other` lends parts of itself.
pub fn mutated(random: &mut StdRng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..random.random_range(1..=3) {
        bytes = damaged(random, bytes, other);
        bytes.truncate(LARGEST);
    }
    bytes
}

fn damaged(random: &mut StdRng, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
    let at = random.random_range(0..=bytes.len());
    match random.random_range(0..100) {
        0..8 => bytes.truncate(at),
        8..25 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= random.random_range(1..=255_u8);
            }
        }
        25..35 => {
            let from = random.random_range(0..=other.len());
            bytes.truncate(at);
            bytes.extend(other.iter().skip(from));
        }
        35..45 => insert(&mut bytes, at, hostile(random)),
        45..50 => {
            let length = random.random_range(0..64);
            bytes = bytes
                .iter()
                .take(at)
                .chain(bytes.iter().skip(at + length))
                .copied()
                .collect();
        }
        50..55 => {
            let piece: Vec<u8> = bytes.iter().skip(at).take(40).copied().collect();
            let times = random.random_range(1..200);
            insert(&mut bytes, at, &piece.repeat(times));
        }
        55 => insert(&mut bytes, at, &random_opening(random).repeat(DEEP)),
        _ => return revalued(random, bytes),
    }
    bytes
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied());
}

fn hostile(random: &mut StdRng) -> &'static [u8] {
    let at = random.random_range(0..HOSTILE.len());
    HOSTILE.get(at).copied().unwrap_or_default()
}

fn random_opening(random: &mut StdRng) -> &'static [u8] {
    if random.random_bool(0.5) {
        b"["
    } else {
        b"{\"a\":"
    }
}

/// Gives one value of the JSON after the first line, or of all of it, another type or size.
fn revalued(random: &mut StdRng, bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    for begin in [0, end] {
        let (head, body) = bytes.split_at_checked(begin).unwrap_or((&[], &bytes));
        if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
            let count = nodes(&value);
            let mut wanted = random.random_range(0..count.max(1));
            replace(random, &mut value, &mut wanted);
            return [head, value.to_string().as_bytes()].concat();
        }
    }
    bytes
}

fn nodes(value: &Value) -> usize {
    1 + children(value).map(nodes).sum::<usize>()
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn replace(random: &mut StdRng, value: &mut Value, left: &mut usize) -> bool {
    if *left == 0 {
        *value = another(random, value);
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| replace(random, item, left)),
        Value::Object(fields) => fields
            .values_mut()
            .any(|field| replace(random, field, left)),
        _ => false,
    }
}

fn another(random: &mut StdRng, value: &Value) -> Value {
    let text = value.to_string();
    let most = (LARGEST / (text.len() + 1)).clamp(1, 100);
    match random.random_range(0..10) {
        0 => Value::Null,
        1 => Value::Bool(random.random_bool(0.5)),
        2 => Value::from(u64::MAX),
        3 => Value::from(i64::MIN),
        4 => Value::Number(Number::from_f64(random.random::<f64>() * 1e300).unwrap_or(0.into())),
        5 => Value::String(text),
        6 => Value::Array(vec![value.clone(); random.random_range(0..=most)]),
        7 => Value::Object([("number".to_owned(), value.clone())].into_iter().collect()),
        8 => Value::String(text.repeat(random.random_range(1..=most))),
        _ => Value::String(String::from_utf8_lossy(hostile(random)).into_owned()),
    }
}
