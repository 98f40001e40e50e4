//! PBS's times, durations and sizes.

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `Fri Nov 20 10:06:07 2026`, as ctime(3) writes it, in UTC since that is the zone commands run in.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let mut words = text.split_ascii_whitespace();
    let (_, month, day, clock, year) = (
        words.next()?,
        words.next()?,
        words.next()?,
        words.next()?,
        words.next()?,
    );
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let month = i8::try_from(month).ok()?;
    let (day, year): (i8, i16) = (day.parse().ok()?, year.parse().ok()?);
    let mut parts = clock.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let day = jiff::civil::Date::new(year, month, day).ok()?;
    let time = jiff::civil::Time::new(hour, minute, second, 0).ok()?;
    let zoned = day.to_datetime(time).to_zoned(TimeZone::UTC).ok()?;
    (words.next().is_none() && day >= date(1970, 1, 1)).then(|| zoned.timestamp())
}

pub(crate) fn epoch(text: &str) -> Option<Timestamp> {
    let seconds: i64 = text.parse().ok()?;
    (seconds > 0)
        .then(|| Timestamp::from_second(seconds).ok())
        .flatten()
}

/// `HH:MM:SS`, `MM:SS` or seconds; hours may be more than 24.
pub(crate) fn duration(text: &str) -> Option<u64> {
    let mut seconds = 0_u64;
    for part in text.split(':') {
        let part: u64 = part.parse().ok()?;
        seconds = seconds.checked_mul(60)?.checked_add(part)?;
    }
    Some(seconds)
}

/// `2gb`, `8560kb`, `512`: whole GiB, rounded up. PBS's units are powers of 1024.
pub(crate) fn gib(text: &str) -> Option<u32> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..)?.to_ascii_lowercase();
    let (prefix, word) = match unit.strip_suffix('w') {
        Some(prefix) => (prefix, 8),
        None => (unit.strip_suffix('b').unwrap_or(&unit), 1),
    };
    let power = ["", "k", "m", "g", "t", "p"]
        .iter()
        .position(|p| *p == prefix)?;
    let scale = 1024_u128.checked_pow(u32::try_from(power).ok()?)?;
    let amount: u128 = digits.parse().ok()?;
    let bytes = amount.checked_mul(scale)?.checked_mul(word)?;
    u32::try_from(bytes.div_ceil(1 << 30)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_c_time_is_read_as_utc() {
        let read = time("Fri Nov 20 10:06:07 2026").unwrap();
        // The same moment's `history_timestamp` in `01_submit/qstat_x_f_json_of_full_finished`.
        assert_eq!(read.as_second() + 2, 1_795_169_169);
        assert_eq!(
            time("Sun Nov  1 00:00:00 2026").unwrap().to_string(),
            "2026-11-01T00:00:00Z"
        );
        for wrong in [
            "",
            "Fri Nov 20",
            "Fri Foo 20 10:06:07 2026",
            "Fri Nov 31 10:06:07 2026",
            "Fri Nov 20 10:06 2026",
        ] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_and_sizes_are_read() {
        assert_eq!(duration("01:00:00"), Some(3600));
        assert_eq!(duration("100:00:01"), Some(360_001));
        assert_eq!(duration("90"), Some(90));
        assert_eq!(duration("tenminutes"), None);
        assert_eq!(
            (gib("64gb"), gib("1048576kb"), gib("1"), gib("2tb")),
            (Some(64), Some(1), Some(1), Some(2048))
        );
        assert_eq!((gib("1Gi"), gib("gb"), gib("-1gb")), (None, None, None));
    }
}
