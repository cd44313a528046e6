//! `wasaga new`: a project to begin with, complete with the SDK and a test.

use std::path::PathBuf;

use crate::exit::{Exit, print_json};
use crate::options::Speech;
use crate::out;
use crate::project::{self, Language};
use crate::shown::shown;

#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// What it is written in
    #[arg(value_enum)]
    language: Language,
    /// Its name: small letters, digits and `-`
    name: String,
    /// Where it goes [default: a folder of its name]
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,
}

/// What programs get.
#[derive(serde::Serialize)]
struct Made<'a> {
    name: &'a str,
    folder: String,
}

impl New {
    pub(crate) fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let folder = self.path.unwrap_or_else(|| PathBuf::from(&self.name));
        project::new(self.language, &self.name, &folder)?;
        let (name, folder) = (&self.name, folder.display());
        if speech.json {
            print_json(&Made { name, folder: folder.to_string() })?;
            return Ok(Exit::Completed);
        }
        let native = match self.language {
            Language::Rust => "cargo test",
            Language::Python => "python3 -m pytest",
        };
        out::answer(&shown!(
            "made `{}`, a saga to begin with\n\n  cd {}\n  {}\n  wasaga build\n  wasaga run {}.wasm --input @input.json\n",
            folder,
            folder,
            native,
            name
        ))?;
        Ok(Exit::Completed)
    }
}
