//! What an operator allows: for each module what it may reach and how much it may use. What is not granted is refused,
//! whatever a module asks for; and what a module does not ask for is refused, whatever is granted.
//!
//! A module gives itself its name, so a name alone proves nothing. An operator binds a name to digests; then a module of
//! that name and of other bytes gets nothing that is meant for the name, and is told apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasaga_core::Digest;
use wasaga_core::definition::Capability;
use wasaga_engine::port::LoadError;

use crate::http::{Addresses, Origin};

/// Of all modules.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// For every module, beside what its section says: ceilings where that has none, and grants.
    pub defaults: Terms,
    /// By a module's name. One without an entry has the defaults alone, under the host's own limits.
    pub modules: BTreeMap<String, Section>,
    /// Granted beside the sections, by a module's name; not to a module that a section tells apart by its digest.
    pub grants: BTreeMap<String, Grants>,
}

/// What is meant for one name.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The modules that the name stands for; none trusts the name alone.
    pub digests: Option<BTreeSet<Digest>>,
    /// What they may.
    pub terms: Terms,
}

/// How much a module may use, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ceilings {
    /// Of one call, at most; none leaves it to the host.
    pub timeout_max: Option<Duration>,
    /// Units of fuel of one call, at most; none leaves it to the host.
    pub fuel_max: Option<u64>,
    /// Linear memory of one instance, at most; none leaves it to the host.
    pub memory_bytes_max: Option<u64>,
    /// How many calls one instance serves, at most; none leaves it to the module.
    pub calls_per_instance_max: Option<u32>,
}

impl Ceilings {
    /// These, and the others where these say nothing.
    fn or(self, others: Self) -> Self {
        Self {
            timeout_max: self.timeout_max.or(others.timeout_max),
            fuel_max: self.fuel_max.or(others.fuel_max),
            memory_bytes_max: self.memory_bytes_max.or(others.memory_bytes_max),
            calls_per_instance_max: self.calls_per_instance_max.or(others.calls_per_instance_max),
        }
    }
}

/// What an operator writes for a module. Nobody has read its secrets yet.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// How much it may use.
    pub ceilings: Ceilings,
    /// What it may reach.
    pub grants: Grants,
    /// Values that it may read, by key.
    pub config: BTreeMap<String, String>,
    /// Secrets that it may use in requests, by name.
    pub secrets: BTreeMap<String, SecretSource>,
}

/// What holds for one module that is loaded.
#[derive(Clone, Debug, Default)]
pub struct ModulePolicy {
    /// How much it may use.
    pub ceilings: Ceilings,
    /// What it may reach.
    pub grants: Grants,
    /// Values that it may read, by key.
    pub config: BTreeMap<String, String>,
    /// Secrets that it may use in requests, by name: of those that it asks for.
    pub secrets: BTreeMap<String, Secret>,
    /// How the policy knows it.
    pub standing: Standing,
}

/// How a policy knows a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// There is no section for its name.
    #[default]
    Unnamed,
    /// A section names it by its name alone, which every module may give itself.
    ByName,
    /// A section names its digest.
    ByDigest,
    /// A section for its name names other digests: it gets nothing of it.
    Stranger,
}

/// What a module may reach.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Origins that requests may go to.
    pub http: Vec<Origin>,
    /// Addresses that are not public, and that the operator allows.
    pub addresses: Vec<Addresses>,
}

/// How the text of a secret is had, or why it is not.
pub type Reading = dyn Fn() -> Result<String, String> + Send + Sync;

/// Where a secret comes from. It is read when a module that asks for it is loaded, and not before.
#[derive(Clone)]
pub struct SecretSource {
    /// Gives the text.
    pub read: Arc<Reading>,
    /// Where it may go.
    pub origins: Vec<Origin>,
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretSource").field("origins", &self.origins).finish_non_exhaustive()
    }
}

/// A text that is put into requests on their way, and never into a guest's memory, a journal or a log.
#[derive(Clone)]
pub struct Secret {
    /// The text itself.
    pub value: Arc<str>,
    /// Where it may go.
    pub origins: Vec<Origin>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("origins", &self.origins).finish_non_exhaustive()
    }
}

impl Grants {
    /// Whether all requests to an origin, which may be a pattern, may go out.
    pub fn allow(&self, origin: &Origin) -> bool {
        self.http.iter().any(|granted| granted.covers(origin))
    }

    /// The origins that are granted of those that a pattern has, where it is not granted whole.
    pub fn parts_of<'g>(&'g self, pattern: &'g Origin) -> impl Iterator<Item = &'g Origin> {
        self.http.iter().filter(|granted| pattern.covers(granted))
    }

    fn add(&mut self, more: &Self) {
        self.http.extend(more.http.iter().cloned());
        self.addresses.extend(more.addresses.iter().cloned());
    }

    fn is_empty(&self) -> bool {
        self.http.is_empty() && self.addresses.is_empty()
    }
}

impl Policy {
    /// What is written for a module, and how the policy knows it. No secret is read.
    pub fn terms(&self, module: &str, digest: Digest) -> (Terms, Standing) {
        let section = self.modules.get(module);
        let standing = match section.map(|section| &section.digests) {
            None => Standing::Unnamed,
            Some(None) => Standing::ByName,
            Some(Some(digests)) if digests.contains(&digest) => Standing::ByDigest,
            Some(Some(_)) => Standing::Stranger,
        };
        if standing == Standing::Stranger {
            return (self.defaults.clone(), standing);
        }
        let mut terms = section.map(|section| section.terms.clone()).unwrap_or_default();
        terms.ceilings = terms.ceilings.or(self.defaults.ceilings);
        terms.grants.add(&self.defaults.grants);
        if let Some(granted) = self.grants.get(module) {
            terms.grants.add(granted);
        }
        (terms, standing)
    }

    /// What holds for a module that is loaded. The secrets that it asks for are read, and the log tells where its name is
    /// not what it seems.
    ///
    /// # Errors
    /// A secret that it asks for, and that it is to have, cannot be read.
    pub fn of(&self, module: &str, asked: &[Capability], digest: Digest) -> Result<ModulePolicy, LoadError> {
        let (terms, standing) = self.terms(module, digest);
        self.tell(module, digest, standing);
        let asked = |name: &String| asked.contains(&Capability::Secret(name.clone()));
        let secrets = terms.secrets.iter().filter(|(name, _)| asked(name)).map(|(name, source)| {
            let value = (source.read)().map_err(|why| LoadError {
                reason: format!("its secret `{name}` cannot be had: {why}"),
                remedy: format!("provide it, or take `[modules.{module}.secrets.{name}]` out of the policy"),
            })?;
            Ok((name.clone(), Secret { value: value.into(), origins: source.origins.clone() }))
        });
        let secrets = secrets.collect::<Result<_, LoadError>>()?;
        let Terms { ceilings, grants, config, .. } = terms;
        Ok(ModulePolicy { ceilings, grants, config, secrets, standing })
    }

    fn tell(&self, module: &str, digest: Digest, standing: Standing) {
        let gives = || self.modules.get(module).is_some_and(|section| section.terms.gives());
        if standing == Standing::Stranger {
            tracing::warn!(
                target: "wasaga::policy",
                "module `{module}` is {digest}, which `[modules.{module}]` of the policy does not name: it gets nothing that \
                 is meant for that name (add the digest there, if it is to have it)"
            );
        } else if standing == Standing::ByName && gives() {
            tracing::warn!(
                target: "wasaga::policy",
                "any module that calls itself `{module}` gets what `[modules.{module}]` of the policy gives (bind the name: \
                 `digest = \"{digest}\"`, or `file` for a file that you build)"
            );
        }
    }
}

impl Terms {
    /// Whether they give something that a module has not by itself.
    fn gives(&self) -> bool {
        !self.grants.is_empty() || !self.config.is_empty() || !self.secrets.is_empty()
    }
}

impl ModulePolicy {
    /// What an operator does so that a module may reach an origin: grants it to that module alone.
    pub fn remedy_for_origin(&self, module: &str, origin: &Origin) -> String {
        self.remedy(module, &format!("http:{origin}"), &format!("http = [\"{origin}\"]"))
    }

    /// What an operator does so that a module may reach an address that is not public.
    pub fn remedy_for_address(&self, module: &str, address: impl fmt::Display) -> String {
        self.remedy(module, &format!("address:{address}"), &format!("addresses = [\"{address}\"]"))
    }

    fn remedy(&self, module: &str, grant: &str, line: &str) -> String {
        if self.standing == Standing::Stranger {
            return format!(
                "its digest is not one of those that `[modules.{module}]` of the policy names: add it there"
            );
        }
        // Other names would have to be quoted for a shell.
        let is_plain = module.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        let typed = if is_plain { format!("with `--grant {module}:{grant}`, or ") } else { String::new() };
        format!("grant it {typed}in the policy file under `[modules.{module}.grants]`: `{line}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Vec<Capability> {
        vec![Capability::Secret("payments".into())]
    }

    fn source(read: impl Fn() -> Result<String, String> + Send + Sync + 'static) -> SecretSource {
        SecretSource { read: Arc::new(read), origins: vec!["https://api.example.com".parse().unwrap()] }
    }

    fn policy(digests: Option<&[Digest]>, read: fn() -> Result<String, String>) -> Policy {
        let origin = |text: &str| Grants { http: vec![text.parse().unwrap()], addresses: Vec::new() };
        let terms = Terms {
            ceilings: Ceilings { fuel_max: Some(7), ..Ceilings::default() },
            grants: origin("https://api.example.com"),
            secrets: BTreeMap::from([
                ("payments".into(), source(read)),
                ("unasked".into(), source(|| Err("no".into()))),
            ]),
            ..Terms::default()
        };
        let digests = digests.map(|digests| digests.iter().copied().collect());
        Policy {
            defaults: Terms {
                ceilings: Ceilings {
                    fuel_max: Some(1_000),
                    timeout_max: Some(Duration::from_secs(1)),
                    ..Ceilings::default()
                },
                grants: origin("https://all.example.com"),
                ..Terms::default()
            },
            modules: BTreeMap::from([("shop".into(), Section { digests, terms })]),
            grants: BTreeMap::from([("shop".into(), origin("https://more.example.com"))]),
        }
    }

    fn origins(policy: &ModulePolicy) -> Vec<String> {
        policy.grants.http.iter().map(ToString::to_string).collect()
    }

    /// S15: a name is bound to bytes; other bytes under that name get the defaults and nothing else.
    #[test]
    fn a_name_that_is_bound_to_a_digest_is_no_other_modules() {
        let (own, other) = (Digest::of(b"own"), Digest::of(b"other"));
        let policy = policy(Some(&[Digest::of(b"before"), own]), || Ok("s3cr3t".into()));
        let shop = policy.of("shop", &asked(), own).unwrap();
        assert_eq!((shop.standing, shop.ceilings.fuel_max, shop.secrets.len()), (Standing::ByDigest, Some(7), 1));
        assert_eq!(&*shop.secrets["payments"].value, "s3cr3t");
        let all = ["https://api.example.com", "https://all.example.com", "https://more.example.com"];
        assert_eq!(origins(&shop), all);
        let evil = policy.of("shop", &asked(), other).unwrap();
        assert_eq!((evil.standing, evil.ceilings.fuel_max, evil.secrets.len()), (Standing::Stranger, Some(1_000), 0));
        assert_eq!(origins(&evil), ["https://all.example.com"]);
        let told = evil.remedy_for_origin("shop", &"https://api.example.com".parse().unwrap());
        assert!(told.starts_with("its digest is not one of those"), "{told}");
    }

    #[test]
    fn every_module_has_the_defaults_and_a_name_alone_may_be_trusted() {
        let policy = policy(None, || Ok("s3cr3t".into()));
        let shop = policy.of("shop", &asked(), Digest::of(b"any")).unwrap();
        let limits = (shop.ceilings.fuel_max, shop.ceilings.timeout_max);
        assert_eq!((shop.standing, limits), (Standing::ByName, (Some(7), Some(Duration::from_secs(1)))));
        let bank = policy.of("bank", &asked(), Digest::of(b"any")).unwrap();
        assert_eq!((bank.standing, bank.ceilings.fuel_max, bank.secrets.len()), (Standing::Unnamed, Some(1_000), 0));
        assert_eq!(origins(&bank), ["https://all.example.com"]);
    }

    /// S18: a secret is read for a module that may use it, and asks for it, and for no other; a grant names its module.
    #[test]
    fn a_secret_is_read_when_it_is_needed_and_a_remedy_names_the_module() {
        let policy = policy(None, || Err("environment variable `KEY` is not set".into()));
        assert!(policy.of("bank", &asked(), Digest::of(b"any")).is_ok());
        assert!(policy.of("shop", &[], Digest::of(b"any")).is_ok());
        let refused = policy.of("shop", &asked(), Digest::of(b"any")).unwrap_err();
        assert_eq!(refused.reason, "its secret `payments` cannot be had: environment variable `KEY` is not set");
        let origin = "https://a.example".parse().unwrap();
        let told = |module| ModulePolicy::default().remedy_for_origin(module, &origin);
        assert!(told("shop").starts_with("grant it with `--grant shop:http:https://a.example`, or in the policy file"));
        assert!(told("a b").starts_with("grant it in the policy file under `[modules.a b.grants]`"));
        let address = ModulePolicy::default().remedy_for_address("shop", "127.0.0.1:80");
        assert!(address.contains("`--grant shop:address:127.0.0.1:80`"), "{address}");
    }
}
