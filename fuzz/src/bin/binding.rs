//! Pointers and bindings: lines with a JSON text, a pointer into it, parameters, and a tape of answers.
//! What a pointer finds is what RFC 6901 says; arguments are always one JSON object.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wasaga_core::definition::{Compensation, Definition, Parameter, Saga, Source, Step};
use wasaga_core::{Json, lookup};
use wasaga_fuzz::{Taped, begin, drive, lines, module};

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some([whole, pointer, parameters, tape]) = lines(data) else { return };
    let Ok(whole) = Json::parse(whole) else { return };
    check_pointer(&whole, pointer);
    let Ok(parameters) = serde_json::from_str::<Vec<Parameter>>(parameters) else { return };
    let step = |id: &str, depends_on: &[&str]| Step {
        id: id.into(),
        depends_on: depends_on.iter().map(|id| (*id).to_owned()).collect(),
        parameters: parameters.clone(),
        compensation: Some(Compensation { parameters: parameters.clone(), ..Compensation::default() }),
        ..Step::default()
    };
    let mut fan = step("c", &["a"]);
    fan.each = Some(Source::Input(Some(pointer.to_owned())));
    let saga = Saga { name: "s".into(), steps: vec![step("a", &[]), step("b", &["a"]), fan], ..Saga::default() };
    drive(Taped::new(module(vec![Definition::Saga(saga)]), whole.clone(), tape), &whole);
});

/// Against another's reading of RFC 6901, on texts that it can read.
fn check_pointer(whole: &Json, pointer: &str) {
    let found = lookup(whole, pointer);
    if let Some(found) = &found {
        assert!(Json::parse(found.as_str()).is_ok(), "`{found}` is no JSON");
    }
    // It lets a tilde stand that is no escape, where RFC 6901 has a mistake.
    let is_escaped = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if let Ok(tree) = whole.read::<Value>()
        && is_escaped
    {
        let found: Option<Value> = found.map(|found| found.read().expect("a part of what could be read"));
        assert_eq!(found.as_ref(), tree.pointer(pointer), "`{pointer}` in `{whole}`");
    }
}
