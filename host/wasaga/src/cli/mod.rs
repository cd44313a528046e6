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
mod schema;
mod transactions;
mod validate;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::exit::{self, Exit, TABLE};
use crate::options::{Color, Speech};

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
    pub(crate) speech: Speech,
    #[command(subcommand)]
    command: Command,
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
    /// Print the JSON Schema of what wasaga reads
    Schema(schema::Schema),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

/// Reads the command line. What cannot be read is told, and so is what is asked for instead: help, a version.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    let words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    // What cannot be read still says for whom it is.
    let said = words.iter().take_while(|word| *word != "--");
    let is_json = said.clone().any(|word| word == "--json");
    let plain = |word: &std::ffi::OsString| word == "--color=never";
    if said.clone().any(plain) || said.clone().zip(words.iter().skip(1)).any(|(a, b)| a == "--color" && b == "never") {
        console::set_colors_enabled(false);
        console::set_colors_enabled_stderr(false);
    }
    let cli = Cli::try_parse_from(&words).map_err(|error| exit::fail_usage(&error, is_json))?;
    let is_colored = match cli.speech.color {
        Color::Auto => return Ok(cli),
        Color::Always => true,
        Color::Never => false,
    };
    console::set_colors_enabled(is_colored);
    console::set_colors_enabled_stderr(is_colored);
    Ok(cli)
}

impl Cli {
    /// What is logged where nothing else is said: what somebody should look at, and what guests say. A measurement runs a
    /// guest ten thousand times a second, and its lines with it.
    pub(crate) fn usual_log(&self) -> &'static str {
        if matches!(self.command, Command::Bench(_)) { "warn" } else { "warn,wasaga::guest=info" }
    }
}

/// Does what was typed.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let speech = &cli.speech;
    match cli.command {
        Command::New(command) => command.run(speech),
        Command::Build(command) => command.run(speech).await,
        Command::Run(command) => command.run(speech).await,
        Command::Resume(command) => command.run(speech).await,
        Command::Inspect(command) => command.run(speech).await,
        Command::Validate(command) => command.run(speech).await,
        Command::Graph(command) => command.run(speech).await,
        Command::Transactions(command) => command.run(speech).await,
        Command::Retry(command) => command.run(speech).await,
        Command::Skip(command) => command.run(speech).await,
        Command::Patch(command) => command.run(speech).await,
        Command::Cancel(command) => command.run(speech).await,
        Command::Pause(command) => command.run(speech).await,
        Command::Terminate(command) => command.run(speech).await,
        Command::Bench(command) => command.run(speech).await,
        Command::Schema(command) => command.run(),
        Command::Completions(command) => command.run(Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
