//! Commands that a message proposes: complete, so that they work as they are printed. They name the journal where it is
//! not the user's own, and quote what a shell would read otherwise.

use wasaga_core::TransactionId;

use crate::options::JournalOptions;
use crate::shown::{Shown, shown};

/// Proposes commands for one journal.
#[derive(Clone, Debug)]
pub(crate) struct Hints {
    /// As it was named; none for the user's own.
    journal: Option<String>,
}

impl Hints {
    pub(crate) fn of(journal: &JournalOptions) -> Self {
        Self { journal: journal.journal.clone() }
    }

    /// `wasaga WORDS --journal …`; none where the journal goes with this process, so that no other command finds it.
    pub(crate) fn command(&self, words: &[&str]) -> Option<Shown> {
        if self.journal.as_deref().is_some_and(|journal| journal.starts_with("memory:")) {
            return None;
        }
        let own = self.journal.iter().flat_map(|journal| ["--journal", journal]);
        let words = words.iter().copied().chain(own).map(|word| shown!(" {}", quoted(word)));
        Some(shown!("wasaga{}", words.collect::<Shown>()))
    }

    /// A command about one transaction, with what follows its id.
    pub(crate) fn about(&self, verb: &str, id: TransactionId, rest: &[&str]) -> Option<Shown> {
        let id = id.to_string();
        let words: Vec<&str> = verb.split(' ').chain([id.as_str()]).chain(rest.iter().copied()).collect();
        self.command(&words)
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+…".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(journal: Option<&str>) -> Hints {
        Hints::of(&JournalOptions { journal: journal.map(str::to_owned) })
    }

    #[test]
    fn a_hint_is_a_whole_command() {
        let told = |journal| hints(journal).command(&["skip", "01", "step[3]"]).map(|shown| shown.as_str().to_owned());
        assert_eq!(told(None).unwrap(), "wasaga skip 01 'step[3]'");
        assert_eq!(told(Some("sqlite:my db")).unwrap(), "wasaga skip 01 'step[3]' --journal 'sqlite:my db'");
        assert_eq!(told(Some("memory:")), None);
        let hostile = hints(None).command(&["skip", "a'; rm -rf ~\u{1b}"]).unwrap();
        assert_eq!(hostile.as_str(), r"wasaga skip 'a'\''; rm -rf ~\u{1b}'");
    }
}
