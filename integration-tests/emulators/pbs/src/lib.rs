//! An emulated PBS: the commands of a client, answering as recordings of OpenPBS 23.06.06 say, over a
//! folder that holds the server's state. Jobs really run, as processes of this machine.
//!
//! One program is all commands, by the name it is called with; there is no daemon. A command takes the
//! folder's lock, does its work, lets the scheduler look, and goes; each running job has a process of
//! its own that waits for it, stands for its `pbs_mom`, and writes down how it ended.
//!
//! What goes wrong with a real server is switched on by files under `switches/`
//! ([`Emulator::switch`]); what goes wrong on the way to it, by [`Emulator::roughen`].

pub mod commands;
mod emulator;
pub mod mom;
mod output;
mod queues;
pub mod rough;
mod schedule;
mod server;
mod state;
mod times;

pub use emulator::Emulator;
pub use server::Server;
