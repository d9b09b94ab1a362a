//! `care-install` as an operator starts it, on a real control plane: set up, checked, refused, deployed, killed, watched.

use std::collections::BTreeMap;

use care_install::engine::event::Event;
use serde_json::Value;

use super::{
    hear::logs,
    is_retry,
    program::{Ended, Program},
    scene::{LOOKS, Scene, play_operators, states},
};
use crate::{
    drifting::{assert_differences, assert_drift, hands, replicas},
    testbed::Testbed,
};

/// The nodes of the bed answer no SSH and have no names: these failures are true.
const TRUE_FAILURES: [&str; 3] = ["DNS-02", "DNS-03", "SSH-01"];

/// The same, accepted; and, where the computer has no name server either, that.
const DEPLOY: &[&str] = &[
    "deploy",
    "--yes",
    "--waive",
    "SSH-01=the nodes are played",
    "--waive",
    "DNS-01=the names are played",
    "--waive",
    "DNS-02=the names are played",
    "--waive",
    "DNS-03=the names are played",
];

fn deploy(program: &Program, face: &str) -> Ended {
    program.run(&[DEPLOY, &[face]].concat())
}

/// Every object once nothing of a young cluster moves any more.
fn at_rest(bed: &Testbed) -> BTreeMap<String, String> {
    let mut last = states(bed);
    for _ in 0..LOOKS {
        let next = states(bed);
        if next == last {
            return next;
        }
        last = next;
    }
    unreachable!("the cluster does not come to rest");
}

fn checks_tell_the_truth(program: &Program) {
    let ended = program.run(&["check", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.errors);
    let mut failed: Vec<String> = ended
        .json()
        .iter()
        .filter(|line| line.pointer("/check/verdict/verdict") == Some(&"fail".into()))
        .map(|line| line["check"]["id"]["code"].as_str().unwrap().to_owned())
        .collect();
    failed.sort();
    failed.dedup();
    failed.retain(|code| code != "DNS-01");
    assert_eq!(failed, TRUE_FAILURES, "{}", ended.out);
}

fn nothing_is_deployed_over_a_failure(program: &Program, bed: &Testbed) {
    let before = at_rest(bed);
    let ended = program.run(&["deploy", "--yes", "--plain"]);
    assert_eq!(ended.code, Some(1), "{}", ended.errors);
    assert!(ended.errors.contains("[CHECK-01]"), "{}", ended.errors);
    assert!(ended.errors.contains("nothing was changed"));
    assert_eq!(before, states(bed));
    assert!(!program.site.join("journal.jsonl").exists());
}

/// Deployed once more: exit 0, everything there, nothing touched, in both faces.
fn again_changes_nothing(program: &Program, bed: &Testbed, steps: usize) {
    let before = at_rest(bed);
    let ended = deploy(program, "--plain");
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.errors);
    let there = ended.out.matches(" already, and ready").count();
    assert_eq!(there, steps, "{}", ended.out);
    let ended = deploy(program, "--json");
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.errors);
    let lines = ended.json();
    let summary = lines.last().unwrap();
    assert_eq!(summary["event"], "summary");
    assert_eq!(
        (&summary["outcome"], &summary["exit"]),
        (&"done".into(), &0.into())
    );
    assert_eq!(summary["steps"]["already_there"], steps);
    assert!(lines.iter().all(|line| line["event"].is_string()));
    assert_eq!(before, states(bed));
}

/// Everything that runs is ok, and nothing is said to be wrong that is not.
fn status_is_true(program: &Program) {
    let ended = program.run(&["status", "--json"]);
    let lines = ended.json();
    let status = lines.last().unwrap();
    assert_eq!(
        status["findings"],
        Value::Array(Vec::new()),
        "{}",
        ended.out
    );
    assert_eq!(ended.code, Some(0));
    for part in ["services", "pods", "volumes", "nodes"] {
        let rows = status[part].as_array().unwrap();
        assert!(!rows.is_empty(), "{part}");
        for row in rows {
            // Of what the plan does not bring nothing is known, and that is said.
            if row["note"] != "not installed" {
                assert_eq!(row["health"], "ok", "{part}: {row}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn the_program_sets_a_site_up_and_deploys_it_and_the_second_time_touches_nothing() {
    let mut scene = Scene::new().with_faults();
    let program = Program::new(&scene);
    let valid = program.run(&["validate", "--plain"]);
    assert_eq!(valid.code, Some(0), "{}", valid.errors);
    checks_tell_the_truth(&program);
    nothing_is_deployed_over_a_failure(&program, &scene.bed);
    let operators = tokio::task::spawn_blocking(move || {
        play_operators(&mut scene.bed);
        scene
    });
    let ended = deploy(&program, "--plain");
    let scene = operators.await.unwrap();
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.errors);
    scene.assert_whole(&[]);
    again_changes_nothing(&program, &scene.bed, scene.plan.steps.len());
    status_is_true(&program);
    program.assert_helm_left_nothing();
    hands_are_seen(&program, &scene);
    program.assert_no_secret_on_disk(&scene);
}

/// Nothing differs; then just what hands have changed; nothing is written by looking; and a deploy puts it back.
fn hands_are_seen(program: &Program, scene: &Scene) {
    let before = at_rest(&scene.bed);
    let ended = program.run(&["plan", "--diff", "--plain"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.errors);
    assert!(ended.out.starts_with("No difference: "), "{}", ended.out);
    let ended = program.run(&["drift", "--plain"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.errors);
    assert_eq!(before, states(&scene.bed));

    let hands = hands(&scene.bed.path("hands"), &scene.bed.kubeconfig());
    hands.change_four_things(&scene.plan);
    let before = at_rest(&scene.bed);
    let wanted = replicas(&scene.plan);
    let ended = program.run(&["drift", "--json"]);
    assert_eq!(ended.code, Some(4), "{}{}", ended.out, ended.errors);
    assert_drift(&ended.json(), wanted);
    let ended = program.run(&["plan", "--diff", "--json"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.errors);
    assert_differences(&ended.json(), wanted);
    assert_eq!(before, states(&scene.bed));

    // Of a chart's own objects a deploy puts back only what is gone; what was scaled stays told.
    hands.run(
        "kubectl",
        "-n cert-manager scale deployment cert-manager --replicas=2",
    );
    let ended = deploy(program, "--plain");
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.errors);
    let ended = program.run(&["plan", "--diff", "--plain"]);
    assert!(ended.out.starts_with("No difference: "), "{}", ended.out);
    let ended = program.run(&["drift", "--json"]);
    let lines = ended.json();
    assert_eq!(lines.len(), 2, "{}", ended.out);
    assert_eq!(lines[0]["object"]["name"], "cert-manager");
    assert_eq!(lines[0]["fields"][0]["by"]["manager"], "kubectl");
}

/// Killed while helm waits for a hook: helm lives on, the next life waits for it, and the hook may end.
fn kill_in_helm(program: &Program, scene: &Scene) {
    let arguments = [DEPLOY, &["--json"]].concat();
    let life = program.start(&arguments);
    scene.wait_for_hook("cert-manager", "cert-manager");
    program.assert_no_secret_in_arguments();
    program.assert_no_secret_on_disk(scene);
    life.kill();
    let life = program.start(&arguments);
    let waits = |event: &Event| is_retry(event, "cert-manager/release");
    life.until("helm, which lives on, to be waited for", waits);
    scene.let_hooks_run();
    life.kill();
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn the_program_killed_in_helm_and_at_a_spread_of_instants_comes_to_the_same_end() {
    // Each life takes seconds: 10 in every run of the tests, more by hand.
    let count = std::env::var("CARE_REAL_INSTANTS").map_or(10, |count| count.parse().unwrap());
    killed_at_instants(count).await;
}

/// Killed in helm and then so many times more, spread from the first record of a run's journal to its last.
async fn killed_at_instants(count: usize) {
    let mut scene = Scene::new().with_faults();
    scene.hold("cert-manager");
    let program = Program::new(&scene);
    kill_in_helm(&program, &scene);
    // A life that finds all done still writes its beginning, each step's begin and end, and its end.
    let records = 2 * scene.plan.steps.len() + 1;
    let instants: Vec<usize> = (1..=count)
        .map(|number| number * records / (count + 1))
        .collect();
    let operators = tokio::task::spawn_blocking(move || {
        play_operators(&mut scene.bed);
        scene
    });
    let (events, cut) = program.kill_at(&instants).await;
    // A late kill may meet a life that has just ended.
    assert!(cut >= count * 3 / 4, "{cut} of {count}");
    for step in [
        "care-backend/migrate",
        "care-backend/administrator",
        "rustfs/buckets",
    ] {
        let made = logs(&events, step);
        let made = made.iter().filter(|line| line.contains("created Job"));
        assert!(made.count() <= 1, "{step} ran twice");
    }
    let ended = deploy(&program, "--plain");
    let scene = operators.await.unwrap();
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.errors);
    scene.assert_whole(&[]);
    program.assert_helm_left_nothing();
    program.assert_no_secret_on_disk(&scene);
}
