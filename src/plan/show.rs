//! The plan for people, for programs and as files; secrets are masked unless they are asked for. Pure.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use super::{Action, Expect, Object, Plan, Ready, Step};

/// The plan as a person reads it.
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    let line = |out: &mut String, text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line(
        &mut out,
        &format!(
            "Plan for {}: {} steps of {} components. Nothing has been changed.",
            plan.site,
            plan.steps.len(),
            plan.components.len()
        ),
    );
    for (index, stage) in plan.stages.iter().enumerate() {
        line(&mut out, "");
        line(&mut out, &format!("{}. {}", index + 1, stage.title));
        for step in plan.steps.iter().filter(|step| step.stage == index) {
            let what = describe(&step.action);
            let usual = span(step.usual);
            line(
                &mut out,
                &format!("   {:<32} {what}; usually {usual}", step.id),
            );
        }
    }
    line(&mut out, "");
    line(&mut out, "Pinned versions");
    for component in &plan.components {
        for pin in &component.pins {
            let digest = pin
                .digest
                .as_ref()
                .map_or_else(String::new, |digest| format!(" {digest}"));
            line(
                &mut out,
                &format!("   {:<6} {} {}{digest}", pin.kind, pin.name, pin.version),
            );
        }
    }
    if !plan.notes.is_empty() {
        line(&mut out, "");
        line(&mut out, "To know");
        for note in &plan.notes {
            line(&mut out, &format!("   {note}"));
        }
    }
    out
}

/// What an action does, in a few words.
pub fn describe(action: &Action) -> String {
    match action {
        Action::Helm(release) => format!("installs {} {} with Helm", release.name, release.version),
        Action::Apply(objects) => counted(objects),
        Action::Wait => "waits".to_owned(),
        Action::Job(run) => format!("runs the job {}", run.job.reference().name),
        Action::Buckets { buckets, .. } => format!("makes {} buckets", buckets.len()),
        Action::Http(proof) if proof.expect == Expect::Refused => {
            format!("attacks {} and must be refused", proof.host)
        }
        Action::Http(proof) => format!("asks {}", proof.url()),
        Action::Delete(targets) => format!("deletes {} objects", targets.len()),
        Action::Node(work) => work.words(),
        Action::Site(deed) => deed.words(),
        Action::Confirm { question } => format!("asks you: {question}"),
    }
}

fn counted(objects: &[Object]) -> String {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for object in objects {
        *kinds.entry(object.reference().kind).or_default() += 1;
    }
    let words: Vec<String> = kinds
        .into_iter()
        .map(|(kind, count)| match count {
            1 => format!("1 {kind}"),
            count => format!("{count} {}", plural(&kind)),
        })
        .collect();
    format!("applies {}", words.join(", "))
}

/// Several of a kind, in words: `Ingresses`, `NetworkPolicies`, `Secrets`.
fn plural(kind: &str) -> String {
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with(['s', 'x']) => format!("{kind}es"),
        None => format!("{kind}s"),
    }
}

fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, seconds) => format!("{minutes}m{seconds:02}s"),
    }
}

/// The plan as one JSON value, secrets masked.
pub fn json(plan: &Plan) -> Value {
    let steps: Vec<Value> = plan.steps.iter().map(step_json).collect();
    json!({
        "event": "plan",
        "site": plan.site,
        "stages": plan.stages,
        "components": plan.components,
        "steps": steps,
        "notes": plan.notes,
    })
}

fn step_json(step: &Step) -> Value {
    let needs: Vec<&str> = step.needs.iter().map(super::StepId::as_str).collect();
    let ready: Vec<String> = step.ready.iter().map(condition).collect();
    json!({
        "id": step.id, "component": step.component, "stage": step.stage, "title": step.title,
        "kind": step.action.kind(), "needs": needs, "ready": ready,
        "usual_ms": u64::try_from(step.usual.as_millis()).unwrap_or(u64::MAX),
        "limit_ms": u64::try_from(step.limit.as_millis()).unwrap_or(u64::MAX),
        "action": action_json(&step.action),
    })
}

/// A condition in a few words.
pub fn condition(ready: &Ready) -> String {
    match ready {
        Ready::Object(target) => format!("{target} is ready"),
        Ready::All { of, at_least, .. } => format!("at least {at_least} {} are ready", of.kind),
        Ready::Accepts(object) => format!("{} is accepted", object.reference()),
    }
}

fn action_json(action: &Action) -> Value {
    let masked: Vec<Value> = action.objects().into_iter().map(Object::masked).collect();
    match action {
        Action::Helm(release) => json!({
            "release": release.name, "namespace": release.namespace, "chart": release.chart,
            "repository": release.repository, "version": release.version, "values": release.values,
        }),
        Action::Buckets { buckets, .. } => json!({"buckets": buckets, "objects": masked}),
        Action::Http(proof) => json!(proof),
        Action::Confirm { question } => json!({ "question": question }),
        Action::Delete(targets) => json!({ "delete": targets }),
        Action::Node(work) => json!(work),
        Action::Site(deed) => json!(deed),
        Action::Apply(_) | Action::Job(_) | Action::Wait => json!({ "objects": masked }),
    }
}

/// Everything that is sent, as files: relative path and YAML.
pub fn files(plan: &Plan, with_secrets: bool) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let name = step.id.as_str().split('/').nth(1).unwrap_or("step");
        let place = format!("{}/{index:02}-{name}", step.component);
        if let Action::Helm(release) = &step.action {
            let mut text = String::new();
            // Writing to a string cannot fail.
            writeln!(
                text,
                "# {} {} in namespace {}",
                release.chart, release.version, release.namespace
            )
            .ok();
            if let Some(repository) = &release.repository {
                writeln!(text, "# from {repository}").ok();
            }
            text.push_str(&yaml(&release.values));
            files.push((format!("{place}.values.yaml"), text));
            continue;
        }
        let objects = step.action.objects();
        if objects.is_empty() {
            continue;
        }
        let documents: Vec<String> = objects
            .into_iter()
            .map(|object| {
                if with_secrets {
                    yaml(object.value())
                } else {
                    yaml(&object.masked())
                }
            })
            .collect();
        files.push((format!("{place}.yaml"), documents.join("---\n")));
    }
    files
}

fn yaml(value: &Value) -> String {
    // A JSON value always has a YAML form.
    serde_yaml::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::{
        catalog::Catalog,
        plan::build,
        site::{SecretName, Secrets, Site, sample},
    };

    fn plan() -> Plan {
        let mut secrets = Secrets::new();
        for &name in SecretName::ALL {
            secrets.set(name, SecretString::from("canary8f3a"));
        }
        build(
            &Site::try_from(&sample()).unwrap(),
            &secrets,
            &Catalog::load().unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn the_plan_reads_like_a_list_of_what_will_happen() {
        insta::assert_snapshot!(text(&plan()));
    }

    #[test]
    fn files_hold_secrets_only_when_they_are_asked_for() {
        let plan = plan();
        // base64 of the canary
        let canary = "Y2FuYXJ5OGYzYQ==";
        let holds =
            |files: &[(String, String)]| files.iter().any(|(_, text)| text.contains(canary));
        assert!(!holds(&files(&plan, false)));
        assert!(holds(&files(&plan, true)));
        assert!(!json(&plan).to_string().contains(canary));
    }
}
