//! `wasaga validate`: whether a module can be used, with all its mistakes at once.

use std::path::PathBuf;

use super::{Options, inspect};
use crate::exit::{Exit, print_json};
use crate::text;

#[derive(Debug, clap::Args)]
pub(crate) struct Validate {
    /// The modules: components, `.wasm` files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// What programs get of one file.
#[derive(serde::Serialize)]
struct Checked {
    file: String,
    valid: bool,
    error: Option<String>,
    warnings: Vec<String>,
}

impl Validate {
    pub(crate) async fn run(self, options: &Options) -> anyhow::Result<Exit> {
        let mut checked = Vec::new();
        for file in &self.files {
            let name = file.display().to_string();
            let one = match inspect::load(options, file).await {
                Err(error) => Checked { file: name, valid: false, error: Some(format!("{error:#}")), warnings: vec![] },
                Ok((engine, module, _)) => {
                    let mut warnings = Vec::new();
                    for definition in engine.definitions(module.digest)? {
                        warnings.extend(engine.plan(module.digest, &definition)?.warnings().iter().cloned());
                    }
                    Checked { file: name, valid: true, error: None, warnings }
                }
            };
            if !options.json {
                text::print(&told(&one))?;
            }
            checked.push(one);
        }
        if options.json {
            print_json(&checked)?;
        }
        let valid = checked.iter().all(|one| one.valid);
        Ok(if valid { Exit::Completed } else { Exit::BadInput })
    }
}

fn told(one: &Checked) -> String {
    let mut text = match &one.error {
        None => format!("{} {}\n", console::style("✔").green(), one.file),
        Some(error) => format!("{} {}\n  {}\n", console::style("✘").red(), one.file, error),
    };
    for warning in &one.warnings {
        text.push_str(&format!("  {} {warning}\n", console::style("warning:").yellow()));
    }
    text
}
