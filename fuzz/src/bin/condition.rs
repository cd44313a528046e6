//! Conditions in CEL: a line with the expression, one with the input that it looks at. It is a mistake, an
//! error, or true or false, and comes to that within its bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasaga_core::Json;
use wasaga_core::definition::{Definition, Saga, Step};
use wasaga_fuzz::{Taped, begin, drive, lines, module};

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some([condition, input]) = lines(data) else { return };
    let Ok(input) = Json::parse(input) else { return };
    let first = Step { id: "a".into(), ..Step::default() };
    let condition = Some(condition.to_owned());
    let second = Step { id: "b".into(), depends_on: vec!["a".into()], condition, ..Step::default() };
    let saga = Saga { name: "s".into(), steps: vec![first, second], ..Saga::default() };
    drive(Taped::new(module(vec![Definition::Saga(saga)]), input.clone(), "1"), &input);
});
