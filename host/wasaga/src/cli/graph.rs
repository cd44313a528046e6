//! `wasaga graph`: the graph of a saga or the order of a TCC, for a terminal, a picture, a page or a program.

use std::path::PathBuf;

use clap::ValueEnum;
use wasaga_core::Checked;

use crate::exit::Exit;
use crate::options::{CacheOptions, Speech};
use crate::{graph, loading, out};

#[derive(Debug, clap::Args)]
pub(crate) struct Graph {
    /// The module: a component, a `.wasm` file
    file: PathBuf,
    /// Which of its sagas and TCCs; may be left out where there is one
    definition: Option<String>,
    /// How it is drawn
    #[arg(long, short, value_enum, default_value_t = Format::Ascii)]
    format: Format,
    #[command(flatten)]
    cache: CacheOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Ascii,
    /// For Graphviz: `wasaga graph … -f dot | dot -Tsvg`
    Dot,
    /// For Markdown pages
    Mermaid,
    /// For programs
    Json,
}

impl Graph {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let (engine, module, _) = loading::look(&self.cache, &self.file).await?;
        let names = engine.definitions(module.digest)?;
        let name = loading::choose(self.definition.as_deref(), &names, &module.description.name)?;
        let plan = engine.plan(module.digest, &name)?;
        let format = if speech.json { Format::Json } else { self.format };
        out::answer(&match (format, &plan) {
            (Format::Ascii, Checked::Saga(plan)) => graph::ascii(plan),
            (Format::Dot, Checked::Saga(plan)) => graph::dot(plan),
            (Format::Mermaid, Checked::Saga(plan)) => graph::mermaid(plan),
            (Format::Json, Checked::Saga(plan)) => graph::json(plan)?,
            (Format::Ascii, Checked::Tcc(plan)) => graph::tcc::ascii(plan),
            (Format::Dot, Checked::Tcc(plan)) => graph::tcc::dot(plan),
            (Format::Mermaid, Checked::Tcc(plan)) => graph::tcc::mermaid(plan),
            (Format::Json, Checked::Tcc(plan)) => graph::tcc::json(plan)?,
        })?;
        Ok(Exit::Completed)
    }
}
