//! Requests over HTTP/1, with an exact answer to one question: did anything of a request leave, or not? It is decided
//! by what happened to the request's bytes (`wire`), never by the kind of an error. `connect` makes connections to checked
//! addresses, `names` looks names up, `tls` checks partners, `pool` keeps connections for the next request, `slots` bounds
//! how many there are, and `send` brings them together.
//!
//! Deliberately absent: wasmtime, whose words `super::codes` finds, so that a fuzz target can build these files without
//! it; redirects; and a second try of a request that may have left.

pub(crate) mod address;
pub(crate) mod connect;
pub(crate) mod fault;
pub(crate) mod names;
pub(crate) mod pool;
pub(crate) mod send;
pub(crate) mod slots;
pub(crate) mod target;
pub(crate) mod tls;
pub(crate) mod wire;

#[cfg(test)]
pub(crate) mod tests;
