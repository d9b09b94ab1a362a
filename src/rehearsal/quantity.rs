//! Quantities as a server writes them: the same amount always in the same words. Pure.

use serde_json::Value;

const BINARY: &[(&str, u32)] = &[
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];

/// Decimal suffixes with their power of ten.
const DECIMAL: &[(&str, i32)] = &[
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// The same amount in the words of a server; what is no quantity stays as it is.
pub fn canonical(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return value.clone(),
    };
    words(&text).map_or_else(|| value.clone(), Value::String)
}

/// How much it is, for comparing.
pub fn amount(value: &Value) -> Option<f64> {
    let text = words(value.as_str()?)?;
    let end = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    let binary = BINARY.iter().find(|(name, _)| *name == suffix);
    let decimal = DECIMAL.iter().find(|(name, _)| *name == suffix);
    Some(match (binary, decimal) {
        (Some((_, shift)), _) => number * 2_f64.powi(i32::try_from(*shift).ok()?),
        (_, Some((_, power))) => number * 10_f64.powi(*power),
        _ => number,
    })
}

/// Whether a text is a quantity.
pub fn is(text: &str) -> bool {
    words(text).is_some()
}

fn words(text: &str) -> Option<String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (negative, digits) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let all: i128 = [whole, part].concat().parse().ok()?;
    let places = i32::try_from(part.len()).ok()?;
    if let Some((_, shift)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        let scaled = all.checked_shl(*shift)?;
        let divisor = 10_i128.checked_pow(u32::try_from(places).ok()?)?;
        if scaled % divisor == 0 {
            return Some(sign(negative, &binary(scaled / divisor)));
        }
        return Some(sign(negative, &decimal(scaled, -places)));
    }
    let power = match DECIMAL.iter().find(|(name, _)| *name == suffix) {
        Some((_, power)) => *power,
        None => suffix.strip_prefix(['e', 'E'])?.parse().ok()?,
    };
    Some(sign(negative, &decimal(all, power - places)))
}

fn sign(negative: bool, words: &str) -> String {
    if negative && words != "0" {
        return format!("-{words}");
    }
    words.to_owned()
}

fn binary(mut amount: i128) -> String {
    if amount == 0 {
        return "0".to_owned();
    }
    let mut step = 0;
    while amount % 1024 == 0 && step < BINARY.len() {
        amount /= 1024;
        step += 1;
    }
    let suffix = step.checked_sub(1).and_then(|at| BINARY.get(at));
    format!("{amount}{}", suffix.map_or("", |(name, _)| name))
}

fn decimal(mut amount: i128, mut power: i32) -> String {
    if amount == 0 {
        return "0".to_owned();
    }
    while amount % 10 == 0 {
        amount /= 10;
        power += 1;
    }
    while power % 3 != 0 || power > 18 {
        amount *= 10;
        power -= 1;
    }
    let suffix = DECIMAL.iter().find(|(_, known)| *known == power);
    match suffix {
        Some((name, _)) => format!("{amount}{name}"),
        None => format!("{amount}e{power}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::canonical;

    fn check(given: impl Into<Value>, written: &str) {
        assert_eq!(canonical(&given.into()), json!(written));
    }

    #[test]
    fn the_same_amount_is_written_in_the_same_words() {
        check("1024Mi", "1Gi");
        check("1000m", "1");
        check(2, "2");
        check("0.5", "500m");
        check("1.5Gi", "1536Mi");
        check("1000k", "1M");
        check("0Gi", "0");
        check("1e3", "1k");
        check("100M", "100M");
        check("x", "x");
    }
}
