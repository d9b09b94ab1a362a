//! The order in which an operator writes its status: one group of fields after the other, as it was recorded. Pure.

use serde_json::{Map, Value, json};

/// What stands before a condition's name in a group.
const CONDITION: &str = "conditions/";

/// The fields of one write. A group with `when` set holds only while that field is not there yet.
struct Group {
    when: Option<&'static str>,
    fields: &'static [&'static str],
}

const fn always(fields: &'static [&'static str]) -> Group {
    Group { when: None, fields }
}

const fn before(when: &'static str, fields: &'static [&'static str]) -> Group {
    Group {
        when: Some(when),
        fields,
    }
}

const GROUPS: &[Group] = &[
    always(&["image", "pgDataImageInfo"]),
    always(&["pluginStatus"]),
    before(
        "topology",
        &[
            "certificates",
            "poolerIntegrations",
            "readService",
            "writeService",
            "selector",
            "switchReplicaClusterStatus",
            "managedRolesStatus",
            "topology",
            "conditions/Initialized",
        ],
    ),
    before(
        "conditions/ConsistentSystemID",
        &["conditions/ConsistentSystemID"],
    ),
    before(
        "targetPrimary",
        &["targetPrimary", "targetPrimaryTimestamp"],
    ),
    before("phase", &["phase", "phaseReason", "conditions/Ready"]),
    always(&[
        "danglingPVC",
        "initializingPVC",
        "healthyPVC",
        "instanceNames",
        "instances",
        "readyInstances",
        "jobCount",
        "pvcCount",
        "instancesStatus",
        "topology",
        "conditions/Initialized",
    ]),
    always(&["currentPrimary", "currentPrimaryTimestamp"]),
    always(&["conditions/ContinuousArchiving"]),
    always(&["managedRolesStatus"]),
    always(&["phase", "phaseReason", "conditions/Ready"]),
    always(&["targetPrimary", "targetPrimaryTimestamp"]),
    always(&[
        "instancesReportedState",
        "systemID",
        "timelineID",
        "conditions/ConsistentSystemID",
    ]),
];

/// The status after the first write that leads from the one that is shown towards the one that is wanted.
pub(super) fn next(shown: &Value, wanted: Value) -> Value {
    let shown = if shown.is_object() {
        shown.clone()
    } else {
        json!({})
    };
    for group in GROUPS {
        if group
            .when
            .is_some_and(|field| !get(&shown, field).is_null())
        {
            continue;
        }
        let differs = group
            .fields
            .iter()
            .any(|field| get(&shown, field) != get(&wanted, field));
        if differs {
            let mut next = shown;
            for field in group.fields {
                put(&mut next, field, get(&wanted, field).clone());
            }
            return next;
        }
    }
    wanted
}

fn get<'v>(status: &'v Value, field: &str) -> &'v Value {
    match field.strip_prefix(CONDITION) {
        None => &status[field],
        Some(kind) => {
            let all = status["conditions"].as_array();
            let found = all.into_iter().flatten().find(|one| one["type"] == kind);
            found.unwrap_or(&Value::Null)
        }
    }
}

fn put(status: &mut Value, field: &str, value: Value) {
    let Some(kind) = field.strip_prefix(CONDITION) else {
        let map: &mut Map<String, Value> = match status.as_object_mut() {
            Some(map) => map,
            None => return,
        };
        if value.is_null() {
            map.shift_remove(field);
        } else {
            map.insert(field.to_owned(), value);
        }
        return;
    };
    if value.is_null() {
        return;
    }
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(all) = status["conditions"].as_array_mut() else {
        return;
    };
    match all.iter_mut().find(|one| one["type"] == kind) {
        Some(known) => *known = value,
        None => all.push(value),
    }
}
