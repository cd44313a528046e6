//! The name that was probably meant.

use alloc::{format, string::String, vec::Vec};

use super::limits::NAME_CHARS_MAX;
use crate::shown::Shown;

/// Pairs of characters that are compared for one suggestion: names of usual length of some thousand steps, or the
/// longest names of sixty.
const PAIRS_MAX: usize = 1 << 20;

/// ` (did you mean `x`?)`, or nothing where no candidate is near. What is longer than any name can be is compared
/// with nothing: the work grows with the product of both lengths. Where there are very many candidates the last ones
/// are not looked at.
pub(crate) fn closest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    match nearest(wrong, candidates).0 {
        Some(name) => format!(" (did you mean `{}`?)", Shown(name)),
        None => String::new(),
    }
}

/// The nearest one, and how many pairs of characters were compared.
fn nearest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> (Option<&'a str>, usize) {
    let length = |text: &str| text.chars().take(NAME_CHARS_MAX + 1).count();
    let own = length(wrong);
    if own > NAME_CHARS_MAX {
        return (None, 0);
    }
    // A third of the letters wrong is still a slip; more is another word.
    let tolerance = own.div_ceil(3);
    let (mut best, mut pairs) = (None, 0);
    for candidate in candidates {
        let other = length(candidate);
        if other > NAME_CHARS_MAX || other.abs_diff(own) > tolerance {
            continue;
        }
        pairs += own * other;
        if pairs > PAIRS_MAX {
            break;
        }
        let near = Some((distance(wrong, candidate), candidate)).filter(|(distance, _)| *distance <= tolerance);
        best = match (best, near) {
            (Some(best), Some(near)) => Some(near.min(best)),
            (best, near) => near.or(best),
        };
    }
    (best.map(|(_, name)| name), pairs)
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
        assert_eq!(nearest(&long, [long.as_str()].into_iter()), (None, 0));
        assert_eq!(nearest("xx", [long.as_str()].into_iter()), (None, 0));
    }

    /// S9: a million candidates cost what sixty of the longest do.
    #[test]
    fn the_work_of_a_suggestion_is_bounded() {
        let long = "x".repeat(NAME_CHARS_MAX);
        let (found, pairs) = nearest(&long, core::iter::repeat_n(long.as_str(), 1_000_000));
        assert!(found.is_some() && pairs <= PAIRS_MAX + NAME_CHARS_MAX * NAME_CHARS_MAX, "{pairs}");
    }
}
