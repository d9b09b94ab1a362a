//! What can be restored, what is refused, and the plans: tables and one golden plan.

use std::{fmt::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    fixture::{on_ground, on_ground_of},
    *,
};
use crate::{
    plan::{Action, Database, Object, Plan, Ready},
    problem::Code,
};

const NOW: &str = "2026-11-24T14:07:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cluster(name: &str, server: &str) -> Value {
    json!({
        "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster",
        "metadata": {"name": name, "namespace": "database", "generation": 1},
        "spec": {"instances": 1, "plugins": [{
            "name": "barman-cloud.cloudnative-pg.io", "isWALArchiver": true,
            "parameters": {"barmanObjectName": "care-db", "serverName": server},
        }]},
        "status": {
            "phase": "Cluster in healthy state", "readyInstances": 1,
            "conditions": [
                {"type": "Ready", "status": "True"},
                {"type": "ContinuousArchiving", "status": "True", "lastTransitionTime": "2026-11-24T01:00:00Z"},
            ],
        },
    })
}

fn backup(name: &str, of: &str, status: &Value) -> Value {
    json!({
        "kind": "Backup", "metadata": {"name": name, "namespace": "database"},
        "spec": {"cluster": {"name": of}, "method": "plugin"}, "status": status,
    })
}

fn completed(name: &str, of: &str, began: &str, ended: &str) -> Value {
    let status = json!({"phase": "completed", "startedAt": began, "stoppedAt": ended});
    backup(name, of, &status)
}

fn store(windows: &Value) -> Value {
    json!({
        "kind": "ObjectStore", "metadata": {"name": "care-db", "namespace": "database"},
        "status": {"serverRecoveryWindow": windows},
    })
}

/// A healthy database with one base backup from 02:00 to 02:10.
fn healthy() -> Vec<Value> {
    vec![
        cluster("care-db", "care-db-1"),
        completed(
            "night",
            "care-db",
            "2026-11-24T02:00:00Z",
            "2026-11-24T02:10:00Z",
        ),
        store(&json!({"care-db-1": {
            "firstRecoverabilityPoint": "2026-11-24T02:10:00Z",
            "lastSuccessfulBackupTime": "2026-11-24T02:10:00Z",
        }})),
    ]
}

fn inventory(objects: Vec<Value>) -> Inventory {
    Inventory::of(&Facts {
        objects: objects.into_iter().map(Arc::new).collect(),
        now: at(NOW),
    })
}

fn window(inventory: &Inventory) -> Option<(String, String)> {
    let window = inventory.window?;
    Some((window.first.to_string(), window.last.to_string()))
}

#[test]
fn the_window_reaches_from_the_end_of_the_first_backup_to_now_while_changes_arrive() {
    let found = inventory(healthy());
    let expected = ("2026-11-24T02:10:00Z".to_owned(), NOW.to_owned());
    assert_eq!(window(&found), Some(expected));
    assert_eq!(found.bases.len(), 1);
    assert!(found.alive && found.rejected.is_empty());
}

#[test]
fn an_archive_that_fails_ends_the_window_before_that_was_known() {
    let mut objects = healthy();
    objects[0]["status"]["conditions"][1] = json!({"type": "ContinuousArchiving", "status": "False",
        "lastTransitionTime": "2026-11-24T12:00:00Z", "message": "exit status 4"});
    let found = inventory(objects.clone());
    assert_eq!(window(&found).unwrap().1, "2026-11-24T11:53:00Z");
    // A backup that was completed since then is proof of more.
    objects.push(completed(
        "noon",
        "care-db",
        "2026-11-24T11:54:00Z",
        "2026-11-24T11:58:00Z",
    ));
    assert_eq!(
        window(&inventory(objects)).unwrap().1,
        "2026-11-24T11:58:00Z"
    );
}

#[test]
fn of_a_database_that_is_gone_only_its_last_backup_is_sure() {
    let mut objects = healthy();
    objects.remove(0);
    let found = inventory(objects);
    assert_eq!(found.archive, Archive::Unknown);
    assert_eq!(window(&found).unwrap().1, "2026-11-24T02:10:00Z");
    let intent = found.choose(&Wish::to(at("2026-11-24T02:10:00Z"))).unwrap();
    assert!(!intent.safety);
}

#[test]
fn every_backup_that_cannot_be_used_says_why() {
    let mut in_tree = completed(
        "in-tree",
        "care-db",
        "2026-11-24T03:00:00Z",
        "2026-11-24T03:10:00Z",
    );
    in_tree["spec"]["method"] = "barmanObjectStore".into();
    let mut objects = healthy();
    objects.extend([
        completed(
            "expired",
            "care-db",
            "2026-10-01T02:00:00Z",
            "2026-10-01T02:10:00Z",
        ),
        backup(
            "failed",
            "care-db",
            &json!({"phase": "failed", "error": "no such bucket"}),
        ),
        backup("hangs", "care-db", &json!({"phase": "started"})),
        backup("new", "care-db", &json!({})),
        backup("odd", "care-db", &json!({"phase": "completed"})),
        completed(
            "other",
            "pg",
            "2026-11-24T03:00:00Z",
            "2026-11-24T03:10:00Z",
        ),
        in_tree,
    ]);
    let found = inventory(objects);
    let told: Vec<String> = found
        .rejected
        .iter()
        .map(|one| format!("{}: {}", one.name, one.reason))
        .collect();
    assert_eq!(
        told,
        [
            "expired: it is older than what the bucket still keeps",
            "failed: it failed: no such bucket",
            "hangs: it is not finished (started)",
            "in-tree: it was made with the method barmanObjectStore, not by the plugin into the bucket",
            "new: it has not begun",
            "odd: it does not say when it began and ended",
            "other: it belongs to pg, not to the database in use (care-db)",
        ]
    );
    assert_eq!(found.bases.len(), 1);
}

#[test]
fn wrong_restores_are_refused_before_anything_starts() {
    let moment = "2026-11-24T11:42:00Z";
    let wish = |moment: &str, from: Option<&str>, generation| Wish {
        moment: at(moment),
        from: from.map(ToOwned::to_owned),
        generation,
    };
    let cases = [
        (wish("2026-11-24T02:09:59Z", None, None), Code::Rst01),
        (wish("2026-11-24T14:07:01Z", None, None), Code::Rst02),
        (wish(moment, Some("care-db-9"), None), Code::Rst03),
        (wish(moment, None, Some(1)), Code::Rst04),
    ];
    for (wish, code) in cases {
        let problem = inventory(healthy()).choose(&wish).unwrap_err();
        assert_eq!(problem.code, code, "{wish:?}: {problem}");
    }
    let nothing = inventory(vec![cluster("care-db", "care-db-1")]);
    let problem = nothing.choose(&wish(moment, None, None)).unwrap_err();
    assert_eq!(problem.code, Code::Rst03, "{problem}");
}

#[test]
fn a_number_that_was_ever_begun_is_not_used_again() {
    let tried = json!({"kind": "ConfigMap", "metadata": {"name": "care-restores"}, "data": {"highest": "4"}});
    let cases = [
        (vec![], 2),
        (vec![cluster("care-db-g2", "care-db-2")], 3),
        (vec![store(&json!({"care-db-3": {}}))], 4),
        (vec![tried], 5),
    ];
    for (more, expected) in cases {
        let mut objects = healthy();
        objects.extend(more);
        let intent = inventory(objects).choose(&Wish::to(at(NOW))).unwrap();
        assert_eq!(intent.next.generation, expected);
    }
}

#[test]
fn after_a_restore_the_new_database_is_the_one_that_counts() {
    let intent = inventory(healthy())
        .choose(&Wish::to(at("2026-11-24T11:42:00Z")))
        .unwrap();
    let mut objects = healthy();
    objects.push(intent.next.memory());
    objects.push(cluster("care-db-g2", "care-db-2"));
    let found = inventory(objects);
    assert_eq!(
        (found.current.generation, found.server.as_str()),
        (2, "care-db-2")
    );
    assert_eq!(found.window, None);
    assert_eq!(
        found.rejected[0].reason,
        "it belongs to care-db, not to the database in use (care-db-g2)"
    );
}

fn intent() -> Intent {
    let mut objects = healthy();
    objects.push(json!({
        "kind": "ConfigMap", "metadata": {"name": "care-db-rows"},
        "data": {"counts": "{\"at\":\"2026-11-24T11:00:00Z\",\"rows\":{\"public.emr_patient\":1500}}"},
    }));
    let inventory = inventory(objects);
    inventory
        .choose(&Wish::to(at("2026-11-24T11:42:00Z")))
        .unwrap()
}

fn restoring() -> Plan {
    on_ground(|ground| plan(ground, &intent()))
}

fn deploying(database: &Database) -> Plan {
    on_ground(|ground| {
        crate::plan::build_with(ground.site, ground.secrets, ground.catalog, database)
    })
}

/// Each step with all that it sends; Deployments only by their replicas.
fn shown(plan: &Plan) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        let stage = &plan.stages[step.stage].title;
        writeln!(text, "== {} ({stage}): {}", step.id, step.title).unwrap();
        if let Action::Delete(targets) = &step.action {
            for target in targets {
                writeln!(text, "delete {target}").unwrap();
            }
        }
        for object in step.action.objects() {
            let target = object.reference();
            if target.kind == "Deployment" {
                writeln!(
                    text,
                    "{target}: {} replicas",
                    object.value()["spec"]["replicas"]
                )
                .unwrap();
            } else if target.name == "care-settings" {
                writeln!(
                    text,
                    "{target}: {}",
                    object.value()["data"]["POSTGRES_HOST"]
                )
                .unwrap();
            } else {
                text.push_str(&serde_yaml::to_string(&object.masked()).unwrap());
            }
        }
        for ready in &step.ready {
            match ready {
                Ready::Object(target) => writeln!(text, "until {target} is ready").unwrap(),
                Ready::All { of, selector, .. } => {
                    writeln!(text, "until every {} with {selector} is ready", of.kind).unwrap();
                }
                Ready::Accepts(_) => {}
            }
        }
    }
    text
}

#[test]
fn the_plan_of_a_restore() {
    insta::assert_snapshot!("restore_plan", shown(&restoring()));
}

#[test]
fn the_plan_that_puts_everything_back() {
    let cancelled = Intent {
        cancelled: true,
        ..intent()
    };
    let back = on_ground(|ground| plan(ground, &cancelled));
    insta::assert_snapshot!("cancel_plan", shown(&back));
}

#[test]
fn before_the_switch_nothing_is_sent_that_holds_the_present_database_or_leads_to_it() {
    let present = deploying(&Database::first());
    let sent_by_deploy: Vec<_> = present
        .steps
        .iter()
        .flat_map(|step| step.action.objects())
        .collect();
    let restore = restoring();
    let before = restore
        .steps
        .iter()
        .take_while(|step| step.id != switch_step());
    let known: Vec<String> = before
        .flat_map(|step| step.action.objects())
        .map(Object::reference)
        .filter(|sent| {
            sent_by_deploy
                .iter()
                .any(|object| object.reference() == *sent)
        })
        .map(|sent| sent.to_string())
        .collect();
    // Only the programs that write are stopped.
    assert_eq!(
        known,
        [
            "Deployment care-be/care",
            "Deployment care-be/care-worker",
            "Deployment care-be/care-beat"
        ]
    );
}

#[test]
fn after_the_switch_nothing_of_before_is_looked_at_again() {
    let steps = on_ground(|ground| {
        let reached = Reached::Switched;
        plan(Ground { reached, ..ground }, &intent())
    })
    .steps;
    assert_eq!(steps[0].id, switch_step());
    assert!(steps[0].needs.is_empty());
    let whole = restoring().steps;
    let same = whole.iter().rev().zip(steps.iter().rev());
    for (one, other) in same {
        assert_eq!((&one.id, one.stage), (&other.id, other.stage));
    }
}

#[test]
fn a_deploy_after_the_restore_sends_what_the_restore_sent() {
    let restore = restoring();
    let after = deploying(&intent().next);
    let sent = |id: &str| {
        let step = after
            .steps
            .iter()
            .find(|step| step.id.as_str() == id)
            .unwrap();
        step.action
            .objects()
            .into_iter()
            .cloned()
            .collect::<Vec<_>>()
    };
    let all: Vec<_> = restore
        .steps
        .iter()
        .flat_map(|step| step.action.objects())
        .cloned()
        .collect();
    for id in [
        "postgres/cluster",
        "postgres/backups",
        "care-backend/settings",
    ] {
        for object in sent(id) {
            assert!(all.contains(&object), "{id}: {object:?}");
        }
    }
    let ids = |plan: &Plan| -> Vec<_> { plan.steps.iter().map(|step| step.id.clone()).collect() };
    assert_eq!(ids(&deploying(&Database::first())), ids(&after));
}

#[test]
fn a_restore_takes_the_programs_beside_care_along() {
    let answers = [("components.metabase", "on"), ("components.odoo", "on")];
    let plan = on_ground_of(&answers, |ground| plan(ground, &intent()));
    let sent = |id: &str| -> Vec<_> {
        let step = plan.steps.iter().find(|step| step.id.as_str() == id);
        let objects = step.unwrap().action.objects().into_iter();
        objects
            .map(|object| (object.reference(), object.value().clone()))
            .collect()
    };
    let stopped = sent("restore/writers-down");
    for name in ["metabase", "odoo", "care"] {
        let found = stopped.iter().find(|(target, _)| target.name == name);
        assert_eq!(found.unwrap().1["spec"]["replicas"], 0, "{name}");
    }
    let made = sent("restore/databases");
    let names: Vec<&str> = made.iter().map(|(target, _)| &*target.name).collect();
    assert_eq!(names, ["odoo-g2", "metabase-g2"]);
    assert_eq!(made[0].1["spec"]["cluster"]["name"], "care-db-g2");
    let led = sent("restore/switch");
    let value = |name: &str| {
        &led.iter()
            .find(|(target, _)| target.name == name)
            .unwrap()
            .1
    };
    assert_eq!(
        value("metabase-settings")["data"]["MB_DB_HOST"],
        "care-db-g2-rw.database.svc"
    );
    let settings = value("odoo-settings")["data"]["odoo.conf"].as_str();
    let settings = STANDARD.decode(settings.unwrap()).unwrap();
    let settings = String::from_utf8(settings).unwrap();
    assert!(settings.contains("db_host = care-db-g2-rw.database.svc"));
    // The records that reports are made of are the restored ones, too.
    assert_eq!(
        value("care-records")["spec"]["externalName"],
        "care-db-g2-rw.database.svc.cluster.local"
    );
}
