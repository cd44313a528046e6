//! What the host keeps for a guest beside the guest's own memory: at the limit it is given, beyond it it is not, and a
//! neighbour notices nothing (S8, X2).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses its own part of the host")]
mod support;

use std::path::Path;

use support::{Host, call, completed, told};
use wasaga_core::{Answer, Call, Json};
use wasaga_sandbox::Module;

async fn hostile(host: &Host) -> Module {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let file = target.join("wasm32-wasip2/guest/guest_hostile_handles.wasm");
    host.sandbox.load(std::fs::read(file).expect("`cargo xtask guests`").into()).await.unwrap()
}

async fn ask(host: &Host, module: &Module, saga: &str, arguments: &str) -> Answer {
    let arguments = Json::parse(arguments).unwrap().into();
    host.call(&Call { definition: saga.into(), arguments, ..call(module, 1) }).await
}

#[tokio::test]
async fn handles() {
    let host = Host::new().await;
    let module = hostile(&host).await;
    // A few are there before: the streams of the instance.
    assert_eq!(completed(&ask(&host, &module, "handles", r#"{"count":1000}"#).await), "1000");
    let beyond = told(&ask(&host, &module, "handles", r#"{"count":100000}"#).await);
    assert_eq!(beyond, "`trap`: resource table has no free keys");
    host.neighbour_is_well().await;
}

#[tokio::test]
async fn texts_of_a_request() {
    let host = Host::new().await;
    let module = hostile(&host).await;
    let taken = async |bytes: usize| ask(&host, &module, "texts", &format!(r#"{{"bytes":{bytes}}}"#)).await;
    assert_eq!(completed(&taken(64).await), "[true,true,true]");
    assert_eq!(completed(&taken(65).await), "[false,true,true]");
    assert_eq!(completed(&taken(512).await), "[false,true,true]");
    assert_eq!(completed(&taken(513).await), "[false,false,true]");
    for bytes in [33 << 10, 1 << 20] {
        assert_eq!(told(&taken(bytes).await), "`trap`: total size of fields exceeds limit");
    }
    host.neighbour_is_well().await;
}

#[tokio::test]
async fn random_bytes() {
    let host = Host::new().await;
    let module = hostile(&host).await;
    let asked = async |bytes: usize| ask(&host, &module, "random", &format!(r#"{{"bytes":{bytes}}}"#)).await;
    assert_eq!(completed(&asked(1 << 20).await), "1048576");
    let beyond = told(&asked((1 << 20) + 1).await);
    assert!(beyond.starts_with("`trap`"), "{beyond}");
    host.neighbour_is_well().await;
}
