//! The policy file, as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Certificates that are trusted instead of the system's, beside the file.
    pub(super) tls_roots: Option<PathBuf>,
    #[serde(default)]
    pub(super) defaults: Defaults,
    #[serde(default)]
    pub(super) modules: BTreeMap<String, Section>,
}

/// `[defaults]`: for every module.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    pub(super) timeout_max: Option<String>,
    pub(super) fuel_max: Option<u64>,
    pub(super) memory_max: Option<String>,
    pub(super) calls_per_instance_max: Option<u32>,
    #[serde(default)]
    pub(super) grants: Granted,
}

/// `[modules.NAME]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    /// The modules that the name stands for, by their SHA-256.
    pub(super) digest: Option<OneOrMore<String>>,
    /// The same by their files, beside the policy: as they are when a command starts.
    pub(super) file: Option<OneOrMore<PathBuf>>,
    pub(super) timeout_max: Option<String>,
    pub(super) fuel_max: Option<u64>,
    pub(super) memory_max: Option<String>,
    pub(super) calls_per_instance_max: Option<u32>,
    #[serde(default)]
    pub(super) grants: Granted,
    #[serde(default)]
    pub(super) config: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) secrets: BTreeMap<String, SecretFrom>,
}

/// One, or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    pub(super) fn all(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

/// `[modules.NAME.grants]`, and `[defaults.grants]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Granted {
    #[serde(default)]
    pub(super) http: Vec<String>,
    #[serde(default)]
    pub(super) addresses: Vec<String>,
}

/// `[modules.NAME.secrets.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretFrom {
    pub(super) env: Option<String>,
    pub(super) file: Option<PathBuf>,
    pub(super) origins: Vec<String>,
    /// Whether it may go to `http://` origins beyond this machine, where everybody on the way reads it.
    #[serde(default)]
    pub(super) plain_http: bool,
}
