//! Whether an object is ready in the way of its kind: a pure predicate; it asks nobody and waits for nothing.

mod doubt;
mod kinds;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;

use crate::{
    plan::{ObjectRef, Ready},
    problem::Problem,
};

/// What the predicate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is ready.
    Ready,
    /// Not yet; the sentence says what is missing, such as `1 of 2 replicas are ready`.
    NotYet(String),
    /// It will not become ready by itself.
    Failed(Problem),
}

/// The live objects that a judgement and its explanation look at.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// What is judged: one object, or all that the condition names.
    pub targets: Vec<Arc<Value>>,
    /// Pods of the target's namespace.
    pub pods: Vec<Arc<Value>>,
    /// Events of the target's namespace.
    pub events: Vec<Arc<Value>>,
    /// Claims of the target's namespace.
    pub claims: Vec<Arc<Value>>,
    /// Replica sets of the target's namespace.
    pub replica_sets: Vec<Arc<Value>>,
    /// Jobs of the target's namespace.
    pub jobs: Vec<Arc<Value>>,
    /// All nodes.
    pub nodes: Vec<Arc<Value>>,
}

/// Judges the condition from the live objects.
///
/// [`Ready::Accepts`] is answered by the API server in a dry run and never by this function: it is not ready here.
pub fn judge(ready: &Ready, live: &Live) -> Readiness {
    match ready {
        Ready::Object(target) => {
            let judged = object(target, live.targets.first().map(Arc::as_ref));
            match doubt::doubt(target, live).filter(|_| judged == Readiness::Ready) {
                Some(why) => Readiness::NotYet(why),
                None => judged,
            }
        }
        Ready::All { of, at_least, .. } => all(of, &live.targets, *at_least),
        Ready::Accepts(_) => Readiness::NotYet("the server has not answered yet".to_owned()),
    }
}

/// Since when the node is not ready, when it is known and is not.
pub fn silent(nodes: &[Arc<Value>], name: &str) -> Option<String> {
    doubt::silent(nodes, name)
}

/// Judges one object; absent means that it is not there yet.
pub fn object(target: &ObjectRef, live: Option<&Value>) -> Readiness {
    match live {
        None => Readiness::NotYet(format!("{target} does not exist yet")),
        Some(live)
            if !live
                .pointer("/metadata/deletionTimestamp")
                .is_none_or(Value::is_null) =>
        {
            Readiness::NotYet(format!("{target} is being deleted"))
        }
        Some(live) => kinds::judge(target, live),
    }
}

fn all(of: &ObjectRef, targets: &[Arc<Value>], at_least: u32) -> Readiness {
    let mut first = None;
    let mut ready = 0_usize;
    for target in targets {
        let name = target
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or("");
        let one = ObjectRef {
            name: name.to_owned(),
            ..of.clone()
        };
        match object(&one, Some(target)) {
            Readiness::Ready => ready += 1,
            Readiness::NotYet(why) => {
                first.get_or_insert(why);
            }
            Readiness::Failed(problem) => return Readiness::Failed(problem),
        }
    }
    let wanted = targets.len().max(at_least.try_into().unwrap_or(usize::MAX));
    match first {
        None if ready >= wanted => Readiness::Ready,
        why => {
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            Readiness::NotYet(format!(
                "{ready} of {wanted} {} objects are ready{why}",
                of.kind
            ))
        }
    }
}
