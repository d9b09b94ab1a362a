//! An upgrade as a person makes it, by the settings: the difference names the copy, the deploy makes it first, then nothing is left.

use std::fs;

use serde_json::Value;

use super::{REHEARSE, Site};

const DIFF: &[&str] = &["plan", "--diff", "--rehearsal"];
const FORMER: &str = "ghcr.io/ohcnetwork/care:v25.40.0";
const LATER: &str = "ghcr.io/ohcnetwork/care:v25.41.0";

/// Where an event of a run tells this of a step.
fn place(events: &[Value], step: &str, state: &str) -> usize {
    let told = |event: &Value| {
        event["event"] == "step" && event["step"] == step && event["state"] == state
    };
    let found = events.iter().position(told);
    assert!(found.is_some(), "{step} is never {state}: {events:#?}");
    found.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_of_care_comes_after_a_backup_of_its_database() {
    let site = Site::new();
    site.run(REHEARSE).await.exits(0);
    let file = site.folder.join("site.yaml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(FORMER), "{text}");
    fs::write(&file, text.replace(FORMER, LATER)).unwrap();

    let ran = site.run(DIFF).await.exits(0);
    for words in [
        "+ Backup database/care-db-before-",
        &format!(".image: \"{FORMER}\" -> \"{LATER}\""),
    ] {
        assert!(ran.out.contains(words), "{words:?} is not in {ran}");
    }
    let events = site
        .run(&["rehearse", "--yes", "--json"])
        .await
        .exits(0)
        .json();
    let copied = place(&events, "before/database", "done");
    for step in ["settings", "migrate", "web", "workers"] {
        let begun = place(&events, &format!("care-backend/{step}"), "running");
        assert!(copied < begun, "{step}");
    }
    let ran = site.run(DIFF).await.exits(0);
    assert!(ran.out.starts_with("No difference: "), "{ran}");
    let events = site
        .run(&["rehearse", "--yes", "--json"])
        .await
        .exits(0)
        .json();
    let again = events
        .iter()
        .any(|event| event["step"] == "before/database");
    assert!(!again, "nothing is left to be copied");
}
