//! What the journal says against what the partners saw.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::diary::{Effect, id};
use super::{orders, transfers};

/// How many that are wrong are shown.
const SHOWN: usize = 20;

/// The effects of one transaction, by operation.
pub(super) type Seen<'d> = BTreeMap<&'d str, Vec<&'d Effect>>;

pub(super) struct Balance {
    pub(super) transactions: usize,
    effects: usize,
    repeated: usize,
    statuses: BTreeMap<String, usize>,
    /// What each account of the bank has more than at the beginning, in cents.
    accounts: BTreeMap<String, i64>,
    pub(super) wrong: Vec<String>,
}

impl Balance {
    pub(super) fn of(rows: &[Value], diary: &[Effect]) -> Self {
        let mut seen: BTreeMap<&str, Seen<'_>> = BTreeMap::new();
        for effect in diary {
            seen.entry(&effect.transaction).or_default().entry(&effect.operation).or_default().push(effect);
        }
        let known: BTreeSet<&str> = rows.iter().map(id).collect();
        let lost = seen.keys().filter(|id| !known.contains(*id));
        let mut wrong: Vec<String> = lost.map(|id| format!("{id}: is lost, and its partners were called")).collect();
        let (mut statuses, mut accounts) = (BTreeMap::new(), BTreeMap::new());
        let none = Seen::new();
        for row in rows {
            let status = row["status"].as_str().unwrap_or("?");
            let definition = row["definition"].as_str().unwrap_or("?");
            *statuses.entry(format!("{definition} {status}")).or_default() += 1;
            let effects = seen.get(id(row)).unwrap_or(&none);
            wrong.extend(
                check(definition, status, effects).into_iter().map(|what| format!("{}: {status}, and {what}", id(row))),
            );
            for (account, cents) in transfers::booked(effects) {
                *accounts.entry(account).or_default() += cents;
            }
        }
        let sum: i64 = accounts.values().sum();
        if sum != 0 {
            wrong.push(format!("all accounts together have {sum} cents more than at the beginning"));
        }
        let repeated = seen.values().flat_map(BTreeMap::values).map(|calls| calls.len() - 1).sum();
        Self { transactions: rows.len(), effects: diary.len(), repeated, statuses, accounts, wrong }
    }
}

/// What is wrong with one transaction.
fn check(definition: &str, status: &str, effects: &Seen<'_>) -> Vec<String> {
    let two_keys = effects.iter().filter(|(_, calls)| calls.iter().any(|call| call.key != calls[0].key));
    let mut wrong: Vec<String> =
        two_keys.map(|(operation, _)| format!("`{operation}` was called with different keys")).collect();
    match definition {
        "order" => wrong.extend(orders::check(status, effects)),
        "transfer" => wrong.extend(transfers::check(status, effects)),
        other => wrong.push(format!("it is of `{other}`, which was never started")),
    }
    wrong
}

impl std::fmt::Display for Balance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { transactions, effects, repeated, statuses, accounts, wrong } = self;
        let statuses: Vec<String> = statuses.iter().map(|(status, count)| format!("{count} {status}")).collect();
        writeln!(f, "{transactions} transactions: {}", statuses.join(", "))?;
        writeln!(f, "{effects} effects at their partners, {repeated} of them repeated under the same key")?;
        if !accounts.is_empty() {
            let accounts: Vec<String> = accounts.iter().map(|(name, cents)| format!("{name} {cents:+}")).collect();
            writeln!(
                f,
                "money moved, in cents: {}; in sum {}",
                accounts.join(", "),
                self.accounts.values().sum::<i64>()
            )?;
        }
        write!(f, "{} lost, done twice, left reserved or not ended", wrong.len())?;
        wrong.iter().take(SHOWN).try_for_each(|what| write!(f, "\n  {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_and_what_has_two_keys_is_seen() {
        let row = serde_json::json!({"transaction": "t1", "definition": "order", "status": "compensated"});
        let effect = |transaction: &str, operation: &str, key: &str| Effect {
            transaction: transaction.into(),
            operation: operation.into(),
            key: key.into(),
            hold: None,
        };
        let fine = [effect("t1", "reserve", "a"), effect("t1", "reserve", "a"), effect("t1", "release", "d")];
        let balance = Balance::of(std::slice::from_ref(&row), &fine);
        assert_eq!((balance.wrong.len(), balance.repeated), (0, 1));
        let odd = [fine[0].clone(), effect("t1", "reserve", "x"), fine[2].clone(), effect("t2", "reserve", "b")];
        assert_eq!(
            Balance::of(&[row], &odd).wrong,
            [
                "t2: is lost, and its partners were called",
                "t1: compensated, and `reserve` was called with different keys"
            ]
        );
    }
}
