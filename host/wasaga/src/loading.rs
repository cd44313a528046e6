//! Modules on their way into an engine: the one that is named, those beside it, and which of its definitions is meant.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasaga_core::Name;
use wasaga_engine::{Engine, Error, Module, Recover};
use wasaga_journal::memory::Memory;
use wasaga_sandbox::Settings;

use crate::exit::BadInput;
use crate::options::CacheOptions;
use crate::view::compiling;
use crate::{input, wiring};

/// Calls in flight of an engine that only looks at modules: it makes none.
const LOOKING_CALLS_MAX: u32 = 4;

/// Modules beside the one that is run.
#[derive(Debug, clap::Args)]
pub(crate) struct Providers {
    /// Another module, which provides steps or participants of this one; may stand several times
    #[arg(long = "with", value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// One of them, read.
pub(crate) type Provider<'p> = (&'p Path, Arc<[u8]>);

impl Providers {
    pub(crate) fn read(&self) -> anyhow::Result<Vec<Provider<'_>>> {
        self.files.iter().map(|file| Ok((&**file, input::module(file)?))).collect()
    }
}

pub(crate) async fn add_providers(engine: &Engine, providers: Vec<Provider<'_>>) -> anyhow::Result<()> {
    for (file, bytes) in providers {
        add_module(engine, bytes, file).await?;
    }
    Ok(())
}

/// Loads a module. Compiling a large one takes its time, once, and then it is told.
pub(crate) async fn add_module(engine: &Engine, bytes: Arc<[u8]>, file: &Path) -> anyhow::Result<Module> {
    let count = bytes.len();
    with_file(compiling::told(engine.add_module(bytes), file, count).await, file)
}

/// Puts the file's name before what is wrong with the module.
fn with_file<T>(loaded: Result<T, Error>, file: &Path) -> anyhow::Result<T> {
    loaded.map_err(|error| match error {
        Error::Load(error) => BadInput::because(format!("module `{}` cannot be used", file.display()), error).into(),
        other => other.into(),
    })
}

/// The definition that was named, or the only one there is.
pub(crate) fn choose(named: Option<&str>, names: &[Name], module: &str) -> anyhow::Result<Name> {
    match (named, names) {
        (Some(name), _) => Ok(name.into()),
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let list = list.join(", ");
            Err(BadInput::new(format!("module `{module}` has several definitions; name one of: {list}")).into())
        }
    }
}

/// Loads a module for looking at, on an engine that keeps nothing; answers with its size as well.
pub(crate) async fn look(options: &CacheOptions, file: &Path) -> anyhow::Result<(Engine, Module, usize)> {
    let engine = looking(options).await?;
    let (module, count) = add_file(&engine, file).await?;
    Ok((engine, module, count))
}

/// An engine that keeps nothing and grants nothing.
pub(crate) async fn looking(options: &CacheOptions) -> anyhow::Result<Engine> {
    let settings = Settings { calls_max: LOOKING_CALLS_MAX, ..Settings::default() };
    let sandbox = wiring::bare_sandbox(options, settings)?;
    Ok(wiring::engine(Arc::new(Memory::new()), sandbox).recover(Recover::Nothing).start().await?)
}

/// Adds a module by its file; answers with its size as well.
pub(crate) async fn add_file(engine: &Engine, file: &Path) -> anyhow::Result<(Module, usize)> {
    let bytes = input::module(file)?;
    let count = bytes.len();
    Ok((add_module(engine, bytes, file).await?, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_named_or_the_only_one() {
        let (a, b) = (Name::from("a"), Name::from("b"));
        assert_eq!(choose(None, std::slice::from_ref(&a), "m").unwrap(), a);
        assert_eq!(choose(Some("b"), &[a.clone(), b.clone()], "m").unwrap(), b);
        let told = choose(None, &[a, b], "m").unwrap_err().to_string();
        assert_eq!(told, "module `m` has several definitions; name one of: `a`, `b`");
    }
}
