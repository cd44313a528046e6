//! What a guest's requests pass on their way, as wasmtime hands them over.

use std::pin::Pin;

use http_body_util::{BodyExt as _, Full};

use super::client::tests::SOON;
use super::client::tests::partner::{Act, Partner};
use super::*;
use crate::policy::Grants;

#[test]
fn what_a_guest_says_of_time_holds_within_the_deadline() {
    let (short, long) = (Duration::from_millis(100), Duration::from_secs(3_600));
    let of = |connect_timeout, first_byte_timeout, between_bytes_timeout| {
        let options = RequestOptions { connect_timeout, first_byte_timeout, between_bytes_timeout };
        Times::new(Some(options), Some(Instant::now() + Duration::from_secs(60)))
    };
    let all = of(Some(short), Some(short), Some(short));
    assert_eq!((all.answer, all.connect, all.silence), (short, short, short));
    for late in [of(None, None, None), of(Some(long), Some(long), Some(long))] {
        assert!(late.answer <= Duration::from_secs(60) && late.answer > Duration::from_secs(50), "{late:?}");
        assert!(late.silence <= Duration::from_secs(60), "{late:?}");
        // S5: a connection has a time of its own, and a guest hears that nothing was sent before it is stopped.
        assert!(late.connect == CONNECT_TIMEOUT && late.sent <= Duration::from_secs(45), "{late:?}");
    }
}

#[test]
fn what_is_asked_for_is_an_origin() {
    let reach = |origin: &str| {
        Reach::new("shop", &[Capability::OutgoingHttp(origin.into())], ModulePolicy::default(), Arc::default())
    };
    assert!(reach("https://api.example.com").is_ok());
    assert!(reach("api.example.com").unwrap_err().to_string().starts_with("`api.example.com` is not an origin"));
}

/// A module that may call what listens on loopback.
fn module(name: &str, shared: &Arc<TlsRoots>) -> Arc<Reach> {
    let origin = "http://127.0.0.1:*";
    let grants = Grants { http: vec![origin.parse().unwrap()], addresses: vec!["127.0.0.1".parse().unwrap()] };
    let policy = ModulePolicy { grants, ..ModulePolicy::default() };
    Arc::new(Reach::new(name, &[Capability::OutgoingHttp(origin.into())], policy, shared.clone()).unwrap())
}

fn call_of(reach: &Arc<Reach>, span: Duration) -> Hooks {
    Hooks { deadline: Some(Instant::now() + span), ..Hooks::new(Some(reach.clone())) }
}

fn post(url: &str) -> Request<WasiBody> {
    let body = Full::from("{\"cents\":500}").map_err(|never| match never {}).boxed_unsync();
    Request::post(url).header("host", "partner").body(body).unwrap()
}

async fn send(hooks: &mut Hooks, url: &str) -> Result<u16, Error> {
    let sent = hooks.send_request(post(url), None, Box::new(std::future::ready(Ok(()))));
    Pin::from(sent).await.map(|(response, _)| response.status().as_u16())
}

/// S10, X7: thousands of requests to an origin that never answers take half of the host's places, and not the other half.
#[tokio::test]
async fn one_module_does_not_take_the_places_of_another() {
    let shared = Arc::new(TlsRoots { slots: OfHost::new(300), ..TlsRoots::default() });
    let (hostile, other) = (module("hostile", &shared), module("other", &shared));
    let silent = Partner::start(vec![vec![Act::Request, Act::Stall]; 3_000]).await;
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned();
    let good = Partner::start(vec![vec![Act::Request, Act::Write(ok)]]).await;
    let url = silent.url();
    let mut flood = Vec::new();
    for _ in 0..30 {
        let mut hooks = call_of(&hostile, SOON * 4);
        for _ in 0..100 {
            let sent = hooks.send_request(post(&url), None, Box::new(std::future::ready(Ok(()))));
            flood.push(tokio::spawn(async move { Pin::from(sent).await.map(drop) }));
        }
    }
    let most = hostile.slots.in_flight_max();
    silent.wait_for(most).await;
    assert_eq!(send(&mut call_of(&other, SOON), &good.url()).await.unwrap(), 200);
    assert_eq!((most, silent.connections()), (50, 50), "a third of the files for the host, half of them for a module");

    let mut late = call_of(&hostile, Duration::from_millis(400));
    let error = send(&mut late, &url).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionLimitReached), "{error}");
    let told = late.refused().unwrap().text;
    assert!(told.contains("found no place: 50 in flight are the most of one module"), "{told}");
    flood.iter().for_each(|request| request.abort());
}

/// A body that is too large is refused before any of it is sent.
#[tokio::test]
async fn a_body_that_says_that_it_is_too_large_is_not_sent() {
    let partner = Partner::start(vec![]).await;
    let reach = module("shop", &Arc::default());
    for length in ["9000000", "99999999999999999999999"] {
        let mut request = post(&partner.url());
        request.headers_mut().insert("content-length", HeaderValue::from_static(length));
        let sent = call_of(&reach, SOON).send_request(request, None, Box::new(std::future::ready(Ok(()))));
        let error = Pin::from(sent).await.map(drop).unwrap_err();
        assert!(matches!(error, Error::HttpRequestBodySize(_)), "{error}");
    }
    assert_eq!(partner.connections(), 0);
}

/// S16: what is refused is told by its origin, and without secrets.
#[tokio::test]
async fn refusals_show_neither_queries_nor_secrets() {
    let secret = crate::policy::Secret { value: "s3cr3t-k3y".into(), origins: Vec::new() };
    let policy = ModulePolicy { secrets: [("key".to_owned(), secret)].into(), ..ModulePolicy::default() };
    let reach = Arc::new(Reach::new("shop", &[], policy, Arc::default()).unwrap());
    let mut hooks = call_of(&reach, SOON);
    assert!(send(&mut hooks, "http://me:pa55w0rd@a.example/t0ken?key=va1ue").await.is_err());
    let told = hooks.refused().unwrap().text;
    assert!(told.contains("may not call `http://a.example`: it names no host, or a user in it"), "{told}");
    assert!(["pa55w0rd", "t0ken", "va1ue"].iter().all(|hidden| !told.contains(hidden)), "{told}");
    let mut hooks = call_of(&reach, SOON);
    assert!(send(&mut hooks, "http://s3cr3t-k3y.example/").await.is_err());
    let told = hooks.refused().unwrap().text;
    assert!(told.contains("may not call http://[secret].example"), "{told}");
    assert_eq!(hooks.blot("the answer was 500 s3cr3t-k3y"), "the answer was 500 [secret]");
}
