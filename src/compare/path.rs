//! Where a field is in an object, and the fields in which two values differ. Pure.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};

/// One step into a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Segment {
    /// A name in a map.
    Key(String),
    /// The element of a list that has these fields.
    Element(Map<String, Value>),
    /// The element of a list that is just this.
    Item(Value),
    /// The element of a list at this place.
    Index(usize),
}

/// The way to a field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Path(Vec<Segment>);

impl Path {
    /// Its steps.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// One step further.
    #[must_use]
    pub fn then(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// The same for a name in a map.
    #[must_use]
    pub fn key(&self, name: &str) -> Self {
        self.then(Segment::Key(name.to_owned()))
    }

    /// What is there.
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0
            .iter()
            .try_fold(value, |at, segment| segment.find(at))
    }

    /// Whether this way begins with the other.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The names of maps alone, by which lists of a kind are known.
    fn plain(&self) -> String {
        let keys = self.0.iter().filter_map(|segment| match segment {
            Segment::Key(name) => Some(name.as_str()),
            Segment::Element(_) | Segment::Item(_) | Segment::Index(_) => None,
        });
        keys.collect::<Vec<_>>().join("\u{1f}")
    }
}

impl Segment {
    /// The part of a value to which this step leads.
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Key(name) => value.get(name),
            Self::Index(place) => value.get(place),
            Self::Item(item) => value.as_array()?.iter().find(|found| *found == item),
            Self::Element(wanted) => {
                let mut elements = value.as_array()?.iter();
                elements.find(|element| has(element, wanted))
            }
        }
    }
}

/// Whether a value has all of these fields.
fn has(value: &Value, wanted: &Map<String, Value>) -> bool {
    wanted
        .iter()
        .all(|(name, wanted)| value.get(name) == Some(wanted))
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            match segment {
                Segment::Key(name) => write!(out, ".{name}")?,
                Segment::Index(place) => write!(out, "[{place}]")?,
                Segment::Item(item) => write!(out, "[{item}]")?,
                Segment::Element(fields) => {
                    let fields: Vec<String> = fields
                        .iter()
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect();
                    write!(out, "[{}]", fields.join(","))?;
                }
            }
        }
        Ok(())
    }
}

/// By which fields the elements of lists are told apart, as `managedFields` say it.
#[derive(Clone, Debug, Default)]
pub struct Lists(BTreeMap<String, Vec<String>>);

impl Lists {
    /// Learns from a tree of fields.
    pub fn learn(&mut self, tree: &Value) {
        self.walk(tree, &Path::default());
    }

    fn walk(&mut self, tree: &Value, at: &Path) {
        for (name, below) in tree.as_object().into_iter().flatten() {
            if let Some(key) = name.strip_prefix("f:") {
                self.walk(below, &at.key(key));
            } else if let Some(fields) = element(name) {
                let names = fields.keys().cloned().collect();
                self.0.entry(at.plain()).or_insert(names);
                self.walk(below, at);
            }
        }
    }

    /// The steps to the elements of a list, when they can be told apart.
    fn steps(&self, at: &Path, list: &[Value]) -> Option<Vec<Segment>> {
        let by_name = vec!["name".to_owned()];
        let names = self.0.get(&at.plain()).unwrap_or(&by_name);
        let mut steps = Vec::with_capacity(list.len());
        for element in list {
            let fields: Option<Map<String, Value>> = names
                .iter()
                .map(|name| Some((name.clone(), element.get(name)?.clone())))
                .collect();
            let step = Segment::Element(fields?);
            if steps.contains(&step) {
                return None;
            }
            steps.push(step);
        }
        Some(steps)
    }
}

/// The fields of an element, as `managedFields` name it.
pub(super) fn element(name: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(name.strip_prefix("k:")?).ok()
}

/// A field in which two values differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Differs {
    /// Where.
    pub path: Path,
    /// What the one has.
    pub from: Option<Value>,
    /// What the other has.
    pub to: Option<Value>,
}

/// Every field in which two values differ.
pub fn differs(from: &Value, to: &Value, lists: &Lists) -> Vec<Differs> {
    let mut found = Vec::new();
    compare((Some(from), Some(to)), &Path::default(), lists, &mut found);
    found
}

fn compare(
    (from, to): (Option<&Value>, Option<&Value>),
    at: &Path,
    lists: &Lists,
    found: &mut Vec<Differs>,
) {
    if from == to {
        return;
    }
    let steps = match (from, to) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let more = right.keys().filter(|key| !left.contains_key(*key));
            let keys = left.keys().chain(more);
            Some(keys.map(|key| Segment::Key(key.clone())).collect())
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => elements(left, right, at, lists),
        _ => None,
    };
    let Some(steps) = steps else {
        found.push(Differs {
            path: at.clone(),
            from: from.cloned(),
            to: to.cloned(),
        });
        return;
    };
    let before = found.len();
    for step in steps {
        let part = |value: Option<&'_ Value>| value.and_then(|value| step.find(value)).cloned();
        let (left, right) = (part(from), part(to));
        compare(
            (left.as_ref(), right.as_ref()),
            &at.then(step),
            lists,
            found,
        );
    }
    if found.len() == before {
        // The same elements in another order.
        found.push(Differs {
            path: at.clone(),
            from: from.cloned(),
            to: to.cloned(),
        });
    }
}

fn elements(left: &[Value], right: &[Value], at: &Path, lists: &Lists) -> Option<Vec<Segment>> {
    if let (Some(mut steps), Some(more)) = (lists.steps(at, left), lists.steps(at, right)) {
        let more: Vec<Segment> = more
            .into_iter()
            .filter(|step| !steps.contains(step))
            .collect();
        steps.extend(more);
        return Some(steps);
    }
    (left.len() == right.len()).then(|| (0..left.len()).map(Segment::Index).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(from: &Value, to: &Value, tree: &Value) -> Vec<String> {
        let mut lists = Lists::default();
        lists.learn(tree);
        let found = differs(from, to, &lists).into_iter();
        let text = |value: Option<Value>| value.map_or_else(|| "-".to_owned(), |is| is.to_string());
        found
            .map(|one| format!("{} {} {}", one.path, text(one.from), text(one.to)))
            .collect()
    }

    #[test]
    fn elements_are_compared_with_their_like_and_not_with_their_neighbours() {
        let tree = json!({"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {}}});
        let port =
            |number: u16, name: &str| json!({"port": number, "protocol": "TCP", "name": name});
        let from = json!({"ports": [port(80, "a"), port(81, "b")]});
        let to = json!({"ports": [port(81, "b"), port(80, "c"), port(82, "d")]});
        assert_eq!(
            told(&from, &to, &tree),
            [
                r#".ports[port=80,protocol="TCP"].name "a" "c""#,
                r#".ports[port=82,protocol="TCP"] - {"port":82,"protocol":"TCP","name":"d"}"#,
            ]
        );
        let from = json!({"env": [{"name": "A", "value": "1"}], "args": ["x", "y"], "gone": {}});
        let to = json!({"env": [{"name": "A", "value": "2"}], "args": ["x"]});
        assert_eq!(
            told(&from, &to, &json!({})),
            [
                r#".env[name="A"].value "1" "2""#,
                r#".args ["x","y"] ["x"]"#,
                ".gone {} -",
            ]
        );
        assert_eq!(told(&from, &from, &json!({})), [""; 0]);
    }

    #[test]
    fn elements_in_another_order_are_a_difference_of_the_list() {
        let (a, b) = (json!({"name": "a"}), json!({"name": "b"}));
        let wanted = [r#". [{"name":"a"},{"name":"b"}] [{"name":"b"},{"name":"a"}]"#];
        let found = told(&json!([a, b]), &json!([b, a]), &json!({}));
        assert_eq!(found.len(), 1);
        assert_eq!(format!(".{}", found[0]), wanted[0]);
    }

    #[test]
    fn a_field_is_found_by_its_way() {
        let value = json!({"list": [{"name": "a", "x": 1}], "set": ["p"]});
        let element = element(r#"k:{"name":"a"}"#).unwrap();
        let way = Path::default()
            .key("list")
            .then(Segment::Element(element))
            .key("x");
        assert_eq!(way.find(&value), Some(&json!(1)));
        let way = Path::default().key("set").then(Segment::Item(json!("p")));
        assert_eq!(way.find(&value), Some(&json!("p")));
        assert_eq!(Path::default().key("none").key("x").find(&value), None);
    }
}
