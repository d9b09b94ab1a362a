//! Claims and volumes: a claim whose class has a working provisioner gets a volume and is bound to it. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    longhorn,
    scheduler::SELECTED,
    shape::{after, event, leaving, name, namespace, text, time, uid, warning},
    trouble::{SLOW_DISKS, plays},
};
use crate::rehearsal::world::{Reaction, World, Write, reference};

const SOURCE: &str = "persistentvolume-controller";
/// Seconds from the order of a volume until the claim is bound to it.
const MAKING: i64 = 2;

/// The same on slow disks, and until the provisioner says so.
const SLOW_MAKING: i64 = 60;
const PATIENCE: i64 = 10;
/// The note of a claim that this was said.
const TOLD: &str = "rehearsal.care-install/slow";

/// One turn for all claims and volumes.
pub fn claims(world: &World<'_>, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    for claim in world.list("PersistentVolumeClaim", None) {
        match text(&claim["status"]["phase"]) {
            _ if leaving(claim) => {}
            "Bound" => {}
            "" => greet(world, claim, &mut reaction),
            _ => bind(world, claim, now, &mut reaction),
        }
    }
    for volume in world.list("PersistentVolume", None) {
        release(world, volume, &mut reaction);
    }
    reaction
}

/// The class of a claim; the default class when it names none.
fn class<'w>(world: &World<'w>, claim: &Value) -> Option<&'w Value> {
    match claim["spec"]["storageClassName"].as_str() {
        Some(class) => world
            .get("StorageClass.storage.k8s.io", "", class)
            .map(AsRef::as_ref),
        None => world
            .list("StorageClass.storage.k8s.io", None)
            .map(AsRef::as_ref)
            .find(|class| {
                class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"]
                    == "true"
            }),
    }
}

/// Whether the volume of a claim is made only when a pod with a node wants it.
pub fn waits_for_consumer(world: &World<'_>, claim: &Value) -> bool {
    class(world, claim).is_some_and(|class| class["volumeBindingMode"] == "WaitForFirstConsumer")
}

/// The first word to a new claim: what it now waits for.
fn greet(world: &World<'_>, claim: &Value, reaction: &mut Reaction) {
    reaction.writes.push(Write::Status {
        target: reference(claim),
        status: json!({"phase": "Pending"}),
    });
    let named = text(&claim["spec"]["storageClassName"]);
    let note = match class(world, claim) {
        _ if !text(&claim["spec"]["volumeName"]).is_empty() => return,
        None if named.is_empty() => event(
            claim,
            SOURCE,
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set",
        ),
        None => warning(
            claim,
            SOURCE,
            "ProvisioningFailed",
            format!("storageclass.storage.k8s.io \"{named}\" not found"),
        ),
        Some(_) if waits_for_consumer(world, claim) => event(
            claim,
            SOURCE,
            "WaitForFirstConsumer",
            "waiting for first consumer to be created before binding",
        ),
        Some(class) => external(claim, class),
    };
    reaction.writes.push(note);
}

fn external(claim: &Value, class: &Value) -> Write {
    let provisioner = text(&class["provisioner"]);
    event(
        claim,
        SOURCE,
        "ExternalProvisioning",
        format!(
            "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
        ),
    )
}

fn bind(world: &World<'_>, claim: &Value, now: Timestamp, reaction: &mut Reaction) {
    let asked = text(&claim["spec"]["volumeName"]);
    if !asked.is_empty() {
        if let Some(volume) = world.get("PersistentVolume", "", asked) {
            marry(claim, volume, reaction);
        }
        return;
    }
    let Some(class) = class(world, claim) else {
        return;
    };
    let provisioner = text(&class["provisioner"]);
    let consumer = claim["metadata"]["annotations"][SELECTED].is_string();
    if waits_for_consumer(world, claim) && !consumer {
        return;
    }
    if provisioner == longhorn::DRIVER && !longhorn::provisions(world) {
        return;
    }
    let volume_name = format!("pvc-{}", uid(claim));
    let Some(volume) = world.get("PersistentVolume", "", &volume_name) else {
        if provisioner == "kubernetes.io/no-provisioner" {
            return;
        }
        reaction
            .writes
            .push(Write::Create(volume_of(claim, class, &volume_name)));
        let text = format!(
            "External provisioner is provisioning volume for claim \"{}/{}\"",
            namespace(claim),
            name(claim)
        );
        reaction
            .writes
            .push(event(claim, provisioner, "Provisioning", text));
        return;
    };
    let slow = provisioner == longhorn::DRIVER && plays(world, SLOW_DISKS);
    let making = if slow { SLOW_MAKING } else { MAKING };
    let made = time(&volume["metadata"]["creationTimestamp"]);
    let due = made.map(|made| after(made, making));
    if let Some(due) = due.filter(|due| *due > now) {
        if slow {
            waits(claim, volume, now, reaction);
        }
        reaction.wake(due);
        return;
    }
    let text = format!("Successfully provisioned volume {volume_name}");
    reaction
        .writes
        .push(event(claim, provisioner, "ProvisioningSucceeded", text));
    marry(claim, volume, reaction);
}

/// What the provisioner says while a slow disk lets it wait.
fn waits(claim: &Value, volume: &Value, now: Timestamp, reaction: &mut Reaction) {
    let Some(made) = time(&volume["metadata"]["creationTimestamp"]) else {
        return;
    };
    let told = claim["metadata"]["annotations"][TOLD].is_string();
    let due = after(made, PATIENCE);
    if told {
        return;
    }
    if now < due {
        reaction.wake(due);
        return;
    }
    let class = text(&claim["spec"]["storageClassName"]);
    let why = format!(
        "failed to provision volume with StorageClass \"{class}\": rpc error: code = DeadlineExceeded desc = context deadline exceeded: volume {} waits for its disk, which is slow",
        name(volume)
    );
    reaction
        .writes
        .push(warning(claim, longhorn::DRIVER, "ProvisioningFailed", why));
    let mut noted = claim.clone();
    noted["metadata"]["annotations"][TOLD] = "true".into();
    reaction.writes.push(Write::Replace(noted));
}

fn marry(claim: &Value, volume: &Value, reaction: &mut Reaction) {
    let mut bound = claim.clone();
    bound["spec"]["volumeName"] = name(volume).into();
    bound["status"] = json!({
        "phase": "Bound",
        "accessModes": claim["spec"]["accessModes"],
        "capacity": {"storage": volume["spec"]["capacity"]["storage"]},
    });
    for key in [
        "pv.kubernetes.io/bind-completed",
        "pv.kubernetes.io/bound-by-controller",
    ] {
        bound["metadata"]["annotations"][key] = "yes".into();
    }
    reaction.writes.push(Write::Replace(bound));
    if volume["spec"]["claimRef"]["uid"] != claim["metadata"]["uid"]
        || volume["status"]["phase"] != "Bound"
    {
        let mut taken = volume.clone();
        taken["spec"]["claimRef"] = claim_ref(claim);
        taken["status"]["phase"] = "Bound".into();
        reaction.writes.push(Write::Replace(taken));
    }
}

fn claim_ref(claim: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": namespace(claim),
        "name": name(claim),
        "uid": uid(claim),
    })
}

fn volume_of(claim: &Value, class: &Value, volume_name: &str) -> Value {
    let policy = match text(&class["reclaimPolicy"]) {
        "" => "Delete",
        policy => policy,
    };
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": volume_name,
            "annotations": {"pv.kubernetes.io/provisioned-by": class["provisioner"]},
        },
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": claim_ref(claim),
            "csi": {"driver": class["provisioner"], "fsType": "ext4", "volumeHandle": volume_name},
            "persistentVolumeReclaimPolicy": policy,
            "storageClassName": name(class),
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Available"},
    })
}

/// A volume whose claim is gone is deleted or kept as released, as its policy says.
fn release(world: &World<'_>, volume: &Value, reaction: &mut Reaction) {
    let owner = &volume["spec"]["claimRef"];
    if volume["status"]["phase"] != "Bound" || !owner.is_object() {
        return;
    }
    let claim = world.get(
        "PersistentVolumeClaim",
        text(&owner["namespace"]),
        text(&owner["name"]),
    );
    if claim.is_some_and(|claim| claim["metadata"]["uid"] == owner["uid"]) {
        return;
    }
    if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete" {
        reaction.writes.push(super::shape::delete(volume));
        return;
    }
    let mut status = volume["status"].clone();
    status["phase"] = "Released".into();
    reaction.writes.extend(super::shape::report(volume, status));
}
