//! The partners' diary: what they saw, as the guests' log has it.

use serde_json::Value;

/// One effect, as a partner saw it.
#[derive(Clone, Debug, Default)]
pub(super) struct Effect {
    pub(super) transaction: String,
    pub(super) operation: String,
    pub(super) key: String,
    /// Of the bank: the account and the cents, where the guest knew them.
    pub(super) hold: Option<Hold>,
}

/// Money that is held, announced or booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) account: String,
    pub(super) cents: u64,
}

/// The effects in a host's log. Its last line may be cut off by a kill: then the partner was never reached.
pub(super) fn effects(log: &str) -> Vec<Effect> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| effect(&line["fields"])).collect()
}

fn effect(fields: &Value) -> Option<Effect> {
    if fields["message"] != "effect" {
        return None;
    }
    let given: Value = serde_json::from_str(fields["fields"].as_str()?).ok()?;
    let part = |name: &str| given[name].as_str();
    let hold = part("hold").and_then(|hold| {
        let (account, cents) = hold.rsplit_once('-')?;
        Some(Hold { account: account.into(), cents: cents.parse().ok()? })
    });
    Some(Effect {
        transaction: fields["transaction"].as_str()?.to_owned(),
        operation: part("operation")?.to_owned(),
        key: part("key")?.to_owned(),
        hold,
    })
}

/// The id of a row of `transactions list`.
pub(super) fn id(row: &Value) -> &str {
    row["transaction"].as_str().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_read_and_what_is_cut_off_is_not() {
        let log = r#"{"fields":{"message":"effect","transaction":"t1","fields":"{\"operation\":\"take\",\"key\":\"k1\",\"hold\":\"ada-500\"}"}}
{"fields":{"message":"effect","transaction":"t2","fields":"{\"operation\":\"reserve\",\"key\":\"k2\"}"}}
{"fields":{"message":"the journal fails; trying again","transaction":"t2"}}
{"fields":{"message":"effect","transaction":"t3","fields":"{\"operation\":\"char"#;
        let read = effects(log);
        let parts = read.iter().map(|effect| (&*effect.transaction, &*effect.operation, &*effect.key));
        assert_eq!(parts.collect::<Vec<_>>(), [("t1", "take", "k1"), ("t2", "reserve", "k2")]);
        assert_eq!(read[0].hold, Some(Hold { account: "ada".into(), cents: 500 }));
    }
}
