//! Objects put together from parts, and parts taken away from them; a list's item is known by its first field.

use serde_json::{Map, Value};

/// Numbers that look random and are the same for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}

/// Whether two items of a list are the same one.
fn same(one: &Value, part: &Value) -> bool {
    match part.as_object().and_then(|map| map.iter().next()) {
        Some((key, value)) => one.get(key) == Some(value),
        None => one == part,
    }
}

/// Adds a part.
pub fn merged(value: &mut Value, part: &Value) {
    match (&mut *value, part) {
        (Value::Object(map), Value::Object(more)) => {
            for (key, item) in more {
                match map.get_mut(key) {
                    Some(old) => merged(old, item),
                    None => {
                        map.insert(key.clone(), item.clone());
                    }
                }
            }
        }
        (Value::Array(list), Value::Array(more)) if more.iter().all(Value::is_object) => {
            for item in more {
                match list.iter_mut().find(|old| same(old, item)) {
                    Some(old) => merged(old, item),
                    None => list.push(item.clone()),
                }
            }
        }
        _ => *value = part.clone(),
    }
}

/// Takes away what a part adds, but never what the base needs.
pub fn without(value: &mut Value, part: &Value, base: &Value) {
    match (value, part) {
        (Value::Object(map), Value::Object(less)) => {
            for (key, item) in less {
                let needed = base.get(key).unwrap_or(&Value::Null);
                let Some(old) = map.get_mut(key) else {
                    continue;
                };
                if item.is_object() || (item.is_array() && needed.is_array()) {
                    without(old, item, needed);
                } else if needed.is_null() {
                    map.shift_remove(key);
                }
            }
        }
        (Value::Array(list), Value::Array(less)) => {
            for item in less {
                let needed = base
                    .as_array()
                    .and_then(|base| base.iter().find(|one| same(one, item)));
                match needed {
                    Some(needed) => {
                        if let Some(old) = list.iter_mut().find(|old| same(old, item)) {
                            without(old, item, needed);
                        }
                    }
                    None => list.retain(|old| !same(old, item)),
                }
            }
        }
        _ => {}
    }
}

/// A merge patch that takes a part away, except what the base needs.
pub fn nulled(part: &Value, base: &Value) -> Value {
    let Value::Object(map) = part else {
        return Value::Null;
    };
    let mut out = Map::new();
    for (key, item) in map {
        match base.get(key) {
            None => {
                let value = if item.is_object() && !base.is_null() {
                    nulled(item, &Value::Object(Map::new()))
                } else {
                    Value::Null
                };
                out.insert(key.clone(), value);
            }
            Some(needed) if item.is_object() => {
                out.insert(key.clone(), nulled(item, needed));
            }
            // What the base needs stays.
            Some(_) => {}
        }
    }
    out.into()
}
