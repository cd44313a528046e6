//! What must be true of a money transfer, and of what the bank saw: the sum of all accounts stays what it
//! was, and nothing is held once it is over. The bank does each operation once for each key.

use std::collections::{BTreeMap, BTreeSet};

use super::balance::Seen;
use super::diary::Hold;

/// What is wrong with one transfer.
pub(super) fn check(status: &str, effects: &Seen<'_>) -> Vec<String> {
    let done = |operation: &str| effects.contains_key(operation);
    let mut wrong = Vec::new();
    match status {
        "confirmed" => {
            let missing = ["debit", "take", "credit", "book"].into_iter().filter(|operation| !done(operation));
            wrong.extend(missing.map(|operation| format!("`{operation}` is missing")));
            let freed = ["release", "withdraw"].into_iter().filter(|operation| done(operation));
            wrong.extend(freed.map(|operation| format!("`{operation}` was called")));
        }
        "cancelled" => {
            let moved = ["take", "book"].into_iter().filter(|operation| done(operation));
            wrong.extend(moved.map(|operation| format!("`{operation}` was called")));
        }
        _ => wrong.push("it has not ended".into()),
    }
    for (held, settled) in [("debit", ["take", "release"]), ("credit", ["book", "withdraw"])] {
        if done(held) && !settled.into_iter().any(done) {
            wrong.push(format!("what `{held}` held is held for ever"));
        }
    }
    let sum: i64 = booked(effects).values().sum();
    if sum != 0 {
        wrong.push(format!("its accounts together have {sum} cents more than before"));
    }
    let amounts: BTreeSet<u64> =
        effects.values().flatten().filter_map(|effect| Some(effect.hold.as_ref()?.cents)).collect();
    if amounts.len() > 1 {
        wrong.push(format!("its amounts differ: {amounts:?}"));
    }
    wrong
}

/// What each account has more after it, in cents: each key is honoured, so it counts once.
pub(super) fn booked(effects: &Seen<'_>) -> BTreeMap<String, i64> {
    let mut accounts = BTreeMap::new();
    for (operation, sign) in [("take", -1), ("book", 1)] {
        let calls = effects.get(operation).into_iter().flatten();
        let by_key: BTreeMap<&str, Option<&Hold>> = calls.map(|call| (&*call.key, call.hold.as_ref())).collect();
        for hold in by_key.into_values().flatten() {
            *accounts.entry(hold.account.clone()).or_default() += sign * hold.cents as i64;
        }
    }
    accounts
}

#[cfg(test)]
mod tests {
    use super::super::diary::Effect;
    use super::*;

    fn wrong(status: &str, said: &[(&str, &str, &str, u64)]) -> Vec<String> {
        let effects: Vec<(&str, Effect)> = said
            .iter()
            .map(|(operation, key, account, cents)| {
                let hold = Some(Hold { account: (*account).into(), cents: *cents });
                (*operation, Effect { key: (*key).into(), hold, ..Effect::default() })
            })
            .collect();
        let mut seen = Seen::new();
        effects.iter().for_each(|(operation, effect)| seen.entry(operation).or_default().push(effect));
        check(status, &seen)
    }

    const DEBIT: (&str, &str, &str, u64) = ("debit", "d", "ada", 500);
    const TAKE: (&str, &str, &str, u64) = ("take", "t", "ada", 500);
    const CREDIT: (&str, &str, &str, u64) = ("credit", "c", "bob", 500);
    const BOOK: (&str, &str, &str, u64) = ("book", "b", "bob", 500);
    const RELEASE: (&str, &str, &str, u64) = ("release", "r", "ada", 500);
    const WITHDRAW: (&str, &str, &str, u64) = ("withdraw", "w", "bob", 500);

    #[test]
    fn money_is_moved_once_or_not_at_all() {
        assert_eq!(wrong("confirmed", &[DEBIT, CREDIT, TAKE, TAKE, BOOK]), [""; 0]);
        assert_eq!(wrong("cancelled", &[DEBIT, CREDIT, WITHDRAW, RELEASE]), [""; 0]);
        assert_eq!(wrong("trying", &[]), ["it has not ended"]);
        let lost = ["`book` is missing", "what `credit` held is held for ever"];
        let sum = "its accounts together have -500 cents more than before";
        assert_eq!(wrong("confirmed", &[DEBIT, CREDIT, TAKE]), [&lost[..], &[sum]].concat());
        let again = ("take", "another key", "ada", 500);
        assert_eq!(wrong("confirmed", &[DEBIT, CREDIT, TAKE, again, BOOK]), [sum]);
        assert_eq!(wrong("cancelled", &[DEBIT]), ["what `debit` held is held for ever"]);
        let moved = ["`take` was called", "`book` was called"];
        assert_eq!(wrong("cancelled", &[DEBIT, CREDIT, TAKE, BOOK]), moved);
        let more = ("book", "b", "bob", 501);
        let told = wrong("confirmed", &[DEBIT, CREDIT, TAKE, more]);
        assert_eq!(told[0], "its accounts together have 1 cents more than before");
        assert_eq!(told[1], "its amounts differ: {500, 501}");
    }
}
