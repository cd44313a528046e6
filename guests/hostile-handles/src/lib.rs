//! Takes of the host what is not the guest's own memory: handles, long texts, random bytes. Each saga takes as much as its
//! input says.

#![cfg(target_family = "wasm")]

use wasip2::http::types::{Fields, Method, OutgoingRequest};

/// Keeps handles.
#[wasaga::saga]
pub mod handles {
    use super::*;

    /// Makes this many headers of requests, and lets none of them go.
    #[step]
    pub fn work(count: u32) -> u32 {
        let kept: Vec<Fields> = (0..count).map(|_| Fields::new()).collect();
        kept.len() as u32
    }
}

/// Names a request.
#[wasaga::saga]
pub mod texts {
    use super::*;

    /// Whether the host takes a method, an authority and a header of this many bytes.
    #[step]
    pub fn work(bytes: u32) -> Vec<bool> {
        let text = "x".repeat(bytes as usize);
        let request = OutgoingRequest::new(Fields::new());
        let header = Fields::new().append("x", text.as_bytes());
        vec![
            request.set_method(&Method::Other(text.clone())).is_ok(),
            request.set_authority(Some(&text)).is_ok(),
            header.is_ok(),
        ]
    }
}

/// Asks for chance.
#[wasaga::saga]
pub mod random {
    /// This many random bytes, at once.
    #[step]
    pub fn work(bytes: u64) -> u64 {
        wasip2::random::random::get_random_bytes(bytes).len() as u64
    }
}
