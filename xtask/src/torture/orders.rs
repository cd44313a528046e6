//! What must be true of an order, and of what its partners saw.

use super::balance::Seen;

/// What is wrong with one order.
pub(super) fn check(status: &str, effects: &Seen<'_>) -> Vec<String> {
    let times = |operation: &str| effects.get(operation).map_or(0, Vec::len);
    let done = |operation: &str| times(operation) > 0;
    let mut wrong = Vec::new();
    // It is at-most-once, so its partner need not honour keys.
    if times("charge") > 1 {
        wrong.push(format!("was charged {} times", times("charge")));
    }
    match status {
        "completed" => {
            let missing = ["reserve", "charge", "ship"].into_iter().filter(|operation| !done(operation));
            wrong.extend(missing.map(|operation| format!("`{operation}` is missing")));
            let undone = ["release", "refund", "recall"].into_iter().filter(|operation| done(operation));
            wrong.extend(undone.map(|operation| format!("`{operation}` was called")));
        }
        "compensated" => {
            if done("reserve") && !done("release") {
                wrong.push("it is left reserved".into());
            }
            // Whether a charge was refused is only known where it was not called again.
            if done("ship") && !done("refund") {
                wrong.push("it is left charged".into());
            }
        }
        _ => wrong.push("it has not ended".into()),
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::diary::Effect;
    use super::*;

    fn wrong(status: &str, operations: &[&str]) -> Vec<String> {
        let effect = Effect::default();
        let mut seen = Seen::new();
        operations.iter().for_each(|operation| seen.entry(operation).or_default().push(&effect));
        check(status, &seen)
    }

    #[test]
    fn the_balance_sees_what_is_wrong() {
        let all = ["reserve", "reserve", "charge", "ship"];
        assert_eq!(wrong("completed", &all), [""; 0]);
        assert_eq!(wrong("compensated", &all), ["it is left reserved", "it is left charged"]);
        assert_eq!(wrong("running", &[]), ["it has not ended"]);
        assert_eq!(wrong("compensated", &["reserve", "charge", "charge", "release"]), ["was charged 2 times"]);
        assert_eq!(wrong("completed", &all[..2]), ["`charge` is missing", "`ship` is missing"]);
    }
}
