//! `ctl`: installs, starts, watches and tests a Shinkofa platform from its checkout.
#![allow(clippy::print_stdout, reason = "a command-line program speaks on standard output")]

mod account;
mod binaries;
mod bring_up;
mod certificates;
mod commands;
mod files;
mod front_door;
mod gateway;
mod hosts_file;
mod images;
mod installation;
mod invariants;
mod journal;
mod keyring;
mod launch;
mod layout;
mod manifest;
mod ports;
mod postgres;
mod preflight;
mod procfs;
mod redis;
mod scaffold;
mod second_factor;
mod secrets;
mod seeds;
mod settings;
mod stores;
mod story;
mod supervisor;
mod testing;
mod throwaway;
mod wait;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::installation::Installation;
use crate::layout::Stack;

#[derive(Debug, Parser)]
#[command(name = "ctl", about = "Operates a Shinkofa installation", version)]
struct Arguments {
    /// Which installation of this checkout is meant.
    #[arg(long, global = true, value_enum, default_value_t = Stack::Main)]
    stack: Stack,
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Builds and starts everything; safe to repeat.
    Up(commands::up::UpArguments),
    /// Stops everything.
    Down,
    /// Shows every process; fails unless all are ready.
    Status(commands::status::StatusArguments),
    /// Shows logs.
    Logs(commands::logs::LogsArguments),
    /// Restarts one service or store.
    Restart(commands::restart::RestartArguments),
    /// Deletes all data after putting a copy aside.
    Reset(commands::reset::ResetArguments),
    /// Lists what is wrong, each with its remedy.
    Doctor,
    /// Asks whether everything that must be true of the data is true.
    Invariants(commands::invariants::InvariantsArguments),
    /// Verifies what must not have been changed.
    Audit {
        #[command(subcommand)]
        verb: commands::audit::AuditVerb,
    },
    /// Replaces the keys that sign tokens, while everything runs.
    Keys {
        #[command(subcommand)]
        verb: commands::keys::KeysVerb,
    },
    /// Makes demo data.
    Seed(commands::seed::SeedArguments),
    /// Plays the whole story through the gateway.
    Demo,
    /// Lists secrets, never their values.
    Secrets {
        #[command(subcommand)]
        verb: commands::secrets::SecretsVerb,
    },
    /// Makes a new service from the template and adds it to the manifest.
    NewService(commands::new_service::NewServiceArguments),
    /// Writes the files below docker/ that come from the manifest.
    Render,
    /// Runs every check and test.
    Test(commands::test::TestArguments),
    /// Measures booking, or auth, beside what their work costs at the least, on a stack of its own.
    Bench(commands::bench::BenchArguments),
    /// Starts PostgreSQL and Redis for tests and prints the variables that tests read.
    TestEnv,
    /// Prints the variables by which the cross-service tests find the suite's stack, for work on it.
    SuiteEnv,
    /// The daemon that keeps processes running; started by `up`.
    #[command(hide = true)]
    Supervise,
}

/// One thread: the supervisor's children die with the thread that started them.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

/// False when the command did its work and found something wanting.
async fn run(arguments: Arguments) -> Result<bool> {
    let stack = arguments.stack;
    match arguments.command {
        Verb::Up(arguments) => commands::up::run(stack, arguments).await?,
        Verb::Down => commands::down::run(stack)?,
        Verb::Status(arguments) => return commands::status::run(stack, arguments),
        Verb::Logs(arguments) => commands::logs::run(stack, &arguments)?,
        Verb::Restart(arguments) => commands::restart::run(stack, &arguments)?,
        Verb::Reset(arguments) => commands::reset::run(stack, arguments)?,
        Verb::Doctor => commands::doctor::run(stack)?,
        Verb::Invariants(arguments) => return commands::invariants::run(stack, arguments),
        Verb::Audit { verb } => return commands::audit::run(stack, &verb),
        Verb::Keys { verb } => commands::keys::run(stack, verb)?,
        Verb::Seed(arguments) => commands::seed::run(stack, arguments).await?,
        Verb::Demo => commands::demo::run(stack).await?,
        Verb::Secrets { verb } => commands::secrets::run(stack, verb)?,
        Verb::NewService(arguments) => commands::new_service::run(&arguments)?,
        Verb::Render => commands::render::run()?,
        Verb::Test(arguments) => return commands::test::run(arguments).await,
        Verb::Bench(arguments) => return commands::bench::run(arguments).await,
        Verb::TestEnv => commands::test_env::run()?,
        Verb::SuiteEnv => commands::suite_env::run()?,
        Verb::Supervise => supervisor::run(&Installation::attach(stack)?.layout).await?,
    }
    Ok(true)
}
