//! Server-side apply, and what becomes of fields that somebody else has set: ours are taken back, a program's are asked about.

use std::fmt;

use http::{Method, StatusCode};
use serde_json::Value;

use super::{
    Answer, Kube, MANAGER,
    marks::{Mark, Marks},
};
use crate::{
    plan::{Object, ObjectRef},
    problem::{Code, Problem},
    sys::DoorError,
};

/// What an apply did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was not there.
    Created,
    /// It was there and is different now.
    Changed,
    /// It was there just so.
    Unchanged,
}

/// A field that we want to set and that somebody else has set otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// Who, as the cluster's `managedFields` name it, such as `kubectl-edit`.
    pub manager: String,
    /// Which field, such as `.spec.replicas`.
    pub field: String,
}

impl fmt::Display for Clash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} was set by {}", self.field, self.manager)
    }
}

/// Names that people's tools, earlier installers and Helm leave in `managedFields`: nobody there sets the field again by itself.
const HANDS: [&str; 10] = [
    "care-install",
    "kubectl",
    "helm",
    "before-first-apply",
    "k9s",
    "lens",
    "openlens",
    "freelens",
    "mozilla",
    "curl",
];

/// The operators that the catalogue installs: they follow the objects that we apply.
const OPERATORS: [&str; 6] = [
    "longhorn",
    "manager",
    "cnpg",
    "cloudnative-pg",
    "plugin-barman-cloud",
    "cert-manager",
];

impl Clash {
    /// Whether it is ours to take back: the site's settings say what the field has to be, and nobody sets it again by itself.
    fn is_ours(&self) -> bool {
        let name = self.manager.to_lowercase();
        let mut known = HANDS.iter().chain(&OPERATORS);
        known.any(|known| {
            name.strip_prefix(known)
                .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
        })
    }
}

/// The fields that a refusal names; nothing when it is of another kind.
fn clashes(answer: &Answer) -> Vec<Clash> {
    if answer.status != StatusCode::CONFLICT {
        return Vec::new();
    }
    let causes = answer.body.pointer("/details/causes");
    let causes = causes.and_then(Value::as_array);
    let read = |cause: &Value| {
        let text = |field| cause.get(field).and_then(Value::as_str);
        let message = text("message")?.strip_prefix("conflict with ")?;
        let manager = match message.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?,
            None => message.split_whitespace().next()?,
        };
        (text("reason")? == "FieldManagerConflict").then(|| Clash {
            manager: manager.to_owned(),
            field: text("field").unwrap_or_default().to_owned(),
        })
    };
    causes.into_iter().flatten().filter_map(read).collect()
}

fn kept(target: &ObjectRef, theirs: &[Clash]) -> Problem {
    let mut names: Vec<&str> = theirs.iter().map(|clash| clash.manager.as_str()).collect();
    names.dedup();
    let who = names.join(", ");
    let mut problem = Problem::new(
        Code::Kube11,
        format!(
            "{target} is kept by {who} too, which sets it otherwise; nothing of it was changed."
        ),
        format!(
            "Decide who keeps these fields. To keep what is there, leave the step out (press s on it, or --skip STEP=REASON). To take \
             them over, end what {who} does to this object, then run: kubectl apply --server-side --force-conflicts \
             --field-manager={MANAGER} -f FILE, with the file that care-install render makes, and run the step again."
        ),
    );
    for clash in theirs {
        problem = problem.because(clash.to_string());
    }
    problem
}

impl Kube {
    /// Applies an object on the server's side, as the only manager of the fields it names.
    ///
    /// # Errors
    /// As [`Kube::apply_over`].
    pub async fn apply(&self, object: &Object) -> Result<Applied, DoorError> {
        let (applied, _taken) = self.apply_over(object, &Marks::default()).await?;
        Ok(applied)
    }

    /// The same, and tells what it took back from people and tools that had set it otherwise. What was there before is looked up
    /// in the marks, or asked for when they do not know.
    ///
    /// # Errors
    /// The server refuses or cannot be reached, or another program keeps the same fields; the problem names the object
    /// and the fields.
    pub async fn apply_over(
        &self,
        object: &Object,
        marks: &Marks,
    ) -> Result<(Applied, Vec<Clash>), DoorError> {
        let target = object.reference();
        let path = self.path(&target).await?;
        let before = match marks.of(&target) {
            Some(known) => known.cloned(),
            None => self.get(&target).await?.as_ref().map(Mark::of),
        };
        let query = format!("{path}?fieldManager={MANAGER}&fieldValidation=Strict");
        let mut answer = self.ask(Method::PATCH, &query, Some(object)).await?;
        let taken = clashes(&answer);
        if !taken.is_empty() {
            let theirs: Vec<Clash> = taken
                .iter()
                .filter(|clash| !clash.is_ours())
                .cloned()
                .collect();
            if !theirs.is_empty() {
                return Err(DoorError::lasting(kept(&target, &theirs)));
            }
            let force = format!("{query}&force=true");
            answer = self.ask(Method::PATCH, &force, Some(object)).await?;
        }
        let created = answer.status == StatusCode::CREATED;
        let body = self.good(answer, &format!("apply {target}"))?;
        let applied = match before {
            _ if created => Applied::Created,
            Some(before) if before.same(&Mark::of(&body)) => Applied::Unchanged,
            _ => Applied::Changed,
        };
        Ok((applied, taken))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(causes: &Value) -> Answer {
        Answer {
            status: StatusCode::CONFLICT,
            body: json!({"reason": "Conflict", "details": {"causes": causes}}),
            after: None,
        }
    }

    /// As API servers write it.
    fn cause(who: &str, field: &str) -> Value {
        json!({"reason": "FieldManagerConflict", "message": format!("conflict with {who}"), "field": field})
    }

    #[test]
    fn a_conflict_names_the_other_manager_and_the_field() {
        let answer = refusal(&json!([
            cause("\"kubectl-client-side-apply\" using apps/v1", ".spec.replicas"),
            cause("\"vpa updater\" with subresource \"scale\" using apps/v1", ".spec.template"),
            {"reason": "FieldValueInvalid", "message": "conflict with nothing"},
        ]));
        let found: Vec<String> = clashes(&answer).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                ".spec.replicas was set by kubectl-client-side-apply",
                ".spec.template was set by vpa updater"
            ]
        );
        // Somebody wrote at the same moment: that is another kind of conflict.
        assert!(clashes(&refusal(&json!([]))).is_empty());
    }

    #[test]
    fn what_people_and_their_tools_set_is_taken_back_and_what_a_program_keeps_is_not() {
        for (manager, ours) in [
            ("kubectl-edit", true),
            ("kubectl-client-side-apply", true),
            ("kubectl", true),
            ("Helm", true),
            ("care-install", true),
            ("Mozilla", true),
            ("before-first-apply", true),
            ("longhorn-manager", true),
            ("manager", true),
            ("managers-of-others", false),
            ("kube-controller-manager", false),
            ("argocd-controller", false),
            ("terraform", false),
            ("helmsman", false),
        ] {
            let clash = Clash {
                manager: manager.to_owned(),
                field: String::new(),
            };
            assert_eq!(clash.is_ours(), ours, "{manager}");
        }
    }
}
