//! One record as a store gives it back: it is damaged, or reads back from its own text as it is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasaga_core::{RECORD_VERSION, Seq, TransactionId};
use wasaga_fuzz::{begin, check_texts};
use wasaga_journal::read_record;

fuzz_target!(init: begin(), |data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let id = TransactionId::from_u128(1);
    if let Ok(record) = read_record(id, Seq(1), RECORD_VERSION, text) {
        record.fact.node();
        check_texts(id, &[record]);
    }
});
