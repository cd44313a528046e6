//! Text of others as messages show it. A name or a pointer comes from a guest or a caller: whatever it has in it, a message
//! stays short, and shows on a terminal what it says.

use core::fmt;

/// Characters of a text of others that a message shows.
const CHARS_MAX: usize = 100;

/// A text of others, cut and made safe to be shown: control characters, and characters that change the direction of
/// writing or have no width, stand as their numbers.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let mut chars = self.0.chars();
        for char in chars.by_ref().take(CHARS_MAX) {
            if char.is_control() || is_invisible(char) {
                write!(f, "{}", char.escape_unicode())?;
            } else {
                f.write_char(char)?;
            }
        }
        if chars.next().is_some() { f.write_char('…') } else { Ok(()) }
    }
}

/// Marks of direction, of width nothing, and of ends of lines (Unicode, general categories `Cf`, `Zl` and `Zp`).
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_text_is_cut_and_shows_what_it_says() {
        assert_eq!(Shown("größe/日本").to_string(), "größe/日本");
        assert_eq!(Shown("a\u{1b}[2J\n\u{202e}b\u{85}").to_string(), r"a\u{1b}[2J\u{a}\u{202e}b\u{85}");
        let long = "x".repeat(2 << 20);
        assert_eq!(Shown(&long).to_string().chars().count(), CHARS_MAX + 1);
        assert_eq!(Shown(&long[..CHARS_MAX]).to_string(), long[..CHARS_MAX]);
    }
}
