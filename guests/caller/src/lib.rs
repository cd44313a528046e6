//! Sends one request, as its input says, and answers with what came back: for seeing what a guest may reach.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasaga::{Call, Error, config, http, saga};

wasaga::module! {
    name = "caller",
    http = [
        "http://localhost:*", "https://localhost:*", "http://127.0.0.1:*", "http://[::ffff:127.0.0.1]:*", "http://2130706433:*",
        "http://0x7f.1:*", "http://017700000001:*", "http://*.example.com", "https://api.example.com",
    ],
    config = ["greeting"],
    secrets = ["token"],
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// The whole body.
    pub body: String,
    /// Where it would rather have the request go.
    pub location: Option<String>,
}

/// Sends a request.
#[saga]
pub mod fetch {
    use super::*;

    /// Sends it.
    #[step(timeout = "2s", retry(attempts = 1))]
    pub fn send(
        url: String,
        method: Option<String>,
        body: Option<String>,
        headers: Option<Vec<(String, String)>>,
        timeout_ms: Option<u64>,
        call: &Call,
    ) -> Result<Answer, Error> {
        let mut request = http::Request::new(method.as_deref().unwrap_or("GET"), &url).idempotent(call);
        for (name, value) in headers.unwrap_or_default() {
            request = request.header(&name, &value);
        }
        if let Some(timeout_ms) = timeout_ms {
            request = request.timeout(Duration::from_millis(timeout_ms));
        }
        let answer = request.body(body.unwrap_or_default()).send()?;
        let location = answer.header("location").map(str::to_owned);
        Ok(Answer { status: answer.status, body: answer.text(), location })
    }
}

/// Sends many requests in one call.
#[saga]
pub mod many {
    use super::*;

    /// Sends them one after the other, and answers how many had status 200.
    #[step(timeout = "60s", retry(attempts = 1))]
    pub fn send(url: String, times: u32) -> Result<u32, Error> {
        let mut good = 0;
        for _ in 0..times {
            good += u32::from(http::get(&url).send()?.status == 200);
        }
        Ok(good)
    }
}

/// Reads a value that the operator gives.
#[saga]
pub mod values {
    use super::*;

    /// Reads it; `secret` is one that the module does not ask for.
    #[step]
    pub fn read(key: String) -> Option<String> {
        config::get(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_passed_on() {
        let partner = http::fake(|request| {
            assert_eq!(request.method, "PUT");
            Ok(http::Response {
                status: 202,
                headers: vec![("Location".into(), "/x".into())],
                body: request.body.clone(),
            })
        });
        let answer = fetch::send(
            "https://api.example.com".into(),
            Some("PUT".into()),
            Some("a".into()),
            None,
            None,
            &Call::sample(),
        );
        let expected = Answer { status: 202, body: "a".into(), location: Some("/x".into()) };
        assert_eq!(answer.unwrap(), expected);
        drop(partner);
    }
}
