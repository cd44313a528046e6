//! What the process's exit code says: one table, which help and README show as well; and how an error is told, to people and
//! to programs.

use std::process::ExitCode;

use console::Style;
use wasaga_core::{Json, Report, Status};
use wasaga_engine::Error as EngineError;
use wasaga_journal::PostError;

use crate::out;
use crate::shown::{Shown, shown};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The transaction completed or was confirmed, or the command did what it was asked.
    Completed,
    /// The host failed: its journal, its disk, or a bug.
    Host,
    /// What was given cannot be used: arguments, a file, an input, a transaction's id.
    BadInput,
    /// The transaction was undone or cancelled.
    Compensated,
    /// The transaction waits for a person.
    Stuck,
    /// An operator ended the transaction.
    Terminated,
    /// The transaction is not finished: it is paused, or this process was asked to end.
    Unfinished,
    /// What was asked for is sound, and does not fit where a transaction stands.
    Conflict,
}

/// The table, as help shows it.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  completed or confirmed: the transaction, or what the command was asked for
  1  host error: the journal, the disk, or a bug
  2  bad input: arguments, a file, JSON, an unknown id
  3  compensated or cancelled: what was done is undone
  4  stuck: it waits for a person
  5  terminated: an operator ended it
  6  unfinished: paused, interrupted, or held; `wasaga resume` goes on
  7  conflict: what was asked does not fit where the transaction stands, or its key has another input";

impl Exit {
    /// What a transaction came to.
    pub(crate) fn of(report: &Report) -> Self {
        match report.status {
            Status::Completed | Status::Confirmed => Self::Completed,
            Status::Compensated | Status::Cancelled => Self::Compensated,
            Status::Stuck => Self::Stuck,
            Status::Terminated => Self::Terminated,
            Status::Scheduled
            | Status::Running
            | Status::Compensating
            | Status::Trying
            | Status::Confirming
            | Status::Cancelling => Self::Unfinished,
        }
    }

    /// What an error came to.
    pub(crate) fn of_error(error: &anyhow::Error) -> Self {
        exit_of(error)
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::Host => 1,
            Self::BadInput => 2,
            Self::Compensated => 3,
            Self::Stuck => 4,
            Self::Terminated => 5,
            Self::Unfinished => 6,
            Self::Conflict => 7,
        }
    }

    /// What programs get of an error's kind.
    const fn kind(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Host => "host",
            Self::BadInput => "bad-input",
            Self::Compensated => "compensated",
            Self::Stuck => "stuck",
            Self::Terminated => "terminated",
            Self::Unfinished => "unfinished",
            Self::Conflict => "conflict",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What the user gave cannot be used; the message names it and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct BadInput {
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl BadInput {
    /// A message that stands alone.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// A message with what is behind it.
    pub(crate) fn because(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }
}

/// What programs get of an error.
#[derive(serde::Serialize)]
pub(crate) struct Told {
    /// `bad-input`, `conflict`, `unfinished` or `host`.
    kind: &'static str,
    /// The exit code.
    exit: u8,
    message: String,
}

#[derive(serde::Serialize)]
struct Failed {
    error: Told,
}

impl Told {
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let exit = exit_of(error);
        Self { kind: exit.kind(), exit: exit.code(), message: messages(error).join(": ") }
    }
}

/// Says what went wrong, and who can mend it: to people on standard error, to programs on standard output too.
pub(crate) fn fail(error: &anyhow::Error, is_json: bool) -> ExitCode {
    if is_json {
        // Where standard output cannot be written, standard error has it all the same.
        drop(print_json(&Failed { error: Told::of(error) }));
    }
    let told = shown!("{} {}", error_mark(), told(error));
    let terminal = console::Term::stderr();
    let width = terminal.size_checked().filter(|_| terminal.is_term()).map(|(_, columns)| usize::from(columns));
    out::remark(&width.map_or_else(|| told.clone(), |width| told.wrapped(0, 2, width)));
    exit_of(error).into()
}

/// `error:`, as it stands before a message.
fn error_mark() -> Shown {
    Shown::of("error:").styled(&Style::new().red().bold().for_stderr())
}

/// What the command line cannot be read for; and help and versions, which are asked for by what reads as an error.
pub(crate) fn fail_usage(error: &clap::Error, is_json: bool) -> ExitCode {
    let text = error.render();
    if !error.use_stderr() {
        let help = if console::colors_enabled() { text.ansi().to_string() } else { text.to_string() };
        // Help is ours from its beginning to its end.
        let written = out::answer(&Shown::ours(help));
        return written.map_or_else(|error| fail(&error, is_json), |()| Exit::Completed.into());
    }
    let text = text.to_string();
    let message = text.strip_prefix("error: ").unwrap_or(&text);
    if is_json {
        let told = Told { kind: "usage", exit: Exit::BadInput.code(), message: message.trim_end().to_owned() };
        drop(print_json(&Failed { error: told }));
    }
    let lines = message.trim_end().lines().map(Shown::of);
    out::remark(&shown!("{} {}", error_mark(), Shown::join(lines, "\n")));
    Exit::BadInput.into()
}

fn exit_of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if cause.is::<BadInput>() {
            return Exit::BadInput;
        }
        if let Some(error) = cause.downcast_ref::<EngineError>() {
            return exit_of_engine(error.root());
        }
    }
    Exit::Host
}

fn exit_of_engine(error: &EngineError) -> Exit {
    match error {
        EngineError::Load(_)
        | EngineError::Mistakes { .. }
        | EngineError::UnknownModule(_)
        | EngineError::UnknownDefinition { .. }
        | EngineError::ProvidersMissing { .. }
        | EngineError::Input { .. }
        | EngineError::UnknownTransaction(_)
        | EngineError::Post(PostError::Unknown(_)) => Exit::BadInput,
        EngineError::KeyConflict { .. }
        | EngineError::Owned { .. }
        | EngineError::Post(PostError::Ended(_))
        | EngineError::Refused { .. } => Exit::Conflict,
        EngineError::Draining | EngineError::Held { .. } | EngineError::Unanswered { .. } => Exit::Unfinished,
        EngineError::ModuleMissing { .. }
        | EngineError::ModuleBroken { .. }
        | EngineError::Illegal { .. }
        | EngineError::DamagedModule { .. }
        | EngineError::Panicked { .. }
        | EngineError::Post(_)
        | EngineError::Lost(_)
        | EngineError::Shared(_)
        | EngineError::Journal(_) => Exit::Host,
    }
}

/// The messages of an error and of its causes, each once: some errors show their cause in their own message.
fn messages(error: &anyhow::Error) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    for cause in error.chain() {
        let message = cause.to_string();
        if !messages.iter().any(|said| said.contains(&message)) {
            messages.push(message);
        }
    }
    messages
}

/// For people. Mistakes are a list of ours; any other message is foreign, and so are its lines.
pub(crate) fn told(error: &anyhow::Error) -> Shown {
    if let Some(EngineError::Mistakes { module, mistakes }) = error.chain().find_map(|cause| cause.downcast_ref()) {
        let count = crate::text::plural(mistakes.count(), "mistake");
        let mut text = shown!("module `{}` has {}", module, count);
        mistakes.iter().for_each(|mistake| text.push(&shown!("\n  {}", mistake.to_string())));
        let more = mistakes.count() - mistakes.iter().len();
        if more > 0 {
            text.push(&shown!("\n  and {} more", more));
        }
        return text;
    }
    Shown::block(&messages(error).join(": "))
}

/// One JSON value on standard output, and nothing else.
pub(crate) fn print_json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    out::answer(&shown!("{}\n", Shown::json(&Json::of(value)?)))
}

/// What a transaction came to, as one JSON value; see [`out::last_word`].
pub(crate) fn last_json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    out::last_word(&shown!("{}\n", Shown::json(&Json::of(value)?)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_code() {
        use Exit::*;
        for exit in [Completed, Host, BadInput, Compensated, Stuck, Terminated, Unfinished, Conflict] {
            let word = format!("{exit:?}").to_lowercase();
            let line = TABLE.lines().find(|line| line.trim_start().starts_with(&exit.code().to_string())).unwrap();
            let said = line.replace(' ', "");
            assert!(said.contains(&word) || (exit == Host && said.contains("hosterror")), "{word} in {line}");
        }
    }

    #[test]
    fn a_cause_is_said_once() {
        let inner = BadInput::new("the file is empty");
        let outer = anyhow::Error::new(BadInput::because("`x.wasm` cannot be read", Box::new(inner)));
        assert_eq!(told(&outer).as_str(), "`x.wasm` cannot be read: the file is empty");
        let echo = anyhow::Error::new(BadInput::because("no: gone", Box::new(BadInput::new("gone"))));
        assert_eq!(told(&echo).as_str(), "no: gone");
    }
}
