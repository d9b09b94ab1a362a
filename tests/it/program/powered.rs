//! A machine of the practice cluster is emptied, switched off, switched on and taken back; a kill after any record changes nothing of that.

use super::{Site, lines, objects, until};
use rustix::process::Signal;

const OFF: [&str; 6] = [
    "power",
    "off",
    "secondary",
    "--rehearsal",
    "--yes",
    "--plain",
];
const ON: [&str; 6] = [
    "power",
    "on",
    "secondary",
    "--rehearsal",
    "--yes",
    "--plain",
];

/// Records of a run up to the one that waits for the machine to be switched off: its start, and the beginning and end of each step.
const BEFORE_OFF: usize = 14;

pub(super) fn journal(site: &Site) -> std::path::PathBuf {
    site.folder.join("rehearsal/power.jsonl")
}

/// Whether the newest run waits at this step.
pub(super) fn waits_at(site: &Site, step: &str) -> bool {
    let text = std::fs::read_to_string(journal(site)).unwrap_or_default();
    let last = text
        .lines()
        .rev()
        .find(|line| line.contains(r#""event":"step""#));
    last.is_some_and(|line| line.contains(step) && line.contains(r#""state":"running""#))
}

async fn node(site: &Site, name: &str) -> serde_json::Value {
    let all = objects::all(site).await;
    let key = format!("/api/v1 Node - {name}");
    all.get(&key).expect("no such node").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_goes_off_and_comes_back_though_the_program_is_killed_after_each_record() {
    let site = Site::prepared().await;
    let served = site.start(&["rehearse", "--serve", "--speed", "100"]);
    until("not served", || site.cluster().join("point.json").exists()).await;
    site.run(&["rehearse", "--yes", "--plain"]).await.exits(0);

    for record in 1..=BEFORE_OFF {
        let before = lines(&journal(&site));
        let running = site.start(&OFF);
        until("no further record", || {
            lines(&journal(&site)) >= before + record
        })
        .await;
        assert!(
            running.killed().await.is_some(),
            "it had ended at record {record}"
        );
    }
    let running = site.start(&OFF);
    until("nobody is asked to switch it off", || {
        waits_at(&site, "power/off")
    })
    .await;
    // Emptied, and the database's primary is on the other machine.
    let closed = node(&site, "secondary").await;
    assert_eq!(closed["spec"]["unschedulable"], true, "{closed}");
    let all = objects::all(&site).await;
    let cluster = &all["/apis/postgresql.cnpg.io/v1 Cluster database care-db"];
    let primary = cluster["status"]["currentPrimary"].as_str().unwrap();
    let pod = &all[&format!("/api/v1 Pod database {primary}")];
    assert_eq!(pod["spec"]["nodeName"], "primary");
    let stays = all.iter().filter(|(key, one)| {
        key.starts_with("/api/v1 Pod ")
            && one["spec"]["nodeName"] == "secondary"
            && one["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"
    });
    assert_eq!(stays.count(), 0);
    site.run(&["rehearse", "--machine", "secondary=off", "--plain"])
        .await
        .exits(0);
    let off = running.ended().await.exits(0);
    assert!(
        off.out
            .contains("secondary is off; care-install power on secondary"),
        "{off}"
    );

    let running = site.start(&ON);
    until("nobody is asked to switch it on", || {
        waits_at(&site, "power/on")
    })
    .await;
    assert!(running.killed().await.is_some());
    let running = site.start(&ON);
    site.run(&["rehearse", "--machine", "secondary=on", "--plain"])
        .await
        .exits(0);
    let on = running.ended().await.exits(0);
    assert!(
        on.out
            .contains("secondary is back, and everything runs again"),
        "{on}"
    );
    let open = node(&site, "secondary").await;
    assert_ne!(open["spec"]["unschedulable"], true, "{open}");
    site.run(&["status", "--rehearsal", "--plain"])
        .await
        .exits(0);
    served.signal(Signal::TERM);
    served.ended().await.exits(0);
}

#[tokio::test]
async fn a_power_off_names_the_nodes_that_there_are_and_asks_before_it_begins() {
    let site = Site::new();
    site.run(super::REHEARSE).await.exits(0);
    let wrong = site
        .run(&["power", "off", "third", "--rehearsal", "--yes", "--plain"])
        .await;
    let wrong = wrong.exits(2);
    assert!(wrong.err.contains("primary, secondary"), "{wrong}");
    let unasked = site
        .run(&["power", "off", "primary", "--rehearsal", "--plain"])
        .await
        .exits(2);
    assert!(
        unasked.out.contains("Registration and records"),
        "{unasked}"
    );
    assert!(unasked.err.contains("--yes"), "{unasked}");
    assert!(!journal(&site).exists());
    let json = site
        .run(&["power", "off", "primary", "--rehearsal", "--json"])
        .await
        .exits(2);
    let told = &json.json()[0];
    assert_eq!(
        (&told["event"], &told["way"]),
        (&"power".into(), &"off".into())
    );
    assert!(!told["services"].as_array().unwrap().is_empty(), "{told}");
}
