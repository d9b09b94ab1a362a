//! Kubernetes quantities as whole numbers: thousandths of a core, bytes. Pure.

/// Thousandths of a core: `250m`, `2`, `0.5`.
pub fn millicores(text: &str) -> u64 {
    match text.strip_suffix('m') {
        Some(number) => number.parse().unwrap_or(0),
        None => scaled(text, 1000),
    }
}

/// Bytes: `512Mi`, `20Gi`, `1G`, `1048576`.
pub fn bytes(text: &str) -> u64 {
    const UNITS: [(&str, u64); 10] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("P", 1_000_000_000_000_000),
    ];
    UNITS
        .iter()
        .find_map(|(unit, size)| Some(scaled(text.strip_suffix(unit)?, *size)))
        .unwrap_or_else(|| scaled(text, 1))
}

/// A decimal number times a unit, without floating point.
fn scaled(text: &str, unit: u64) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.parse::<u64>().unwrap_or(0).saturating_mul(unit);
    let digits: String = part.chars().take(6).collect();
    let power = u32::try_from(digits.len()).unwrap_or(0);
    let fraction = digits.parse::<u64>().unwrap_or(0).saturating_mul(unit) / 10_u64.pow(power);
    whole.saturating_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, number) in [
            ("250m", 250),
            ("2", 2000),
            ("0.5", 500),
            ("1.25", 1250),
            ("", 0),
        ] {
            assert_eq!(millicores(text), number, "{text}");
        }
        for (text, number) in [
            ("512Mi", 512 << 20),
            ("1.5Gi", 3 << 29),
            ("20Gi", 20 << 30),
            ("1G", 1_000_000_000),
            ("4096", 4096),
        ] {
            assert_eq!(bytes(text), number, "{text}");
        }
    }
}
