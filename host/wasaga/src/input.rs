//! Reads what the user names: a module's file, an input, a header. Every mistake names the culprit
//! and the remedy.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use wasaga_core::{Json, Name};

use crate::exit::BadInput;

/// A module's file, read whole.
pub(crate) fn module(path: &Path) -> anyhow::Result<Arc<[u8]>> {
    let bytes = std::fs::read(path).map_err(|error| {
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
            let text = std::fs::read_to_string(path)
                .map_err(|error| BadInput::new(format!("input file `{path}` cannot be read: {error}")))?;
            (text, format!("input file `{path}`"))
        }
        None if given == "-" => (standard_input()?, "standard input".to_owned()),
        None => (given.to_owned(), "`--input`".to_owned()),
    };
    Json::parse(&text).map_err(|error| {
        let looks_like_a_path = given != "-" && !given.starts_with('@') && Path::new(given).is_file();
        let remedy = if looks_like_a_path { format!(" (to read the file, write `@{given}`)") } else { String::new() };
        BadInput::new(format!("{place} is not JSON: {error}{remedy}")).into()
    })
}

fn standard_input() -> anyhow::Result<String> {
    // One byte more than the engine takes, so that it is the engine that refuses.
    let limit = wasaga_engine::INPUT_BYTES_MAX as u64 + 1;
    let mut text = String::new();
    std::io::stdin()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| BadInput::new(format!("standard input cannot be read: {error}")))?;
    Ok(text)
}

/// Headers, each as `name=value`.
pub(crate) fn headers(given: &[String]) -> anyhow::Result<BTreeMap<Name, Arc<str>>> {
    let pair = |header: &String| match header.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((Name::from(name.trim()), Arc::from(value))),
        _ => Err(BadInput::new(format!("header `{header}` is not `name=value`")).into()),
    };
    given.iter().map(pair).collect()
}

/// The least memory for guests that is taken: a Python guest alone has more than half of it.
const SIZE_MIN: u64 = 32 << 20;

/// What all guests may have: a [`memory`] that is enough to run one.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let bytes = memory(text)?;
    if bytes < SIZE_MIN {
        return Err(format!("`{text}` is too little to run anything (give 32MiB or more)"));
    }
    Ok(bytes)
}

/// A size as it is typed: `64MiB`, `2GiB`, or a number of bytes.
pub(crate) fn memory(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        other => return Err(format!("`{other}` is no unit (write B, KiB, MiB, GiB or TiB)")),
    };
    let number = digits.trim().parse::<u64>().map_err(|_| format!("`{text}` is no size (write `512MiB` or `2GiB`)"))?;
    number.checked_mul(unit).ok_or_else(|| format!("`{text}` is more than any machine has"))
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
        let told = json("@nowhere.json").unwrap_err().to_string();
        assert!(told.starts_with("input file `nowhere.json` cannot be read: No such file"), "{told}");
    }

    #[test]
    fn headers_are_pairs() {
        let headers = headers(&["tenant=acme".into(), "note=a=b".into()]).unwrap();
        assert_eq!((&*headers["tenant"], &*headers["note"]), ("acme", "a=b"));
        assert_eq!(super::headers(&["x".into()]).unwrap_err().to_string(), "header `x` is not `name=value`");
    }

    #[test]
    fn sizes_are_typed_with_their_unit() {
        let sizes = ["32MiB", "2GiB", "33554432", "64 MiB", "1TiB"].map(|text| size(text).unwrap());
        assert_eq!(sizes, [32 << 20, 2 << 30, 32 << 20, 64 << 20, 1 << 40]);
        for wrong in ["", "GiB", "2GB", "1.5GiB", "-1GiB", "31MiB", "20000000TiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
