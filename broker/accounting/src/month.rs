use jiff::Timestamp;

/// The month that usage belongs to: that of its end, in UTC, as `2026-11`.
///
/// A job over midnight at the end of a month counts whole in the next one, as in EGI's accounting;
/// splitting it would need a second record that no site gives.
pub fn month_of(ended_at: Timestamp) -> String {
    ended_at.strftime("%Y-%m").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_counts_in_the_utc_month_of_its_end() {
        for (ended_at, month) in [
            ("2026-10-31T23:59:59.999Z", "2026-10"),
            ("2026-11-01T00:00:00Z", "2026-11"),
            ("2026-11-01T01:30:00+02:00", "2026-10"),
            ("2026-12-31T23:30:00-01:00", "2027-01"),
        ] {
            assert_eq!(month_of(ended_at.parse().unwrap()), month, "{ended_at}");
        }
    }
}
