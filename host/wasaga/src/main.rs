//! The wasaga binary. Deliberately absent: everything but the end of it; `cli` has the commands and
//! `wiring` the list of backends.

mod cli;
mod exit;
mod graph;
mod input;
mod logs;
mod project;
mod text;
mod view;
mod wiring;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::parse();
    logs::start(&cli.options);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::fail(&anyhow::Error::new(error).context("no threads can be started")),
    };
    match runtime.block_on(cli::run(cli)) {
        Ok(exit) => exit.into(),
        Err(error) => exit::fail(&error),
    }
}
