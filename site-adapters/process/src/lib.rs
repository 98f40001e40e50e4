//! Runs jobs as local process groups under limits, with declared nodes and GPUs: the adapter of the
//! embedded default, of a workstation, and of a small site without a scheduler.
//!
//! Every job runs as the agent's own user, and the agent refuses a mapping to another one; the account
//! is written down and no more. A job's GPUs are indices in `ALCYONE_GPUS` and `CUDA_VISIBLE_DEVICES`;
//! no two running jobs share one.
//!
//! # One start per job, whatever dies
//!
//! All truth is in files, so a new adapter over the same folder goes on where the last one was:
//!
//! 1. `submit` writes a folder under `tmp/`, syncs it, and renames it to `live/<marker>/`: a job is
//!    there as a whole or not at all, and the second of two submits fails to rename and adopts.
//! 2. To start it, `grant.json` (nodes, GPUs, this boot's id) is synced, then the
//!    wrapper (`wrapper::WRAPPER`) is spawned. Its first act is to create the file `pid` with
//!    `O_EXCL`: of any number of wrappers exactly one gets past this line.
//! 3. It runs the script in a session of its own and writes its status to `exit` in one write, over
//!    blanks that were put there before the start: a full disk does not stop it.
//!    `exit` counts once it has a newline. A wrapper that is gone without it was killed, or
//!    the machine went down: the job ends as a node failure, written down as `lost`.
//! 4. Ended folders move to `ended/`, so nothing here grows with the number of finished jobs.
//!
//! An array has a folder without a start of its own; each of its tasks gets one beside it
//! (`<marker>.<index>`) when it starts, and is a job like any other from there on. Jobs that wait for
//! others are let go, or ended, whenever a job ends.
//!
//! One adapter at a time holds the lock on the folder. A child between fork and exec still shares
//! that lock, so whoever gets it sees every wrapper of its predecessor in `/proc`.
//!
//! What the wrapper cannot know: whether `exit 137` was the script's own or the status of a killed
//! process, as in any POSIX shell; both are told. Processes that leave the job's session outlive a
//! job that ends by itself, and are stopped when it is cancelled, timed out or lost.
//!
//! Run the agent's unit with `KillMode=process` (`config/systemd/alcyone-agent.service`), or systemd stops
//! the jobs together with the agent.

mod adapter;
mod arrays;
mod capacity;
mod cgroup;
mod config;
mod folder;
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod inner;
mod probe;
mod procfs;
mod recovery;
mod retention;
mod roster;
mod rounds;
mod states;
mod wrapper;

pub use adapter::ProcessAdapter;
pub use config::{CgroupChoice, Config, PartitionConfig};
pub use probe::probe_beside;
