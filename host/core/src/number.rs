//! Numbers as they are written: compared by their value, with every digit. Deliberately absent: arithmetic, and
//! binary fractions, in which large numbers lose their last digits.

use alloc::{format, string::String};

/// Digits before or after the point up to which a number is written without an exponent. Arbitrary.
const PLAIN_MAX: i64 = 24;

/// One text for each value: `1.50`, `15e-1` and `1.5` are the same. A text whose exponent no machine holds stays as it is.
pub(crate) fn canonical(text: &str) -> String {
    let (sign, plain) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = plain.split_once(['e', 'E']).unwrap_or((plain, "0"));
    let Ok(exponent) = exponent.parse::<i64>() else { return text.into() };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return "0".into();
    }
    let dropped = (digits.len() - significant.len()) as i64;
    let Some(exponent) = exponent.checked_sub(fraction.len() as i64).and_then(|e| e.checked_add(dropped)) else {
        return text.into();
    };
    let length = significant.len() as i64;
    match exponent {
        0..=PLAIN_MAX => format!("{sign}{significant}{}", "0".repeat(exponent as usize)),
        below if below < 0 && -below < length => {
            let (whole, fraction) = significant.split_at((length + below) as usize);
            format!("{sign}{whole}.{fraction}")
        }
        below if below < 0 && -below <= PLAIN_MAX => {
            format!("{sign}0.{}{significant}", "0".repeat((-below - length) as usize))
        }
        _ => format!("{sign}{significant}e{exponent}"),
    }
}

/// The first number of a JSON text that neither a whole number of 64 bits nor a double tells exactly: what compares
/// it by one of these would take it for another number.
pub(crate) fn inexact(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_text(bytes, at),
            b'-' | b'0'..=b'9' => {
                let is_part = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                let length = bytes[at..].iter().take_while(|b| is_part(b)).count();
                let number = &text[at..at + length];
                if !is_exact(number) {
                    return Some(number);
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    None
}

/// The place after a text that begins here.
fn end_of_text(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn is_exact(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(double) = number.parse::<f64>() else { return false };
    // The shortest text that gives this double; another number that gives it has more digits.
    double.is_finite() && canonical(&format!("{double:e}")) == canonical(number)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::{canonical, inexact};

    /// U2: what a double would round is found, wherever it stands.
    #[test]
    fn numbers_that_are_not_exact_are_found() {
        for exact in [
            r#"{"a":[1,-2,1.5,0.1,1e22,18446744073709551615,-9223372036854775808,0.30000000000000004]}"#,
            r#""1000000000000000000000001""#,
            r#"{"10000000000000000000000001":"\"10000000000000000000000001","e":1}"#,
            "1000000000000000000000000",
            "null",
        ] {
            assert_eq!(inexact(exact), None, "{exact}");
        }
        for number in
            ["1000000000000000000000001", "18446744073709551616.5", "0.1000000000000000055511151231257827", "1e400"]
        {
            assert_eq!(inexact(&format!(r#"{{"x":1,"a":["b",{number}]}}"#)), Some(number));
        }
    }

    /// U2, C25: what differs in one digit differs, and what is the same value is the same text.
    #[test]
    fn each_value_has_one_text() {
        let same = [
            ("1.50", "1.5"),
            ("15e-1", "1.5"),
            ("0.15E+1", "1.5"),
            ("1e2", "100"),
            ("-0.0", "0"),
            ("0e9", "0"),
            ("1000000000000000000000001", "1000000000000000000000001"),
            ("0.001", "0.001"),
            ("1e-3", "0.001"),
            ("10e30", "1e31"),
            ("1e400", "1e400"),
            ("100e398", "1e400"),
            ("1e-400", "1e-400"),
            ("-12.340", "-12.34"),
            ("1e99999999999999999999", "1e99999999999999999999"),
            ("0.1e-9223372036854775808", "0.1e-9223372036854775808"),
        ];
        for (text, expected) in same {
            assert_eq!(canonical(text), expected, "{text}");
        }
        assert_ne!(canonical("1000000000000000000000001"), canonical("1000000000000000000000002"));
        assert_ne!(canonical("0.1"), canonical("0.1000000000000000055511151231257827"));
    }
}
