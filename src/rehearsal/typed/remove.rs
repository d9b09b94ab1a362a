//! Takes a set of fields out of a value. Pure.

use serde_json::{Map, Value};

use super::{How, Shape, child, item_node, shape_of};
use crate::rehearsal::{
    fields::{Fields, item_key},
    schema::Node,
};

/// The value without these fields; null when nothing is left of it.
pub fn remove(value: &Value, gone: &Fields, node: Option<Node<'_>>) -> Value {
    match (shape_of(node, value), value) {
        (Shape::Map { atomic: false }, Value::Object(map)) => object(map, gone, node),
        (Shape::List(how), Value::Array(list)) if how != How::Atomic => {
            items(list, gone, node, how)
        }
        (Shape::Scalar, value) => value.clone(),
        _ => Value::Null,
    }
}

fn object(map: &Map<String, Value>, gone: &Fields, node: Option<Node<'_>>) -> Value {
    let mut left = Map::new();
    for (name, item) in map {
        let fields = gone.below.get(["f:", name].concat().as_str());
        let kept = match fields {
            Some(fields) if fields.owned => continue,
            Some(fields) => remove(item, fields, node.and_then(|node| child(node, name))),
            None => item.clone(),
        };
        left.insert(name.clone(), kept);
    }
    if left.is_empty() {
        return Value::Null;
    }
    left.into()
}

fn items(list: &[Value], gone: &Fields, node: Option<Node<'_>>, how: How<'_>) -> Value {
    let inner = node.and_then(|node| item_node(&node));
    let mut left = Vec::new();
    for item in list {
        match gone.below.get(item_key(item, how, inner).as_str()) {
            Some(fields) if fields.owned => {}
            Some(fields) => left.push(remove(item, fields, inner)),
            None => left.push(item.clone()),
        }
    }
    if left.is_empty() {
        return Value::Null;
    }
    left.into()
}
