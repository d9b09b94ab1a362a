//! What a pod needs from other objects before its containers can be made: volumes, Secrets, ConfigMaps. Pure.

use serde_json::Value;

use crate::rehearsal::{
    control::{
        longhorn::DRIVER,
        pods::claims,
        shape::{items, name, namespace, text},
        trouble::{SLOW_DISKS, SLOWER, plays},
    },
    world::World,
};

/// Why the volumes of a pod cannot be mounted; nothing when they can.
pub fn unmounted(world: &World<'_>, pod: &Value) -> Option<String> {
    items(&pod["spec"]["volumes"]).find_map(|volume| {
        let wanted = |kind: &str, source: &Value, field: &str| {
            missing(world, pod, (kind, &source[field]), source)
        };
        let why = wanted("Secret", &volume["secret"], "secretName")
            .or_else(|| wanted("ConfigMap", &volume["configMap"], "name"))
            .or_else(|| {
                items(&volume["projected"]["sources"]).find_map(|source| {
                    wanted("Secret", &source["secret"], "name")
                        .or_else(|| wanted("ConfigMap", &source["configMap"], "name"))
                })
            })?;
        Some(format!(
            "MountVolume.SetUp failed for volume \"{}\" : {why}",
            text(&volume["name"])
        ))
    })
}

fn missing(
    world: &World<'_>,
    pod: &Value,
    (kind, object): (&str, &Value),
    source: &Value,
) -> Option<String> {
    let object = object.as_str()?;
    if source["optional"] == true {
        return None;
    }
    let Some(found) = world.get(kind, namespace(pod), object) else {
        return Some(format!("{} \"{object}\" not found", kind.to_lowercase()));
    };
    let lost = items(&source["items"]).find(|item| !has(found, text(&item["key"])))?;
    Some(format!(
        "references non-existent {} key: {}",
        kind.to_lowercase(),
        text(&lost["key"])
    ))
}

fn has(object: &Value, key: &str) -> bool {
    ["data", "stringData", "binaryData"]
        .iter()
        .any(|part| object[*part].get(key).is_some())
}

/// Why a container's environment cannot be made; nothing when it can.
pub fn unconfigured(world: &World<'_>, pod: &Value, container: &Value) -> Option<String> {
    let whole = items(&container["envFrom"]).find_map(|from| {
        absent(world, pod, "Secret", &from["secretRef"])
            .or_else(|| absent(world, pod, "ConfigMap", &from["configMapRef"]))
    });
    whole.or_else(|| {
        items(&container["env"]).find_map(|entry| {
            let from = &entry["valueFrom"];
            absent(world, pod, "Secret", &from["secretKeyRef"])
                .or_else(|| absent(world, pod, "ConfigMap", &from["configMapKeyRef"]))
        })
    })
}

fn absent(world: &World<'_>, pod: &Value, kind: &str, source: &Value) -> Option<String> {
    let object = source["name"].as_str()?;
    if source["optional"] == true {
        return None;
    }
    let Some(found) = world.get(kind, namespace(pod), object) else {
        return Some(format!("{} \"{object}\" not found", kind.to_lowercase()));
    };
    let key = source["key"].as_str()?;
    (!has(found, key)).then(|| {
        format!(
            "couldn't find key {key} in {kind} {}/{}",
            namespace(pod),
            name(found)
        )
    })
}

/// The first volume of a pod that is on a slow disk.
pub fn slow_volume<'w>(world: &World<'w>, pod: &'w Value) -> Option<&'w str> {
    if !plays(world, SLOW_DISKS) {
        return None;
    }
    volumes(world, pod).into_iter().find(|volume| {
        let volume = world.get("PersistentVolume", "", volume);
        volume.is_some_and(|volume| volume["spec"]["csi"]["driver"] == DRIVER)
    })
}

/// How many times longer a pod takes: what it does on a slow disk is slow.
pub fn slowness(world: &World<'_>, pod: &Value) -> i64 {
    if slow_volume(world, pod).is_some() {
        SLOWER
    } else {
        1
    }
}

/// The volumes behind the claims of a pod.
pub fn volumes<'w>(world: &World<'w>, pod: &'w Value) -> Vec<&'w str> {
    claims(pod)
        .filter_map(|claim| world.get("PersistentVolumeClaim", namespace(pod), claim))
        .map(|claim| text(&claim["spec"]["volumeName"]))
        .collect()
}
