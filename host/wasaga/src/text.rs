//! How numbers, spans, paths and tables are written for people.

use std::path::Path;

use crate::shown::{Shown, shown};

/// A span: `0.8 ms`, `12.3 ms`, `4.2 s`, `3 m 20 s`, `5 h 2 m`.
pub(crate) fn span(us: u64) -> String {
    let ms = us as f64 / 1_000.0;
    let seconds = us / 1_000_000;
    match us {
        0..100_000 => format!("{ms:.1} ms"),
        100_000..1_000_000 => format!("{ms:.0} ms"),
        1_000_000..60_000_000 => format!("{:.1} s", ms / 1_000.0),
        60_000_000..3_600_000_000 => format!("{} m {} s", seconds / 60, seconds % 60),
        _ if seconds < 48 * 3_600 => format!("{} h {} m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A size: `812 B`, `46.2 KiB`, `18.4 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    let exact = bytes as f64;
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", exact / 1_024.0),
        _ => format!("{:.1} MiB", exact / 1_048_576.0),
    }
}

/// A count in steps of thousand: `133 k`, `1.4 M`.
pub(crate) fn count(number: u64) -> String {
    let exact = number as f64;
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => format!("{:.0} k", exact / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} M", exact / 1e6),
        _ => format!("{:.1} G", exact / 1e9),
    }
}

/// `1 step`, `3 steps`.
pub(crate) fn plural(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A path as a person writes it, with `~` for the home directory.
pub(crate) fn home_path(location: &str) -> String {
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf());
    below_home(location, home.as_deref())
}

fn below_home(location: &str, home: Option<&Path>) -> String {
    // By its parts: `/home/alice` is not below `/home/al`.
    let home = home.filter(|home| home.parent().is_some());
    match home.and_then(|home| Path::new(location).strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".into(),
        Some(rest) => format!("~/{}", rest.display()),
        None => location.into(),
    }
}

/// Rows with their columns aligned, two spaces between.
pub(crate) fn table(rows: &[Vec<Shown>]) -> Shown {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Shown::width).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = Shown::default();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| shown!("{}{}", cell, " ".repeat(width - cell.width())));
        text.line(&Shown::join(cells, "  ").trimmed_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_are_short() {
        let spans = [(800, "0.8 ms"), (123_400, "123 ms"), (4_240_000, "4.2 s"), (200_000_000, "3 m 20 s")];
        for (us, text) in spans {
            assert_eq!(span(us), text);
        }
        assert_eq!(span(18_120_000_000), "5 h 2 m");
        assert_eq!((size(812), size(47_309), size(19_293_798)), ("812 B".into(), "46.2 KiB".into(), "18.4 MiB".into()));
        assert_eq!((count(9_999), count(133_020), count(1_400_000)), ("9999".into(), "133 k".into(), "1.4 M".into()));
    }

    #[test]
    fn a_home_is_a_folder_and_not_the_beginning_of_a_name() {
        let below = |location: &str| below_home(location, Some(Path::new("/home/al")));
        assert_eq!(below("/home/al/.local/journal.db"), "~/.local/journal.db");
        assert_eq!((below("/home/alice/journal.db"), below("/home/al")), ("/home/alice/journal.db".into(), "~".into()));
        assert_eq!(below_home("/journal.db", Some(Path::new("/"))), "/journal.db");
    }

    #[test]
    fn columns_align() {
        let rows = [["a", "bb"], ["ccc", "d"]].map(|row| row.map(Shown::of).to_vec());
        assert_eq!(table(&rows).as_str(), "a    bb\nccc  d\n");
    }
}
