//! Two sites on one cluster: one runs, the other is told; a dead holder is followed once its time is over, and nothing is
//! done twice.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink};

use care_install::{
    engine::{
        event::{Done, Event, StepState},
        journal::Journal,
    },
    plan::{Object, ObjectRef},
    rehearsal,
    sys::kube::Kube,
};

use super::{Ran, Site, lines, objects, until};

/// At a speed that leaves time to come in between.
const SLOW: &[&str] = &["rehearse", "--yes", "--plain", "--speed", "200"];

/// Another site, with the same settings, whose practice leads to the same cluster.
fn other_on_the_cluster_of(site: &Site) -> Site {
    let other = site.twin();
    let practice = other.folder.join("rehearsal");
    fs::create_dir(&practice).unwrap();
    symlink(site.cluster(), practice.join("cluster")).unwrap();
    other
}

async fn kube(site: &Site) -> Kube {
    let point = rehearsal::find(&site.cluster()).await.unwrap();
    Kube::connect(&point.source()).await.unwrap()
}

/// Makes the lease look as it does when its holder has been silent for long: no test waits a minute.
async fn let_the_lease_run_out(site: &Site) {
    let kube = kube(site).await;
    let lease = ObjectRef::new(
        "coordination.k8s.io/v1",
        "Lease",
        "kube-system",
        "care-install",
    );
    let mut there = kube.get(&lease).await.unwrap().unwrap();
    there["spec"]["renewTime"] = "2026-01-01T00:00:00.000000Z".into();
    let there = Object::from_value(there).unwrap();
    kube.replace(&there).await.unwrap().unwrap();
}

/// Steps that ended well by the journal of a site, and whether they changed anything.
fn done(site: &Site) -> Vec<(String, bool)> {
    let memory = Journal::look(&site.journal()).unwrap();
    let ends = memory.events.into_iter().filter_map(|event| match event {
        Event::Step {
            step,
            state: StepState::Done { how },
            ..
        } => Some((step.to_string(), how == Done::Applied)),
        _ => None,
    });
    ends.collect()
}

fn assert_told(ran: &Ran, process: u32) {
    assert!(ran.err.contains("[RUN-06]"), "{ran}");
    assert!(
        ran.err
            .contains("Another run works on this cluster; nothing was changed."),
        "{ran}"
    );
    // Who, on which computer, in which process, since when.
    assert!(ran.err.contains("caused by: it is "), "{ran}");
    assert!(ran.err.contains(&format!(" pid {process} run ")), "{ran}");
    assert!(ran.err.contains(", since "), "{ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_sites_on_one_cluster_one_runs_and_the_other_is_told_and_follows_the_dead_one() {
    let site = Site::prepared().await;
    let other = other_on_the_cluster_of(&site);
    let running = site.start(SLOW);
    until("nothing done", || lines(&site.journal()) > 16).await;
    let process = running.child.id().unwrap();
    assert_told(&other.run(SLOW).await.exits(1), process);
    assert!(!other.journal().exists(), "the other has begun");

    running.killed().await.expect("it had ended");
    let before = done(&site);
    assert!(!before.is_empty());
    // Dead, and its hold is not over.
    assert_told(&other.run(SLOW).await.exits(1), process);
    let_the_lease_run_out(&site).await;
    other.run(SLOW).await.exits(0);

    let after = done(&other);
    for (step, _) in &before {
        let changed = after.iter().find(|(name, _)| name == step).unwrap().1;
        assert!(!changed, "{step} was done and was done again");
    }
    let jobs = objects::jobs_ever(&site);
    assert!(jobs.len() >= 3, "{jobs:?}");
    for (name, (made, pods)) in jobs {
        assert_eq!((made.len(), pods.len()), (1, 1), "{name}");
    }

    // The first comes back, finds nothing to do and makes nothing anew.
    let before = identities(&site).await;
    site.run(SLOW).await.exits(0);
    assert!(done(&site).iter().all(|(_, changed)| !changed));
    assert_eq!(before, identities(&site).await);
}

/// The identity of every object that does not come and go by itself.
async fn identities(site: &Site) -> BTreeMap<String, String> {
    let kept = |kind: &str| {
        ["Pod", "Event", "Lease", "Backup", "Job", "EndpointSlice"]
            .iter()
            .all(|restless| !kind.contains(restless))
    };
    let all = objects::all(site).await.into_iter();
    all.filter(|(key, _)| key.split(' ').nth(1).is_some_and(kept))
        .map(|(key, object)| (key, object["metadata"]["uid"].to_string()))
        .collect()
}
