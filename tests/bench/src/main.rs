//! Measures a platform beside what its work costs at the least, on a stack of their own: booking beside pgbench, which runs
//! the SQL that booking was seen to run; auth beside the bare hash, pgbench and Redis.
#![allow(clippy::print_stdout, reason = "a command-line program speaks on standard output")]

mod auth;
mod booking;
mod capture;
mod database;
mod figures;
mod load;
mod logging;
mod observe;
mod perf;
mod pgbench;
mod processes;
mod profile;
mod script;
mod settled;
mod stack;
mod tokens;
mod waits;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

#[derive(Debug, Clone, Copy, Parser)]
#[command(about = "Measures a stack that `deploy/bench` has started")]
struct Arguments {
    /// What is measured.
    #[arg(value_enum, default_value_t = Subject::Booking)]
    subject: Subject,
    /// How often everything is measured; the medians are what counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// How long each side runs in a round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Connections over HTTP, of each service to its database, of pgbench and to Redis.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(2..=64))]
    connections: u16,
    /// Tells of missed goals without failing.
    #[arg(long)]
    report_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    Booking,
    Auth,
}

/// One thread: the load generator is to leave the processors to what is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.subject {
        Subject::Booking => booking::run(arguments).await,
        Subject::Auth => auth::run(arguments).await,
    };
    match result {
        Ok(missed) if missed.is_empty() => ExitCode::SUCCESS,
        Ok(missed) => {
            // Under the profiles, where whoever waited for the end looks.
            println!("\nmissed goals\n{}", missed.join("\n"));
            if arguments.report_only { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
