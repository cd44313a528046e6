//! The command line: one file a command. What the user typed is in these structs; what the program
//! needs of it is made in each command.

mod bench;
mod build;
mod completions;
mod graph;
mod inspect;
mod new;
mod operate;
mod resume;
mod run;
mod transactions;
mod validate;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::exit::{Exit, TABLE};
use crate::input;
use crate::policy::Grant;

const ABOUT: &str = "Runs sagas and TCC transactions whose business logic lives in WebAssembly components.";
const LONG_ABOUT: &str = "\
Runs sagas and TCC transactions whose business logic lives in WebAssembly components.

A guest, compiled from Rust or Python, describes its sagas and TCCs. wasaga calls each step, and each
participant's try, confirm and cancel, in a sandbox under fuel, time and memory limits, keeps a durable
journal, retries, compensates, and after a crash goes on exactly where the journal ends.

  wasaga new rust shop && cd shop && wasaga build    from nothing to a component
  wasaga run shop.wasm --input '{\"sku\":\"tea\"}'     run a saga and see it happen
  wasaga transactions list --status stuck            what waits for a person
  wasaga resume                                      go on with what a crash left";

/// What was typed.
#[derive(Debug, Parser)]
#[command(name = "wasaga", version, about = ABOUT, long_about = LONG_ABOUT, after_help = TABLE, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Options {
    /// Where transactions are kept: `memory:`, or `sqlite:PATH[?synchronous=full|normal|off]`
    /// [default: a file in your data directory]
    #[arg(long, global = true, value_name = "URL", env = "WASAGA_JOURNAL")]
    pub(crate) journal: Option<String>,
    /// Where compiled modules are kept [default: your cache directory]
    #[arg(long, global = true, value_name = "DIR", env = "WASAGA_CACHE")]
    pub(crate) cache: Option<PathBuf>,
    /// Memory that all guests may have together, such as `512MiB` or `2GiB`: a call that does not fit
    /// waits for its turn [default: half of the machine's]
    #[arg(long, global = true, value_name = "SIZE", env = "WASAGA_GUEST_MEMORY", value_parser = input::size)]
    pub(crate) guest_memory: Option<u64>,
    /// What modules may reach and use: a TOML file with a section `[modules.NAME]` for each
    #[arg(long, global = true, value_name = "FILE", env = "WASAGA_POLICY")]
    pub(crate) policy_file: Option<PathBuf>,
    /// Grants every module that asks for it an origin, `http:https://api.example.com`, or an address that is
    /// not public, `address:127.0.0.1:8080`; may stand several times
    #[arg(long, global = true, value_name = "http:ORIGIN|address:ADDRESS")]
    pub(crate) grant: Vec<Grant>,
    /// Certificates in PEM that are trusted instead of the system's when a guest calls `https`
    #[arg(long, global = true, value_name = "FILE", env = "WASAGA_TLS_ROOTS")]
    pub(crate) tls_roots: Option<PathBuf>,
    /// One JSON object on standard output, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Which log lines are written to standard error, such as `info` or `warn,wasaga::guest=debug`
    #[arg(long, global = true, value_name = "FILTER", env = "WASAGA_LOG", default_value = "warn")]
    pub(crate) log: String,
    /// How log lines are written
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "WASAGA_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a project to begin with: a saga, a test, and the SDK
    New(new::New),
    /// Build a project to a component
    Build(build::Build),
    /// Run a saga or a TCC and see it happen
    Run(run::Run),
    /// Go on with what a crash, a pause or an interruption left unfinished
    Resume(resume::Resume),
    /// Show what a module says of itself: its sagas and TCCs, limits and schemas
    Inspect(inspect::Inspect),
    /// Check a module: its contract and every definition, all mistakes at once
    Validate(validate::Validate),
    /// Draw the graph of a saga, or the order of a TCC
    Graph(graph::Graph),
    /// List transactions, or show one
    #[command(subcommand, visible_alias = "tx")]
    Transactions(transactions::Transactions),
    /// Try stuck compensations, confirms or cancels again
    Retry(operate::Retry),
    /// Give a stuck compensation, confirm or cancel up: a person has seen to it, or accepts it
    Skip(operate::Skip),
    /// Try a stuck compensation, confirm or cancel again, with other arguments
    Patch(operate::Patch),
    /// Make a saga unwind, or a TCC cancel
    Cancel(operate::Cancel),
    /// Let calls in flight end, and begin no others until `resume`
    Pause(operate::Pause),
    /// End a transaction where it stands: nothing more is undone, confirmed or cancelled
    Terminate(operate::Terminate),
    /// Measure how many transactions a second this machine runs, and where the time goes
    Bench(bench::Bench),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

/// Reads the command line; what cannot be read ends the process with 2.
pub(crate) fn parse() -> Cli {
    Cli::parse()
}

/// Does what was typed.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let options = &cli.options;
    match cli.command {
        Command::New(command) => command.run(),
        Command::Build(command) => command.run(options).await,
        Command::Run(command) => command.run(options).await,
        Command::Resume(command) => command.run(options).await,
        Command::Inspect(command) => command.run(options).await,
        Command::Validate(command) => command.run(options).await,
        Command::Graph(command) => command.run(options).await,
        Command::Transactions(command) => command.run(options).await,
        Command::Retry(command) => command.run(options).await,
        Command::Skip(command) => command.run(options).await,
        Command::Patch(command) => command.run(options).await,
        Command::Cancel(command) => command.run(options).await,
        Command::Pause(command) => command.run(options).await,
        Command::Terminate(command) => command.run(options).await,
        Command::Bench(command) => command.run(options).await,
        Command::Completions(command) => Ok(command.run()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
