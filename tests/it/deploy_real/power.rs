//! Machines of a real control plane are switched off and on by the program: one, then all, and the API goes with the last.

use std::path::Path;

use care_install::engine::event::{Event, Outcome, StepState};
use serde_json::Value;

use super::{
    hear::{Heard, last},
    program::{Life, Program},
    scene::{Scene, play_operators},
};
use crate::testbed::Testbed;

/// Nobody plays this machine any more: its lease runs out, and the real controllers call it not ready.
fn off(bed: &Testbed, node: &str) {
    bed.kubectl(&["label", "node", node, "type-"]);
}

fn on(bed: &Testbed, node: &str) {
    bed.kubectl(&["label", "node", node, "type=kwok"]);
}

fn power<'a>(way: &'a str, node: &'a str) -> [&'a str; 5] {
    ["power", way, node, "--yes", "--json"]
}

/// Listens until this step waits for a person.
fn asked(life: &Life, wanted: &str) {
    life.until(
        wanted,
        |event| matches!(event, Event::Waiting { step, .. } if step.as_str() == wanted),
    );
}

fn done(life: &Life) {
    life.until("the end", |event| match event {
        Event::Step {
            step,
            state: StepState::Failed { problem },
            ..
        } => unreachable!("{step}: {problem}"),
        Event::RunEnded { outcome, .. } => {
            assert_eq!(*outcome, Outcome::Done);
            true
        }
        _ => false,
    });
}

fn json(bed: &Testbed, arguments: &[&str]) -> Value {
    let text = bed.kubectl(&[&["get"], arguments, &["-o", "json"]].concat());
    serde_json::from_str(&text).unwrap()
}

fn replicas(bed: &Testbed) -> Vec<(String, Value)> {
    let all = json(bed, &["deployments,statefulsets", "-A"]);
    let all = all["items"].as_array().unwrap().iter();
    all.map(|one| {
        let metadata = &one["metadata"];
        let name = format!("{}/{}", metadata["namespace"], metadata["name"]);
        (name, one["spec"]["replicas"].clone())
    })
    .collect()
}

fn one_machine(program: &Program, bed: &Testbed) {
    let life = program.start(&power("off", "secondary"));
    asked(&life, "power/off");
    let node = json(bed, &["node", "secondary"]);
    assert_eq!(node["spec"]["unschedulable"], true);
    let pods = json(
        bed,
        &["pods", "-A", "--field-selector=spec.nodeName=secondary"],
    );
    let owner = |pod: &Value| pod["metadata"]["ownerReferences"][0]["kind"].clone();
    let left = pods["items"].as_array().unwrap().iter();
    let left: Vec<Value> = left
        .filter(|pod| pod["status"]["phase"] == "Running")
        .map(owner)
        .collect();
    assert!(left.iter().all(|owner| owner == "DaemonSet"), "{left:?}");
    off(bed, "secondary");
    done(&life);

    let life = program.start(&power("on", "secondary"));
    asked(&life, "power/on");
    on(bed, "secondary");
    done(&life);
    let node = json(bed, &["node", "secondary"]);
    assert!(node["spec"]["unschedulable"].is_null(), "{node}");
}

fn all_machines_go(program: &Program, bed: &Testbed) {
    let life = program.start(&power("off", "all"));
    asked(&life, "power/off-secondary");
    let database = json(
        bed,
        &["clusters.postgresql.cnpg.io/care-db", "-n", "database"],
    );
    let notes = &database["metadata"]["annotations"];
    assert_eq!(notes["cnpg.io/hibernation"], "on");
    let care = json(bed, &["deployment/care", "-n", "care-be"]);
    assert_eq!(care["spec"]["replicas"], 0);
    off(bed, "secondary");
    asked(&life, "power/off-primary");
    // Killed here, and switched off: the same command has only to say that it is done.
    life.kill();
    bed.kill_server();
    let ended = program.run(&power("off", "all"));
    assert_eq!(ended.code, Some(0), "{} {}", ended.out, ended.errors);
    assert!(
        ended.out.contains("No machine answers any more"),
        "{}",
        ended.out
    );
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn one_machine_and_all_machines_of_a_real_control_plane_go_off_and_come_back() {
    let mut scene = Scene::new();
    let handle = scene.begin().await;
    let heard = Heard::of(&handle);
    play_operators(&mut scene.bed);
    let (outcome, events) = heard.into_end().await;
    assert_eq!(outcome, Outcome::Done, "{:#?}", last(&events));
    let stages = "tests/testbed/stages/hibernation.yaml";
    let stages = Path::new(env!("CARGO_MANIFEST_DIR")).join(stages);
    scene.bed.play(&stages);
    let role = "node-role.kubernetes.io/control-plane=";
    scene.bed.kubectl(&["label", "node", "primary", role]);
    let before = replicas(&scene.bed);
    let program = Program::of_deployed(&scene);

    one_machine(&program, &scene.bed);
    all_machines_go(&program, &scene.bed);
    scene.bed.start_server();
    let life = program.start(&power("on", "all"));
    asked(&life, "power/on-secondary");
    on(&scene.bed, "secondary");
    asked(&life, "power/programs");
    // A kubelet that comes back says of its pods that they are ready; nobody plays that here, so they are made anew.
    let running = "--field-selector=status.phase=Running";
    scene
        .bed
        .kubectl(&["delete", "pods", "-A", running, "--wait=false"]);
    done(&life);
    assert_eq!(replicas(&scene.bed), before);
    scene.assert_sound();
}
