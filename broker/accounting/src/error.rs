use broker_model::UnitMillis;
use jiff::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the job needs {needed} hours and {remaining} remain of the allocation")]
    Insufficient {
        needed: UnitMillis,
        remaining: UnitMillis,
    },
    #[error("{asked} hours are to be taken from the hold and only {held} are held")]
    HeldTooLittle { asked: UnitMillis, held: UnitMillis },
    #[error("{asked} hours are to be declared lost and only {remaining} remain")]
    RemainsTooLittle {
        asked: UnitMillis,
        remaining: UnitMillis,
    },
    #[error("the grant cannot be cut to {to} hours: {taken} are used, held or lost")]
    GrantTooSmall { to: UnitMillis, taken: UnitMillis },
    #[error("{asked} hours are to be given back and only {lost} were lost")]
    LostTooLittle { asked: UnitMillis, lost: UnitMillis },
    #[error("an amount to {operation} is {amount} hours; it cannot be negative")]
    NegativeAmount {
        operation: &'static str,
        amount: UnitMillis,
    },
    /// No operation of this crate makes such a balance: somebody wrote to the database.
    #[error("the stored balance has {amount} hours {part}; no part of it can be negative")]
    BrokenBalance {
        part: &'static str,
        amount: UnitMillis,
    },
    #[error("{what} does not fit in 64 bits of milliseconds (about 2.5 million million hours)")]
    Overflow { what: &'static str },
    #[error("the site's record ends at {ended_at}, before it starts at {started_at}")]
    EndsBeforeStart {
        started_at: Timestamp,
        ended_at: Timestamp,
    },
    #[error("`{key}` of partition `{partition}` is 0; it divides, so it must be 1 or more")]
    ZeroDivisor {
        partition: String,
        key: &'static str,
    },
    #[error("how partition `{partition}` charges is not known")]
    NoBilling { partition: String },
    #[error(
        "the job takes no GPU, and a federation-wide allocation is counted in GPU-hours; \
         use an allocation at one system, whose unit its site charges for CPUs as well"
    )]
    NoGpuTime,
}
