//! The real client against partners that do what partners do: for each, whether anything of the request left.

pub(crate) mod partner;
mod secure;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use parking_lot::Mutex;
use tokio::io::DuplexStream;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::connect::Connector;
use super::fault::{Bound, Fault, Lost, NotSent};
use super::names::{Lookups, Net, System};
use super::send::{Answer, Client, Until};
use super::slots::{OF_CALL, OfHost, OfModule};
use super::tls::Tls;
use partner::{Act, Partner};

type Body = Full<Bytes>;

pub(crate) const SOON: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

/// A client whose names are found by this network; loopback is granted.
fn client<N: Net>(net: N, tls: Tls) -> Client<N, Body> {
    let granted = ["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
    let connector = Connector { net, granted: granted.as_slice().into(), tls: Arc::new(tls) };
    Client::new(connector, OfModule::new(OfHost::new(1_024)))
}

fn system() -> Client<System, Body> {
    client(System::new(Lookups::default()), Tls::default())
}

fn until(span: Duration) -> Until {
    let end = Instant::now() + span;
    Until { sent: end, connect: span, answered: end, read: end }
}

fn call() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(OF_CALL))
}

fn post(url: &str) -> Request<Body> {
    let request = Request::post(url).header("host", "partner");
    request.body(Full::from("{\"cents\":500}")).unwrap()
}

async fn send<N: Net>(client: &Client<N, Body>, url: &str, span: Duration) -> Result<Response<Answer<Body>>, Fault> {
    client.send(post(url), call(), until(span)).await
}

/// Sends, and reads the whole answer.
async fn ask<N: Net>(client: &Client<N, Body>, url: &str) -> Result<Bytes, Fault> {
    let response = send(client, url, SOON).await?;
    Ok(response.into_body().collect().await.map_err(|_| Fault::Lost(Lost::Ended))?.to_bytes())
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";

#[tokio::test]
async fn what_a_partner_does_after_the_request_is_never_not_sent() {
    use Act::{Request as R, Stall, Write as W};
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let length = |header: &str| format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n");
    let large = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1 << 17));
    let cases = [
        ("it closes", vec![R], Lost::Ended),
        ("it resets", vec![Act::Bytes(1)], Lost::Ended),
        ("it closes in the middle of the head", vec![R, W("HTTP/1.1 200 OK\r\nconte".into())], Lost::Ended),
        ("it closes in the middle of the body", vec![R, W(OK[..OK.len() - 2].into())], Lost::Ended),
        ("it speaks no HTTP", vec![R, W("SSH-2.0-OpenSSH\r\n\r\n".into())], Lost::NoHttp),
        ("its head is too large", vec![R, W(large)], Lost::HeadersTooLarge),
        ("it has too many headers", vec![R, W(format!("HTTP/1.1 200 OK\r\n{many}\r\n"))], Lost::HeadersTooLarge),
        ("its length is none", vec![R, W(length("content-length: x"))], Lost::NoHttp),
        // U10: no number of a partner's overflows.
        ("its length is no number of ours", vec![R, W(length("content-length: 99999999999999999999"))], Lost::NoHttp),
        ("it has two lengths", vec![R, W(length("content-length: 1\r\ncontent-length: 2"))], Lost::NoHttp),
        (
            "its chunk is endless",
            vec![R, W(length("transfer-encoding: chunked") + "fffffffffffffffff\r\n")],
            Lost::Ended,
        ),
        ("it stalls", vec![R, Stall], Lost::Late),
        ("it stalls after half a head", vec![R, W("HTTP/1.1 200".into()), Stall], Lost::Late),
    ];
    for (what, script, expected) in cases {
        let partner = Partner::start(vec![script]).await;
        let span = if expected == Lost::Late { SHORT } else { SOON };
        let client = system();
        let answered = match send(&client, &partner.url(), span).await {
            Ok(response) => response.into_body().collect().await.map(drop).map_err(|_| Fault::Lost(Lost::Ended)),
            Err(fault) => Err(fault),
        };
        assert_eq!(answered, Err(Fault::Lost(expected)), "{what}");
        assert!(partner.received() > 0, "{what}");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let client = system();
    let closed = Partner::start(vec![]).await.closed().await;
    assert_eq!(ask(&client, &closed).await, Err(NotSent::Refused.into()));
    let unresolved = ask(&client, "http://no-such-name.invalid/").await;
    assert!(matches!(unresolved, Err(Fault::NotSent(NotSent::Unresolved(_)))), "{unresolved:?}");
    let prohibited = ask(&client, "http://169.254.169.254/latest").await;
    let address = "169.254.169.254:80".parse().unwrap();
    assert_eq!(prohibited, Err(NotSent::Prohibited(address).into()));
    let tunnel = Request::connect("http://127.0.0.1:9").body(Full::default()).unwrap();
    let tunnel = client.send(tunnel, call(), until(SOON)).await.map(drop);
    assert_eq!(tunnel, Err(NotSent::Invalid.into()));
}

/// A name with these addresses.
#[derive(Clone, Debug)]
struct Named(Arc<[SocketAddr]>);

impl Net for Named {
    type Socket = TcpStream;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(self.0.to_vec())
    }

    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

/// U11: a listener whose queue is full takes no SYN, as an address does that swallows packets.
#[tokio::test]
async fn an_address_that_swallows_packets_does_not_hide_the_next_one() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let full = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    // A second is far more than a connect on loopback takes.
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_secs(1), TcpStream::connect(full)).await {
        queue.push(stream);
    }
    let partner = Partner::start(vec![vec![Act::Request, Act::Write(OK.into())]; 4]).await;
    for addresses in [vec![full, partner.address], vec![full, full, full, partner.address], vec![partner.address, full]]
    {
        let client = client(Named(addresses.into()), Tls::default());
        let span = Duration::from_secs(6);
        assert_eq!(
            send(&client, "http://partner.example/", span).await.map(|answer| answer.status()),
            Ok(StatusCode::OK)
        );
    }
    let alone = client(Named(vec![full, full].into()), Tls::default());
    let lost = send(&alone, "http://partner.example/", SHORT).await.map(drop);
    assert_eq!(lost, Err(NotSent::NoConnectionInTime.into()));
}

/// A name that resolves to another address each time.
#[derive(Clone)]
struct Rebinding(Arc<Mutex<Vec<SocketAddr>>>);

impl Net for Rebinding {
    type Socket = TcpStream;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(self.0.lock().pop().into_iter().collect())
    }

    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

#[tokio::test]
async fn the_address_counts_each_time_and_not_the_name() {
    let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\ndone".to_owned();
    let partner = Partner::start(vec![vec![Act::Request, Act::Write(closing)]]).await;
    let metadata: SocketAddr = "169.254.169.254:80".parse().unwrap();
    let names = Rebinding(Arc::new(Mutex::new(vec![metadata, partner.address])));
    let client = client(names, Tls::default());
    assert_eq!(ask(&client, "http://granted.example/").await.unwrap(), "done");
    assert_eq!(ask(&client, "http://granted.example/").await, Err(NotSent::Prohibited(metadata).into()));
    let nowhere = ask(&client, "http://granted.example/").await;
    assert!(matches!(nowhere, Err(Fault::NotSent(NotSent::Unresolved(_)))), "{nowhere:?}");
}

/// Connections in memory: the partner's ends are handed out one by one.
#[derive(Clone)]
struct Memory(Arc<Mutex<Vec<DuplexStream>>>);

impl Net for Memory {
    type Socket = DuplexStream;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec!["127.0.0.1:80".parse().unwrap()])
    }

    async fn dial(&self, _: SocketAddr) -> io::Result<DuplexStream> {
        self.0.lock().pop().ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
    }
}

/// A connection that is closed before it takes a byte, and one that takes none until the end.
#[tokio::test(start_paused = true)]
async fn a_connection_that_took_no_byte_sent_nothing() {
    let (ours, theirs) = tokio::io::duplex(64);
    drop(theirs);
    let gone = client(Memory(Arc::new(Mutex::new(vec![ours]))), Tls::default());
    assert_eq!(ask(&gone, "http://partner/").await, Err(NotSent::Closed.into()));

    let (mut ours, theirs) = tokio::io::duplex(1);
    tokio::io::AsyncWriteExt::write_all(&mut ours, b"x").await.unwrap();
    let full = client(Memory(Arc::new(Mutex::new(vec![ours]))), Tls::default());
    let late = send(&full, "http://partner/", SHORT).await.map(drop);
    assert_eq!(late, Err(NotSent::NoConnectionInTime.into()), "the buffer was full, so nothing left");
    drop(theirs);

    let (ours, _theirs) = tokio::io::duplex(1);
    let one = client(Memory(Arc::new(Mutex::new(vec![ours]))), Tls::default());
    let late = send(&one, "http://partner/", SHORT).await.map(drop);
    assert_eq!(late, Err(Fault::Lost(Lost::Late)), "one byte left, and that is enough");
}

#[tokio::test]
async fn connections_are_kept_and_those_that_were_closed_are_not_used() {
    let kept = vec![Act::Request, Act::Write(OK.into()), Act::Request, Act::Write(OK.into())];
    let closed = vec![Act::Request, Act::Write(OK.into())];
    let partner = Partner::start(vec![kept, closed.clone(), closed]).await;
    let client = system();
    // One waits after the first request. The partner closes it after each of the others.
    for (ended, waiting) in [(0, 1), (1, 0), (2, 0), (3, 0)] {
        assert_eq!(ask(&client, &partner.url()).await.unwrap(), "done");
        let noticed = async {
            while (partner.ended(), client.waiting()) != (ended, waiting) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, noticed).await.expect("the client notices");
    }
    assert_eq!(partner.connections(), 3);
}

/// S10: the bound of a call, and what is told where it is reached.
#[tokio::test]
async fn a_request_that_finds_no_place_is_not_sent() {
    let partner = Partner::start(vec![vec![Act::Request, Act::Stall]; 64]).await;
    let (client, call) = (Arc::new(system()), call());
    let url = partner.url();
    let flood = (0..OF_CALL).map(|_| {
        let (client, call, url) = (client.clone(), call.clone(), url.clone());
        tokio::spawn(async move { client.send(post(&url), call, until(SOON)).await.map(drop) })
    });
    let flood: Vec<_> = flood.collect();
    partner.wait_for(OF_CALL).await;
    let busy = client.send(post(&url), call, until(SHORT)).await.map(drop);
    assert_eq!(busy, Err(NotSent::Busy(Bound::Call).into()));
    assert_eq!(partner.connections(), OF_CALL);
    flood.iter().for_each(|request| request.abort());
}

/// What a guest does not read is closed with its call, and its place is free again.
#[tokio::test]
async fn an_answer_that_nobody_reads_ends_with_its_call() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf".to_owned();
    let partner = Partner::start(vec![vec![Act::Request, Act::Write(head), Act::Stall]]).await;
    let (client, call) = (system(), call());
    let unread = client.send(post(&partner.url()), call.clone(), until(SHORT)).await.unwrap();
    assert_eq!(call.available_permits(), OF_CALL - 1);
    tokio::time::timeout(SOON, async {
        while call.available_permits() < OF_CALL {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the place is given back");
    assert!(unread.into_body().collect().await.is_err(), "and the rest is not there");
}
