//! The single point of contact: centres, referrals with their clocks, and sides that meet.

mod case;
mod jobs;
mod meeting;
mod referrals;
mod refused;
