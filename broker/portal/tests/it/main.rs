//! The portal as a browser meets it: real HTTP, a real store, the code flow with the development issuer.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails by panicking"
)]

mod accounts;
mod agents;
mod applications;
mod browser;
mod by_people;
mod contact;
mod follow_ups;
mod funding;
mod house;
mod jobs;
mod languages;
mod long_lists;
mod matching;
mod members;
mod organisations;
mod pages;
mod referrals;
mod reviews;
mod routes;
mod signing_in;
mod site_admin;
mod terms;
