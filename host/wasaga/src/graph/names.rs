//! Names as the languages of drawings take them.

/// A name as Graphviz takes it.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
