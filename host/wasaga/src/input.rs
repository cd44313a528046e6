//! Reads what the user names: a module's file, an input, a header. Every mistake names the culprit
//! and the remedy.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use wasaga_core::{Json, Name};
use wasaga_sandbox::MODULE_BYTES_MAX;

use crate::exit::BadInput;
use crate::files;

/// Bytes of a JSON text that is read: more than any input or argument may have, so that its own bound is what is told.
const JSON_BYTES_MAX: usize = 80 << 20;

/// A module's file, read whole.
pub(crate) fn module(path: &Path) -> anyhow::Result<Arc<[u8]>> {
    let bytes = files::read(path, MODULE_BYTES_MAX).map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::NotFound => " (build the guest first, or mind the path)",
            std::io::ErrorKind::IsADirectory => " (name the `.wasm` file in it)",
            _ => "",
        };
        BadInput::new(format!("module `{}` cannot be read: {error}{remedy}", path.display()))
    })?;
    Ok(bytes.into())
}

/// An input: JSON itself, `@FILE`, or `-` for standard input.
pub(crate) fn json(given: &str) -> anyhow::Result<Json> {
    let (text, place) = match given.strip_prefix('@') {
        Some(path) => {
            let text = files::read_text(Path::new(path), JSON_BYTES_MAX)
                .map_err(|error| BadInput::new(format!("input file `{path}` cannot be read: {error}")))?;
            (text, format!("input file `{path}`"))
        }
        None if given == "-" => (standard_input()?, "standard input".to_owned()),
        None => (given.to_owned(), "`--input`".to_owned()),
    };
    // Some editors begin a file with a mark that is no part of it.
    Json::parse(text.trim_start_matches('\u{feff}')).map_err(|error| {
        let looks_like_a_path = given != "-" && !given.starts_with('@') && Path::new(given).is_file();
        let remedy = if looks_like_a_path { format!(" (to read the file, write `@{given}`)") } else { String::new() };
        BadInput::new(format!("{place} is not JSON: {error}{remedy}")).into()
    })
}

fn standard_input() -> anyhow::Result<String> {
    let read = files::read_from(std::io::stdin(), JSON_BYTES_MAX).and_then(files::text_of);
    read.map_err(|error| BadInput::new(format!("standard input cannot be read: {error}")).into())
}

/// Headers, each as `name=value`.
pub(crate) fn headers(given: &[String]) -> anyhow::Result<BTreeMap<Name, Arc<str>>> {
    let pair = |header: &String| match header.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((Name::from(name.trim()), Arc::from(value))),
        _ => Err(BadInput::new(format!("header `{header}` is not `name=value`")).into()),
    };
    given.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_come_from_the_line_or_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("order.json");
        std::fs::write(&path, r#"{"a":1}"#).unwrap();
        assert_eq!(json(r#" {"a":1} "#).unwrap(), json(&format!("@{}", path.display())).unwrap());
        let told = json(&path.display().to_string()).unwrap_err().to_string();
        assert!(told.starts_with("`--input` is not JSON: ") && told.contains("write `@/"), "{told}");
        std::fs::write(&path, "\u{feff}{\"a\":1}").unwrap();
        assert_eq!(json(&format!("@{}", path.display())).unwrap(), json(r#"{"a":1}"#).unwrap());
        let told = json("@nowhere.json").unwrap_err().to_string();
        assert!(told.starts_with("input file `nowhere.json` cannot be read: No such file"), "{told}");
    }

    #[test]
    fn headers_are_pairs() {
        let headers = headers(&["tenant=acme".into(), "note=a=b".into()]).unwrap();
        assert_eq!((&*headers["tenant"], &*headers["note"]), ("acme", "a=b"));
        assert_eq!(super::headers(&["x".into()]).unwrap_err().to_string(), "header `x` is not `name=value`");
    }
}
