//! The operator's policy: a TOML file with one section a module, and what is granted on the command line.

mod file;
mod grant;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wasaga_core::Digest;
use wasaga_sandbox::{Addresses, Ceilings, Grants, MODULE_BYTES_MAX, Origin, Policy, SecretSource, Section, Terms};

use crate::exit::BadInput;
use crate::{files, units};
use file::{File, Granted, SecretFrom};

pub(crate) use grant::Grant;

/// Bytes of a policy file: thousands of sections.
const FILE_BYTES_MAX: usize = 4 << 20;
/// Bytes of a secret's file; a header has no room for more.
const SECRET_BYTES_MAX: usize = 64 << 10;

/// What the operator allows.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    pub(crate) policy: Policy,
    pub(crate) tls_roots: Option<PathBuf>,
}

/// Reads the file, where one is named, and adds what is granted beside it. No secret is read: that is done when a module
/// that may use it is loaded.
pub(crate) fn read(file: Option<&Path>, grants: &[Grant]) -> anyhow::Result<Allowed> {
    let mut allowed = match file {
        Some(path) => of_file(path)?,
        None => Allowed::default(),
    };
    for grant in grants {
        match &grant.module {
            None => grant.add_to(&mut allowed.policy.defaults.grants),
            Some(module) => grant.add_to(allowed.policy.grants.entry(module.clone()).or_default()),
        }
    }
    Ok(allowed)
}

fn of_file(path: &Path) -> anyhow::Result<Allowed> {
    let named = |what: String| BadInput::new(format!("policy `{}`: {what}", path.display()));
    let text = files::read_text(path, FILE_BYTES_MAX).map_err(|error| named(format!("it cannot be read: {error}")))?;
    let file: File = toml::from_str(&text).map_err(|error| named(error.to_string().trim_end().to_owned()))?;
    let beside = path.parent().unwrap_or(Path::new(""));
    let defaults = file.defaults;
    let ceilings = Written {
        timeout: defaults.timeout_max.as_deref(),
        memory: defaults.memory_max.as_deref(),
        fuel: defaults.fuel_max,
        calls_per_instance: defaults.calls_per_instance_max,
    };
    let defaults = terms("[defaults]", &ceilings, &defaults.grants).map_err(named)?;
    let mut modules = BTreeMap::new();
    for (name, section) in file.modules {
        modules.insert(name.clone(), of_section(&name, section, beside).map_err(named)?);
    }
    let policy = Policy { defaults, modules, grants: BTreeMap::new() };
    Ok(Allowed { policy, tls_roots: file.tls_roots.map(|roots| beside.join(roots)) })
}

fn of_section(name: &str, section: file::Section, beside: &Path) -> Result<Section, String> {
    let place = format!("[modules.{name}]");
    let digests = digests(&section, beside).map_err(|why| format!("`{place}`: {why}"))?;
    let ceilings = Written {
        timeout: section.timeout_max.as_deref(),
        memory: section.memory_max.as_deref(),
        fuel: section.fuel_max,
        calls_per_instance: section.calls_per_instance_max,
    };
    let terms = terms(&place, &ceilings, &section.grants)?;
    let mut secrets = BTreeMap::new();
    for (secret, from) in section.secrets {
        let source = source(from, beside).map_err(|why| format!("`secrets.{secret}` of `{place}`: {why}"))?;
        secrets.insert(secret, source);
    }
    Ok(Section { digests, terms: Terms { config: section.config, secrets, ..terms } })
}

/// The modules that a section is for; none where it says nothing.
fn digests(section: &file::Section, beside: &Path) -> Result<Option<BTreeSet<Digest>>, String> {
    if section.digest.is_none() && section.file.is_none() {
        return Ok(None);
    }
    let mut digests = BTreeSet::new();
    for digest in section.digest.iter().flat_map(file::OneOrMore::all) {
        digests.insert(digest.parse().map_err(|error| format!("`digest`: {error}"))?);
    }
    for file in section.file.iter().flat_map(file::OneOrMore::all) {
        let path = beside.join(file);
        let bytes = files::read(&path, MODULE_BYTES_MAX);
        let bytes = bytes.map_err(|error| format!("`file`: `{}` cannot be read: {error}", path.display()))?;
        digests.insert(Digest::of(&bytes));
    }
    Ok(Some(digests))
}

/// Ceilings as they are written.
struct Written<'a> {
    timeout: Option<&'a str>,
    memory: Option<&'a str>,
    fuel: Option<u64>,
    calls_per_instance: Option<u32>,
}

fn terms(place: &str, ceilings: &Written<'_>, granted: &Granted) -> Result<Terms, String> {
    let at = |key: &str, why: String| format!("`{key}` of `{place}`: {why}");
    let timeout_max = ceilings.timeout.map(units::span).transpose().map_err(|why| at("timeout_max", why))?;
    let memory_bytes_max = ceilings.memory.map(units::size).transpose().map_err(|why| at("memory_max", why))?;
    let zeros = [
        ("timeout_max", timeout_max.is_some_and(|span: Duration| span.is_zero())),
        ("memory_max", memory_bytes_max == Some(0)),
        ("fuel_max", ceilings.fuel == Some(0)),
        ("calls_per_instance_max", ceilings.calls_per_instance == Some(0)),
    ];
    if let Some((key, _)) = zeros.into_iter().find(|(_, zero)| *zero) {
        return Err(at(key, "0 would let nothing run".into()));
    }
    let addresses: Result<Vec<Addresses>, String> = granted
        .addresses
        .iter()
        .map(|text| text.parse().map_err(|error| at("grants.addresses", format!("{error}"))))
        .collect();
    let http = origins(&granted.http).map_err(|why| at("grants.http", why))?;
    Ok(Terms {
        ceilings: Ceilings {
            timeout_max,
            fuel_max: ceilings.fuel,
            memory_bytes_max,
            calls_per_instance_max: ceilings.calls_per_instance,
        },
        grants: Grants { http, addresses: addresses? },
        ..Terms::default()
    })
}

fn origins(list: &[String]) -> Result<Vec<Origin>, String> {
    list.iter().map(|text| text.parse().map_err(|error| format!("{error}"))).collect()
}

/// Where a secret comes from, and where it may go. That it has both is looked at now, and its text later.
fn source(from: SecretFrom, beside: &Path) -> Result<SecretSource, String> {
    let origins = origins(&from.origins)?;
    if let Some(open) = origins.iter().find(|origin| !from.plain_http && is_open(origin)) {
        return Err(format!(
            "it may not go to {open}, for everybody on the way would read it (write `https://`, or allow it: `plain_http = true`)"
        ));
    }
    let SecretFrom { env, file, .. } = from;
    let read: Arc<wasaga_sandbox::Reading> = match (env, file) {
        (Some(name), None) => Arc::new(move || {
            let value = std::env::var(&name);
            value.map_err(|_| format!("environment variable `{name}` is not set")).and_then(not_empty)
        }),
        (None, Some(file)) => {
            let path = beside.join(file);
            Arc::new(move || {
                let text = files::read_text(&path, SECRET_BYTES_MAX);
                let text = text.map_err(|error| format!("file `{}` cannot be read: {error}", path.display()))?;
                // The line's end that editors put at the end of a file is not part of it.
                not_empty(text.trim_end_matches(['\n', '\r']).to_owned())
            })
        }
        _ => return Err("it has either `env` or `file`".into()),
    };
    Ok(SecretSource { read, origins })
}

fn not_empty(value: String) -> Result<String, String> {
    if value.is_empty() { Err("it is empty".into()) } else { Ok(value) }
}

/// Whether requests to an origin go over a network as they are.
fn is_open(origin: &Origin) -> bool {
    let text = origin.to_string();
    let Some(host) = text.strip_prefix("http://") else { return false };
    let here = ["localhost", "127.", "[::1]"];
    !here.iter().any(|own| host.starts_with(own) && !host.starts_with("localhost."))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
            [defaults]
            fuel_max = 5
            [modules.bound]
            file = "key"
            digest = ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]
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
        assert!(allowed.policy.modules["shop"].digests.is_none());
        let shop = &allowed.policy.modules["shop"].terms;
        assert_eq!(shop.ceilings.timeout_max, Some(Duration::from_secs(10)));
        assert_eq!((shop.ceilings.fuel_max, shop.ceilings.memory_bytes_max), (Some(1_000_000), Some(64 << 20)));
        assert_eq!((shop.grants.http.len(), shop.grants.addresses.len()), (2, 1));
        assert_eq!(shop.secrets["stripe"].origins.len(), 1);
        assert_eq!(shop.config["currency"], "EUR");
        assert_eq!(allowed.policy.defaults.ceilings.fuel_max, Some(5));
        let named = allowed.policy.modules["bound"].digests.clone().unwrap();
        assert_eq!(
            named.into_iter().collect::<BTreeSet<_>>(),
            BTreeSet::from([Digest::of(b"s3cr3t\n"), Digest::from([0; 32])])
        );
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
            (
                "[modules.shop.secrets.a]\nenv = 'A'\norigins = ['http://api.example.com']",
                "`secrets.a` of `[modules.shop]`: it may not go to http://api.example.com",
            ),
            ("[modules.shop]\ndigest = 'sha256:12'", "`[modules.shop]`: `digest`: `sha256:12` is not a digest"),
            ("[modules.shop]\nfile = 'none.wasm'", "none.wasm` cannot be read: No such file"),
            ("[defaults.secrets]\na = 1", "unknown field `secrets`"),
            ("[defaults]\ntimeout_max = '0s'", "`timeout_max` of `[defaults]`: 0 would let nothing run"),
            ("[modules.shop", "policy `PATH`: TOML parse error at line 1"),
        ];
        for (text, expected) in cases {
            let told = read_text(text).unwrap_err();
            assert!(told.starts_with("policy `PATH`: ") && told.contains(expected), "{told}");
        }
        let local = "[modules.shop.secrets.a]\nenv = 'A'\norigins = ['http://localhost:80', 'http://127.0.0.1:80']";
        assert!(read_text(local).is_ok());
        let late = read_text("[modules.shop.secrets.a]\nenv = 'WASAGA_TEST_NONE'\norigins = []").unwrap();
        let told = (late.policy.modules["shop"].terms.secrets["a"].read)().unwrap_err();
        assert_eq!(told, "environment variable `WASAGA_TEST_NONE` is not set");
        let endless = read(Some(Path::new("/dev/zero")), &[]).unwrap_err().to_string();
        assert!(endless.contains("it cannot be read: it has more than 4.0 MiB"), "{endless}");
        let secret = read_text("[modules.shop.secrets.a]\nfile = '/dev/zero'\norigins = []").unwrap();
        let told = (secret.policy.modules["shop"].terms.secrets["a"].read)().unwrap_err();
        assert!(told.contains("it has more than 64.0 KiB"), "{told}");
        assert!(read(Some(Path::new("/nowhere.toml")), &[]).unwrap_err().to_string().contains("it cannot be read"));
    }

    #[test]
    fn a_secret_is_read_when_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let from = SecretFrom { env: None, file: Some("key".into()), origins: Vec::new(), plain_http: false };
        let source = source(from, folder.path()).unwrap();
        assert!((source.read)().unwrap_err().contains("cannot be read"));
        std::fs::write(folder.path().join("key"), "s3cr3t\n").unwrap();
        assert_eq!((source.read)().unwrap(), "s3cr3t");
    }

    #[test]
    fn a_grant_is_for_all_or_for_one() {
        let grants: Vec<Grant> =
            ["http:https://a.example", "shop:http:https://b.example"].map(|text| text.parse().unwrap()).to_vec();
        let policy = read(None, &grants).unwrap().policy;
        let origins = |module| policy.terms(module, Digest::of(b"any")).0.grants.http.len();
        assert_eq!((origins("bank"), origins("shop")), (1, 2));
    }
}
