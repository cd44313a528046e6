//! Which contract a component speaks, and whether this host does. Each version that was released has a file of its own
//! here; versions 0.1.x are one (`wit/README.md`). Deliberately absent: what the operations mean.

pub(crate) mod v0_1;

use wasaga_engine::port::LoadError;
use wasmtime::Engine;
use wasmtime::component::Component;

/// The prefix of every interface of the contract.
pub(crate) const PACKAGE: &str = "wasaga:guest/";
/// The newest version that this host speaks.
pub(crate) const VERSION: &str = "0.1.0";
/// The version before the first that lasts.
const DRAFT: &str = "wasaga:plugin/";
/// What every module exports.
const METADATA: &str = "metadata";
/// What a module with sagas exports, all of it or nothing.
pub(crate) const OF_SAGAS: [&str; 2] = ["step", "compensation"];
/// What a module with TCCs exports.
pub(crate) const OF_TCCS: [&str; 1] = ["participant"];

/// An interface's whole name. wasmtime finds it by any version that is compatible.
pub(crate) fn full(interface: &str) -> String {
    format!("{PACKAGE}{interface}@{VERSION}")
}

pub(crate) fn refuse(reason: impl Into<String>, remedy: impl Into<String>) -> LoadError {
    LoadError { reason: reason.into(), remedy: remedy.into() }
}

const REBUILD: &str = "build it anew with the SDK";

/// Refuses another version, or another world, before wasmtime's own words are needed.
pub(crate) fn check(engine: &Engine, component: &Component) -> Result<(), LoadError> {
    let ty = component.component_type();
    let exports: Vec<String> = ty.exports(engine).map(|(name, _)| name.to_owned()).collect();
    let imports = ty.imports(engine).map(|(name, _)| name.to_owned());
    for name in exports.iter().cloned().chain(imports) {
        version(&name)?;
    }
    let offered = |interface: &str| exports.iter().any(|name| interface_of(name) == Some(interface));
    let any = |all: &[&str]| all.iter().any(|interface| offered(interface));
    if !offered(METADATA) && !any(&OF_SAGAS) && !any(&OF_TCCS) {
        let name = full(METADATA);
        let reason = format!("it is a component and neither saga nor TCC: it does not export `{name}`");
        let remedy = "write it with the SDK: a crate of type `cdylib` with a `#[saga]` or `#[tcc]` in it";
        return Err(refuse(reason, remedy));
    }
    // `step` and `compensation` are exported together. Where neither is there, the saga's is reported.
    let needed: &[&str] = if any(&OF_SAGAS) || !any(&OF_TCCS) { &OF_SAGAS } else { &OF_TCCS };
    match std::iter::once(&METADATA).chain(needed).find(|interface| !offered(interface)) {
        None => Ok(()),
        Some(missing) => Err(refuse(format!("it does not export `{}`", full(missing)), REBUILD)),
    }
}

/// Whether a name's version is one that this host speaks.
fn version(name: &str) -> Result<(), LoadError> {
    if name.starts_with(DRAFT) {
        let reason = "it speaks the draft `wasaga:plugin` of the contract, which was never released";
        return Err(refuse(reason, format!("{REBUILD} of this host's version, which speaks `wasaga:guest@{VERSION}`")));
    }
    let Some((_, theirs)) = name.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@')) else { return Ok(()) };
    if line(theirs) == line(VERSION) {
        return Ok(());
    }
    let reason = format!("it speaks version {theirs} of the contract `wasaga:guest`, and this host {VERSION}");
    Err(refuse(reason, "update the host, or build it with the SDK of this host's version"))
}

/// The versions that are compatible by the rules of semantic versions: 0.1 of 0.1.7.
fn line(version: &str) -> &str {
    version.rsplit_once('.').map_or(version, |(line, _)| line)
}

fn interface_of(name: &str) -> Option<&str> {
    name.strip_prefix(PACKAGE)?.split_once('@').map(|(interface, _)| interface)
}

/// Whether an import is the contract's own: then the module was made for a later version of the line.
pub(crate) fn later_than_this(import: &str) -> Option<LoadError> {
    let (interface, theirs) = import.strip_prefix(PACKAGE)?.split_once('@')?;
    let reason = format!(
        "it uses `{interface}` of the contract `wasaga:guest@{theirs}` in a way that this host, {VERSION}, does not offer"
    );
    Some(refuse(reason, "update the host"))
}
