//! Reads what the user names: a module's file, an input, a header. Every mistake names the culprit
//! and the remedy.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use wasaga_core::{Json, Name};
use wasaga_sandbox::MODULE_BYTES_MAX;

use crate::exit::BadInput;

/// Bytes of an input's file: spaces between its parts, which the engine does not count, included.
const INPUT_FILE_BYTES_MAX: u64 = 4 * wasaga_engine::INPUT_BYTES_MAX as u64;

/// A file, read whole up to a number of bytes: some files, such as `/dev/zero`, never end.
pub(crate) fn bounded(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    whole(std::fs::File::open(path)?, bytes_max)
}

fn whole(from: impl io::Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let what = format!("it has more than {bytes_max} bytes, which are the most");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text in UTF-8"))
}

/// A file of text, likewise.
pub(crate) fn bounded_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    text(bounded(path, bytes_max)?)
}

/// A module's file, read whole.
pub(crate) fn module(path: &Path) -> anyhow::Result<Arc<[u8]>> {
    let bytes = bounded(path, MODULE_BYTES_MAX as u64).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => " (build the guest first, or mind the path)",
            io::ErrorKind::IsADirectory => " (name the `.wasm` file in it)",
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
            let text = bounded_text(Path::new(path), INPUT_FILE_BYTES_MAX)
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
    let read = whole(io::stdin().lock(), INPUT_FILE_BYTES_MAX).and_then(text);
    Ok(read.map_err(|error| BadInput::new(format!("standard input cannot be read: {error}")))?)
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

    /// X11: `/dev/zero` was read without end, whatever it was named as.
    #[test]
    fn files_that_never_end_are_refused() {
        let zero = Path::new("/dev/zero");
        let told = module(zero).unwrap_err().to_string();
        let expected = "module `/dev/zero` cannot be read: it has more than 134217728 bytes, which are the most";
        assert_eq!(told, expected);
        assert!(json("@/dev/zero").unwrap_err().to_string().contains("it has more than 16777216 bytes"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "abcd").unwrap();
        assert_eq!(bounded(file.path(), 4).unwrap(), b"abcd");
        assert!(bounded(file.path(), 3).is_err());
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
