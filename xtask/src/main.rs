//! The commands of this repository: `cargo xtask --help` lists them. Plain Rust and cargo; whatever
//! a command needs and the machine lacks, it installs or names. Deliberately absent: anything that
//! users of the product need; that is in the binary.

mod bench;
mod check;
mod demo;
mod fuzz;
mod guests;
mod host;
mod hostile;
mod python;
mod shell;
mod simulate;
mod test;
mod toolchain;
mod torture;

use clap::{Parser, Subcommand};

/// The commands of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build all, then see three sagas: one that works, one that is undone, one that is killed and resumed
    Demo,
    /// Run every test, with all set-up
    Test(test::Test),
    /// Formatting, lints, the core without std, the documentation
    Check,
    /// Build every guest and print its path
    Guests,
    /// Measure what is promised of the speed, and write docs/performance.md
    Bench(bench::Bench),
    /// Run the real engine through random worlds, one a seed, and check what came of it
    Simulate(simulate::Simulate),
    /// Kill the real binary under load, fill its disk, hold its journal, stop it, and balance its journal with what
    /// partners saw
    Torture(torture::Torture),
    /// Let hostile guests and files try what they can, and show what became of each and of the host's memory
    Hostile,
    /// Try random input on what comes from outside: definitions, records, inputs, bindings, conditions
    Fuzz(fuzz::Fuzz),
}

fn main() -> anyhow::Result<()> {
    shell::at_root()?;
    match Xtask::parse().command {
        Command::Demo => demo::run(),
        Command::Test(test) => test.run(),
        Command::Check => check::all(),
        Command::Guests => guests::run(),
        Command::Bench(bench) => bench.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Torture(torture) => torture.run(),
        Command::Hostile => hostile::run(),
        Command::Fuzz(fuzz) => fuzz.run(),
    }
}
