//! What the macros say to a mistake, and that it points at the user's own line. The expected words
//! stand beside each case; `TRYBUILD=overwrite cargo test -p wasaga --test mistakes` writes them anew.

#[test]
fn mistakes_point_at_the_users_line() {
    trybuild::TestCases::new().compile_fail("tests/mistakes/*.rs");
}
