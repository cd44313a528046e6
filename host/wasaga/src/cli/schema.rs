//! `wasaga schema`: the JSON Schemas of what wasaga reads, for whoever writes it by hand or by program.

use clap::ValueEnum;

use crate::exit::Exit;
use crate::out;
use crate::shown::Shown;

#[derive(Debug, clap::Args)]
pub(crate) struct Schema {
    /// Of what
    #[arg(value_enum)]
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// The document by which a module describes itself
    Module,
}

impl Schema {
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let schema = match self.of {
            Of::Module => include_str!("../../../../wit/0.1/module.schema.json"),
        };
        out::answer(&Shown::ours(schema))?;
        Ok(Exit::Completed)
    }
}
