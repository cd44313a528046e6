//! `wasaga build`: a project becomes a component, which is then looked at as `run` would.

use std::path::PathBuf;

use crate::exit::{Exit, print_json};
use crate::options::{CacheOptions, Speech};
use crate::project::{self, Anew};
use crate::shown::{Shown, shown};
use crate::{loading, out, text};

#[derive(Debug, clap::Args)]
pub(crate) struct Build {
    /// The project's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Build it anew, also where the same files were built before (for Python; cargo knows by itself)
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    cache: CacheOptions,
}

/// What programs get.
#[derive(serde::Serialize)]
struct Built<'a> {
    file: String,
    bytes: usize,
    digest: wasaga_core::Digest,
    definitions: Vec<&'a str>,
}

impl Build {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let Self { folder, fresh, cache } = self;
        let anew = if fresh { Anew::Always } else { Anew::WhereChanged };
        let file = tokio::task::spawn_blocking(move || project::build(&folder, anew)).await??;
        let (engine, module, bytes) = loading::look(&cache, &file).await?;
        let names = engine.definitions(module.digest)?;
        let shown = file.strip_prefix(".").unwrap_or(&file).display().to_string();
        if speech.json {
            let definitions = names.iter().map(|name| name.as_str()).collect();
            print_json(&Built { file: shown, bytes, digest: module.digest, definitions })?;
            return Ok(Exit::Completed);
        }
        let mut line = shown!("{}  {}  {}", shown, text::size(bytes as u64), module.digest);
        for name in &names {
            let plan = engine.plan(module.digest, name)?;
            let nodes = Shown::join(plan.nodes().into_iter().map(Shown::of), ", ");
            line.push(&shown!("  {} `{}`: {}", plan.kind(), name, nodes));
        }
        out::answer(&shown!("{}\n", line))?;
        Ok(Exit::Completed)
    }
}
