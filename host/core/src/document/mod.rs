//! The document by which a module describes itself: `wit/0.1/module.schema.json`, read into the words of
//! [`definition`](crate::definition). Deliberately absent: whether the definitions are right (`plan`).
//!
//! A reader passes over members that it does not know, for an SDK may be newer than the host, and tells them as
//! warnings. What a host must know stands in `needs`. Rules of growth: `wit/README.md`.

mod lower;
mod shape;
mod unreadable;

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde::Deserialize;

use crate::definition::Module;
use unreadable::{cannot, cut};

pub use unreadable::Unreadable;

/// The version of the document that this host reads.
pub const DOCUMENT_VERSION: &str = "0.1";
/// Bytes of a document. A saga of a thousand steps with their schemas has some hundred KiB.
pub const DOCUMENT_BYTES_MAX: usize = 4 << 20;
/// Members that nobody knows and that are told; a document may have as many as it has bytes.
const UNKNOWN_MAX: usize = 10;

/// What tells which documents a reader may read, and nothing that a later version could say otherwise.
#[derive(Deserialize)]
struct Head {
    wasaga: String,
    #[serde(default)]
    needs: Vec<String>,
}

/// Reads a document.
///
/// # Errors
/// It is no JSON, of another version, needs what this host has not, or says what has no meaning; with the place.
pub fn read(text: &str) -> Result<Module, Unreadable> {
    if text.len() > DOCUMENT_BYTES_MAX {
        let (bytes, max) = (text.len(), DOCUMENT_BYTES_MAX >> 20);
        return Err(Unreadable::Wrong(format!("its document has {bytes} bytes; the limit is {max} MiB")));
    }
    let head: Head =
        serde_json::from_str(text).map_err(|error| Unreadable::Wrong(format!("it is no document: {error}")))?;
    if head.wasaga != DOCUMENT_VERSION {
        let theirs = cut(&head.wasaga);
        let what = format!("its document is of version `{theirs}`, and this host reads {DOCUMENT_VERSION}");
        return Err(Unreadable::Needs(what));
    }
    if let Some(need) = head.needs.first() {
        return Err(cannot(&format!("it needs `{}` of its host", cut(need))));
    }
    let mut unknown = Vec::new();
    let mut more = 0;
    let document = parse(text, |path| if unknown.len() < UNKNOWN_MAX { unknown.push(path) } else { more += 1 })?;
    let mut module = lower::module(document)?;
    module.warnings = unknown.iter().map(|path| format!("`{}` is unknown to this host", cut(path))).collect();
    if more > 0 {
        module.warnings.push(format!("{more} more members are unknown to this host"));
    }
    Ok(module)
}

/// Tells where it went wrong, which a column of a text in one line does not.
fn parse(text: &str, mut unknown: impl FnMut(String)) -> Result<shape::Document, Unreadable> {
    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let read = serde_ignored::deserialize(tracked, |path| unknown(path.to_string()));
    read.map_err(|error: serde_json::Error| {
        let why = error.to_string();
        // The place that serde_json adds counts columns of a line that nobody sees.
        let why = why.split(" at line ").next().unwrap_or_default();
        Unreadable::Wrong(format!("at `{}`: {}", cut(&track.path().to_string()), cut(why)))
    })
}

#[cfg(test)]
mod tests;
