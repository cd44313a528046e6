//! `wasaga new`: a project to begin with, complete with the SDK and a test.

use std::path::PathBuf;

use crate::exit::Exit;
use crate::project::{self, Language};
use crate::text;

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

impl New {
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let folder = self.path.unwrap_or_else(|| PathBuf::from(&self.name));
        project::new(self.language, &self.name, &folder)?;
        let (name, folder) = (&self.name, folder.display());
        let native = match self.language {
            Language::Rust => "cargo test",
            Language::Python => "python3 -m pytest",
        };
        text::print(&format!(
            "made `{folder}`, a saga to begin with\n\n  cd {folder}\n  {native}\n  wasaga build\n  \
             wasaga run {name}.wasm --input @input.json\n"
        ))?;
        Ok(Exit::Completed)
    }
}
