//! Has names, a description and a capability that steer a terminal and forge lines of the host.

wasaga::module! {
    name = "shop 1.0\n\u{1b}[2K\u{1b}]52;c;cm0gLXJmIH4=\u{7}asks for nothing",
    http = ["https://api.example.com\n\u{202e}granted"],
    config = ["greeting\u{9b}31m"],
}

/// Has a step with a name that forges a row.
#[wasaga::saga(name = "order\n  ✔ forged\u{1b}[8m")]
pub mod order {
    /// Does nothing.
    #[step(id = "charge\n  ✔ ship\u{1b}[1A", condition = "input.x == \"\u{1b}c\"")]
    pub fn charge() {}
}
