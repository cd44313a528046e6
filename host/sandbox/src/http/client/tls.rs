//! Which certificates are trusted, and how TLS is spoken: versions 1.2 and 1.3, without a certificate of our own.

use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Bytes of a file of certificates. All that browsers trust have a quarter of a mebibyte together.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Which certificates are trusted: those of a file, or those of the system.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    /// The system's are read when they are needed first, for these are some hundred files.
    config: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    /// Trusts the certificates of this PEM file, which is read now, or else the system's.
    ///
    /// # Errors
    /// The file has none; the text names it.
    pub(crate) fn new(roots: Option<&Path>) -> Result<Self, String> {
        match roots {
            None => Ok(Self::default()),
            Some(path) => Ok(Self { config: OnceLock::from(config(of_file(path)?)?) }),
        }
    }

    /// How connections are secured.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let config = config(of_system())?;
        Ok(self.config.get_or_init(|| config).clone())
    }
}

fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn of_system() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some stores have a certificate or two that nobody can read; the others count.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!(
            target: "wasaga::http",
            "this system has no trusted certificates, so no partner is trusted (name some with `--tls-roots`)"
        );
    }
    roots
}

fn of_file(path: &Path) -> Result<RootCertStore, String> {
    let told = |why: String| format!("certificates cannot be read from `{}`: {why} (it has to be PEM)", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| told(error.to_string()))?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| told(error.to_string()))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(told(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| told(error.to_string()))?;
        roots.add(certificate).map_err(|error| told(error.to_string()))?;
    }
    if roots.is_empty() { Err(told("there are none".into())) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X12: what is wrong is told before there is a request.
    #[test]
    fn certificates_are_read_or_the_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        for (text, why) in [(None, "No such file"), (Some("nothing"), "there are none")] {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            let told = Tls::new(Some(&path)).unwrap_err();
            assert!(told.contains("ca.pem") && told.contains(why), "{told}");
        }
        let told = Tls::new(Some(Path::new("/dev/zero"))).unwrap_err();
        assert!(told.contains("more than"), "{told}");
        assert!(Tls::new(None).unwrap().config().is_ok());
    }
}
