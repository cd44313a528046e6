use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasaga::saga;

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Call {
    pub number: String,
}

mod phone {
    pub use super::Call;
}

#[saga]
pub mod dial {
    use super::*;

    #[step]
    pub fn ours(_call: wasaga::Call, _again: &wasaga::Call) {}

    #[step]
    pub fn told(#[from(input, at = "/call")] _call: &Call, _other: phone::Call) {}

    #[step]
    pub fn silent(_call: &Call) {}
}

fn main() {}
