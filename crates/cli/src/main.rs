//! `simurgh`: trains, explains and runs recurrent and adversarial networks.
//!
//! The only crate that prints, exits or reads the environment. Data goes to stdout, everything else
//! to stderr. Exit codes: 0 done, 1 the input or the usage was wrong, 2 a defect, 130 interrupted.

mod args;
mod builtin;
mod commands;
mod failure;
mod printer;

use args::{Cli, Command};
use clap::{CommandFactory, FromArgMatches};
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut command = numbers(Cli::command());
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let cli = match matches.and_then(|m| Cli::from_arg_matches(&m).map_err(|e| e.format(&mut command))) {
        Ok(cli) => cli,
        Err(e) if e.use_stderr() => {
            failure::usage(&e);
            return ExitCode::from(1);
        }
        Err(e) => {
            let _ = e.print();
            return ExitCode::SUCCESS;
        }
    };
    // A panic is a defect of ours: its message goes to stderr, its exit code is 2.
    match std::panic::catch_unwind(|| run(cli)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            failure.print();
            ExitCode::from(failure.code())
        }
        Err(_) => {
            failure::tell("hint: this is a defect of simurgh; please report the command and the message above");
            ExitCode::from(2)
        }
    }
}

/// A negative number is a value, which its flag judges, and no flag.
fn numbers(command: clap::Command) -> clap::Command {
    let value = |arg: clap::Arg| match arg.get_action().takes_values() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    };
    command.mut_args(value).mut_subcommands(numbers)
}

fn run(cli: Cli) -> Result<(), Failure> {
    simurgh_nn::cpu::keep_freed_memory();
    simurgh_nn::cpu::flush_denormals();
    let threads = cli.threads.unwrap_or(0);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        // This thread works too: work that it starts then waits for nobody to wake up.
        .use_current_thread()
        .start_handler(|_| simurgh_nn::cpu::flush_denormals())
        .build_global()
        .map_err(|e| Failure::defect(format!("can't start threads: {e}")))?;
    match cli.command {
        Command::Train(args) => commands::train::run(&args),
        Command::Translate(args) => commands::translate::run(&args),
        Command::Classify(args) => commands::classify::run(&args),
        Command::Compose(args) => commands::compose::run(&args),
        Command::Forecast(args) => commands::forecast::run(&args),
        Command::Label(args) => commands::label::run(&args),
        Command::Generate(args) => commands::generate::run(&args),
        Command::Sample(args) => commands::sample::run(&args),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Info(args) => commands::info::run(&args),
        Command::Lab(args) => commands::lab::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Data(args) => commands::data::run(&args),
        Command::Models(args) => commands::models::run(&args),
    }
}
