//! `rehearse --yes` and `deploy`: unattended, again, as JSON, joined, stopped, in the background.

use std::fs;

use care_install::{
    engine::event::{Command, Event, Steering},
    host,
};
use rustix::process::Signal;
use serde_json::Value;

use super::{LIMIT, REHEARSE, Site, lines, objects, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_is_deployed_unattended_and_the_second_time_nothing_is_touched() {
    let site = Site::new();
    let first = site.run(REHEARSE).await.exits(0);
    assert!(first.out.contains("Done: 35 of 35 steps"), "{first}");
    let before = objects::all(&site).await;
    assert!(before.len() > 300, "{} objects", before.len());

    let again = site.run(REHEARSE).await.exits(0);
    let there = again
        .out
        .lines()
        .filter(|line| line.contains("already, and ready"));
    assert_eq!(there.count(), 35, "{again}");
    let after = objects::all(&site).await;
    assert_eq!(objects::versions(&before), objects::versions(&after));

    let json = site.run(&["rehearse", "--yes", "--json"]).await.exits(0);
    let events = json.json();
    let summary = events.last().unwrap();
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["outcome"], "done");
    assert_eq!(summary["exit"], 0);
    assert_eq!(summary["steps"]["already_there"], 35);
    assert_eq!(json.err, "");
    let later = objects::all(&site).await;
    assert_eq!(objects::versions(&before), objects::versions(&later));
    println!("{} objects, {} JSON lines", before.len(), events.len());
}

/// The identity of each run that a journal holds, in order.
fn runs(site: &Site) -> Vec<String> {
    let text = fs::read_to_string(site.journal()).unwrap_or_default();
    let events = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events
        .filter(|event| event["event"] == "run_started")
        .map(|event| event["run"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_stops_safely_and_the_same_command_goes_on() {
    let site = Site::new();
    let running = site.start(REHEARSE);
    until("no step began", || lines(&site.journal()) > 6).await;
    running.signal(Signal::INT);
    let stopped = running.ended().await.exits(3);
    let end = stopped.out.lines().last().unwrap();
    assert!(end.starts_with("Stopped: "), "{stopped}");
    assert!(
        end.ends_with("The same command goes on from here."),
        "{stopped}"
    );
    assert!(stopped.out.contains("stopping ("), "{stopped}");
    let done = stopped
        .out
        .lines()
        .filter(|line| line.contains(" done "))
        .count();

    let again = site.run(REHEARSE).await.exits(0);
    let there = again
        .out
        .lines()
        .filter(|line| line.contains("already, and ready"));
    assert!(there.count() >= done, "{stopped}\n{again}");
    assert_eq!(runs(&site).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_deploy_joins_the_run_that_goes_on_and_ends_with_its_code() {
    let site = Site::new();
    // At a speed that a second start can follow.
    let slow = ["rehearse", "--yes", "--plain", "--speed", "100"];
    let first = site.start(&slow);
    let process = format!(" pid {}, since ", first.child.id().unwrap());
    until("no step began", || lines(&site.journal()) > 6).await;
    let second = site.start(&["deploy", "--rehearsal", "--plain"]);
    let third = site.start(&["rehearse", "--yes", "--json"]);
    let (first, second, third) = (first.ended(), second.ended(), third.ended());
    let (first, second, third) = tokio::join!(first, second, third);
    let (first, second, third) = (first.exits(0), second.exits(0), third.exits(0));
    // Who, where, since when.
    assert!(second.err.contains("A run goes on already ("), "{second}");
    assert!(second.err.contains(&process), "{second}");
    let told = &third.json()[0];
    assert_eq!(told["event"], "joined", "{third}");
    assert!(
        told["holder"]["who"].as_str().unwrap().contains('@'),
        "{told}"
    );
    assert_eq!(runs(&site).len(), 1);
    // All of its lines, also those from before it came.
    let run = |text: &str| text.split_once("Deploying ").unwrap().1.to_owned();
    assert_eq!(run(&first.out), run(&second.out));
    assert_eq!(third.json().last().unwrap()["outcome"], "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_in_the_background_is_joined_and_after_a_kill_the_next_goes_on() {
    let site = Site::prepared().await;
    let background = ["--rehearsal", "--json", "deploy", "--background"];
    let slow = ["rehearse", "--serve", "--speed", "100"];
    let served = site.start(&slow);
    until("not served", || site.cluster().join("point.json").exists()).await;

    let running = site.start(&background);
    let work = site.folder.join("rehearsal");
    let joined = join(&work).await;
    drop(joined);
    until("nothing done", || lines(&site.journal()) > 12).await;
    let mut joined = join(&work).await;
    let first = tokio::time::timeout(LIMIT, joined.events.recv())
        .await
        .unwrap();
    assert!(matches!(first, Some(Event::RunStarted { .. })), "{first:?}");
    assert!(running.killed().await.is_some(), "it had ended");
    // The events end with the process; that is no end of the run.
    while let Some(event) = tokio::time::timeout(LIMIT, joined.events.recv())
        .await
        .unwrap()
    {
        assert!(!matches!(event, Event::RunEnded { .. }));
    }

    let running = site.start(&background);
    let mut joined = join(&work).await;
    joined.commands.send(Command::Pause).await.unwrap();
    until_event(&mut joined, |event| matches!(event, Event::Paused { .. })).await;
    joined.commands.send(Command::Resume).await.unwrap();
    until_event(&mut joined, |event| matches!(event, Event::RunEnded { .. })).await;
    running.ended().await.exits(0);
    assert_eq!(runs(&site).len(), 2);
    served.signal(Signal::TERM);
    served.ended().await.exits(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_join_one_steers_the_other_is_told_who_and_may_take_over() {
    let site = Site::prepared().await;
    let served = site.start(&["rehearse", "--serve", "--speed", "100"]);
    until("not served", || site.cluster().join("point.json").exists()).await;
    let running = site.start(&["--rehearsal", "--json", "deploy", "--background"]);
    let work = site.folder.join("rehearsal");

    let mut first = join(&work).await;
    assert!(steering(&mut first).await.mine);
    let mut second = join(&work).await;
    let seen = steering(&mut second).await;
    assert!(!seen.mine && seen.by.unwrap().who.contains(" pid "));
    // What it asks is not done, and it is told once more.
    second.commands.send(Command::StopNow).await.unwrap();
    assert!(!steering(&mut second).await.mine);
    second.commands.send(Command::TakeOver).await.unwrap();
    while !steering(&mut second).await.mine {}
    while steering(&mut first).await.mine {}
    first.commands.send(Command::StopNow).await.unwrap();
    assert!(!steering(&mut first).await.mine);
    second.commands.send(Command::Pause).await.unwrap();
    until_event(&mut second, |event| matches!(event, Event::Paused { .. })).await;
    // Who steers has gone: the other one's word counts again.
    drop(second);
    while steering(&mut first).await.by.is_some() {}
    first.commands.send(Command::Resume).await.unwrap();
    until_event(&mut first, |event| matches!(event, Event::RunEnded { .. })).await;
    running.ended().await.exits(0);
    served.signal(Signal::TERM);
    served.ended().await.exits(0);
}

async fn steering(joined: &mut host::Joined) -> Steering {
    tokio::time::timeout(LIMIT, joined.steering.recv())
        .await
        .unwrap()
        .expect("the run has ended")
}

async fn join(work: &std::path::Path) -> host::Joined {
    let joins = async {
        loop {
            if let Some(joined) = host::join(work).await {
                return joined;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, joins)
        .await
        .expect("nobody to join")
}

async fn until_event(joined: &mut host::Joined, is: impl Fn(&Event) -> bool) {
    let hear = async {
        while let Some(event) = joined.events.recv().await {
            if is(&event) {
                return true;
            }
        }
        false
    };
    assert!(
        tokio::time::timeout(LIMIT, hear).await.unwrap(),
        "the events ended before"
    );
}
