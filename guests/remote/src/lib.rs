//! A purchase whose money is in the ledger of `examples/ledger`, a service of its own. The ledger knows an
//! operation by the transaction and the step that it is of, which a compensation knows as well.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wasaga::{Call, Error, http, saga};

wasaga::module! { name = "remote", http = ["http://localhost:*"] }

/// Money taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Charge {
    /// The ledger's name of it.
    pub charge: String,
    /// How much it was.
    pub cents: u64,
}

/// Money given back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Refund {
    /// 0 where nothing was taken.
    pub refunded: u64,
}

/// Charges and ships, or leaves nothing behind.
#[saga]
pub mod purchase {
    use super::*;

    /// Takes the money. The first attempt may be told to do so without an answer, by `fault`.
    #[step(timeout = "2s", retry(attempts = 5, delay = "20ms", max_delay = "100ms"))]
    pub fn charge(
        ledger: String,
        account: String,
        cents: u64,
        fault: Option<String>,
        delay_ms: Option<u64>,
        call: &Call,
    ) -> Result<Charge, Error> {
        let operation = format!("{}/charge", call.transaction_id());
        let fault = fault.filter(|_| call.attempt() == 1);
        let body = json!({"operation": operation, "account": account, "cents": cents, "fault": fault, "delay_ms": delay_ms.unwrap_or(0)});
        http::post(&format!("{ledger}/charges")).idempotent(call).json(&body).send()?.ok()?.json()
    }

    /// Gives it back, whether it is known to have been taken or not.
    #[compensation(of = charge, critical, retry(attempts = 20, delay = "20ms", max_delay = "200ms"))]
    pub fn refund(ledger: String, call: &Call) -> Result<Refund, Error> {
        let operation = format!("{}/charge", call.transaction_id());
        let body = json!({ "operation": operation });
        http::post(&format!("{ledger}/refunds")).idempotent(call).json(&body).send()?.ok()?.json()
    }

    /// Sends the parcel; `nowhere` cannot be reached.
    #[step(depends_on = [charge])]
    pub fn ship(address: String) -> Result<String, Error> {
        if address == "nowhere" {
            return Err(Error::rejected("no-such-address", "the carrier does not know the address"));
        }
        Ok(format!("to {address}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_without_enough_is_a_refusal() {
        let partner = http::fake(|request| {
            assert!(request.url == "http://localhost:1/charges" && request.method == "POST");
            Ok(http::Response { status: 402, headers: Vec::new(), body: b"{}".to_vec() })
        });
        let charged = purchase::charge("http://localhost:1".into(), "bob".into(), 500, None, None, &Call::sample());
        assert_eq!(charged.unwrap_err().code(), "http-402");
        drop(partner);
    }
}
