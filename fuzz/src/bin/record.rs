//! One record as a store gives it back: it is damaged, or reads back from its own text as it is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasaga_core::TransactionId;
use wasaga_fuzz::{begin, check_texts, read};

fuzz_target!(init: begin(), |data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let id = TransactionId::from_u128(1);
    if let Ok(record) = read(id, text) {
        record.fact.node();
        check_texts(id, &[record]);
    }
});
