//! Allocations are counted, not timed: of a transaction's decisions, and of a warm call in the sandbox. More of
//! them than now is a decision, made here.

use wasaga_micro::{plan, run};

/// Of a saga of three steps, from its start to its end: four decisions, and seven records.
const DECISIONS_MAX: u64 = 60;

#[test]
fn decisions_make_few_allocations() {
    let plan = plan();
    // The first is not like the others.
    drop(run(&plan, 1));
    let counted = allocation_counter::measure(|| drop(run(&plan, 2)));
    println!("a saga of three steps: {} allocations, {} bytes", counted.count_total, counted.bytes_total);
    assert!(counted.count_total <= DECISIONS_MAX, "{counted:?}");
    assert_eq!(counted.count_current, 0, "nothing is kept: {counted:?}");
}
