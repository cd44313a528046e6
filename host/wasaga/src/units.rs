//! Sizes and spans as they are typed, in options and in the policy file: a number and its unit. The one grammar of both.

use std::time::Duration;

/// The least memory for guests that is taken: a Python guest alone has more than half of it.
const GUEST_MEMORY_MIN: u64 = 32 << 20;

/// What all guests may have: a [`size`] that is enough to run one.
pub(crate) fn guest_memory(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if bytes < GUEST_MEMORY_MIN {
        return Err(format!("`{text}` is too little to run anything (give 32MiB or more)"));
    }
    Ok(bytes)
}

/// A size: `64MiB`, `2GiB`, or a number of bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size (write `512MiB` or `2GiB`)");
    let (number, unit) = parts(text).ok_or_else(wrong)?;
    let bytes = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        other => return Err(format!("`{other}` is no unit of a size (write B, KiB, MiB, GiB or TiB)")),
    };
    number.checked_mul(bytes).ok_or_else(|| format!("`{text}` is more than any machine has"))
}

/// A span of time: `200ms`, `10s`, `5m`, `1h` or `7d`. A number without a unit is refused, for nobody can tell what it
/// counts; only 0 needs none.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no span of time (write `200ms`, `10s`, `5m`, `1h` or `7d`)");
    let (number, unit) = parts(text).ok_or_else(wrong)?;
    let ms = match unit {
        "" if number == 0 => 0,
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(ms).map(Duration::from_millis).ok_or_else(|| format!("`{text}` is longer than any clock counts"))
}

/// The number, and the unit behind it.
fn parts(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    Some((digits.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_typed_with_their_unit() {
        let sizes = ["32MiB", "2GiB", "33554432", "64 MiB", "1TiB"].map(|text| guest_memory(text).unwrap());
        assert_eq!(sizes, [32 << 20, 2 << 30, 32 << 20, 64 << 20, 1 << 40]);
        for wrong in ["", "GiB", "2GB", "1.5GiB", "-1GiB", "31MiB", "20000000TiB"] {
            assert!(guest_memory(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn spans_are_typed_with_their_unit() {
        let spans = ["200ms", "10s", "5 m", "1h", "7d", "0"].map(|text| span(text).unwrap().as_millis());
        assert_eq!(spans, [200, 10_000, 300_000, 3_600_000, 604_800_000, 0]);
        for wrong in ["", "7", "1 day", "1.5h", "-1s", "ms", "99999999999999999999d", "9999999999999999d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
