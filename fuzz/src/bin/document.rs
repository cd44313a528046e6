//! The document by which a module describes itself: a line with it, one with an input, and a tape of answers. It is read or
//! refused in words of a bounded length; what is read is a plan or has mistakes; a plan runs to its end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasaga_core::{Json, document};
use wasaga_fuzz::{Taped, begin, drive, lines};

/// What a refusal and the warnings may have together: places and words are cut.
const TOLD_BYTES_MAX: usize = 16 << 10;

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some([text, input, tape]) = lines(data) else { return };
    let module = match document::read(text) {
        Ok(module) => module,
        Err(refused) => {
            assert!(refused.to_string().len() <= TOLD_BYTES_MAX, "a refusal is short");
            return;
        }
    };
    assert!(module.warnings.iter().map(String::len).sum::<usize>() <= TOLD_BYTES_MAX, "warnings are few and short");
    let Ok(input) = Json::parse(input) else { return };
    drive(Taped::new(module, input.clone(), tape), &input);
});
