//! Puts a host together from its parts: the one list of journals, and where things are kept.

use std::path::PathBuf;
use std::sync::Arc;

use wasaga_engine::port::Guests;
use wasaga_engine::{Builder, Engine};
use wasaga_journal::memory::Memory;
use wasaga_journal::sqlite::{self, Sqlite};
use wasaga_journal::{Identity, Journal};
use wasaga_sandbox::{Sandbox, Settings};

use crate::exit::BadInput;
use crate::files;
use crate::options::{CacheOptions, GuestOptions, JournalOptions};
use crate::policy;
use crate::shown::{Shown, shown};
use crate::text::home_path;

/// The journals there are, as help shows them.
pub(crate) const JOURNALS: &str = "`memory:`, or `sqlite:PATH[?synchronous=full|normal|off]`";

/// Bytes of a file of certificates. The system's own have some 200 KB.
const TLS_ROOTS_BYTES_MAX: usize = 16 << 20;

/// Opens the journal that the options name, or the user's own.
pub(crate) async fn journal(options: &JournalOptions) -> anyhow::Result<Arc<dyn Journal>> {
    let url = match &options.journal {
        Some(url) => url.clone(),
        None => format!("sqlite:{}", own_journal()?.display()),
    };
    let wrong = |what: String| BadInput::new(format!("journal `{url}`: {what}"));
    match url.split_once(':') {
        Some(("memory", "")) => Ok(Arc::new(Memory::new())),
        Some(("memory", _)) => Err(wrong("a journal in memory has no path (write `memory:`)".into()).into()),
        Some(("sqlite", path)) => {
            // `sqlite:///path` is how other programs write it.
            let path = path.strip_prefix("//").unwrap_or(path);
            let options: sqlite::Options = path.parse().map_err(wrong)?;
            Ok(Arc::new(Sqlite::open(options).await.map_err(wasaga_engine::Error::from)?))
        }
        Some((kind, _)) if !kind.contains(['/', '.']) => {
            Err(wrong(format!("there is no journal of the kind `{kind}` (there are: {JOURNALS})")).into())
        }
        _ => Err(wrong(format!("it is not a journal's URL (write `sqlite:{url}`; there are: {JOURNALS})")).into()),
    }
}

/// Where the user's own journal is.
fn own_journal() -> anyhow::Result<PathBuf> {
    Ok(directories()?.data_dir().join("journal.db"))
}

/// The user's directories.
pub(crate) fn directories() -> anyhow::Result<directories::ProjectDirs> {
    directories::ProjectDirs::from("", "", "wasaga").ok_or_else(|| {
        BadInput::new("there is no home directory to keep things in (set HOME, or name a journal with `--journal`)")
            .into()
    })
}

/// The sandbox, with what the operator allows; compiled modules are kept in the user's cache directory.
pub(crate) fn sandbox(options: &GuestOptions, mut settings: Settings) -> anyhow::Result<Arc<Sandbox>> {
    let allowed = policy::read(options.policy.policy.as_deref(), &options.policy.grant)?;
    settings.policy = allowed.policy;
    settings.tls_roots = options.tls_roots.clone().or(allowed.tls_roots);
    if let Some(path) = &settings.tls_roots {
        // A wrong file is told now, and not at the first request.
        let read = files::read(path, TLS_ROOTS_BYTES_MAX);
        read.map_err(|error| BadInput::new(format!("certificates `{}` cannot be read: {error}", path.display())))?;
    }
    settings.memory_bytes_max = options.guest_memory.unwrap_or(settings.memory_bytes_max);
    bare_sandbox(&options.cache, settings)
}

/// A sandbox for these settings, for what is looked at and not run.
pub(crate) fn bare_sandbox(options: &CacheOptions, mut settings: Settings) -> anyhow::Result<Arc<Sandbox>> {
    settings.cache = match &options.cache {
        Some(path) => Some(path.clone()),
        None => directories().ok().map(|own| own.cache_dir().join("modules")),
    };
    settings.compiler = this_program();
    Ok(Sandbox::new(settings).map_err(wasaga_engine::Error::from)?)
}

/// This program, to compile modules in a process of its own. Linux knows it also where its file was replaced or removed.
fn this_program() -> Option<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Some(running) } else { std::env::current_exe().ok() }
}

/// An engine's maker, with what every command wants.
pub(crate) fn engine(journal: Arc<dyn Journal>, guests: Arc<dyn Guests>) -> Builder {
    Builder::new(journal, guests).host(&format!("{}-{}", host_name(), std::process::id()))
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
    if name.is_empty() { "host".into() } else { name }
}

/// `journal sqlite, survives power loss  (~/…/journal.db)`.
pub(crate) fn describe(identity: &Identity) -> Shown {
    let Identity { kind, location, durability, .. } = identity;
    let place = location.strip_prefix(kind).and_then(|rest| rest.strip_prefix(':')).unwrap_or(location);
    let place = if place.is_empty() { Shown::default() } else { shown!("  ({})", home_path(place)) };
    shown!("journal {}, {}{}", kind, durability.as_str(), place)
}

/// Says good-bye in order: ownership is given up, files are closed.
pub(crate) async fn close(engine: &Engine) {
    engine.drain(std::time::Duration::ZERO).await;
    engine.journal().close().await;
}
