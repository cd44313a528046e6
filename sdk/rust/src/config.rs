//! Values that the operator gives a module, by key: those that the module asks for, `module! { config = ["currency"] }`,
//! and that the operator's policy has.

/// A value; none where the operator gives none, or the module does not ask for it.
///
/// Under `cargo test` it is the environment variable of the key's name.
#[must_use]
pub fn get(key: &str) -> Option<String> {
    find(key)
}

#[cfg(target_family = "wasm")]
use crate::bindings::config::get as find;

#[cfg(not(target_family = "wasm"))]
fn find(key: &str) -> Option<String> {
    std::env::var(key).ok()
}
