//! Values that every version of the API writes in its own way.

use broker_model::ArraySpec;
use jiff::Timestamp;
use serde_json::Value;

/// A number, plain (to v0.0.38, and slurmdb's times in all) or `{set, infinite, number}`.
///
/// `None` for unset, infinite, null, and for the negative numbers that stand for those.
pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(plain) => plain.as_u64().or_else(|| whole(plain.as_f64()?)),
        Value::Object(fields) => {
            let set = fields.get("set").and_then(Value::as_bool)?;
            let infinite = fields.get("infinite").and_then(Value::as_bool);
            let usable = set && infinite != Some(true);
            usable.then(|| number(fields.get("number")?)).flatten()
        }
        _ => None,
    }
}

/// slurmrestd prints some counts with a fraction of zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole, not negative and small"
)]
fn whole(number: f64) -> Option<u64> {
    let fits = (0.0..9e15).contains(&number) && number.fract() == 0.0;
    fits.then_some(number as u64)
}

pub(crate) fn small(value: &Value) -> Option<u32> {
    u32::try_from(number(value)?).ok()
}

/// Seconds since 1970; 0 is Slurm's word for "never".
pub(crate) fn time(value: &Value) -> Option<Timestamp> {
    let seconds = i64::try_from(number(value)?).ok()?;
    (seconds > 0).then(|| Timestamp::from_second(seconds).ok())?
}

/// Words that are one string (to v0.0.38) or a list of them (from v0.0.40), in capitals.
pub(crate) fn words(value: &Value) -> Vec<String> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    list.iter()
        .filter_map(Value::as_str)
        .flat_map(|text| text.split([' ', '+', ',']))
        .filter(|word| !word.is_empty())
        .map(str::to_uppercase)
        .collect()
}

/// A text that is not empty and not one of Slurm's ways to say nothing.
pub(crate) fn text(value: &Value) -> Option<&str> {
    value
        .as_str()
        .filter(|text| !matches!(*text, "" | "None" | "N/A" | "(null)" | "None assigned"))
}

/// Beyond what any array of ours has, indices are left out.
const MOST_INDICES: u32 = ArraySpec::MAX_TASKS;

/// Indices of tasks as slurmctld writes them: `0-3,7,10-20:2%4`. Cut short with `...` if there are
/// many ranges.
pub(crate) fn indices(text: &str) -> Vec<u32> {
    let ranges = text.split('%').next().unwrap_or_default();
    let mut all = Vec::new();
    for part in ranges.trim_matches(['[', ']']).split(',') {
        let (range, step) = part.split_once(':').unwrap_or((part, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u32>(), last.parse::<u32>());
        if let (Ok(first), Ok(last), Ok(step)) = (first, last, step.parse::<usize>()) {
            all.extend((first..=last.min(MOST_INDICES)).step_by(step.max(1)));
        }
        if all.len() > MOST_INDICES as usize {
            break;
        }
    }
    all
}

/// The same as the accounting writes them: a number whose bits they are, `0xC` for 2 and 3.
pub(crate) fn bits(text: &str) -> Vec<u32> {
    let Some(digits) = text.strip_prefix("0x") else {
        return indices(text);
    };
    let nibbles = (0..MOST_INDICES).step_by(4).zip(digits.chars().rev());
    nibbles
        .filter_map(|(first, digit)| Some((first, digit.to_digit(16)?)))
        .flat_map(|(first, digit)| {
            (0..4)
                .filter(move |bit| digit >> bit & 1 == 1)
                .map(move |bit| first + bit)
        })
        .collect()
}

/// How a job's process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
}

/// The raw wait status (`wait(2)`) to v0.0.38, an object afterwards.
pub(crate) fn exit(value: &Value) -> Exit {
    if let Value::Object(fields) = value {
        let code = fields.get("return_code").and_then(number);
        let signal = fields
            .get("signal")
            .and_then(|signal| signal.get("id").or_else(|| signal.get("signal_id")))
            .and_then(number);
        return Exit {
            code: code.and_then(|code| i32::try_from(code).ok()),
            signal: signal
                .filter(|signal| *signal > 0)
                .and_then(|signal| i32::try_from(signal).ok()),
        };
    }
    let Some(status) = number(value).and_then(|status| i32::try_from(status).ok()) else {
        return Exit::default();
    };
    match status & 0x7f {
        0 => Exit {
            code: Some((status >> 8) & 0xff),
            signal: None,
        },
        signal => Exit {
            code: None,
            signal: Some(signal),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_read_plain_and_as_an_object() {
        assert_eq!(number(&json!(7)), Some(7));
        assert_eq!(number(&json!(2.0)), Some(2));
        assert_eq!(
            number(&json!({"set": true, "infinite": false, "number": 7})),
            Some(7)
        );
        for unset in [
            json!(null),
            json!(-1),
            json!(-2),
            json!({"set": false, "infinite": true, "number": 0}),
            json!({"set": true, "infinite": true, "number": 0}),
            json!({"number": 7}),
        ] {
            assert_eq!(number(&unset), None, "{unset}");
        }
    }

    #[test]
    fn indices_are_read_as_ranges_and_as_bits() {
        assert_eq!(indices("0-3%2"), [0, 1, 2, 3]);
        assert_eq!(indices("1,7,10-14:2"), [1, 7, 10, 12, 14]);
        assert_eq!(indices("0-1,5,..."), [0, 1, 5]);
        assert_eq!(indices(""), [0u32; 0]);
        assert_eq!(indices("3-1,x-y,1-2:0"), [1, 2]);
        assert!(indices("0-4294967295,0-9999").len() < 30_000);
        assert_eq!(bits("0xE"), [1, 2, 3]);
        assert_eq!(bits("0x10001"), [0, 16]);
        assert_eq!(bits("2-3"), [2, 3]);
    }

    #[test]
    fn wait_statuses_are_taken_apart() {
        let exit_of = |value| exit(&value);
        assert_eq!(
            exit_of(json!(10752)),
            Exit {
                code: Some(42),
                signal: None
            }
        );
        assert_eq!(
            exit_of(json!(139)),
            Exit {
                code: None,
                signal: Some(11)
            }
        );
        assert_eq!(
            exit_of(json!(15)),
            Exit {
                code: None,
                signal: Some(15)
            }
        );
        assert_eq!(
            exit_of(
                json!({"status": ["SIGNALED"], "return_code": {"set": false, "infinite": false, "number": 0},
                "signal": {"id": {"set": true, "infinite": false, "number": 11}, "name": "11"}})
            ),
            Exit {
                code: None,
                signal: Some(11)
            }
        );
    }

    proptest! {
        #[test]
        fn no_number_makes_the_readers_panic(plain in any::<f64>(), whole in any::<i64>()) {
            for value in [json!(plain), json!(whole), json!({"set": true, "number": plain})] {
                let _ = (number(&value), time(&value), exit(&value), small(&value));
            }
        }
    }
}
