//! TLS: its handshake sends nothing of a request, and its errors after that say nothing of what was done.

use std::path::PathBuf;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// What a partner does once a connection is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Answers,
    /// Asks for a certificate that the client has not. By TLS 1.3 the client hears of that after it has sent its request.
    WantsCertificate,
    /// Reads the request and then writes what is no TLS.
    Garbles,
    /// Reads the first words of the handshake, and then writes what is no TLS, closes, or stalls.
    GarblesHandshake,
    ClosesHandshake,
    StallsHandshake,
}

/// A partner with a certificate for `localhost`, and the directory with it.
async fn partner(does: Does) -> (String, TempDir, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let roots = directory.path().join("ca.pem");
    std::fs::write(&roots, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let config = if does == Does::WantsCertificate {
        let mut trusted = RootCertStore::empty();
        trusted.add(made.cert.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(trusted.into(), provider).build().unwrap();
        config.with_client_cert_verifier(verifier)
    } else {
        config.with_no_client_auth()
    };
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/pay", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, acceptor.clone(), does));
        }
    });
    (url, directory, roots)
}

async fn serve(mut stream: TcpStream, acceptor: TlsAcceptor, does: Does) {
    let mut buffer = [0; 4096];
    match does {
        Does::GarblesHandshake => {
            drop(stream.read(&mut buffer).await);
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
        }
        Does::ClosesHandshake => drop(stream.read(&mut buffer).await),
        Does::StallsHandshake => std::future::pending::<()>().await,
        Does::Answers | Does::Garbles | Does::WantsCertificate => {
            let Ok(mut tls) = acceptor.accept(stream).await else { return };
            drop(tls.read(&mut buffer).await);
            if does == Does::Garbles {
                drop(tls.get_mut().0.write_all(&[23, 3, 3, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9]).await);
            } else {
                drop(tls.write_all(OK.as_bytes()).await);
            }
            drop(tls.flush().await);
            drop(tls.read(&mut buffer).await);
        }
    }
}

async fn outcome(does: Does, is_trusted: bool) -> Result<Bytes, Fault> {
    let (url, _directory, roots) = partner(does).await;
    let tls = if is_trusted { Tls::new(Some(&roots)).unwrap() } else { Tls::default() };
    let client = client(System::new(Lookups::default()), tls);
    if does == Does::StallsHandshake {
        return send(&client, &url, SHORT).await.map(|_| Bytes::new());
    }
    ask(&client, &url).await
}

/// S1: an error of TLS after the request was sent counted as not sent, so a charge was made twice.
#[tokio::test]
async fn an_error_of_tls_counts_by_what_was_sent() {
    assert_eq!(outcome(Does::Answers, true).await.unwrap(), "done");
    for does in [Does::WantsCertificate, Does::Garbles] {
        assert_eq!(outcome(does, true).await, Err(Fault::Lost(Lost::Ended)), "{does:?}");
    }
    let untrusted = outcome(Does::Answers, false).await;
    assert!(matches!(untrusted, Err(Fault::NotSent(NotSent::Certificate(_)))), "{untrusted:?}");
    let before = [
        (Does::GarblesHandshake, NotSent::Tls),
        (Does::ClosesHandshake, NotSent::Refused),
        (Does::StallsHandshake, NotSent::NoConnectionInTime),
    ];
    for (does, expected) in before {
        assert_eq!(outcome(does, true).await, Err(expected.into()), "{does:?}");
    }
}
