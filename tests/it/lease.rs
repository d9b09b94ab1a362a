//! One run at a time on a cluster, from whichever computer, folder or process; a dead one is followed, and nothing is done twice.

use std::{path::Path, process::Stdio, time::Duration};

use care_install::{
    engine::{
        event::{Command as RunCommand, Event, Outcome, StepState},
        run::{self, Hold, RunHandle, Setting},
    },
    plan::{Object, ObjectRef},
    problem::{Code, Problem},
    sys::{
        clock::Clock,
        kube::{Kube, Source},
        lease::{self, Claim, Lease, Terms},
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::{process::Child, time::timeout};

use crate::{
    catalog::sample_plan,
    child, edge,
    rehearsal_deploy::{LIMIT, doors, ended, serve, setting},
};

/// Short enough to wait for its end, long enough for a busy computer to renew in time.
const SHORT: Terms = Terms {
    lasts: Duration::from_secs(4),
    renew: Duration::from_millis(500),
};

/// Long enough that a test never sees its end.
const LONG: Terms = Terms {
    lasts: Duration::from_hours(1),
    renew: Duration::from_secs(1),
};

fn claim(who: &str, run: &str, terms: Terms) -> Claim {
    Claim {
        who: who.to_owned(),
        run: run.to_owned(),
        former: None,
        terms,
        clock: Clock::real(),
    }
}

fn target() -> ObjectRef {
    ObjectRef::new(
        "coordination.k8s.io/v1",
        "Lease",
        "kube-system",
        "care-install",
    )
}

async fn holder(kube: &Kube) -> String {
    let lease = kube.get(&target()).await.unwrap().unwrap();
    lease["spec"]["holderIdentity"].as_str().unwrap().to_owned()
}

async fn lost(lease: &Lease) -> Problem {
    timeout(LIMIT, lease.lost()).await.unwrap()
}

#[tokio::test]
async fn a_second_run_is_told_who_where_and_for_how_long_and_begins_once_the_first_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let kube = &practiced.kube;
    let anna = claim("anna@laptop pid 7", "one", LONG);
    let first = lease::take(kube, anna).await.unwrap();
    let bert = claim("bert@desk pid 8", "two", LONG);
    let refused = lease::take(kube, bert.clone()).await.unwrap_err().problem;
    assert_eq!(refused.code, Code::Run06);
    assert!(
        refused.causes[0].starts_with("it is anna@laptop pid 7 run one, since "),
        "{refused}"
    );
    assert!(
        refused.remedy.contains("start again in 3600 s"),
        "{refused}"
    );
    first.give_back().await;
    assert_eq!(holder(kube).await, "");
    let second = lease::take(kube, bert).await.unwrap();
    assert_eq!(holder(kube).await, "bert@desk pid 8 run two");
    drop(second);
    let given = async { while !holder(kube).await.is_empty() {} };
    timeout(LIMIT, given).await.unwrap();
}

#[tokio::test]
async fn the_next_run_of_the_same_folder_need_not_wait_for_the_one_that_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let dead = claim("anna@laptop pid 7", "one", LONG);
    // Never given back while the test lasts.
    let _killed = lease::take(&practiced.kube, dead).await.unwrap();
    let mut next = claim("anna@laptop pid 9", "two", LONG);
    next.former = Some("one".to_owned());
    lease::take(&practiced.kube, next).await.unwrap();
}

#[tokio::test]
async fn of_many_who_take_it_at_the_same_moment_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let kube = &practiced.kube;
    for silent in [false, true] {
        if silent {
            // A holder that died long ago.
            let there = kube.get(&target()).await.unwrap().unwrap();
            let mut old = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": there["metadata"], "spec": there["spec"]});
            old["spec"]["holderIdentity"] = "dead@desk pid 1 run old".into();
            old["spec"]["renewTime"] = "2026-01-01T00:00:00.000000Z".into();
            let old = Object::from_value(old).unwrap();
            kube.replace(&old).await.unwrap().unwrap();
        }
        let takers = (0..8).map(|taker| {
            let who = claim(&format!("taker@desk pid {taker}"), "new", SHORT);
            lease::take(kube, who)
        });
        let taken = futures::future::join_all(takers).await;
        let won: Vec<&Lease> = taken.iter().flatten().collect();
        assert_eq!(won.len(), 1, "{taken:?}");
        won[0].give_back().await;
    }
}

#[tokio::test]
async fn a_holder_whose_lease_was_taken_says_so_and_one_that_was_deleted_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let kube = &practiced.kube;
    let held = lease::take(kube, claim("anna@laptop pid 7", "one", SHORT)).await;
    let held = held.unwrap();
    assert!(kube.delete(&target()).await.unwrap());
    let again = async { while kube.get(&target()).await.unwrap().is_none() {} };
    timeout(LIMIT, again).await.unwrap();
    loop {
        let mut theirs = kube.get(&target()).await.unwrap().unwrap();
        theirs["spec"]["holderIdentity"] = "bert@desk pid 8 run two".into();
        let theirs = Object::from_value(theirs).unwrap();
        if kube.replace(&theirs).await.unwrap().is_some() {
            break;
        }
    }
    let problem = lost(&held).await;
    assert_eq!(problem.code, Code::Run06);
    assert_eq!(problem.causes, ["it is bert@desk pid 8 run two"]);
    held.give_back().await;
    assert_eq!(holder(kube).await, "bert@desk pid 8 run two");
}

/// A run of the whole sample site that holds the cluster.
async fn held_run(kube: &Kube, folder: &Path, claim: Claim) -> Result<RunHandle, Problem> {
    let run = run::new_id();
    let claim = Claim {
        run: run.0.clone(),
        ..claim
    };
    let lease = lease::take(kube, claim).await?;
    let setting = Setting {
        hold: Some(Hold { run, lease }),
        ..setting(folder)
    };
    let plan = sample_plan();
    let doors = doors(kube, &edge::routes(&plan));
    Ok(run::start(plan, doors, setting).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_renew_stops_with_the_reason_and_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let anna = claim("anna@laptop pid 7", "", SHORT);
    let run = held_run(&practiced.kube, folder.path(), anna.clone())
        .await
        .unwrap();
    let mut events = run.subscribe();
    let some_done = async {
        while let Some(event) = events.recv().await {
            if matches!(
                &event,
                Event::Step {
                    state: StepState::Done { .. },
                    ..
                }
            ) {
                return;
            }
        }
    };
    timeout(LIMIT, some_done).await.unwrap();
    practiced.serving.stop.cancel();
    let why = async {
        while let Some(event) = events.recv().await {
            if let Event::Stopping { why, .. } = event {
                return Some(why);
            }
        }
        None
    };
    let why = timeout(LIMIT, why).await.unwrap().unwrap();
    assert!(why.contains("[RUN-07]"), "{why}");
    assert!(why.contains("Could not reach the Kubernetes API"), "{why}");
    let (outcome, states) = ended(&run).await;
    assert_eq!(outcome, Outcome::Stopped, "{states:#?}");

    let practiced = serve(folder.path()).await;
    let run = held_run(&practiced.kube, folder.path(), anna)
        .await
        .unwrap();
    assert_eq!(ended(&run).await.0, Outcome::Done);
    assert_eq!(holder(&practiced.kube).await, "");
}

/// Writes another holder into the lease, past its present one.
async fn hand_over(kube: &Kube, who: &str) {
    let written = async {
        loop {
            let mut theirs = kube.get(&target()).await.unwrap().unwrap();
            theirs["spec"]["holderIdentity"] = who.into();
            let theirs = Object::from_value(theirs).unwrap();
            if kube.replace(&theirs).await.unwrap().is_some() {
                break;
            }
        }
    };
    timeout(LIMIT, written).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_lease_is_taken_begins_nothing_more_says_by_whom_and_goes_on_once_it_is_given_back()
 {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let kube = &practiced.kube;
    let anna = claim("anna@laptop pid 7", "", SHORT);
    let run = held_run(kube, folder.path(), anna.clone()).await.unwrap();
    // No new steps, so that the run does not end before the theft is noticed.
    let mut events = run.subscribe();
    let (mut done, mut why) = (0, None);
    let hear = async {
        while let Some(event) = events.recv().await {
            match event {
                Event::Step {
                    state: StepState::Done { .. },
                    ..
                } => {
                    done += 1;
                    if done == 1 {
                        run.commands().send(RunCommand::Pause).await.unwrap();
                        hand_over(kube, "bert@desk pid 8 run two").await;
                        run.commands().send(RunCommand::Resume).await.unwrap();
                    }
                }
                Event::Step {
                    step,
                    state: StepState::Running { .. },
                    ..
                } => assert_eq!(why, None, "{step} began"),
                Event::Stopping { why: words, .. } => why = Some(words),
                _ => {}
            }
        }
    };
    timeout(LIMIT, hear).await.unwrap();
    let why = why.unwrap();
    assert!(why.contains("[RUN-06]"), "{why}");
    assert!(why.contains("it is bert@desk pid 8 run two"), "{why}");
    assert!(why.contains("goes on where it stopped"), "{why}");
    assert_eq!(run.finished().await, Outcome::Stopped);
    assert_eq!(holder(kube).await, "bert@desk pid 8 run two");

    let refused = held_run(kube, folder.path(), anna.clone()).await;
    assert_eq!(refused.unwrap_err().code, Code::Run06);
    hand_over(kube, "").await;
    let run = held_run(kube, folder.path(), anna).await.unwrap();
    assert_eq!(ended(&run).await.0, Outcome::Done);
    let names: Vec<String> = jobs(kube).await.into_iter().map(|(name, _)| name).collect();
    let mut once = names.clone();
    once.dedup();
    assert_eq!(once, names);
}

const URL: &str = "CARE_LEASE_TEST_URL";
const TOKEN: &str = "CARE_LEASE_TEST_TOKEN";
const FOLDER: &str = "CARE_LEASE_TEST_FOLDER";
const WORKS: &str = "a step is done";

/// The process that the test below starts and kills; by itself it does nothing.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that another test of this file starts"]
async fn child() {
    let told = |name| std::env::var(name).expect("started by a test of this file");
    let source = Source::Endpoint {
        url: told(URL),
        token: SecretString::from(told(TOKEN)),
    };
    let kube = Kube::connect(&source).await.unwrap();
    let who = claim("anna@laptop pid 7", "", SHORT);
    let run = held_run(&kube, Path::new(&told(FOLDER)), who).await;
    let mut events = run.unwrap().subscribe();
    let mut done = 0;
    while let Some(event) = events.recv().await {
        if matches!(
            &event,
            Event::Step {
                state: StepState::Done { .. },
                ..
            }
        ) {
            done += 1;
            println!("{WORKS}: {done}");
        }
    }
}

/// Starts the child and returns once so many of its steps are done.
async fn child_at_work((url, token): (&str, &SecretString), folder: &Path, steps: usize) -> Child {
    let variables = [
        (URL, url.as_ref()),
        (TOKEN, token.expose_secret().as_ref()),
        (FOLDER, folder.as_os_str()),
    ];
    let mut child = child::start("lease::child", variables, Stdio::null());
    let wanted = format!("{WORKS}: {steps}");
    child::says(&mut child, LIMIT, |line| {
        line.contains(&wanted).then_some(())
    })
    .await;
    child
}

async fn jobs(kube: &Kube) -> Vec<(String, Value)> {
    let of = ObjectRef {
        namespace: None,
        ..ObjectRef::new("batch/v1", "Job", "", "")
    };
    let jobs = kube.list(&of, "").await.unwrap();
    let mut named: Vec<_> = jobs
        .iter()
        .map(|job| {
            (
                job["metadata"]["name"].to_string(),
                job["metadata"]["uid"].clone(),
            )
        })
        .collect();
    named.sort_by(|left, right| left.0.cmp(&right.0));
    named
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_holder_is_followed_from_another_site_folder_after_its_time_and_no_job_runs_twice()
{
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let kube = &practiced.kube;
    let point = (practiced.serving.url.as_str(), &practiced.serving.token);
    let mut child = child_at_work(point, &folder.path().join("one"), 3).await;
    child.kill().await.unwrap();
    let bert = claim("bert@desk pid 8", "", SHORT);
    let two = folder.path().join("two");
    let refused = held_run(kube, &two, bert.clone()).await.unwrap_err();
    assert_eq!(refused.code, Code::Run06);
    assert!(refused.causes[0].contains("anna@laptop pid 7"), "{refused}");
    let before = jobs(kube).await;
    let follow = async {
        loop {
            match held_run(kube, &two, bert.clone()).await {
                Ok(run) => return run,
                Err(problem) => assert_eq!(problem.code, Code::Run06),
            }
        }
    };
    let run = timeout(LIMIT, follow).await.unwrap();
    let (outcome, states) = ended(&run).await;
    assert_eq!(outcome, Outcome::Done, "{states:#?}");
    let after = jobs(kube).await;
    assert!(
        before.iter().all(|job| after.contains(job)),
        "{before:?} {after:?}"
    );
    let mut names: Vec<&String> = after.iter().map(|(name, _)| name).collect();
    names.dedup();
    assert_eq!(names.len(), after.len());
}
