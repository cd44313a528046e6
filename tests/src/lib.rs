//! Black-box tests of the real binary live in `tests/`; this library holds what they share.
