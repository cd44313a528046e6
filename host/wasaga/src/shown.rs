//! Text that is safe to show. Names, messages and schemas of guests, partners and users' files are foreign: they may hold
//! control characters that steer a terminal, line ends that forge a line of ours, and signs that turn a line around. The
//! only way from a foreign text to what is written is [`Shown`], which makes such characters visible. `out` takes nothing
//! else, and [`shown!`] escapes every argument of a format, so that no message can forget it.
//!
//! JSON stays JSON: there the same characters are written as `\u009b`, which means the same to every reader.

use std::fmt::{self, Display, Formatter, Write as _};

use console::Style;
use wasaga_core::{Digest, Json, Kind, TransactionId};

/// What stands before the second and later lines of a foreign text, so that none passes for a line of ours.
const GUTTER: &str = "  │ ";

/// A text whose foreign parts are escaped, with our own line ends and styles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Shown(String);

/// Formats a [`Shown`]: the format is a literal of ours, and each argument is escaped unless it is a [`Shown`] itself. An
/// argument is named behind the format (`{name}` within it does not compile), so that it passes through here.
macro_rules! shown {
    ($format:literal $(, $argument:expr)* $(,)?) => {
        $crate::shown::Shown::formatted(::std::format_args!(
            ::std::concat!($format) $(, $crate::shown::Argument(&$argument))*
        ))
    };
}
pub(crate) use shown;

impl Shown {
    /// A foreign text in one line.
    pub(crate) fn of(text: impl Display) -> Self {
        Self(escaped(&text.to_string()))
    }

    /// A foreign text that may have several lines: those after the first stand behind a gutter.
    pub(crate) fn block(text: &str) -> Self {
        let lines: Vec<String> = text.trim_end().lines().map(escaped).collect();
        Self(lines.join(&format!("\n{GUTTER}")))
    }

    /// The beginning of a foreign text in one line, so that it fits beside other things.
    pub(crate) fn clipped(text: &str, chars_max: usize) -> Self {
        let mut line: String = text.chars().take(chars_max).map(|c| if c == '\n' { ' ' } else { c }).collect();
        if text.chars().nth(chars_max).is_some() {
            line.pop();
            line.push('…');
        }
        Self(escaped(&line))
    }

    /// A text that this program alone has written, such as its help.
    pub(crate) fn ours(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// JSON as it is, with the characters that steer a terminal written as JSON escapes.
    pub(crate) fn json(json: &Json) -> Self {
        Self(escaped_json(json.as_str()))
    }

    /// For [`shown!`] alone, whose arguments escape themselves.
    pub(crate) fn formatted(arguments: fmt::Arguments<'_>) -> Self {
        Self(arguments.to_string())
    }

    pub(crate) fn styled(&self, style: &Style) -> Self {
        Self(style.apply_to(&self.0).to_string())
    }

    pub(crate) fn bold(&self) -> Self {
        self.styled(&Style::new().bold())
    }

    pub(crate) fn push(&mut self, more: &Self) {
        self.0.push_str(&more.0);
    }

    pub(crate) fn line(&mut self, line: &Self) {
        self.push(line);
        self.0.push('\n');
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Columns on a terminal.
    pub(crate) fn width(&self) -> usize {
        console::measure_text_width(&self.0)
    }

    pub(crate) fn trimmed_end(&self) -> Self {
        Self(self.0.trim_end().to_owned())
    }

    /// Its beginning, so that it has no more columns than this.
    pub(crate) fn cut(&self, columns: usize) -> Self {
        Self(console::truncate_str(&self.0, columns, "…").into_owned())
    }

    /// Texts with something of ours between them.
    pub(crate) fn join(texts: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        let texts: Vec<String> = texts.into_iter().map(|text| text.0).collect();
        Self(texts.join(between))
    }

    /// Broken between words at this width; lines after the first are indented. A word that is longer than a line is
    /// broken where the line ends. The first line begins at a column, lines of its own at the beginning.
    pub(crate) fn wrapped(&self, first: usize, indent: usize, width: usize) -> Self {
        let lines = self.0.split('\n').enumerate();
        let lines = lines.map(|(at, line)| Wrap::of(line, if at == 0 { first } else { 0 }, indent, width));
        Self(lines.collect::<Vec<_>>().join("\n"))
    }
}

/// A line that is being broken.
struct Wrap {
    text: String,
    column: usize,
    indent: usize,
    width: usize,
}

impl Wrap {
    fn of(line: &str, first: usize, indent: usize, width: usize) -> String {
        let mut wrap = Self { text: String::new(), column: first, indent, width };
        for (at, word) in line.split(' ').enumerate() {
            let length = console::measure_text_width(word);
            let space = usize::from(at > 0);
            if wrap.column + space + length > width {
                wrap.long_word(word, length, at > 0);
                continue;
            }
            wrap.text.push_str(&" ".repeat(space));
            wrap.text.push_str(word);
            wrap.column += space + length;
        }
        wrap.text
    }

    fn next_line(&mut self) {
        self.text.push_str(&format!("\n{:1$}", "", self.indent));
        self.column = self.indent;
    }

    fn long_word(&mut self, word: &str, length: usize, is_later: bool) {
        let room = self.width.saturating_sub(self.indent).max(1);
        if is_later || length <= room {
            self.next_line();
        }
        for c in word.chars() {
            let columns = console::measure_text_width(c.encode_utf8(&mut [0; 4]));
            if length > room && self.column + columns > self.width && self.column > self.indent {
                self.next_line();
            }
            self.text.push(c);
            self.column += columns;
        }
    }
}

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        padded(f, &self.0)
    }
}

impl Extend<Self> for Shown {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, texts: T) {
        texts.into_iter().for_each(|text| self.push(&text));
    }
}

impl FromIterator<Self> for Shown {
    fn from_iter<T: IntoIterator<Item = Self>>(texts: T) -> Self {
        let mut all = Self::default();
        all.extend(texts);
        all
    }
}

/// What may stand in [`shown!`], and how it is written there.
pub(crate) trait Show {
    fn show(&self, f: &mut Formatter<'_>) -> fmt::Result;
}

/// One argument of [`shown!`].
pub(crate) struct Argument<'a, T: ?Sized>(pub(crate) &'a T);

impl<T: Show + ?Sized> Display for Argument<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

impl<T: Show + ?Sized> Show for &T {
    fn show(&self, f: &mut Formatter<'_>) -> fmt::Result {
        (**self).show(f)
    }
}

/// Foreign: escaped.
macro_rules! foreign {
    ($($type:ty),*) => { $(impl Show for $type {
        fn show(&self, f: &mut Formatter<'_>) -> fmt::Result {
            padded(f, &escaped(&self.to_string()))
        }
    })* };
}

/// Numbers, and what is made of letters and digits alone.
macro_rules! plain {
    ($($type:ty),*) => { $(impl Show for $type {
        fn show(&self, f: &mut Formatter<'_>) -> fmt::Result {
            Display::fmt(self, f)
        }
    })* };
}

foreign!(
    str,
    String,
    wasaga_core::Name,
    wasaga_core::Failure,
    std::sync::Arc<str>,
    std::path::Display<'_>,
    wasaga_sandbox::Origin,
    wasaga_engine::Error,
    wasaga_journal::HostId,
    anyhow::Error,
    std::io::Error
);
plain!(Shown, u8, u32, u64, usize, i32, f64, Digest, Kind, TransactionId);

fn padded(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let fill = f.width().unwrap_or(0).saturating_sub(console::measure_text_width(text));
    let (before, after) = if f.align() == Some(fmt::Alignment::Right) { (fill, 0) } else { (0, fill) };
    write!(f, "{:before$}{text}{:after$}", "", "")
}

/// Whether a character steers a terminal, breaks a line, turns it around or hides in it.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A foreign text in one line, with such characters written as Rust writes them.
pub(crate) fn escaped(text: &str) -> String {
    if !text.contains(is_unsafe) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
    }
    safe
}

/// A JSON text that means the same, with such characters written as JSON escapes. They stand within strings only.
pub(crate) fn escaped_json(json: &str) -> String {
    if !json.contains(|c| c != '\n' && is_unsafe(c)) {
        return json.to_owned();
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if c == '\n' || !is_unsafe(c) {
            safe.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S19, X8, V7: what a foreign text does to a terminal.
    const HOSTILE: &str = "shop\u{1b}]52;c;cm0=\u{7} 1.0\n\u{9b}31mdone\r\u{202e}gpj.exe\u{2028}";

    #[test]
    fn a_foreign_text_is_one_line_that_steers_nothing() {
        let safe = r"shop\u{1b}]52;c;cm0=\u{7} 1.0\n\u{9b}31mdone\r\u{202e}gpj.exe\u{2028}";
        assert_eq!(Shown::of(HOSTILE).as_str(), safe);
        assert_eq!(shown!("module `{}`\n", HOSTILE).as_str(), format!("module `{safe}`\n"));
        let within = shown!("[{}]", shown!("a\nb {}", "c\nd"));
        assert_eq!(within.as_str(), "[a\nb c\\nd]", "what is ours is escaped once");
        assert_eq!(Shown::of("grün, 日本, 👩‍🚀").as_str(), "grün, 日本, 👩‍🚀", "other letters are as they are");
    }

    #[test]
    fn lines_of_a_foreign_text_do_not_pass_for_ours() {
        assert_eq!(Shown::block("bad\nerror: none\u{1b}[2K\n").as_str(), "bad\n  │ error: none\\u{1b}[2K");
        assert_eq!(Shown::clipped("a\nb\u{1b}c", 20).as_str(), "a b\\u{1b}c");
        assert_eq!(Shown::clipped("abcdef", 4).as_str(), "abc…");
    }

    #[test]
    fn json_means_the_same() {
        let json = Json::of(&HOSTILE).unwrap();
        let shown = Shown::json(&json);
        assert!(!shown.as_str().contains(is_unsafe), "{shown}");
        assert_eq!(serde_json::from_str::<String>(shown.as_str()).unwrap(), HOSTILE);
        assert_eq!(escaped_json("\"\u{e0041}\""), "\"\\udb40\\udc41\"");
    }

    #[test]
    fn columns_count_what_is_seen() {
        assert_eq!(shown!("{:<6}|{:>5}|", shown!("{}", "日"), "ab").as_str(), "日    |   ab|");
        assert_eq!(shown!("{:.1} {:>3}", 1.25, 7_u32).as_str(), "1.2   7");
    }

    #[test]
    fn long_texts_are_broken_between_words() {
        let text = Shown::of("the card was declined by the bank");
        assert_eq!(text.wrapped(10, 10, 25).as_str(), "the card was\n          declined by the\n          bank");
        assert_eq!(Shown::of("aaaaaaaaaa bb").wrapped(0, 2, 6).as_str(), "aaaaaa\n  aaaa\n  bb");
        assert_eq!(Shown::of("short").wrapped(4, 4, 80).as_str(), "short");
        assert_eq!(shown!("one two\n  three four").wrapped(0, 4, 8).as_str(), "one two\n  three\n    four");
    }
}
