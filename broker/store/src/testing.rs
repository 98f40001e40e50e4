//! What tests of this crate and of others start: real databases.

mod postgres;

pub use postgres::TestPostgres;
