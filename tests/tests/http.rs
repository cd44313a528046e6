//! What a guest may reach: granted, refused, and partners that lie. By the binary, against real servers.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wasaga_tests::server::Server;
use wasaga_tests::{Ended, User, guest, python_guest};

/// Far above what a call with a deadline of two seconds takes, with the process around it.
const SOON: Duration = Duration::from_secs(20);

/// The guest in both languages.
fn callers() -> [PathBuf; 2] {
    [guest("caller"), python_guest("caller")]
}

fn fetch(user: &User, input: &Value, more: &[&str]) -> Ended {
    fetch_by(&guest("caller"), user, input, more)
}

fn fetch_by(caller: &Path, user: &User, input: &Value, more: &[&str]) -> Ended {
    let input = input.to_string();
    let mut args = vec!["run", caller.to_str().expect("the path is text"), "fetch", "--json", "--input", &input];
    args.extend(more);
    user.wasaga(&args)
}

/// What was granted to it: the server's origin and its address.
fn grants(server: &Server) -> [String; 4] {
    let port = server.port();
    ["--grant".into(), format!("http:http://localhost:{port}"), "--grant".into(), format!("address:127.0.0.1:{port}")]
}

fn granted(server: &Server, input: &Value) -> Ended {
    granted_by(&guest("caller"), server, input)
}

fn granted_by(caller: &Path, server: &Server, input: &Value) -> Ended {
    let grants = grants(server);
    fetch_by(caller, &User::new(), input, &grants.each_ref().map(String::as_str))
}

/// Why the step failed: the whole failure.
fn failure(ended: &Ended) -> Value {
    ended.json()["nodes"][0]["error"].clone()
}

/// What a transaction is held for.
fn held(ended: &Ended) -> String {
    assert_eq!(ended.code, Some(6), "{ended:?}");
    let told = ended.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(told.contains(" is held: "), "{told}");
    told
}

fn message(ended: &Ended) -> String {
    failure(ended)["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_granted_request_arrives_with_its_key_and_its_trace() {
    for caller in callers() {
        let server = Server::ok("hello");
        let grants = grants(&server);
        let mut args = vec!["--header", "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"];
        args.extend(grants.iter().map(String::as_str));
        let input = json!({"url": server.url("/a?b=c#d"), "method": "POST", "body": "{}", "headers": [["X-Own", "1"]]});
        let report = fetch_by(&caller, &User::new(), &input, &args).with(0).json();
        assert_eq!(report["nodes"][0]["output"], json!({"status": 200, "body": "hello", "location": null}));
        let seen = server.seen();
        let request = &seen[0];
        assert!(request.starts_with("POST /a?b=c HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{}"), "{request}");
        let headers =
            ["x-own: 1", "idempotency-key: ", "traceparent: 00-0af7651916cd43dd8448eb211c80319c", "host: localhost:"];
        assert!(headers.iter().all(|header| request.contains(header)), "{request}");
    }
}

#[test]
fn what_is_not_granted_holds_the_transaction_and_names_the_grant() {
    let server = Server::ok("secret");
    let (user, port) = (User::new(), server.port());
    let refused = fetch(&user, &json!({"url": server.url("/")}), &[]);
    let told = held(&refused);
    let grant = format!(
        "module `caller` may not call http://localhost:{port}: it asks for it, and the operator has not granted it (grant \
         it with `--grant caller:http:http://localhost:{port}`, or in the policy file under `[modules.caller.grants]`: `http = \
         [\"http://localhost:{port}\"]`)"
    );
    assert!(told.contains(&grant), "{told}");
    assert!(refused.stderr.contains("may not call http://localhost"), "{}", refused.stderr);

    let unasked = fetch(
        &user,
        &json!({"url": "https://elsewhere.example.org/"}),
        &["--grant", "caller:http:https://elsewhere.example.org"],
    );
    assert!(message(&unasked.with(3)).contains("may not call https://elsewhere.example.org: it does not ask for it"));

    let origin = format!("http:http://localhost:{port}");
    let private = fetch(&user, &json!({"url": server.url("/")}), &["--grant", &origin]);
    let told = held(&private);
    assert!(told.contains("which is not a public address (grant it with `--grant caller:address:"), "{told}");
    assert!(told.contains(&format!("127.0.0.1:{port}`")) || told.contains(&format!("[::1]:{port}`")), "{told}");
    assert_eq!(server.seen(), [""; 0], "nothing arrived");
}

/// S2: a grant that is forgotten at a resume undoes nothing; with it, the transaction goes on from where it was.
#[test]
fn what_was_held_for_a_grant_goes_on_with_it() {
    let server = Server::ok("fine");
    let (user, port) = (User::new(), server.port());
    held(&fetch(&user, &json!({"url": server.url("/")}), &[]));
    let rows = user.list();
    assert_eq!((rows.len(), &rows[0]["status"]), (1, &json!("running")), "{rows:?}");
    assert!(rows[0]["held"].as_str().is_some_and(|why| why.contains("has not granted it")), "{rows:?}");
    let id = rows[0]["transaction"].as_str().unwrap().to_owned();
    let again = user.wasaga(&["resume", &id]);
    assert_eq!(again.code, Some(6), "{again:?}");
    assert_eq!(user.list()[0]["status"], "running", "nothing was undone");
    let (origin, address) =
        (format!("caller:http:http://localhost:{port}"), format!("caller:address:127.0.0.1:{port}"));
    user.wasaga(&["resume", &id, "--grant", &origin, "--grant", &address]).with(0);
    assert_eq!(user.list()[0]["status"], "completed");
    let calls = user.records(&id).iter().filter(|record| record["fact"].to_string().contains("\"not-made\"")).count();
    assert!(calls >= 1, "a call that was held is in the journal as not made");
}

#[test]
fn an_address_is_the_same_however_it_is_written() {
    let server = Server::ok("secret");
    let (user, port) = (User::new(), server.port());
    for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "017700000001"] {
        let grant = format!("http:http://{host}:{port}");
        let refused = fetch(&user, &json!({"url": format!("http://{host}:{port}/")}), &["--grant", &grant]);
        let address =
            || held(&refused).contains("which is not a public address") && held(&refused).contains("127.0.0.1");
        assert!(
            refused.code == Some(3) && failure(&refused)["code"] == "http-not-sent" || address(),
            "{host}: {refused:?}"
        );
    }
    let elsewhere = format!("http:http://localhost:{}", port.wrapping_add(1).max(1));
    let refused = fetch(&user, &json!({"url": server.url("/")}), &["--grant", &elsewhere]);
    assert!(held(&refused).contains("the operator has not granted it"), "another port is another origin");
    let name = format!("http://user@localhost:{port}/");
    let refused = fetch(&user, &json!({"url": name}), &["--grant", &format!("http:http://localhost:{port}")]).with(3);
    assert_eq!(failure(&refused)["code"], "http-invalid");
    assert!(message(&refused).contains("has a user or a password"), "{}", message(&refused));
    assert_eq!(server.seen(), [""; 0], "nothing arrived");
}

#[test]
fn a_redirect_is_a_request_of_its_own() {
    let server = Server::with("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/inside\r\ncontent-length: 0\r\n\r\n");
    let report = granted(&server, &json!({"url": server.url("/")})).with(0).json();
    assert_eq!(
        report["nodes"][0]["output"],
        json!({"status": 302, "body": "", "location": "http://127.0.0.1:9/inside"})
    );
    let followed = granted(&server, &json!({"url": "http://127.0.0.1:9/inside"}));
    assert!(held(&followed).contains("may not call http://127.0.0.1:9"), "{followed:?}");
}

#[test]
fn secrets_go_to_their_own_origins_and_nowhere_else() {
    let (own, other) = (Server::ok("own"), Server::ok("other"));
    let user = User::new();
    let (first, second) = (own.port(), other.port());
    std::fs::write(
        user.directory().join("policy.toml"),
        format!(
            "[modules.caller.grants]\nhttp = [\"http://localhost:{first}\", \"http://localhost:{second}\"]\naddresses = \
             [\"127.0.0.0/8\", \"::1\"]\n[modules.caller.config]\ngreeting = \"hi\"\nhidden = \"no\"\n\
             [modules.caller.secrets.token]\nenv = \"CALLER_TOKEN\"\norigins = [\"http://localhost:{first}\"]\n"
        ),
    )
    .unwrap();
    let file = guest("caller");
    let run = |definition: &str, input: Value| {
        let input = input.to_string();
        let args = ["run", file.to_str().unwrap(), definition, "--json", "--input", &input, "--log", "trace"];
        let mut command = user.command(&args);
        command.env("WASAGA_POLICY", "policy.toml").env("CALLER_TOKEN", "s3cr3t-t0ken");
        Ended::from(command.output().unwrap())
    };
    let header = json!([["authorization", "Bearer {{secret:token}}"]]);
    let sent = run("fetch", json!({"url": own.url("/"), "headers": header})).with(0);
    assert!(own.seen()[0].contains("authorization: Bearer s3cr3t-t0ken\r\n"), "{}", own.seen()[0]);
    let refused = run("fetch", json!({"url": other.url("/"), "headers": header}));
    assert!(held(&refused).contains("secret `token` of module `caller` may not go to http://localhost"));
    assert_eq!(other.seen(), [""; 0], "nothing arrived");
    // Neither logs nor journal have it.
    let mut everywhere = vec![sent.stdout, sent.stderr, refused.stdout, refused.stderr];
    for entry in std::fs::read_dir(user.directory()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        everywhere.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    assert!(everywhere.iter().all(|text| !text.contains("s3cr3t-t0ken")), "the secret is somewhere");

    assert_eq!(run("values", json!({"key": "greeting"})).with(0).json()["output"], json!({"read": "hi"}));
    assert_eq!(run("values", json!({"key": "hidden"})).with(0).json()["output"], json!({"read": null}));
    let shown = user.wasaga(&["inspect", file.to_str().unwrap(), "--policy", "nowhere.toml"]).with(2);
    assert!(shown.error().starts_with("policy `nowhere.toml`: it cannot be read"), "{}", shown.error());
}

#[test]
fn inspect_shows_what_is_asked_and_what_is_granted() {
    let file = guest("caller");
    let shown = User::new()
        .wasaga(&[
            "inspect",
            file.to_str().unwrap(),
            "--grant",
            "http:https://api.example.com",
            "--grant",
            "http:http://localhost:8080",
        ])
        .with(0);
    let line =
        |start: &str| shown.stdout.lines().find(|line| line.trim().starts_with(start)).unwrap_or_default().to_owned();
    assert!(line("http https://api.example.com").ends_with(" granted"), "{}", shown.stdout);
    assert!(line("http http://localhost:*").ends_with(" granted: http://localhost:8080"), "{}", shown.stdout);
    assert!(line("http http://*.example.com").ends_with("not granted"), "{}", shown.stdout);
    assert!(line("secret token").ends_with("not granted") && line("config greeting").ends_with("not granted"));
}

#[test]
fn partners_that_lie_or_do_not_end_are_outcomes_within_the_deadline() {
    let head = |more: &str| format!("HTTP/1.1 200 OK\r\n{more}\r\n");
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let second = Duration::from_millis(50);
    let cases = [
        (
            "a body that is shorter than it says",
            Server::closing(head("content-length: 100\r\n") + "short"),
            "http-no-answer",
        ),
        ("no HTTP at all", Server::with("SSH-2.0-OpenSSH\r\n\r\n"), "http-no-answer"),
        ("a header without an end", Server::dripping("HTTP/1.1 200 OK\r\nx: ", "x", second), "timed-out"),
        ("a body without an end", Server::dripping(&head("content-length: 9999\r\n"), "x", second), "timed-out"),
        ("too many headers", Server::with(head(&many)), "http-no-answer"),
        (
            "a header that is too large",
            Server::with(head(&format!("x: {}\r\n", "y".repeat(1 << 17)))),
            "http-no-answer",
        ),
        (
            "a body that is too large",
            Server::with(head("content-length: 9000000\r\n") + &"x".repeat(9_000_000)),
            "http-no-answer",
        ),
        ("silence", Server::with(""), "timed-out"),
    ];
    // Compiled before, for that takes its time.
    let callers = callers();
    callers
        .iter()
        .for_each(|caller| drop(User::new().wasaga(&["inspect", caller.to_str().expect("the path is text")])));
    for ((what, server, code), caller) in cases.iter().flat_map(|case| callers.iter().map(move |caller| (case, caller)))
    {
        let began = Instant::now();
        let ended = granted_by(caller, server, &json!({"url": server.url("/")})).with(3);
        assert_eq!(failure(&ended)["code"], *code, "{what}, {}: {}", caller.display(), message(&ended));
        assert_eq!(ended.json()["nodes"][0]["attempts"], 1, "{what}");
        assert!(began.elapsed() < SOON, "{what}");
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (origin, address) = (format!("http:http://localhost:{closed}"), format!("address:127.0.0.1:{closed}"));
    let user = User::new();
    let url = format!("http://localhost:{closed}/");
    let nobody = fetch(&user, &json!({"url": url}), &["--grant", &origin, "--grant", &address]).with(3);
    assert_eq!(failure(&nobody)["code"], "http-not-sent", "{}", message(&nobody));
    let silent = Server::with("");
    let input = json!({"url": silent.url("/"), "timeout_ms": 100});
    assert_eq!(failure(&granted(&silent, &input).with(3))["code"], "http-no-answer", "its own timeout is kept");
}

/// A request that is wrong from the first is refused for good; one that turns out to be wrong while it is sent may have arrived.
#[test]
fn a_length_of_the_guests_own_that_is_wrong() {
    let server = Server::ok("fine");
    for caller in callers() {
        // Of the last one the head may have left before its body broke off.
        let both = ["http-invalid", "http-no-answer"].as_slice();
        for (length, codes) in [("x", &both[..1]), ("9000000", &both[..1]), ("50", both)] {
            let headers = json!([["content-length", length]]);
            let input = json!({"url": server.url("/"), "method": "POST", "body": "short", "headers": headers});
            let ended = granted_by(&caller, &server, &input).with(3);
            let code = failure(&ended)["code"].clone();
            assert!(codes.iter().any(|of| code == *of), "{length}: {code} {}", message(&ended));
        }
    }
    assert_eq!(server.seen(), [""; 0], "no request arrived whole");
}

/// S16: whole URLs stood in failures. U16: a space went out as it was.
#[test]
fn what_a_url_hides_is_told_to_its_partner_alone() {
    for caller in callers() {
        let server = Server::closing("");
        let ended = granted_by(&caller, &server, &json!({"url": server.url("/t0ken a?key=va1ue b")})).with(3);
        assert_eq!(failure(&ended)["code"], "http-no-answer", "{}", message(&ended));
        assert!(server.seen()[0].starts_with("GET /t0ken%20a?key=va1ue%20b HTTP/1.1\r\n"), "{:?}", server.seen());
        let wrong = granted_by(&caller, &server, &json!({"url": "ftp://me:pa55@a/t0ken?key=va1ue"})).with(3);
        assert_eq!(failure(&wrong)["code"], "http-invalid", "{}", message(&wrong));
        assert_eq!(wrong.json()["nodes"][0]["attempts"], 1, "it is not tried again");
        for told in [message(&ended), ended.stderr, message(&wrong), wrong.stderr] {
            assert!(["t0ken", "va1ue", "pa55"].iter().all(|hidden| !told.contains(hidden)), "{told}");
        }
    }
}

#[test]
fn connections_are_used_again() {
    let server = Server::ok("again");
    let grants = grants(&server);
    let mut args = vec!["many", "--json"];
    args.extend(grants.iter().map(String::as_str));
    let input = json!({"url": server.url("/"), "times": 50}).to_string();
    let report = User::new().run("caller", &input, &args).with(0).json();
    assert_eq!(report["output"], json!({"send": 50}));
    assert_eq!((server.seen().len(), server.connections()), (50, 1));
}

#[test]
fn ceilings_of_the_policy_hold() {
    let user = User::new();
    let silent = Server::with("");
    let port = silent.port();
    let policy = |more: &str| {
        let text = format!(
            "[modules.caller]\n{more}\n[modules.caller.grants]\nhttp = [\"http://localhost:{port}\"]\naddresses = \
             [\"127.0.0.1:{port}\", \"[::1]:{port}\"]\n"
        );
        std::fs::write(user.directory().join("policy.toml"), text).unwrap();
    };
    let fetch = || fetch(&user, &json!({"url": silent.url("/")}), &["--policy", "policy.toml"]).with(3);
    policy("timeout_max = \"100ms\"");
    let late = failure(&fetch());
    assert_eq!(late["code"], "timed-out", "{late}");
    policy("fuel_max = 1000");
    assert_eq!(failure(&fetch())["code"], "out-of-fuel");
    policy("memory_max = \"64KiB\"");
    assert_eq!(failure(&fetch())["code"], "out-of-memory");
    policy("timeout = \"1s\"");
    let refused = user.run("caller", "{}", &["fetch", "--policy", "policy.toml"]).with(2);
    assert!(refused.error().contains("unknown field `timeout`"), "{}", refused.error());
}
