//! The name that was probably meant.

use alloc::{format, string::String, vec::Vec};

/// ` (did you mean `x`?)`, or nothing where no candidate is near.
pub(crate) fn closest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    // A third of the letters wrong is still a slip; more is another word.
    let tolerance = wrong.chars().count().div_ceil(3);
    match candidates.map(|c| (distance(wrong, c), c)).min() {
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
