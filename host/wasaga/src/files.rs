//! Reads files that users name, whole and within a limit: what is named may be `/dev/zero`, or a file that never was meant.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::text;

/// The bytes of a file.
///
/// # Errors
/// It cannot be read, or has more bytes than may be read.
pub(crate) fn read(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    // The same words on every system.
    if file.metadata()?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    read_from(file, bytes_max)
}

/// What comes from a reader.
///
/// # Errors
/// As above.
pub(crate) fn read_from(from: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than may be had tells that there are more.
    from.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        let most = text::size(bytes_max as u64);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most}, which is the most")));
    }
    Ok(bytes)
}

/// The text of a file.
///
/// # Errors
/// As above, or it is not UTF-8.
pub(crate) fn read_text(path: &Path, bytes_max: usize) -> io::Result<String> {
    text_of(read(path, bytes_max)?)
}

/// # Errors
/// It is not UTF-8.
pub(crate) fn text_of(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X11: what has no end is not read without end.
    #[test]
    fn a_file_is_read_within_its_limit() {
        let told = read(Path::new("/dev/zero"), 1 << 20).unwrap_err();
        assert_eq!(told.to_string(), "it has more than 1.0 MiB, which is the most");
        assert_eq!(read_from(&b"abc"[..], 3).unwrap(), b"abc");
        assert!(read_from(&b"abcd"[..], 3).is_err());
        assert_eq!(read(Path::new("/"), 9).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(text_of(vec![0xff]).unwrap_err().to_string(), "it is not UTF-8");
    }
}
