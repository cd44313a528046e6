//! Traps when it is asked what it is. The schema of its step's output is what panics.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

/// A type that cannot describe itself.
#[derive(Serialize)]
pub struct Shy;

impl JsonSchema for Shy {
    fn schema_name() -> Cow<'static, str> {
        "Shy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        panic!("I would rather not say\n\u{1b}[2Kerror: nothing is wrong\u{1b}]52;c;cm0=\u{7}")
    }
}

/// Would answer.
#[wasaga::saga]
pub mod shy {
    /// Would answer something.
    #[step]
    pub fn answer() -> super::Shy {
        super::Shy
    }
}
