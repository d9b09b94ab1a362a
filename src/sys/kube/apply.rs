//! Server-side apply, and what becomes of fields that somebody else has set: ours are taken back, a program's are asked about.

use std::fmt;

use http::{Method, StatusCode};
use serde_json::Value;

use super::{
    Answer, Kube, MANAGER,
    marks::{Mark, Marks},
};
use crate::{
    compare::owners,
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

/// What an apply would come to.
#[derive(Clone, Debug, PartialEq)]
pub enum Trial {
    /// It is not there and would be made.
    Made,
    /// It is there.
    There {
        /// As it is.
        live: Value,
        /// As it would be, or why the apply would stop.
        after: Result<Value, Problem>,
    },
}

impl fmt::Display for Clash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} was set by {}", self.field, self.manager)
    }
}

impl Clash {
    /// Whether it is ours to take back: the site's settings say what the field has to be, and nobody sets it again by itself.
    fn is_ours(&self) -> bool {
        owners::may_take_from(&self.manager)
    }
}

/// What is wrong with one object alone.
const OF_THE_OBJECT: [Code; 4] = [Code::Kube05, Code::Kube07, Code::Kube08, Code::Kube09];

/// Why an apply stops: programs of others keep some of these fields.
fn kept_by_others(target: &ObjectRef, taken: &[Clash]) -> Option<Problem> {
    let theirs: Vec<Clash> = taken
        .iter()
        .filter(|clash| !clash.is_ours())
        .cloned()
        .collect();
    (!theirs.is_empty()).then(|| kept(target, &theirs))
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
            if let Some(problem) = kept_by_others(&target, &taken) {
                return Err(DoorError::lasting(problem));
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

    /// Asks the server what [`Kube::apply_over`] would come to; nothing is kept.
    ///
    /// # Errors
    /// The server cannot be reached, is overloaded, or does not know us.
    pub async fn try_over(&self, object: &Object) -> Result<Trial, DoorError> {
        let target = object.reference();
        let Some(live) = self.get(&target).await? else {
            return Ok(Trial::Made);
        };
        let path = self.path(&target).await?;
        let query = format!("{path}?fieldManager={MANAGER}&fieldValidation=Strict&dryRun=All");
        let mut answer = self.ask(Method::PATCH, &query, Some(object)).await?;
        let taken = clashes(&answer);
        if !taken.is_empty() {
            if let Some(problem) = kept_by_others(&target, &taken) {
                return Ok(Trial::There {
                    live,
                    after: Err(problem),
                });
            }
            let force = format!("{query}&force=true");
            answer = self.ask(Method::PATCH, &force, Some(object)).await?;
        }
        let after = match self.good(answer, &format!("try {target} in a dry run")) {
            Ok(after) => Ok(after),
            // What the server says of this object, and not of us or of itself.
            Err(error) if OF_THE_OBJECT.contains(&error.problem.code) => Err(error.problem),
            Err(error) => return Err(error),
        };
        Ok(Trial::There { live, after })
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
}
