//! How much an object weighs: what is too large or too deep is refused before it is kept, copied or written down. Pure.

use serde_json::Value;

use super::answer::Failure;

/// So many bytes of a text weigh as much as a value.
pub const TEXT: usize = 64;

/// How much one object may weigh; the largest definition of the catalogue has less than a tenth of it.
pub const MOST: usize = 200_000;

/// How deep values may lie in each other, `managedFields` included.
pub const DEEPEST: usize = 160;

/// What a value weighs; nothing when it is deeper than this.
pub fn weigh(value: &Value, deep: usize) -> Option<usize> {
    let deep = deep.checked_sub(1)?;
    Some(match value {
        Value::Array(list) => {
            let mut sum = 1;
            for item in list {
                sum += weigh(item, deep)?;
            }
            sum
        }
        Value::Object(map) => {
            let mut sum = 1;
            for (name, item) in map {
                sum += 1 + name.len() / TEXT + weigh(item, deep)?;
            }
            sum
        }
        Value::String(text) => 1 + text.len() / TEXT,
        _ => 1,
    })
}

/// Refuses an object that is too large or too deep.
///
/// # Errors
/// 413 with the limit.
pub fn check(value: &Value) -> Result<(), Failure> {
    let why = match weigh(value, DEEPEST) {
        Some(weight) if weight <= MOST => return Ok(()),
        Some(_heavy) => format!("it holds more than {MOST} values"),
        None => format!("its values lie in each other more than {DEEPEST} deep"),
    };
    let why = format!("Request entity too large: {why}");
    Err(Failure::new(413, "RequestEntityTooLarge", why))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DEEPEST, MOST, check};

    #[test]
    fn what_is_too_large_or_too_deep_is_refused() {
        check(&json!({"a": ["b", 1, {"c": null}]})).unwrap();
        assert_eq!(check(&vec![1; MOST].into()).unwrap_err().code, 413);
        let text = Value::from("x".repeat(MOST * 64));
        assert_eq!(check(&text).unwrap_err().code, 413);
        let deep = (0..=DEEPEST).fold(Value::Null, |inner, _| json!([inner]));
        assert_eq!(check(&deep).unwrap_err().code, 413);
    }
}
