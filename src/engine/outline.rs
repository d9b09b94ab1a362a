//! The plan as a face needs it, and a digest of each step: two steps with the same digest send the same. Pure.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::event::{Outline, StepOutline};
use crate::plan::{Action, Plan, Ready, Step};

/// The plan in outline.
pub fn outline(plan: &Plan) -> Outline {
    let steps = plan.steps.iter().map(|step| StepOutline {
        id: step.id.clone(),
        component: step.component.clone(),
        stage: step.stage,
        title: step.title.clone(),
        kind: step.action.kind(),
        needs: step.needs.clone(),
        usual_ms: millis(step.usual),
        limit_ms: millis(step.limit),
    });
    Outline {
        site: plan.site.clone(),
        purpose: plan.purpose.clone(),
        stages: plan.stages.clone(),
        components: plan.components.clone(),
        steps: steps.collect(),
        digest: digest_of(plan.steps.iter().map(digest)),
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

/// A digest of what a step sends and waits for, without its secrets: it is written to the journal.
pub fn digest(step: &Step) -> String {
    let action = match &step.action {
        Action::Helm(release) => json!({
            "name": release.name, "namespace": release.namespace, "chart": release.chart,
            "repository": release.repository, "version": release.version, "values": release.values,
        }),
        Action::Http(proof) => json!(proof),
        Action::Delete(targets) => json!({ "delete": targets }),
        Action::Node(work) => json!(work),
        Action::Site(deed) => json!(deed),
        Action::Confirm { question } => json!({ "question": question }),
        Action::Wait | Action::Apply(_) | Action::Job(_) | Action::Buckets { .. } => {
            let objects = step.action.objects();
            Value::Array(
                objects
                    .into_iter()
                    .map(crate::plan::Object::masked)
                    .collect(),
            )
        }
    };
    let ready = step.ready.iter().map(|ready| match ready {
        Ready::Object(target) => target.to_string(),
        Ready::All {
            of,
            selector,
            at_least,
        } => format!("{of} {selector} {at_least}"),
        Ready::Accepts(object) => format!("accepts {}", object.reference()),
    });
    digest_of([action.to_string()].into_iter().chain(ready))
}

/// Whether the step sends a Secret: its digest does not cover what is inside.
pub fn sends_secret(step: &Step) -> bool {
    let objects = step.action.objects();
    objects
        .iter()
        .any(|object| object.reference().kind == "Secret")
}

fn digest_of(parts: impl Iterator<Item = String>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(16)
        .fold(String::new(), |mut text, byte| {
            use std::fmt::Write as _;
            // Writing to a string cannot fail.
            write!(text, "{byte:02x}").ok();
            text
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::plan::{Object, StepId};

    fn step(object: Value) -> Step {
        Step {
            id: StepId::new("a", "b"),
            component: "a".to_owned(),
            stage: 0,
            title: String::new(),
            needs: Vec::new(),
            action: Action::Apply(vec![Object::from_value(object).unwrap()]),
            ready: Vec::new(),
            usual: Duration::ZERO,
            limit: Duration::ZERO,
        }
    }

    #[test]
    fn the_digest_follows_what_is_sent_and_not_the_secret() {
        let map = |text: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": text}});
        let secret = |text: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"k": text}});
        assert_eq!(digest(&step(map("1"))), digest(&step(map("1"))));
        assert_ne!(digest(&step(map("1"))), digest(&step(map("2"))));
        assert_eq!(digest(&step(secret("1"))), digest(&step(secret("2"))));
        assert!(sends_secret(&step(secret("1"))) && !sends_secret(&step(map("1"))));
    }
}
