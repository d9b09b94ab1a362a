//! A cluster that another computer set up: looked after by its kubeconfig alone, in lines and on the screens.

use super::{REHEARSE, Site, terminal::Terminal};

/// A practice cluster that is deployed, and the kubeconfig of somebody who knows nothing else of it.
async fn cluster() -> (Site, super::Running, String) {
    let site = Site::new();
    let file = site.named("kubeconfig");
    site.run(&["rehearse", "--plain"]).await.exits(2);
    site.end_processes();
    let serving = site.start(&[
        "rehearse",
        "--serve",
        "--speed",
        "max",
        "--kubeconfig",
        &file,
    ]);
    while !site.beside("kubeconfig").exists() {
        tokio::task::yield_now().await;
    }
    site.run(REHEARSE).await.exits(0);
    (site, serving, file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kubeconfig_alone_shows_health_and_what_the_backups_allow() {
    let (site, serving, file) = cluster().await;
    let elsewhere = Site::new();
    let ran = super::start(elsewhere.bare(&["attach", "--plain", &file]))
        .ended()
        .await;
    let ran = ran.exits(0);
    for words in [
        "Registration and records",
        "nodes 2 of 2 ok",
        "Can be restored from",
    ] {
        assert!(ran.out.contains(words), "{words}\n{}", ran.out);
    }
    let ran = super::start(elsewhere.bare(&["attach", "--json", &file]))
        .ended()
        .await;
    let ran = ran.exits(0);
    assert!(ran.out.contains("\"event\":\"backups\""), "{}", ran.out);
    // Nothing of the cluster is kept here, least of all a site.
    let left = super::start(elsewhere.bare(&["--json"]))
        .ended()
        .await
        .exits(0);
    assert!(left.out.contains("\"sites\":[]"), "{}", left.out);

    let mut screen = Terminal::start(elsewhere.bare(&[]));
    screen
        .until("the first screen", |text| {
            text.contains("Attach to a cluster")
        })
        .await;
    screen.send("jj\r");
    screen
        .until("the question", |text| {
            text.contains("The path of its kubeconfig")
        })
        .await;
    screen.send(&format!("{file}\r"));
    screen
        .until("its health", |text| {
            text.contains("live") && text.contains("OK Files")
        })
        .await;
    screen.send("o");
    screen
        .until("the screens", |text| {
            text.contains("Only the cluster is here")
        })
        .await;
    screen.send("j\r");
    let shown = screen
        .until("its backups", |text| text.contains("Restores  PostgreSQL"))
        .await;
    assert!(!shown.contains("Enter next"), "{shown}");
    screen.send("q");
    assert_eq!(screen.ended().await, Some(0));
    drop(serving);
    drop(site);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_kubeconfig_is_refused_with_what_helps() {
    let site = Site::new();
    let missing = site.named("nowhere");
    let ran = super::start(site.bare(&["attach", "--plain", &missing]))
        .ended()
        .await;
    let ran = ran.exits(1);
    assert!(
        ran.err.contains("[KUBE-01]") && ran.err.contains("attach with its path"),
        "{}",
        ran.err
    );
    let folder = site.temp.path().to_str().unwrap();
    let ran = super::start(site.bare(&["attach", "--plain", folder]))
        .ended()
        .await;
    let ran = ran.exits(2);
    assert!(
        ran.err.contains("care-install status --site"),
        "{}",
        ran.err
    );

    let mut screen = Terminal::start(site.bare(&["attach", &missing]));
    screen
        .until("the problem", |text| text.contains("KUBE-01"))
        .await;
    screen.send("\u{1b}");
    screen
        .until("the first screen", |text| text.contains("Restore a site"))
        .await;
    screen.send("q");
    assert_eq!(screen.ended().await, Some(0));
}
