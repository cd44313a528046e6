//! Options that several commands share, as they are typed. A command takes the groups that mean something to it.
//! Deliberately absent: what is made of them, which is in `wiring`, `logs` and `policy`.

use std::path::PathBuf;

use clap::ValueEnum;
use wasaga_core::definition::CompensationPolicy;

use crate::policy::Grant;
use crate::units;

/// How a command speaks. Every command takes it.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Speech {
    /// One JSON value on standard output, for programs; also for an error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When colours are used
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Only what it came to: no rows, no remarks, and of log lines only errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// More log lines: `-v` for what the host does, `-vv` for why
    #[arg(long, short, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Which log lines are written to standard error, such as `info` or `warn,wasaga::guest=debug`
    /// [default: `warn,wasaga::guest=info`, which shows the lines of guests]
    #[arg(long, global = true, value_name = "FILTER", env = "WASAGA_LOG")]
    pub(crate) log: Option<String>,
    /// How log lines are written
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "WASAGA_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
}

impl Speech {
    /// Whether rows are shown while a transaction runs.
    pub(crate) fn rows(&self) -> Rows {
        if self.json || self.quiet { Rows::Hidden } else { Rows::Shown }
    }
}

/// What is shown while a transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    Shown,
    Hidden,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Where transactions are.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Journal")]
pub(crate) struct JournalOptions {
    /// Where transactions are kept: `memory:`, or `sqlite:PATH[?synchronous=full|normal|off]`
    /// [default: a file in your data directory]
    #[arg(long, value_name = "URL", env = "WASAGA_JOURNAL")]
    pub(crate) journal: Option<String>,
}

/// Where compiled modules are.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Modules")]
pub(crate) struct CacheOptions {
    /// Where compiled modules are kept [default: your cache directory]
    #[arg(long, value_name = "DIR", env = "WASAGA_CACHE")]
    pub(crate) cache: Option<PathBuf>,
}

/// What modules may reach and use.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Modules")]
pub(crate) struct PolicyOptions {
    /// What modules may reach and use: a TOML file with a section `[modules.NAME]` for each
    #[arg(long, value_name = "FILE", env = "WASAGA_POLICY", value_parser = policy_file)]
    pub(crate) policy: Option<PathBuf>,
    /// Grants a module that asks for it an origin, `shop:http:https://api.example.com`, or an address that is
    /// not public, `shop:address:127.0.0.1:8080`; without a module's name it is granted to all. May stand several times
    #[arg(long, value_name = "[MODULE:]http:ORIGIN|address:ADDRESS")]
    pub(crate) grant: Vec<Grant>,
    /// As it was called before.
    #[arg(long, hide = true, value_parser = renamed_policy)]
    policy_file: Option<String>,
}

/// The policy file. What was meant by `--policy` before is told apart.
fn policy_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_order = CompensationPolicy::ALL.iter().any(|policy| policy.as_str() == text);
    if is_order && !path.exists() {
        return Err(format!("`{text}` is an order of undoing (write `--compensation-policy {text}`)"));
    }
    Ok(path)
}

fn renamed_policy(text: &str) -> Result<String, String> {
    Err(format!("it is called `--policy` now (write `--policy {text}`)"))
}

/// What a command that runs guests needs.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Modules")]
pub(crate) struct GuestOptions {
    #[command(flatten)]
    pub(crate) cache: CacheOptions,
    #[command(flatten)]
    pub(crate) policy: PolicyOptions,
    /// Memory that all guests may have together, such as `512MiB` or `2GiB`: a call that does not fit
    /// waits for its turn [default: half of the machine's]
    #[arg(long, value_name = "SIZE", env = "WASAGA_GUEST_MEMORY", value_parser = units::guest_memory)]
    pub(crate) guest_memory: Option<u64>,
    /// Certificates in PEM that are trusted instead of the system's when a guest calls `https`
    #[arg(long, value_name = "FILE", env = "WASAGA_TLS_ROOTS")]
    pub(crate) tls_roots: Option<PathBuf>,
}
