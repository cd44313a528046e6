//! Drives transactions: decide, append, perform, and feed the outcome back.

pub mod port;
