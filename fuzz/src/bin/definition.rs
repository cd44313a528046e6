//! What a module says of itself: a line with its description as JSON, one with an input, and a tape of
//! answers. It is a plan or has mistakes; a plan runs to its end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasaga_core::Json;
use wasaga_fuzz::{Taped, begin, drive, lines};

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some([description, input, tape]) = lines(data) else { return };
    let (Ok(description), Ok(input)) = (serde_json::from_str(description), Json::parse(input)) else { return };
    drive(Taped::new(description, input.clone(), tape), &input);
});
