//! A start input against a schema that a guest brings: a line with the schema, one with the input.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasaga_core::Json;
use wasaga_core::definition::{Definition, Saga, Step};
use wasaga_fuzz::{Taped, begin, drive, lines, module};

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some([schema, input]) = lines(data) else { return };
    let (Ok(schema), Ok(input)) = (Json::parse(schema), Json::parse(input)) else { return };
    let step = Step { id: "a".into(), ..Step::default() };
    let saga = Saga { name: "s".into(), input_schema: Some(schema), steps: vec![step], ..Saga::default() };
    drive(Taped::new(module(vec![Definition::Saga(saga)]), Json::null(), ""), &input);
});
