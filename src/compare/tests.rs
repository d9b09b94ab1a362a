//! Who is told to have changed what, from objects as API servers keep them; and the letters for people.

use serde_json::{Value, json};

use super::*;
use crate::{
    plan::{Release, Schema, StepId},
    problem::{Code, Problem},
};

const EDITED: &str = "2026-11-26T12:00:01Z";

fn subject() -> Subject {
    Subject::Object(ObjectRef::new("apps/v1", "Deployment", "care-be", "care"))
}

fn entry(manager: &str, subresource: &str, fields: &Value) -> Value {
    json!({
        "manager": manager, "operation": "Update", "subresource": subresource, "time": EDITED, "fieldsV1": fields,
    })
}

fn object(spec: &Value, entries: &[Value]) -> Value {
    json!({
        "metadata": {"name": "care", "resourceVersion": "7", "managedFields": entries},
        "spec": spec, "status": {"replicas": 9},
    })
}

/// Each field with the one who set it.
fn told(fields: &[Field]) -> Vec<String> {
    let who = |field: &Field| {
        field
            .by
            .as_ref()
            .map_or("?".to_owned(), |by| by.manager.clone())
    };
    fields
        .iter()
        .map(|field| format!("{} {}", field.field, who(field)))
        .collect()
}

fn sent_since(began: &str) -> Since {
    Since {
        began: began.parse().ok(),
        as_sent: true,
    }
}

#[test]
fn what_is_otherwise_is_told_of_whoever_owns_it_and_our_own_only_when_it_was_sent_so() {
    let sent = object(
        &json!({"replicas": 2, "paused": false, "a": 1, "gone": 1}),
        &[],
    );
    let live = object(
        &json!({"replicas": 5, "paused": true, "a": 0}),
        &[
            entry("care-install", "", &json!({"f:spec": {"f:a": {}}})),
            entry("kubectl", "scale", &json!({"f:spec": {"f:replicas": {}}})),
            entry("argocd", "", &json!({"f:spec": {"f:paused": {}}})),
            entry(
                "kube-controller-manager",
                "status",
                &json!({"f:status": {"f:replicas": {}}}),
            ),
        ],
    );
    let since = sent_since(EDITED);
    let found = of_object(&subject(), (&sent, &live, &sent), since, &Mask::default());
    // The field that we own was sent otherwise by older settings; who took one away is not kept.
    assert_eq!(
        told(&found),
        [
            ".spec.replicas kubectl",
            ".spec.paused argocd",
            ".spec.gone ?"
        ]
    );
    assert_eq!(found[0].by.as_ref().unwrap().subresource, "scale");
    let changed = Since {
        as_sent: false,
        ..since
    };
    let found = of_object(&subject(), (&sent, &live, &sent), changed, &Mask::default());
    assert_eq!(
        told(&found),
        [".spec.replicas kubectl", ".spec.paused argocd"]
    );
}

#[test]
fn what_people_add_is_told_once_it_is_later_than_the_run_and_what_programs_add_is_not() {
    let sent = object(&json!({"a": 1}), &[]);
    let fields = json!({"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/last-applied-configuration": {}}}, "f:spec": {"f:more": {}, "f:a": {}}});
    let live = object(
        &json!({"a": 1, "more": 2, "theirs": 3}),
        &[
            entry("kubectl-edit", "", &fields),
            entry("some-operator", "", &json!({"f:spec": {"f:theirs": {}}})),
        ],
    );
    for (began, wanted) in [
        ("2026-11-26T12:00:01.900Z", 1),
        ("2026-11-26T12:00:03Z", 0),
        ("2026-11-26T11:00:00Z", 1),
    ] {
        let found = of_object(
            &subject(),
            (&sent, &live, &live),
            sent_since(began),
            &Mask::default(),
        );
        assert_eq!(
            told(&found),
            [".spec.more kubectl-edit"][..wanted],
            "{began}"
        );
    }
}

#[test]
fn of_a_charts_object_only_people_are_told_and_what_is_as_the_chart_says_is_not() {
    let made = json!({"spec": {"replicas": 1, "paused": false}});
    let live = object(
        &json!({"replicas": 3, "paused": false}),
        &[
            entry("helm", "", &json!({"f:spec": {"f:paused": {}}})),
            entry("kubectl", "scale", &json!({"f:spec": {"f:replicas": {}}})),
            entry("kubectl-patch", "", &json!({"f:spec": {"f:paused": {}}})),
        ],
    );
    // Long before the run: a deploy leaves it as it is.
    let since = sent_since("2026-11-27T00:00:00Z");
    let found = added(&subject(), (&made, &live), since, &Mask::default());
    assert_eq!(told(&found), [".spec.replicas kubectl"]);
    assert_eq!(found[0].was, Shown::Value(json!(1)));
}

fn release() -> Release {
    Release {
        name: "valkey".to_owned(),
        namespace: "database".to_owned(),
        chart: "oci://example.org/charts/valkey".to_owned(),
        repository: None,
        version: "v1.2.3".to_owned(),
        values: json!({"a": 1}),
        workloads: Vec::new(),
        schema: Schema::Checked,
        crds: Vec::new(),
        besides: Vec::new(),
    }
}

fn revision(number: u64, values: &Value, at: &str) -> Revision {
    let mut wrote = entry("helm", "", &json!({}));
    wrote["time"] = at.into();
    Revision {
        number,
        status: "deployed".to_owned(),
        chart: "valkey".to_owned(),
        version: "1.2.3".to_owned(),
        values: values.clone(),
        objects: Vec::new(),
        by: owners::entries(&json!({"metadata": {"managedFields": [wrote]}})),
    }
}

#[test]
fn a_release_is_compared_with_what_was_sent_or_with_its_last_revision_before_that() {
    let history = [
        revision(
            3,
            &json!({"a": 1, "adminPassword": "canary"}),
            "2026-11-26T13:00:00Z",
        ),
        revision(2, &json!({"a": 0}), "2026-11-26T11:00:00Z"),
    ];
    let found = of_revision(&release(), &history, sent_since(EDITED), &Mask::default());
    assert_eq!(told(&found), [".values.adminPassword helm"]);
    assert_eq!(
        (&found[0].is, found[0].by.as_ref().unwrap().revision),
        (&Shown::Secret, Some(3))
    );
    let changed = Since {
        as_sent: false,
        ..sent_since(EDITED)
    };
    let found = of_revision(&release(), &history, changed, &Mask::default());
    assert_eq!(
        told(&found),
        [".values.a helm", ".values.adminPassword helm"]
    );
    let found = of_revision(&release(), &history[1..], changed, &Mask::default());
    assert_eq!(found, []);
    let found = of_revision(&release(), &[], changed, &Mask::default());
    assert_eq!(found, []);
}

#[test]
fn a_release_differs_by_its_version_its_values_and_its_state() {
    let is = |newest: Option<&Revision>| of_release(newest, &release(), &Mask::default());
    assert_eq!(is(None), Some(What::Makes));
    let mut newest = revision(1, &json!({"a": 1}), EDITED);
    assert_eq!(is(Some(&newest)), None);
    newest.version = "1.2.2".to_owned();
    newest.status = "failed".to_owned();
    newest.values = Value::Null;
    let Some(What::Changes { fields }) = is(Some(&newest)) else {
        unreachable!("it differs");
    };
    let names: Vec<&str> = fields.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(names, [".version", ".values.a", ".status"]);
}

fn by(manager: &str, subresource: &str) -> By {
    By {
        manager: manager.to_owned(),
        operation: "Update".to_owned(),
        subresource: subresource.to_owned(),
        at: EDITED.parse().ok(),
        event: (subresource == "scale")
            .then(|| "Scaled up replica set care-1 from 2 to 5".to_owned()),
        revision: (manager == "helm").then_some(2),
    }
}

fn value(value: &Value) -> Shown {
    Shown::Value(value.clone())
}

#[test]
fn the_difference_reads_like_a_list_of_what_would_happen() {
    let long = "a\nb\nold one\nc\n";
    let new = "a\nb\n\u{1b}[2J1\n2\n3\n4\n5\nc\n";
    let becomes = |field: &str, from: Shown, to: Shown| Becomes {
        field: field.to_owned(),
        from,
        to,
    };
    let fields = vec![
        becomes(".spec.replicas", value(&json!(5)), value(&json!(2))),
        becomes(".spec.note", Shown::Absent, value(&json!("x".repeat(100)))),
        becomes(".data.file", value(&json!(long)), value(&json!(new))),
        becomes(".data.token", Shown::Secret, Shown::Secret),
        becomes(".data.password", Shown::Secret, Shown::Absent),
    ];
    let problem = Problem::new(
        Code::Kube11,
        "It is kept by another.",
        "Decide who keeps it.",
    )
    .because(".spec.a was set by x");
    let one = |step: &str, what: What| Difference {
        step: StepId::from_text(step),
        subject: subject(),
        what,
    };
    let all = [
        one("a/first", What::Makes),
        one("a/second", What::Changes { fields }),
        one("a/second", What::Deletes),
        one("b/third", What::Stops { problem }),
    ];
    let text =
        show::differences("https://10.0.0.1:6443", &all) + "\n" + &show::differences("there", &[]);
    insta::assert_snapshot!(text);
    let json = show::differences_json("there", &all);
    assert_eq!(json.len(), 5);
    assert_eq!(json[0]["object"]["name"], "care");
    assert_eq!(json[1]["fields"][3]["to"], "***");
    assert_eq!(json[4]["stops"], 1);
}

#[test]
fn the_drift_reads_like_a_report_of_who_did_what() {
    let field = |name: &str, by: Option<By>| Field {
        field: name.to_owned(),
        was: value(&json!("a")),
        is: value(&json!("b")),
        by,
    };
    let one = |change: Change| Drift {
        step: StepId::from_text("a/first"),
        subject: subject(),
        change,
    };
    let fields = vec![
        field(".data.a", Some(by("kubectl-edit", ""))),
        field(".spec.replicas", Some(by("kubectl", "scale"))),
        field(".values.a", Some(by("helm", ""))),
        field(".spec.gone", None),
    ];
    let all = [
        one(Change::Fields { fields }),
        one(Change::Missing { told: None }),
        one(Change::Missing {
            told: Some("deleted by the garbage collector, at T".to_owned()),
        }),
    ];
    let began = EDITED.parse().ok();
    let text = [
        show::drift("there", began, &all),
        show::drift("there", began, &[]),
        show::drift("there", None, &all[..1]),
    ];
    insta::assert_snapshot!(text.join("\n"));
    assert_eq!(show::drift_json("there", began, &all).len(), 4);
}
