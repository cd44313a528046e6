//! What the process's exit code says: one table, which help and README show as well.

use std::process::ExitCode;

use wasaga_core::{Json, Report, Status};
use wasaga_engine::Error as EngineError;
use wasaga_journal::PostError;

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
}

/// The table, as help shows it.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  completed or confirmed: the transaction, or what the command was asked for
  1  host error: the journal, the disk, or a bug
  2  bad input: arguments, a file, JSON, an unknown id, or what does not fit where a transaction stands
  3  compensated or cancelled: what was done is undone
  4  stuck: it waits for a person
  5  terminated: an operator ended it
  6  unfinished: paused, or interrupted; `wasaga resume` goes on";

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

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::Host => 1,
            Self::BadInput => 2,
            Self::Compensated => 3,
            Self::Stuck => 4,
            Self::Terminated => 5,
            Self::Unfinished => 6,
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

/// Says what went wrong, and who can mend it.
pub(crate) fn fail(error: &anyhow::Error) -> ExitCode {
    let exit = exit_of(error);
    eprintln!("{} {}", console::style("error:").red().bold().for_stderr(), chain(error));
    exit.into()
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
        | EngineError::KeyConflict { .. }
        | EngineError::UnknownTransaction(_)
        | EngineError::Owned { .. }
        | EngineError::Post(PostError::Unknown(_) | PostError::Ended(_))
        | EngineError::Refused { .. } => Exit::BadInput,
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

/// The message and its causes, each once: some errors show their cause in their own message.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let message = cause.to_string();
        if text.contains(&message) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&message);
    }
    text
}

/// One JSON object on standard output, and nothing else.
pub(crate) fn print_json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    let text = Json::of(value)?;
    crate::text::print(&format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_code() {
        use Exit::*;
        for exit in [Completed, Host, BadInput, Compensated, Stuck, Terminated, Unfinished] {
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
        assert_eq!(chain(&outer), "`x.wasm` cannot be read: the file is empty");
        let echo = anyhow::Error::new(BadInput::because("no: gone", Box::new(BadInput::new("gone"))));
        assert_eq!(chain(&echo), "no: gone");
    }
}
