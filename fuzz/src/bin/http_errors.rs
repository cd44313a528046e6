//! Partners of outgoing requests that do anything: they read, write, stall and close as an input says, with TLS or
//! without. The real client never says that nothing was sent where a byte of the request arrived; and whatever status
//! and `retry-after` an answer has, the SDK finds a word for it.
//!
//! An input is a byte of switches, and then what partners do, connection after connection. The client's own files are
//! built here, for their crate has wasmtime in it. The network is in memory, and time is virtual.

#![no_main]

#[path = "../../../host/sandbox/src/http/client/mod.rs"]
#[expect(dead_code, unreachable_pub, reason = "what the host needs of it, and this target does not")]
mod client;

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use libfuzzer_sys::fuzz_target;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use client::connect::Connector;
use client::fault::Fault;
use client::names::Net;
use client::send::{Client, Until};
use client::slots::{OF_CALL, OfHost, OfModule};
use client::tls::Tls;

/// The requests of an input, by the letter that each has in its first byte and in no other request's.
const REQUESTS: [char; 3] = ['X', 'Y', 'Z'];
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";
/// What buffers between the two ends hold, so that writing stops in the middle of anything.
const BUFFERS: [usize; 4] = [1, 16, 300, 1 << 16];
const BODIES: [usize; 2] = [10, 100_000];
/// The longest wait that a host takes from a guest.
const AFTER_MAX: Duration = Duration::from_secs(30 * 24 * 3_600);

fuzz_target!(|data: &[u8]| {
    let Some((switches, data)) = data.split_first() else { return };
    if switches & 0x80 != 0 {
        return status(data);
    }
    let world = World {
        script: Arc::new(Mutex::new(data.iter().copied().collect())),
        arrived: Arc::default(),
        partners: Arc::default(),
        is_secure: switches & 1 != 0,
        buffer: BUFFERS[usize::from(switches >> 1 & 3)],
    };
    // A thousand times what a buffer holds is enough, and byte by byte more would take its time.
    let body = BODIES[usize::from(switches >> 3 & 1)].min(world.buffer * 1_000);
    let runtime = runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime of one thread").block_on(requests(world, body));
});

/// Any answer's status and `retry-after` come to a word, and to a wait that the host takes.
fn status(data: &[u8]) {
    let [high, low, rest @ ..] = data else { return };
    let status = u16::from_be_bytes([*high, *low]) % 1_000;
    let after = String::from_utf8_lossy(rest).into_owned();
    let headers = vec![("retry-after".into(), after.clone()), ("location".into(), after)];
    let answer = wasaga::http::Response { status, headers, body: rest.to_vec() };
    match answer.ok() {
        Ok(answer) => assert!((200..300).contains(&answer.status), "{status}"),
        Err(error) => {
            assert!(!(200..300).contains(&status), "{status}");
            assert!(error.pause().is_none_or(|pause| pause <= AFTER_MAX), "{error:?}");
        }
    }
}

/// What the partners of one input share.
#[derive(Clone, Debug)]
struct World {
    /// What they do. A plain lock, held to take one byte.
    script: Arc<Mutex<VecDeque<u8>>>,
    /// Letters of requests that have arrived.
    arrived: Arc<Mutex<BTreeSet<char>>>,
    partners: Arc<Mutex<tokio::task::JoinSet<()>>>,
    is_secure: bool,
    buffer: usize,
}

async fn requests(world: World, body: usize) {
    let granted = ["127.0.0.1".parse().expect("it is an address")];
    let connector = Connector { net: world.clone(), granted: granted.as_slice().into(), tls: secure().trusted.clone() };
    let client = Client::new(connector, OfModule::new(OfHost::new(1_024)));
    let call = Arc::new(Semaphore::new(OF_CALL));
    let mut unsent = BTreeSet::new();
    for letter in REQUESTS {
        let scheme = if world.is_secure { "https" } else { "http" };
        let text = letter.to_string();
        let request = Request::builder().method(text.as_str()).uri(format!("{scheme}://localhost/pay"));
        let request = request.header("host", "localhost").body(Full::<Bytes>::from(text.repeat(body)));
        let request = request.expect("it is a request");
        match client.send(request, call.clone(), until()).await {
            // Whatever comes of it, it was sent.
            Ok(answer) => drop(answer.into_body().collect().await),
            Err(Fault::NotSent(_)) => drop(unsent.insert(letter)),
            Err(Fault::Lost(_)) => {}
        }
    }
    drop(client);
    // What lies in buffers arrives still: partners read to the end before anything is said.
    let mut partners = std::mem::take(&mut *world.partners.lock().expect("nothing panics while it is held"));
    while partners.join_next().await.is_some() {}
    let arrived = world.arrived.lock().expect("nothing panics while it is held").clone();
    let wrong: Vec<_> = unsent.intersection(&arrived).collect();
    assert!(wrong.is_empty(), "said to be not sent, and arrived: {wrong:?}");
}

fn until() -> Until {
    let after = |seconds| Instant::now() + Duration::from_secs(seconds);
    Until { sent: after(6), connect: Duration::from_secs(5), answered: after(8), read: after(10) }
}

impl Net for World {
    type Socket = DuplexStream;

    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    }

    async fn dial(&self, _: SocketAddr) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(self.buffer);
        let world = self.clone();
        let partner = async move { world.serve(theirs).await };
        self.partners.lock().expect("nothing panics while it is held").spawn(partner);
        Ok(ours)
    }
}

impl World {
    async fn serve(&self, mut stream: DuplexStream) {
        if !self.is_secure {
            return self.play(&mut stream).await;
        }
        // Before the handshake, too, a partner may do anything. What it reads there is the handshake's.
        if self.next().is_some_and(|sign| sign >= 0xf0) {
            return Self { arrived: Arc::default(), ..self.clone() }.play(&mut stream).await;
        }
        let accepting = TlsAcceptor::from(secure().partner.clone()).accept(stream);
        if let Ok(Ok(mut tls)) = tokio::time::timeout(Duration::from_secs(60), accepting).await {
            self.play(&mut tls).await;
        }
    }

    /// Does what the script says until it says that this connection ends, and reads what is left.
    async fn play(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
        while let Some(sign) = self.next() {
            match sign % 8 {
                0 => self.read(stream, self.next().unwrap_or(1).into()).await,
                1 => self.read(stream, usize::MAX).await,
                2 => {
                    let text: Vec<u8> = std::iter::from_fn(|| self.next()).take((sign / 8).into()).collect();
                    write(stream, &text).await;
                }
                3 => write(stream, ANSWER).await,
                4 => write(stream, &ANSWER[..usize::from(sign / 8).min(ANSWER.len())]).await,
                5 => tokio::time::sleep(Duration::from_millis(u64::from(sign) * 40)).await,
                6 => write(stream, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await,
                // It goes, and what it has not read never arrives.
                _ if sign & 8 != 0 => return,
                _ => break,
            }
        }
        // The other end is not told before: this end goes when all was read.
        drop(stream.shutdown().await);
        let mut rest = Vec::new();
        let reading = stream.read_to_end(&mut rest);
        drop(tokio::time::timeout(Duration::from_secs(60), reading).await);
        self.saw(&rest);
    }

    fn next(&self) -> Option<u8> {
        self.script.lock().expect("nothing panics while it is held").pop_front()
    }

    /// Reads so many bytes, or what comes within half a second.
    async fn read(&self, stream: &mut (impl AsyncRead + Unpin), bytes: usize) {
        let mut buffer = [0; 4_096];
        let mut left = bytes;
        while left > 0 {
            let part = &mut buffer[..left.min(4_096)];
            match tokio::time::timeout(Duration::from_millis(500), stream.read(part)).await {
                Ok(Ok(read @ 1..)) => {
                    self.saw(&buffer[..read]);
                    left -= read;
                }
                _ => return,
            }
        }
    }

    fn saw(&self, bytes: &[u8]) {
        let letters = bytes.iter().map(|byte| char::from(*byte)).filter(|letter| REQUESTS.contains(letter));
        self.arrived.lock().expect("nothing panics while it is held").extend(letters);
    }
}

/// Writes, where the other end takes it.
async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    let writing = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    drop(tokio::time::timeout(Duration::from_millis(500), writing).await);
}

/// One certificate for all inputs.
struct Secure {
    partner: Arc<ServerConfig>,
    trusted: Arc<Tls>,
}

fn secure() -> &'static Secure {
    static SECURE: OnceLock<Secure> = OnceLock::new();
    SECURE.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate is made");
        let file = std::env::temp_dir().join(format!("wasaga-fuzz-{}.pem", std::process::id()));
        std::fs::write(&file, made.cert.pem()).expect("a file can be written");
        let trusted = Arc::new(Tls::new(Some(&file)).expect("it is a certificate"));
        drop(std::fs::remove_file(&file));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("ring has what TLS needs").with_no_client_auth();
        let partner = config.with_single_cert(vec![made.cert.der().clone()], key).expect("the key is its own");
        Secure { partner: Arc::new(partner), trusted }
    })
}
