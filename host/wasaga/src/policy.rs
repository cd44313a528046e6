//! The operator's policy: a TOML file with one section a module, and what is granted on the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use wasaga_sandbox::{Addresses, Grants, ModulePolicy, Origin, Policy, Secret};

use crate::exit::BadInput;
use crate::input;

/// Bytes of a policy: some thousand modules.
const POLICY_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a secret's file: keys and certificates have a few thousand.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Certificates that are trusted instead of the system's, beside the file.
    tls_roots: Option<PathBuf>,
    #[serde(default)]
    modules: BTreeMap<String, Section>,
}

/// `[modules.NAME]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    timeout_max: Option<String>,
    fuel_max: Option<u64>,
    memory_max: Option<String>,
    calls_per_instance_max: Option<u32>,
    #[serde(default)]
    grants: Granted,
    #[serde(default)]
    config: BTreeMap<String, String>,
    #[serde(default)]
    secrets: BTreeMap<String, SecretFrom>,
}

/// `[modules.NAME.grants]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Granted {
    #[serde(default)]
    http: Vec<String>,
    #[serde(default)]
    addresses: Vec<String>,
}

/// `[modules.NAME.secrets.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretFrom {
    env: Option<String>,
    file: Option<PathBuf>,
    origins: Vec<String>,
}

/// What the operator allows.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    pub(crate) policy: Policy,
    pub(crate) tls_roots: Option<PathBuf>,
}

/// Reads the file, where one is named, and adds what is granted beside it.
pub(crate) fn read(file: Option<&Path>, grants: &[Grant]) -> anyhow::Result<Allowed> {
    let mut allowed = match file {
        Some(path) => of_file(path)?,
        None => Allowed::default(),
    };
    for grant in grants {
        match grant {
            Grant::Http(origin) => allowed.policy.every.http.push(origin.clone()),
            Grant::Address(addresses) => allowed.policy.every.addresses.push(addresses.clone()),
        }
    }
    Ok(allowed)
}

/// `--grant http:ORIGIN` or `--grant address:ADDRESS`.
#[derive(Clone, Debug)]
pub(crate) enum Grant {
    Http(Origin),
    Address(Addresses),
}

impl std::str::FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("http", origin)) => origin.parse().map(Self::Http).map_err(|error| format!("{error}")),
            Some(("address", addresses)) => addresses.parse().map(Self::Address).map_err(|error| format!("{error}")),
            _ => Err("write `http:ORIGIN`, such as `http:https://api.example.com`, or `address:127.0.0.1:8080`".into()),
        }
    }
}

fn of_file(path: &Path) -> anyhow::Result<Allowed> {
    let named = |what: String| BadInput::new(format!("policy `{}`: {what}", path.display()));
    let text =
        input::bounded_text(path, POLICY_BYTES_MAX).map_err(|error| named(format!("it cannot be read: {error}")))?;
    let file: File = toml::from_str(&text).map_err(|error| named(error.to_string().trim_end().to_owned()))?;
    let beside = path.parent().unwrap_or(Path::new(""));
    let mut modules = BTreeMap::new();
    for (name, section) in file.modules {
        let module = module(&name, section, beside).map_err(named)?;
        modules.insert(name, module);
    }
    let policy = Policy { modules, every: Grants::default() };
    Ok(Allowed { policy, tls_roots: file.tls_roots.map(|roots| beside.join(roots)) })
}

fn module(name: &str, section: Section, beside: &Path) -> Result<ModulePolicy, String> {
    let at = |key: &str, why: String| format!("`{key}` of `[modules.{name}]`: {why}");
    let timeout_max = section.timeout_max.as_deref().map(span).transpose().map_err(|why| at("timeout_max", why))?;
    let memory_bytes_max =
        section.memory_max.as_deref().map(input::memory).transpose().map_err(|why| at("memory_max", why))?;
    if section.fuel_max == Some(0) || section.calls_per_instance_max == Some(0) {
        return Err(at("fuel_max", "0 would let nothing run (likewise for `calls_per_instance_max`)".into()));
    }
    let origins = |list: &[String], key: &str| {
        let read: Result<Vec<Origin>, String> =
            list.iter().map(|text| text.parse().map_err(|error| at(key, format!("{error}")))).collect();
        read
    };
    let addresses: Result<Vec<Addresses>, String> = section
        .grants
        .addresses
        .iter()
        .map(|text| text.parse().map_err(|error| at("grants.addresses", format!("{error}"))))
        .collect();
    let mut secrets = BTreeMap::new();
    for (secret, from) in &section.secrets {
        let key = format!("secrets.{secret}");
        let value = value(from, beside).map_err(|why| at(&key, why))?;
        secrets.insert(secret.clone(), Secret { value: value.into(), origins: origins(&from.origins, &key)? });
    }
    Ok(ModulePolicy {
        timeout_max,
        fuel_max: section.fuel_max,
        memory_bytes_max,
        calls_per_instance_max: section.calls_per_instance_max,
        grants: Grants { http: origins(&section.grants.http, "grants.http")?, addresses: addresses? },
        config: section.config,
        secrets,
    })
}

/// A secret's text; the line's end that editors put at the end of a file is not part of it.
fn value(from: &SecretFrom, beside: &Path) -> Result<String, String> {
    let value = match (&from.env, &from.file) {
        (Some(name), None) => {
            std::env::var(name).map_err(|_| format!("environment variable `{name}` is not set (export it)"))?
        }
        (None, Some(file)) => {
            let path = beside.join(file);
            let text = input::bounded_text(&path, SECRET_BYTES_MAX);
            let text = text.map_err(|error| format!("file `{}` cannot be read: {error}", path.display()))?;
            text.trim_end_matches(['\n', '\r']).to_owned()
        }
        _ => return Err("it has either `env` or `file`".into()),
    };
    if value.is_empty() { Err("it is empty".into()) } else { Ok(value) }
}

/// `200ms`, `10s`, `5m` or `1h`.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no span of time (write `200ms`, `10s`, `5m` or `1h`)");
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    let ms = number.checked_mul(ms).filter(|ms| *ms > 0).ok_or_else(wrong)?;
    Ok(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Allowed, String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("key"), "s3cr3t\n").unwrap();
        let path = directory.path().join("policy.toml");
        std::fs::write(&path, text).unwrap();
        let shown = path.display().to_string();
        read(Some(&path), &[]).map_err(|error| format!("{error:#}").replace(&shown, "PATH"))
    }

    #[test]
    fn a_policy_is_read_whole() {
        let allowed = read_text(
            r#"
            tls_roots = "ca.pem"
            [modules.shop]
            timeout_max = "10s"
            fuel_max = 1_000_000
            memory_max = "64MiB"
            calls_per_instance_max = 1
            [modules.shop.grants]
            http = ["https://api.example.com", "http://localhost:8080"]
            addresses = ["127.0.0.1:8080"]
            [modules.shop.config]
            currency = "EUR"
            [modules.shop.secrets.stripe]
            file = "key"
            origins = ["https://api.example.com"]
            "#,
        )
        .unwrap();
        let shop = &allowed.policy.modules["shop"];
        assert_eq!(shop.timeout_max, Some(Duration::from_secs(10)));
        assert_eq!((shop.fuel_max, shop.memory_bytes_max), (Some(1_000_000), Some(64 << 20)));
        assert_eq!((shop.grants.http.len(), shop.grants.addresses.len()), (2, 1));
        assert_eq!(&*shop.secrets["stripe"].value, "s3cr3t");
        assert_eq!(shop.config["currency"], "EUR");
        assert!(allowed.tls_roots.unwrap().ends_with("ca.pem"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            ("[modules.shop]\ntimeout = '1s'", "unknown field `timeout`"),
            ("[modules.shop]\ntimeout_max = '1 day'", "`timeout_max` of `[modules.shop]`: `1 day` is no span of time"),
            ("[modules.shop]\nmemory_max = '1GB'", "`memory_max` of `[modules.shop]`"),
            ("[modules.shop]\nfuel_max = 0", "0 would let nothing run"),
            (
                "[modules.shop.grants]\nhttp = ['api.example.com']",
                "`grants.http` of `[modules.shop]`: `api.example.com` is not an origin",
            ),
            ("[modules.shop.grants]\naddresses = ['localhost']", "`localhost` is not an address"),
            ("[modules.shop.secrets.a]\norigins = []", "either `env` or `file`"),
            ("[modules.shop.secrets.a]\nfile = 'none'\norigins = []", "cannot be read"),
            (
                "[modules.shop.secrets.a]\nenv = 'WASAGA_TEST_NONE'\norigins = []",
                "environment variable `WASAGA_TEST_NONE` is not set",
            ),
            ("[modules.shop", "policy `PATH`: TOML parse error at line 1"),
        ];
        for (text, expected) in cases {
            let told = read_text(text).unwrap_err();
            assert!(told.starts_with("policy `PATH`: ") && told.contains(expected), "{told}");
        }
        let endless = read(Some(Path::new("/dev/zero")), &[]).unwrap_err().to_string();
        assert!(endless.contains("it cannot be read: it has more than 1048576 bytes"), "{endless}");
        let secret = read_text("[modules.shop.secrets.a]\nfile = '/dev/zero'\norigins = []").unwrap_err();
        assert!(secret.contains("it has more than 65536 bytes"), "{secret}");
        assert!(read(Some(Path::new("/nowhere.toml")), &[]).unwrap_err().to_string().contains("it cannot be read"));
    }

    #[test]
    fn grants_are_typed() {
        assert!(matches!("http:https://a.example".parse(), Ok(Grant::Http(_))));
        assert!(matches!("address:127.0.0.1:80".parse(), Ok(Grant::Address(_))));
        for wrong in ["", "http:a.example", "address:localhost", "https://a.example", "file:/"] {
            assert!(wrong.parse::<Grant>().is_err(), "{wrong}");
        }
    }
}
