//! Flows through the built programs, with nothing in them replaced. One binary, so that PostgreSQL is
//! started once.

mod crash;
mod demo;
mod example;
mod federation;
mod operations;
mod refusals;
mod shutdown;
mod slurm;
mod tls;
mod workspace;
