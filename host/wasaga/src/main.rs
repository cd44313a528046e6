//! The wasaga binary. Deliberately absent: everything but the end of it; `cli` has the commands and
//! `wiring` the list of backends.

mod cli;
mod exit;
mod graph;
mod input;
mod logs;
mod policy;
mod project;
mod text;
mod view;
mod wiring;

use std::process::ExitCode;

/// Memory is taken by one thread and given back by another with every call and append, which the system's own allocator is
/// slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Turns of a thread between two looks at its timers. Where every thread runs guests that spin, a turn
/// takes 10 ms, and a deadline must be kept within 100 ms; tokio's own 61 turns are 610 ms.
const TURNS: u32 = 7;

fn main() -> ExitCode {
    // Started by a sandbox of this program, to compile one module: limits are set on this process, and no one types it.
    if std::env::args_os().nth(1).is_some_and(|first| first == wasaga_sandbox::COMPILE_MODULE) {
        return wasaga_sandbox::compile_module();
    }
    let cli = cli::parse();
    logs::start(&cli.options);
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = match threads.enable_all().event_interval(TURNS).build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::fail(&anyhow::Error::new(error).context("no threads can be started")),
    };
    match runtime.block_on(cli::run(cli)) {
        Ok(exit) => exit.into(),
        Err(error) => exit::fail(&error),
    }
}
