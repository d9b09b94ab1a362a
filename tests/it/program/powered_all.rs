//! All machines of the practice cluster are switched off and on again: in order, whenever it is killed, and never when something
//! could be lost that nobody has accepted.

use rustix::process::Signal;
use serde_json::Value;

use super::{
    Running, Site, lines,
    objects::{self, Objects},
    powered::{journal, waits_at},
    terminal::Terminal,
    until,
};

const OFF: [&str; 6] = ["power", "off", "all", "--rehearsal", "--yes", "--plain"];
const ON: [&str; 6] = ["power", "on", "all", "--rehearsal", "--yes", "--plain"];

const DATABASE: &str = "/apis/postgresql.cnpg.io/v1 Cluster database care-db";

/// A deployed practice site whose cluster is served at a speed that leaves time to come in between.
async fn deployed() -> (Site, Running) {
    let site = Site::prepared().await;
    let served = site.start(&["rehearse", "--serve", "--speed", "100"]);
    until("not served", || site.cluster().join("point.json").exists()).await;
    site.run(&["rehearse", "--yes", "--plain"]).await.exits(0);
    (site, served)
}

async fn switch(site: &Site, machine: &str) {
    site.run(&["rehearse", "--machine", machine, "--plain"])
        .await
        .exits(0);
}

/// Pods that every program is to have.
fn wanted(all: &Objects) -> Vec<(String, u64)> {
    let programs = all.iter().filter(|(key, _)| {
        key.contains("apps/v1 Deployment ") || key.contains("apps/v1 StatefulSet ")
    });
    programs
        .map(|(key, one)| (key.clone(), one["spec"]["replicas"].as_u64().unwrap_or(1)))
        .collect()
}

/// What is asked of every object; pods are left out, which the cluster itself takes from machines that are off.
fn wishes(all: &Objects) -> Vec<(String, Value, Value)> {
    let lasting = all.iter().filter(|(key, one)| {
        one["kind"] != "Pod" && !objects::is_restless(key) && !objects::holds_rows(key)
    });
    lasting
        .map(|(key, one)| {
            let notes = one["metadata"]["annotations"].clone();
            (key.clone(), one["spec"].clone(), notes)
        })
        .collect()
}

/// Objects of a kind.
fn of<'a>(all: &'a Objects, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let words = format!(" {kind} ");
    all.iter()
        .filter(move |(key, _)| key.contains(&words))
        .map(|(_, one)| one)
}

/// How many steps the newest run has.
fn steps(site: &Site) -> usize {
    let text = std::fs::read_to_string(journal(site)).unwrap();
    let first = text
        .lines()
        .rev()
        .find(|line| line.contains(r#""event":"run_started""#));
    let first: Value = serde_json::from_str(first.unwrap()).unwrap();
    first["outline"]["steps"].as_array().unwrap().len()
}

/// Kills the run after each of these records, one life after the other, until one comes to its end before; says how many were
/// killed. What an earlier life has done, a later one tells in fewer records.
async fn killed_after(
    site: &Site,
    arguments: &[&str],
    records: impl Iterator<Item = usize>,
) -> usize {
    let mut lives = 0;
    for record in records {
        let before = lines(&journal(site));
        let running = site.start(arguments);
        until("no further record", || {
            let text = std::fs::read_to_string(journal(site)).unwrap_or_default();
            let mut new = text.lines().skip(before);
            text.matches('\n').count() >= before + record
                || new.any(|line| line.contains(r#""event":"run_ended""#))
        })
        .await;
        if running.killed().await.is_none() {
            break;
        }
        lives += 1;
    }
    lives
}

/// Everything rests and can be switched off.
async fn assert_rests(site: &Site) {
    let all = objects::all(site).await;
    for name in ["care", "care-worker", "care-beat"] {
        let program = &all[&format!("/apis/apps/v1 Deployment care-be {name}")];
        assert_eq!(program["spec"]["replicas"], 0, "{program}");
        let kept = &program["metadata"]["annotations"]["care-install/pods-before-power-off"];
        assert!(kept.as_str().unwrap().parse::<u32>().unwrap() > 0);
    }
    let database = &all[DATABASE];
    let rests = &database["metadata"]["annotations"]["cnpg.io/hibernation"];
    assert_eq!(rests, "on");
    let instances = all
        .keys()
        .filter(|key| key.starts_with("/api/v1 Pod database care-db-"));
    assert_eq!(instances.count(), 0);
    for node in of(&all, "Node").filter(|node| node["apiVersion"] == "v1") {
        assert_eq!(node["spec"]["unschedulable"], true, "{node}");
    }
    let volumes: Vec<&Value> = of(&all, "Volume").collect();
    assert!(volumes.len() > 2, "{}", volumes.len());
    for volume in volumes {
        assert_eq!(volume["status"]["state"], "detached", "{volume}");
    }
    // The job that saw to the last changes is gone.
    assert!(
        of(&all, "Job").all(|job| job["metadata"]["name"] != "care-db-before-power-off"),
        "a job is left"
    );
}

/// Everything that would start a part of it is told what to do instead.
async fn assert_nothing_starts_a_part(site: &Site) {
    for arguments in [
        ["power", "on", "secondary", "--rehearsal", "--yes", "--json"],
        ["power", "off", "primary", "--rehearsal", "--yes", "--json"],
    ] {
        let told = site.run(&arguments).await.exits(1).json();
        let problem = told.iter().find(|line| line["event"] == "problem").unwrap();
        assert_eq!(problem["problem"]["code"], "PG-09", "{arguments:?}");
    }
    let status = site.run(&["status", "--rehearsal", "--plain"]).await;
    assert!(status.out.contains("[PG-09]"), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_machines_go_off_and_come_back_though_the_program_is_killed_again_and_again() {
    off_and_back(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: the same, killed after every record; run by hand"]
async fn all_machines_go_off_and_come_back_though_the_program_is_killed_after_every_record() {
    off_and_back(1).await;
}

/// Killed after every so manieth record, all machines go off and come back.
async fn off_and_back(stride: usize) {
    let (site, served) = deployed().await;
    let before = wanted(&objects::all(&site).await);

    // Up to the first machine: the start, and both ends of each of the eight steps before it.
    let records = (1..=18).step_by(stride);
    let lives = records.clone().count();
    assert_eq!(killed_after(&site, &OFF, records).await, lives);
    let running = site.start(&OFF);
    until("nobody asks for the secondary", || {
        waits_at(&site, "power/off-secondary")
    })
    .await;
    assert_rests(&site).await;
    switch(&site, "secondary=off").await;
    until("nobody asks for the primary", || {
        waits_at(&site, "power/off-primary")
    })
    .await;
    assert!(running.killed().await.is_some());
    let running = site.start(&OFF);
    switch(&site, "primary=off").await;
    let off = running.ended().await.exits(0);
    assert!(
        off.out
            .contains("No machine answers any more; care-install power on all"),
        "{off}"
    );
    assert_nothing_starts_a_part(&site).await;

    // Once more: there is nothing to do.
    let settled = wishes(&objects::all(&site).await);
    let again = [&OFF[..5], &["--json"]].concat();
    let told = site.run(&again).await.exits(0).json();
    let done = told.iter().filter(|line| line["state"] == "done");
    let done: Vec<&Value> = done.map(|line| &line["how"]).collect();
    assert_eq!(done.len(), 10, "{told:?}");
    assert!(
        done.iter().all(|how| how["done"] == "already_there"),
        "{done:?}"
    );
    assert_eq!(settled, wishes(&objects::all(&site).await));

    let running = site.start(&ON);
    until("nobody asks for the primary", || {
        waits_at(&site, "power/on-primary")
    })
    .await;
    assert!(running.killed().await.is_some());
    switch(&site, "primary=on").await;
    switch(&site, "secondary=on").await;
    let steps = steps(&site);
    assert!(steps >= 15, "{steps}");
    let records = (1..=2 * steps + 2).step_by(stride);
    let lives = killed_after(&site, &ON, records).await;
    assert!(lives > steps / stride, "{lives} of {steps} steps");
    let on = site.run(&ON).await.exits(0);
    assert!(
        on.out
            .contains("All machines are back, and everything runs again"),
        "{on}"
    );
    assert_back(&site, &before).await;
    served.signal(Signal::TERM);
    served.ended().await.exits(0);
}

/// Everything is as it was, and well.
async fn assert_back(site: &Site, before: &[(String, u64)]) {
    let all = objects::all(site).await;
    assert_eq!(wanted(&all), before);
    let notes = serde_json::to_string(&all).unwrap();
    assert!(!notes.contains("care-install/pods-before-power-off"));
    assert!(!notes.contains("cnpg.io/hibernation"));
    site.run(&["status", "--rehearsal", "--plain"])
        .await
        .exits(0);
    // What a person sees as changed by hand since the deploy: nothing.
    site.run(&["drift", "--rehearsal", "--plain"])
        .await
        .exits(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_begins_while_something_could_be_lost_until_somebody_says_why_it_goes_off_all_the_same()
 {
    let (site, served) = deployed().await;
    switch(&site, "secondary=off").await;
    // Without a yes nothing can begin; health needs a moment until it is sure of both.
    let asked = async || {
        let ask = ["power", "off", "all", "--rehearsal", "--json"];
        let lines = site.run(&ask).await.json();
        let problem = lines.into_iter().find(|line| line["event"] == "problem");
        problem.expect("it has begun")["problem"].clone()
    };
    let sure = |problem: &Value| {
        let causes = problem["causes"].to_string();
        causes.contains("has fewer copies") && causes.contains("care-db")
    };
    let refusal = async {
        loop {
            let problem = asked().await;
            if sure(&problem) {
                return problem;
            }
        }
    };
    let refused = tokio::time::timeout(super::LIMIT, refusal).await;
    let refused = refused.expect("health is never sure");
    assert_eq!(refused["code"], "RUN-08", "{refused}");
    let yes = ["power", "off", "all", "--rehearsal", "--yes", "--json"];
    let told = site.run(&yes).await.exits(1).json();
    assert_eq!(told[0]["problem"]["code"], "RUN-08", "{told:?}");
    assert!(!journal(&site).exists(), "it has begun");
    let all = objects::all(&site).await;
    assert!(all[DATABASE]["metadata"]["annotations"]["cnpg.io/hibernation"].is_null());

    let waived = [&OFF[..], &["--waive", "the diesel is at its end"]].concat();
    let running = site.start(&waived);
    until("nobody asks for the primary", || {
        waits_at(&site, "power/off-primary")
    })
    .await;
    // Killed, the same command without the words goes on: they stay with the run.
    assert!(running.killed().await.is_some());
    let running = site.start(&OFF);
    switch(&site, "primary=off").await;
    let off = running.ended().await.exits(4);
    assert!(off.out.contains("the diesel is at its end"), "{off}");
    served.signal(Signal::TERM);
    served.ended().await.exits(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_api_goes_with_the_last_machine_the_run_says_so_and_is_done() {
    let (site, served) = deployed().await;
    let running = site.start(&OFF);
    until("nobody asks for the secondary", || {
        waits_at(&site, "power/off-secondary")
    })
    .await;
    switch(&site, "secondary=off").await;
    until("nobody asks for the primary", || {
        waits_at(&site, "power/off-primary")
    })
    .await;
    assert!(served.killed().await.is_some());
    let off = running.ended().await.exits(0);
    assert!(off.out.contains("No machine answers any more"), "{off}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_alone_switch_all_machines_off_from_the_nodes_of_the_health_screen() {
    let (site, served) = deployed().await;
    let mut screen = Terminal::start(site.command(&["rehearse"]));
    screen.press("o", "screens").await;
    screen.choose("Health").await;
    screen.send("\r");
    screen
        .until("a healthy site", |text| {
            text.contains("Nothing needs attention")
        })
        .await;
    screen.send("3");
    screen.press("a", "actions").await;
    screen.choose("power off all").await;
    screen.send("\r");
    let card = screen
        .until("the question", |text| {
            text.contains("Power off all machines?")
        })
        .await;
    assert!(card.contains("care-install power off all"), "{card}");
    screen.choose("yes").await;
    screen.send("\r");
    let asks = |machine: &str| {
        let words = format!("switch {machine} off now");
        move |text: &str| {
            text.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .contains(&words)
        }
    };
    screen
        .until("asked for the secondary", asks("secondary"))
        .await;
    assert_rests(&site).await;
    switch(&site, "secondary=off").await;
    screen.until("asked for the primary", asks("primary")).await;
    switch(&site, "primary=off").await;
    screen
        .until("the end", |text| {
            text.contains("All is done: 10 of 10 steps")
        })
        .await;
    screen.press("q", "leave").await;
    assert_eq!(screen.ended().await, Some(0));
    served.signal(Signal::TERM);
    served.ended().await.exits(0);
}
