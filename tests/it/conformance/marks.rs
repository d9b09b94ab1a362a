//! What differs between any two clusters is replaced by marks: names of moments, identities and revisions.
//!
//! An identity or a revision becomes the number of its first appearance, so that "the same as before" and "another one" stay visible.

use std::collections::HashMap;

use regex::Regex;
use serde_json::{Map, Value};

use super::two::Reply;

/// The marks given so far in one sequence of requests on one side.
pub struct Marks {
    uids: HashMap<String, usize>,
    versions: HashMap<String, usize>,
    uid: Regex,
    time: Regex,
    own: Regex,
    port: Regex,
    age: Regex,
    record: Regex,
    /// Controllers write too, as often as they like: revisions say nothing.
    moving: bool,
}

impl Marks {
    pub fn new(moving: bool) -> Self {
        let regex = |text: &str| Regex::new(text).unwrap();
        Self {
            uids: HashMap::new(),
            versions: HashMap::new(),
            uid: regex(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
            time: regex(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"),
            own: regex(r"\b10\.96\.\d+\.\d+\b"),
            port: regex(r"^(30|31|32)\d{3}$"),
            record: regex(r"record \(\d+\)"),
            age: regex(r"^\d+s$"),
            moving,
        }
    }

    /// One event of a watch with its marks.
    pub fn event(&mut self, event: &Value) -> Value {
        let mut marked = event.clone();
        let lists = event["type"] == "BOOKMARK" || event["object"]["rows"].is_array();
        if let Some(object) = marked.get_mut("object") {
            self.value(object, "", lists);
        }
        marked
    }

    /// The answer with its marks.
    pub fn reply(&mut self, reply: &Reply) -> Reply {
        let mut marked = reply.clone();
        let list = reply.body.get("items").is_some() || reply.body.get("rows").is_some();
        self.value(&mut marked.body, "", list);
        marked.warnings.sort();
        marked
    }

    fn version(&mut self, text: &str) -> String {
        if self.moving {
            return "<revision>".to_owned();
        }
        let next = self.versions.len() + 1;
        let number = *self.versions.entry(text.to_owned()).or_insert(next);
        format!("<revision {number}>")
    }

    fn text(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut at = 0;
        for found in self.uid.find_iter(text) {
            let next = self.uids.len() + 1;
            let number = *self.uids.entry(found.as_str().to_owned()).or_insert(next);
            out.push_str(text.get(at..found.start()).unwrap());
            out.push_str("<uid ");
            out.push_str(&number.to_string());
            out.push('>');
            at = found.end();
        }
        out.push_str(text.get(at..).unwrap());
        let out = self.own.replace_all(&out, "<address>").into_owned();
        self.record
            .replace_all(&out, "record (<revision>)")
            .into_owned()
    }

    fn value(&mut self, value: &mut Value, key: &str, list: bool) {
        match value {
            Value::Object(map) => self.map(map, list),
            Value::Array(items) => {
                for item in items.iter_mut() {
                    self.value(item, key, false);
                }
                let by = match key {
                    "managedFields" => ["manager", "operation", "subresource"],
                    "causes" => ["field", "message", "reason"],
                    _ => return,
                };
                items.sort_by_key(|item| by.map(|name| item[name].to_string()));
                // A real server finds some things twice, or four times.
                items.dedup();
            }
            Value::String(text) => {
                *value = match key {
                    "resourceVersion" if list => "<revision>".into(),
                    "resourceVersion" if !text.is_empty() => self.version(text).into(),
                    "continue" if !text.is_empty() => "<continue>".into(),
                    // Only moments of this life; those that tests write are of another year.
                    _ if self.time.is_match(text) && !text.starts_with("2001") => "<time>".into(),
                    "cells" if self.age.is_match(text) => "<age>".into(),
                    "message" => sorted(&self.text(text)).into(),
                    _ => self.text(text).into(),
                };
            }
            Value::Number(number)
                if matches!(key, "nodePort" | "healthCheckNodePort")
                    && self.port.is_match(&number.to_string()) =>
            {
                *value = "<port>".into();
            }
            _ => {}
        }
    }

    fn map(&mut self, map: &mut Map<String, Value>, list: bool) {
        let stem = map
            .get("generateName")
            .and_then(Value::as_str)
            .map(str::to_owned);
        if let (Some(stem), Some(Value::String(name))) = (stem, map.get_mut("name"))
            && name.len() == stem.len() + 5
            && name.starts_with(&stem)
        {
            *name = format!("{stem}<letters>");
        }
        // In one order, so that the numbers do not depend on how a server orders its fields.
        map.sort_keys();
        let keys: Vec<String> = map.keys().cloned().collect();
        for key in &keys {
            if !self.uid.is_match(key) {
                continue;
            }
            if let Some(item) = map.shift_remove(key) {
                map.insert(self.text(key), item);
            }
        }
        for (key, item) in map.iter_mut() {
            // The metadata of a list is that of no object.
            if list && key == "metadata" {
                if let Value::Object(meta) = item {
                    for (key, item) in meta.iter_mut() {
                        let key = key.clone();
                        self.value(item, &key, true);
                    }
                }
                continue;
            }
            let key = key.clone();
            self.value(item, &key, false);
        }
    }
}

/// The causes that a sentence lists, in one order: a real server takes those of definitions in any.
fn sorted(text: &str) -> String {
    let Some((head, rest)) = text.split_once(" is invalid: [") else {
        return text.to_owned();
    };
    let mut causes: Vec<&str> = rest.trim_end_matches(']').split(", ").collect();
    causes.sort_unstable();
    format!("{head} is invalid: [{}]", causes.join(", "))
}
