//! A made-up inventory and the plan of a restore, for the tests of the screens.

use std::sync::Arc;

use jiff::tz::TimeZone;
use secrecy::SecretString;
use serde_json::json;

use super::{Facts, Ground, Inventory, Reached, Wish, plan};
use crate::{
    catalog::Catalog,
    plan::Plan,
    problem::Problem,
    site::{SecretName, Secrets, Site, sample},
};

/// The database's Cluster, healthy.
fn cluster() -> serde_json::Value {
    json!({
        "kind": "Cluster", "metadata": {"name": "care-db", "namespace": "database"},
        "spec": {"instances": 1, "plugins": [{
            "name": "barman-cloud.cloudnative-pg.io",
            "parameters": {"barmanObjectName": "care-db", "serverName": "care-db-1"},
        }]},
        "status": {
            "phase": "Cluster in healthy state", "readyInstances": 1,
            "conditions": [
                {"type": "Ready", "status": "True"}, {"type": "ContinuousArchiving", "status": "True"},
            ],
        },
    })
}

/// A healthy database at this moment that has no backup yet.
pub fn young(now: &str) -> Inventory {
    Inventory::of(&Facts {
        objects: vec![Arc::new(cluster())],
        now: now.parse().unwrap_or_default(),
    })
}

/// A healthy database at this moment, with two base backups, one that failed, and counted rows.
pub fn inventory(now: &str) -> Inventory {
    let backup = |name: &str, status| {
        json!({
            "kind": "Backup", "metadata": {"name": name, "namespace": "database"},
            "spec": {"cluster": {"name": "care-db"}, "method": "plugin"}, "status": status,
        })
    };
    let done = |began: &str, ended: &str| json!({"phase": "completed", "startedAt": began, "stoppedAt": ended});
    let objects = vec![
        cluster(),
        backup(
            "care-db-20261122020000",
            done("2026-11-22T02:00:00Z", "2026-11-22T02:10:00Z"),
        ),
        backup(
            "care-db-20261123020000",
            json!({"phase": "failed", "error": "no space left in the bucket"}),
        ),
        backup(
            "care-db-20261124020000",
            done("2026-11-24T02:00:00Z", "2026-11-24T02:12:00Z"),
        ),
        json!({"kind": "ObjectStore", "metadata": {"name": "care-db"}, "status": {"serverRecoveryWindow": {"care-db-1": {
            "firstRecoverabilityPoint": "2026-11-22T02:10:00Z", "lastSuccessfulBackupTime": "2026-11-24T02:12:00Z",
        }}}}),
        json!({"kind": "ConfigMap", "metadata": {"name": "care-db-rows"}, "data": {"counts":
            "{\"at\":\"2026-11-24T02:30:00Z\",\"rows\":{\"public.emr_patient\":1500,\"public.emr_encounter\":2120}}\n{\"at\":\"2026-11-24T05:30:00Z\",\"rows\":{\"public.emr_patient\":1560,\"public.emr_encounter\":2210}}"}}),
    ];
    Inventory::of(&Facts {
        objects: objects.into_iter().map(Arc::new).collect(),
        now: now.parse().unwrap_or_default(),
    })
}

/// Makes a plan from the sample site.
pub fn on_ground<T>(make: impl FnOnce(Ground<'_>) -> Result<T, Vec<Problem>>) -> T {
    on_ground_of(&[], make)
}

/// Makes a plan from the sample site with other answers.
pub fn on_ground_of<T>(
    answers: &[(&str, &str)],
    make: impl FnOnce(Ground<'_>) -> Result<T, Vec<Problem>>,
) -> T {
    let mut draft = sample();
    for (id, text) in answers {
        draft.set(id, text);
    }
    let mut secrets = Secrets::new();
    for &name in SecretName::ALL {
        secrets.set(
            name,
            SecretString::from(format!("canary-{}", name.as_str())),
        );
    }
    let ground = Ground {
        site: &Site::try_from(&draft).unwrap(),
        secrets: &secrets,
        catalog: &Catalog::load().unwrap(),
        zone: &TimeZone::UTC,
        reached: Reached::Former,
    };
    make(ground).unwrap()
}

/// The plan of a restore to half past two, of that inventory.
pub fn planned() -> Plan {
    let moment = "2026-11-24T02:30:00Z".parse().unwrap();
    let intent = inventory("2026-11-24T06:00:00Z").choose(&Wish::to(moment));
    on_ground(|ground| plan(ground, &intent.unwrap()))
}
