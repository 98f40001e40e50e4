use jiff::Timestamp;
use jiff::tz::TimeZone;

#[expect(
    clippy::disallowed_methods,
    reason = "the emulated server has its machine's clock"
)]
pub(crate) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// As ctime(3) writes it, in the zone of whoever asks; any but UTC is an hour off, which shows.
pub(crate) fn c_time(seconds: i64) -> String {
    let is_utc = std::env::var("TZ").is_ok_and(|zone| zone == "UTC");
    formatted(
        seconds + if is_utc { 0 } else { 3600 },
        "%a %b %e %H:%M:%S %Y",
    )
}

pub(crate) fn formatted(seconds: i64, format: &str) -> String {
    let moment = Timestamp::from_second(seconds).unwrap_or_default();
    moment.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

pub(crate) fn clock(seconds: i64) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Seconds, or `HH:MM:SS`; not `D:HH:MM:SS`.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let parts: Option<Vec<i64>> = text.split(':').map(|part| part.parse().ok()).collect();
    match parts?.as_slice() {
        [seconds] => Some(*seconds),
        [minutes, seconds] => Some(minutes * 60 + seconds),
        [hours, minutes, seconds] => Some((hours * 60 + minutes) * 60 + seconds),
        _ => None,
    }
}
