//! Spans of time and sizes of memory as people write them.

use syn::LitStr;

const SPANS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const SIZES: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];

/// `"200ms"`, `"2s"`, `"1.5m"`, `"1h"` in milliseconds.
pub(crate) fn milliseconds(text: &LitStr) -> syn::Result<u64> {
    read(text, &SPANS, "a span of time such as \"200ms\", \"2s\", \"5m\" or \"1h\"")
}

/// `"64MiB"` in bytes.
pub(crate) fn bytes(text: &LitStr) -> syn::Result<u64> {
    read(text, &SIZES, "a size such as \"64MiB\"")
}

fn read(text: &LitStr, units: &[(&str, u64)], expected: &str) -> syn::Result<u64> {
    let value = text.value();
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = units.iter().find(|(unit, _)| *unit == &value[digits.len()..]);
    match (digits.parse::<f64>(), unit) {
        (Ok(number), Some((_, factor))) if number >= 0.0 => Ok((number * *factor as f64).round() as u64),
        _ => Err(syn::Error::new(text.span(), format!("expected {expected}"))),
    }
}
