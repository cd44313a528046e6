//! The wasaga binary. Deliberately absent: everything but its beginning and its end; `cli` has the commands and
//! `wiring` the list of backends.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;
mod exit;
mod files;
mod graph;
mod hints;
mod input;
mod loading;
mod logs;
mod options;
mod out;
mod policy;
mod project;
mod shown;
mod text;
mod units;
mod view;
mod waiting;
mod wiring;

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

/// Memory is taken by one thread and given back by another with every call and append, which the system's own allocator is
/// slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Turns of a thread between two looks at its timers. Where every thread runs guests that spin, a turn
/// takes 10 ms, and a deadline must be kept within 100 ms; tokio's own 61 turns are 610 ms.
const TURNS: u32 = 7;

/// The signal of a write beyond the size that files may have. It ends a process that does not listen; to one that does, the
/// write is an error like that of a full disk. The number is the same on Linux and macOS, but for rare processors.
const FILE_TOO_LARGE: i32 = 25;

fn main() -> ExitCode {
    // Started by a sandbox of this program, to compile one module: limits are set on this process, and no one types it.
    if std::env::args_os().nth(1).is_some_and(|first| first == wasaga_sandbox::COMPILE_MODULE) {
        return wasaga_sandbox::compile_module();
    }
    let exit = cli::parse().map_or_else(|unread| unread, run);
    out::flush();
    exit
}

fn run(cli: cli::Cli) -> ExitCode {
    let is_json = cli.speech.json;
    logs::start(&cli.speech, cli.usual_log());
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = match threads.enable_all().event_interval(TURNS).build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::fail(&anyhow::Error::new(error).context("no threads can be started"), is_json),
    };
    let done = runtime.block_on(async {
        // Where it cannot be listened for, that write ends the process as it does every other.
        let _listening = signal(SignalKind::from_raw(FILE_TOO_LARGE));
        cli::run(cli).await
    });
    // A module that is still compiled, or a name that is still looked up, is waited for by nobody.
    runtime.shutdown_background();
    match done {
        Ok(exit) => exit.into(),
        Err(error) => exit::fail(&error, is_json),
    }
}
