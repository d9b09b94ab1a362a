//! Text in the query of a request. Pure.

use std::fmt::Write as _;

/// A text inside a query.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte.into());
            }
            _ => write!(out, "%{byte:02X}").unwrap_or_default(),
        }
    }
    out
}
