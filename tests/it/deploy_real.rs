//! The whole sample plan on a real control plane with the real helm: once, again, and through every kind of interruption.

mod binary;
mod hear;
mod power;
mod program;
pub mod scene;

use std::process::Command as Process;

use care_install::{
    engine::event::{Command, Done, Event, Outcome, StepState},
    plan::Plan,
    problem::Code,
};

use crate::catalog::{addressed_plan, full_plan};
use hear::{Heard, ends, last, logs, retries};

use scene::{LOOKS, Scene, is_gone, play_operators, states};

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn the_whole_plan_is_deployed_and_the_second_time_nothing_is_touched() {
    let mut scene = Scene::new();
    scene.webhook("cert-manager.io", "cert-manager");
    let handle = scene.begin().await;
    let mut heard = Heard::of(&handle);
    let held_up = |event: &Event| match event {
        Event::Waiting { step, waiting, .. } if step.as_str() == "cert-manager/release" => waiting
            .reasons
            .iter()
            .any(|reason| reason.sentence.contains("failed calling webhook")),
        _ => false,
    };
    heard.until("the dead webhook", held_up).await;
    scene.let_pass("cert-manager");
    assert_deployed(&mut scene, heard).await;
    let before = untouched_by_a_second_run(&scene).await;
    assert!(before > 300, "{before}");
    repair_and_change(&mut scene).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn everything_that_can_be_switched_on_is_deployed_and_the_second_time_nothing_is_touched() {
    deployed_and_left_alone(full_plan()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn addresses_certificates_and_images_of_its_own_are_waited_for_and_the_second_time_nothing_is_touched()
 {
    deployed_and_left_alone(addressed_plan()).await;
}

/// Deploys a site of many objects and sees that a second run touches none of them.
async fn deployed_and_left_alone(plan: Plan) {
    let mut scene = Scene::of(plan);
    let handle = scene.begin().await;
    let heard = Heard::of(&handle);
    assert_deployed(&mut scene, heard).await;
    let before = untouched_by_a_second_run(&scene).await;
    assert!(before > 400, "{before}");
}

/// Plays the operators, and sees the first run come to its end with every step done.
async fn assert_deployed(scene: &mut Scene, heard: Heard) {
    play_operators(&mut scene.bed);
    let (outcome, events) = heard.into_end().await;
    assert_eq!(outcome, Outcome::Done, "{:#?}", last(&events));
    assert_eq!(ends(&events).len(), scene.plan.steps.len());
    scene.assert_whole(&[]);
}

/// A second run finds everything there; gives how many objects it left alone.
async fn untouched_by_a_second_run(scene: &Scene) -> usize {
    let before = states(&scene.bed);
    let handle = scene.begin().await;
    let (outcome, events) = Heard::of(&handle).into_end().await;
    assert_eq!(outcome, Outcome::Done, "{:#?}", last(&events));
    for (step, how) in ends(&events) {
        assert_eq!(
            how,
            Done::AlreadyThere,
            "{step}: {:?}",
            logs(&events, &step)
        );
    }
    let after = states(&scene.bed);
    let touched: Vec<_> = after
        .iter()
        .filter(|(name, version)| before.get(*name) != Some(version))
        .collect();
    assert!(touched.is_empty(), "{touched:#?}");
    assert_eq!(before.len(), after.len());
    scene.assert_whole(&[]);
    before.len()
}

/// What someone took away or turned comes back, a changed setting arrives, and nothing else is touched.
async fn repair_and_change(scene: &mut Scene) {
    for (object, namespace) in [
        ("deployment/longhorn-ui", "longhorn-system"),
        ("service/care", "care-be"),
    ] {
        scene.bed.kubectl(&["delete", object, "-n", namespace]);
    }
    let scale = ["scale", "deployment/care", "--replicas=1", "-n", "care-be"];
    scene.bed.kubectl(&scale);
    scene.change_values("valkey", "note", "changed");
    let handle = scene.begin().await;
    let (outcome, events) = Heard::of(&handle).into_end().await;
    assert_eq!(outcome, Outcome::Done, "{:#?}", last(&events));
    let mut applied = ends(&events);
    applied.retain(|_, how| *how == Done::Applied);
    let applied: Vec<&str> = applied.keys().map(String::as_str).collect();
    let wanted = ["care-backend/web", "longhorn/release", "valkey/release"];
    assert_eq!(applied, wanted);
    scene.assert_whole(&[("longhorn", "2"), ("valkey", "2")]);
}

/// Stopped in the middle of helm: the process is gone, its half-written revision is there.
async fn stop_in_helm(scene: &Scene) -> u32 {
    let handle = scene.begin().await;
    let heard = Heard::of(&handle);
    scene.wait_for_hook("cert-manager", "cert-manager");
    handle.commands().send(Command::StopNow).await.unwrap();
    let (outcome, _) = heard.into_end().await;
    assert_eq!(outcome, Outcome::Stopped);
    let stopped = scene.process("cert-manager");
    assert!((0..LOOKS).any(|_| {
        scene.bed.kubectl(&["version"]);
        is_gone(stopped)
    }));
    let pending = "owner=helm,name=cert-manager,status=pending-install";
    let pending = ["get", "secrets", "-A", "-l", pending, "-o", "name"];
    assert_eq!(scene.bed.kubectl(&pending).lines().count(), 1);
    scene
        .bed
        .kubectl(&["delete", "job/cert-manager-hook", "-n", "cert-manager"]);
    stopped
}

fn is_retry(event: &Event, id: &str) -> bool {
    matches!(event, Event::Retry { step, .. } if step.as_str() == id)
}

fn makes_the_job(event: &Event) -> bool {
    matches!(event, Event::Log { step, line, .. } if step.as_str() == "care-backend/migrate" && line.contains("created Job"))
}

/// Helm is killed from outside and fails in three other ways; then the run is stopped once more, while a job runs.
async fn kill_and_fail(scene: &mut Scene, stopped: u32) -> Vec<Event> {
    scene.fault("cnpg", "fail");
    scene.fault("plugin-barman-cloud", "nonsense");
    scene.webhook("apps", "rustfs");
    let handle = scene.begin().await;
    let mut heard = Heard::of(&handle);
    scene.wait_for_hook("cert-manager", "cert-manager");
    let second = scene.process("cert-manager");
    assert_ne!(second, stopped);
    let killed = Process::new("kill")
        .args(["-9", &second.to_string()])
        .status();
    assert!(killed.unwrap().success());
    heard
        .until("a killed helm", |event| {
            is_retry(event, "cert-manager/release")
        })
        .await;
    scene.let_hooks_run();
    play_operators(&mut scene.bed);
    heard
        .until("a failed install", |event| {
            is_retry(event, "rustfs/release")
        })
        .await;
    scene.let_pass("rustfs");
    heard.until("the migration", makes_the_job).await;
    handle.commands().send(Command::StopNow).await.unwrap();
    let (outcome, events) = heard.into_end().await;
    assert_eq!(outcome, Outcome::Stopped, "{:#?}", last(&events));
    events
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn a_deploy_that_is_stopped_killed_and_failed_again_and_again_comes_to_the_same_end() {
    let mut scene = Scene::new().with_faults();
    scene.hold("cert-manager");
    let stopped = stop_in_helm(&scene).await;

    let events = kill_and_fail(&mut scene, stopped).await;
    let lines = logs(&events, "cert-manager/release");
    let removed = lines
        .iter()
        .filter(|line| line.contains("which was cut off"));
    assert_eq!(removed.count(), 2);
    for step in [
        "cert-manager/release",
        "cnpg/operator",
        "cnpg/barman-plugin",
    ] {
        assert_eq!(retries(&events, step), [Code::Helm03], "{step}");
    }
    let failed = retries(&events, "rustfs/release");
    assert!(
        failed.iter().all(|code| *code == Code::Helm03),
        "{failed:?}"
    );

    let handle = scene.begin().await;
    let (outcome, events) = Heard::of(&handle).into_end().await;
    assert_eq!(outcome, Outcome::Done, "{:#?}", last(&events));
    let ends = ends(&events);
    assert_eq!(ends.len(), scene.plan.steps.len());
    assert_eq!(ends["longhorn/release"], Done::AlreadyThere);
    assert!(!events.iter().any(makes_the_job));
    // Of all that failed, helm remembers only what it wrote down itself.
    let revision = (failed.len() + 1).to_string();
    scene.assert_whole(&[("rustfs", &revision)]);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn an_api_server_that_dies_twice_is_waited_for() {
    let mut scene = Scene::new();
    let handle = scene.begin().await;
    let mut heard = Heard::of(&handle);
    // Once while everything begins, before the first chart: a definition that is cut off while it is being established
    // rests until the server looks at all of them again, every five minutes.
    heard
        .until("the first step", |event| {
            matches!(
                event,
                Event::Step {
                    state: StepState::Running { .. },
                    ..
                }
            )
        })
        .await;
    scene.bed.kill_server();
    let is_any_retry = |event: &Event| matches!(event, Event::Retry { .. });
    heard.until("another attempt", is_any_retry).await;
    scene.bed.start_server();
    // And once while a step waits for objects that come only afterwards.
    heard
        .until("the last definition", |event| {
            matches!(event, Event::Step { step, state: StepState::Done { .. }, .. } if step.as_str() == "cnpg/barman-plugin")
        })
        .await;
    scene.bed.kill_server();
    let tells_it = |event: &Event| match event {
        Event::Waiting { waiting, .. } => waiting.reasons[0].code == Some(Code::Kube03),
        _ => false,
    };
    heard.until("the reason", tells_it).await;
    scene.bed.start_server();
    play_operators(&mut scene.bed);
    let (outcome, events) = heard.into_end().await;
    assert_eq!(outcome, Outcome::Done, "{:#?}", last(&events));
    let problems = events.iter().filter_map(|event| match event {
        Event::Retry { step, problem, .. } => Some((step, problem)),
        _ => None,
    });
    for (step, problem) in problems {
        let codes = [Code::Kube02, Code::Kube03, Code::Kube10, Code::Helm03];
        assert!(codes.contains(&problem.code), "{step}: {problem}");
    }
    scene.assert_sound();
}
