//! `wasaga validate`: whether modules can be used, alone and together, with all their mistakes at once.

use std::path::{Path, PathBuf};

use console::Style;
use wasaga_engine::Module;
use wasaga_engine::{Engine, Error};

use crate::exit::{self, Exit, print_json};
use crate::options::{CacheOptions, Speech};
use crate::shown::{Shown, shown};
use crate::{loading, out};

#[derive(Debug, clap::Args)]
pub(crate) struct Validate {
    /// The modules: components, `.wasm` files. Those that provide steps of others belong beside them
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    cache: CacheOptions,
}

/// What programs get of one file.
#[derive(Default, serde::Serialize)]
struct Checked {
    file: String,
    valid: bool,
    error: Option<String>,
    /// The error for people.
    #[serde(skip)]
    told: Shown,
    warnings: Vec<String>,
}

impl Validate {
    pub(crate) async fn run(self, speech: &Speech) -> anyhow::Result<Exit> {
        let engine = loading::looking(&self.cache).await?;
        // All are there before one is compared with another.
        let mut loaded = Vec::new();
        for file in &self.files {
            loaded.push((file, loading::add_file(&engine, file).await));
        }
        let mut checked = Vec::new();
        for (file, loaded) in loaded {
            let one = check(&engine, file, loaded.map(|(module, _)| module))?;
            if !speech.json {
                out::answer(&told(&one))?;
            }
            checked.push(one);
        }
        if speech.json {
            print_json(&checked)?;
        }
        let valid = checked.iter().all(|one| one.valid);
        Ok(if valid { Exit::Completed } else { Exit::BadInput })
    }
}

fn check(engine: &Engine, file: &Path, loaded: anyhow::Result<Module>) -> anyhow::Result<Checked> {
    let mut checked = Checked { file: file.display().to_string(), ..Checked::default() };
    let module = match loaded {
        Ok(module) => module,
        Err(error) => {
            let told = exit::told(&error);
            return Ok(Checked { error: Some(format!("{error:#}")), told, ..checked });
        }
    };
    checked.warnings.extend(module.description.warnings.iter().cloned());
    for definition in engine.definitions(module.digest)? {
        checked.warnings.extend(engine.plan(module.digest, &definition)?.warnings().iter().cloned());
        match engine.providers(module.digest, &definition) {
            Ok(_) => {}
            // It may be given when it is run.
            Err(error @ Error::ProvidersMissing { .. }) => checked.warnings.push(error.to_string()),
            Err(error) => {
                let before = checked.error.map(|error| format!("{error}\n")).unwrap_or_default();
                checked.error = Some(format!("{before}{error}"));
                let told = exit::told(&error.into());
                checked.told = if checked.told.is_empty() { told } else { shown!("{}\n  {}", checked.told, told) };
            }
        }
    }
    checked.valid = checked.error.is_none();
    Ok(checked)
}

fn told(one: &Checked) -> Shown {
    let (green, red) = (Style::new().green(), Style::new().red());
    let mut text = match &one.error {
        None => shown!("{} {}\n", Shown::ours("✔").styled(&green), one.file),
        Some(_) => shown!("{} {}\n  {}\n", Shown::ours("✘").styled(&red), one.file, one.told),
    };
    let mark = Shown::ours("warning:").styled(&Style::new().yellow());
    one.warnings.iter().for_each(|warning| text.push(&shown!("  {} {}\n", mark, warning)));
    text
}
