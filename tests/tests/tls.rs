//! `https` from a guest: the partner's certificate is checked against the certificates that are trusted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use wasaga_tests::{Ended, User};

/// Whether a server asks those who call it for a certificate. By TLS 1.3 they hear of it after they have sent their request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nothing,
    ForCertificate,
}

/// A server with a certificate of its own making, for these names; answers its port and the certificate.
fn server(names: &[&str], asks: Asks) -> (u16, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let config = match asks {
        Asks::Nothing => config.with_no_client_auth(),
        Asks::ForCertificate => {
            let mut roots = RootCertStore::empty();
            roots.add(made.cert.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
            config.with_client_cert_verifier(verifier)
        }
    };
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            // Whoever does not trust the certificate goes away in the middle.
            if matches!(tls.read(&mut [0; 4096]), Ok(1..)) {
                drop(tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nsecret"));
            }
        }
    });
    (port, made.cert.pem())
}

fn fetch(user: &User, port: u16, more: &[&str]) -> Ended {
    let input = json!({"url": format!("https://localhost:{port}/")}).to_string();
    let grant = format!("http:https://localhost:{port}");
    let mut args = vec!["fetch", "--json", "--grant", &grant, "--grant", "address:127.0.0.1", "--grant", "address:::1"];
    args.extend(more);
    user.run("caller", &input, &args)
}

fn failure(ended: &Ended) -> serde_json::Value {
    ended.json()["nodes"][0]["error"].clone()
}

#[test]
fn a_certificate_is_trusted_only_where_it_is_named() {
    let user = User::new();
    let (port, pem) = server(&["localhost"], Asks::Nothing);
    std::fs::write(user.directory().join("ca.pem"), pem).unwrap();
    let trusted = fetch(&user, port, &["--tls-roots", "ca.pem"]).with(0).json();
    assert_eq!(trusted["nodes"][0]["output"]["body"], "secret");
    let unknown = failure(&fetch(&user, port, &[]).with(3));
    assert_eq!(unknown["code"], "http-not-sent", "{unknown}");
    let told = unknown["message"].as_str().unwrap();
    assert!(told.contains("TlsCertificateError") && told.contains("its certificate is not trusted: "), "{unknown}");

    let (port, pem) = server(&["elsewhere.example.com"], Asks::Nothing);
    std::fs::write(user.directory().join("other.pem"), pem).unwrap();
    let other = failure(&fetch(&user, port, &["--tls-roots", "other.pem"]).with(3));
    assert_eq!(other["code"], "http-not-sent", "the name counts: {other}");

    // X12: before anything starts.
    std::fs::write(user.directory().join("none.pem"), "nothing").unwrap();
    let none = fetch(&user, port, &["--tls-roots", "none.pem"]).with(2);
    assert!(none.error().contains("certificates cannot be read from `none.pem`"), "{}", none.stderr);
}

/// S1: a request that was sent, and then refused by an error of TLS, counted as not sent.
#[test]
fn an_error_of_tls_after_the_request_is_unknown() {
    let user = User::new();
    let (port, pem) = server(&["localhost"], Asks::ForCertificate);
    std::fs::write(user.directory().join("ca.pem"), pem).unwrap();
    let unknown = failure(&fetch(&user, port, &["--tls-roots", "ca.pem"]).with(3));
    assert_eq!(unknown["code"], "http-no-answer", "{unknown}");
}
