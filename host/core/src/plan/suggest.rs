//! The name that was probably meant.

use alloc::{format, string::String, vec::Vec};

use super::limits::NAME_CHARS_MAX;

/// ` (did you mean `x`?)`, or nothing where no candidate is near. What is longer than any name can be is compared
/// with nothing: the work grows with the product of both lengths.
pub(crate) fn closest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    let is_name = |text: &str| text.chars().nth(NAME_CHARS_MAX).is_none();
    if !is_name(wrong) {
        return String::new();
    }
    // A third of the letters wrong is still a slip; more is another word.
    let tolerance = wrong.chars().count().div_ceil(3);
    match candidates.filter(|candidate| is_name(candidate)).map(|c| (distance(wrong, c), c)).min() {
        Some((d, c)) if d <= tolerance => format!(" (did you mean `{c}`?)"),
        _ => String::new(),
    }
}

/// Letters to insert, remove or replace to make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = core::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_suggested_and_what_is_no_name_is_not_compared() {
        assert_eq!(closest("chrage", ["charge", "ship"].into_iter()), " (did you mean `charge`?)");
        assert_eq!(closest("x", ["charge"].into_iter()), "");
        // C24: two of a megabyte would be 10^12 steps, and this test would not end.
        let long = "x".repeat(1 << 20);
        assert_eq!(closest(&long, [long.as_str()].into_iter()), "");
        assert_eq!(closest("xx", [long.as_str()].into_iter()), "");
    }
}
