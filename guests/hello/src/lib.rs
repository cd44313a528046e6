//! The smallest saga: one step, nothing to undo.

use wasaga::saga;

/// Greets.
#[saga]
pub mod hello {
    /// Says hello to `name`.
    #[step]
    pub fn greet(name: String) -> String {
        format!("hello, {name}")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_greets() {
        assert_eq!(super::hello::greet("ada".into()), "hello, ada");
    }
}
