//! How numbers, spans and texts are written for people.

use std::io::Write as _;

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

/// The beginning of a text in one line, so that it fits beside other things. What a guest wrote must
/// not steer the terminal either, so control characters become spaces.
pub(crate) fn clipped(text: &str, chars_max: usize) -> String {
    let mut line: String = text.chars().take(chars_max).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(chars_max).is_some() {
        line.pop();
        line.push('…');
    }
    line
}

/// A path as a person writes it, with `~` for the home directory.
pub(crate) fn home_path(location: &str) -> String {
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().display().to_string());
    match home.filter(|home| home.len() > 1) {
        Some(home) if location.starts_with(&home) => format!("~{}", &location[home.len()..]),
        _ => location.into(),
    }
}

/// Writes to standard output. A reader that has gone, such as `head`, is no error: the process ends.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => Ok(written?),
    }
}

/// Rows with their columns aligned, two spaces between.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| console::measure_text_width(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - console::measure_text_width(cell))));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
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
    fn a_clipped_text_is_one_harmless_line() {
        assert_eq!(clipped("a\nb\u{1b}[31m", 20), "a b [31m");
        assert_eq!(clipped("abcdef", 4), "abc…");
    }

    #[test]
    fn columns_align() {
        let rows = [vec!["a".into(), "bb".into()], vec!["ccc".into(), "d".into()]];
        assert_eq!(table(&rows), "a    bb\nccc  d\n");
    }
}
