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

#[cfg(test)]
mod tests {
    use super::canonical;

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
