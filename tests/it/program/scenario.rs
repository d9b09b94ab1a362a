//! What goes wrong on the practice cluster is named while it is waited for, and once it is gone the run ends by itself.

use std::fs;

use rustix::process::Signal;

use super::{Site, start, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_cannot_be_pulled_is_named_and_once_it_can_the_run_finishes_by_itself() {
    let site = Site::new();
    // Its lines go to a file, to be read while it runs.
    fs::create_dir_all(&site.folder).unwrap();
    let told = site.beside("told.txt");
    let mut command = site.command(&[
        "rehearse",
        "--yes",
        "--plain",
        "--speed",
        "max",
        "--scenario",
        "image-pull-fails",
    ]);
    let file = fs::File::create(&told).unwrap();
    command.stdout(file.try_clone().unwrap()).stderr(file);
    let mut child = command.spawn().unwrap();
    until("it never says that it waits", || {
        fs::read_to_string(&told).unwrap().contains("[WAIT-02]")
    })
    .await;
    let text = fs::read_to_string(&told).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.contains("[WAIT-02]"))
        .unwrap();
    let (what, remedy) = (lines[at], lines[at + 1]);
    assert!(what.contains(" pod care-migrate-"), "{text}");
    assert!(
        what.contains("cannot pull the image ghcr.io/ohcnetwork/care:"),
        "{text}"
    );
    assert!(what.contains(": not found"), "{text}");
    assert!(
        remedy.contains("To fix: Push the image to ghcr.io or correct its name in site.yaml."),
        "{text}"
    );
    assert!(
        text.contains(
            "plays `image-pull-fails` now: The image of the Care backend cannot be pulled."
        ),
        "{text}"
    );

    // Another terminal: it sets the scenario and shows the run, to the same end.
    let other = site
        .run(&["rehearse", "--plain", "--scenario", "healthy"])
        .await
        .exits(0);
    assert!(
        other.err.contains("plays `healthy` now: Everything works."),
        "{other}"
    );
    assert!(other.err.contains("A run goes on already"), "{other}");
    let end = other.out.lines().last().unwrap();
    assert!(end.starts_with("Done: 35 of 35 steps"), "{other}");
    assert!(
        tokio::time::timeout(super::LIMIT, child.wait())
            .await
            .unwrap()
            .unwrap()
            .success()
    );
    let text = fs::read_to_string(&told).unwrap();
    assert!(text.contains(end), "{text}");
}

#[tokio::test]
async fn a_scenario_is_set_without_a_run_too_and_an_unknown_one_is_offered_the_nearest() {
    let site = Site::new();
    let none = site
        .run(&["rehearse", "--plain", "--scenario", "image-pul"])
        .await
        .exits(2);
    assert!(
        none.err.contains("Did you mean `image-pull-fails`?"),
        "{none}"
    );
    assert!(!site.folder.exists(), "made for nothing");
    let help = start(site.bare(&["rehearse", "--help"]))
        .ended()
        .await
        .exits(0);
    let words: Vec<&str> = help.out.split_whitespace().collect();
    assert!(
        words.join(" ").contains("given while a run goes on"),
        "{help}"
    );
}

#[tokio::test]
async fn clock_and_scenario_are_changed_from_another_terminal_on_a_cluster_that_runs() {
    let site = Site::prepared().await;
    let none = site.run(&["rehearse", "--plain", "--pause"]).await.exits(1);
    assert!(none.err.contains("[REH-01]"), "{none}");
    let served = site.start(&["rehearse", "--serve", "--speed", "500"]);
    until("not served", || site.cluster().join("point.json").exists()).await;
    let paused = site.run(&["rehearse", "--plain", "--pause"]).await.exits(0);
    assert!(paused.out.contains("clock stands still at"), "{paused}");
    let stepped = site.run(&["rehearse", "--json", "--step"]).await.exits(0);
    assert_eq!(stepped.json()[0]["pace"], "paused", "{stepped}");
    // Neither does a change want a deploy that nobody asked for.
    let lost = ["rehearse", "--plain", "--scenario", "secondary-lost"];
    let changed = site.run(&lost).await.exits(0);
    let words = "plays `secondary-lost` now: The second machine is lost";
    assert!(changed.err.contains(words), "{changed}");
    assert!(changed.out.contains("rehearse --yes"), "{changed}");
    served.signal(Signal::TERM);
    served.ended().await.exits(0);
}
