//! A session on the practice cluster that was recorded, shown again.

use super::{Site, terminal::Terminal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_session_on_the_practice_cluster_shows_the_same_last_screen() {
    let site = Site::new();
    let file = site.temp.path().join("session.jsonl");
    let name = file.to_str().unwrap();
    let mut screen =
        Terminal::start(site.command(&["rehearse", "--speed", "max", "--record", name]));
    screen
        .until("the settings", |text| text.contains("REHEARSAL"))
        .await;
    screen.send("\u{b}screen plan\r");
    screen.press("Enter", "look inside").await;
    screen
        .until("its objects", |text| {
            text.contains("goes back to the steps")
        })
        .await;
    screen.press("Esc", "back").await;
    // A key that comes at once after Esc would be taken for one with Alt.
    screen
        .until("the plan", |text| {
            text.contains("y deploy") && !text.contains("goes back to the steps")
        })
        .await;
    // Down to a step in the middle, found by its name; the plan does not move by itself.
    screen.send(":plan valkey");
    screen
        .until("what was found", |text| text.contains("> plan valkey"))
        .await;
    screen.send("\r");
    let shown = screen
        .until("the plan again", |text| {
            // Up to its last word: a picture comes in pieces.
            text.contains("y deploy") && text.contains("q leave") && !text.contains("Find a screen")
        })
        .await;
    screen.send("q");
    assert_eq!(screen.ended().await, Some(0));

    let again = site.run(&["replay", name]).await;
    let lines = |text: &str| -> Vec<String> {
        text.trim_end()
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    };
    assert_eq!(lines(&again.out), lines(&shown));
    assert!(again.err.contains("on 80 x 24"), "{}", again.err);
    again.exits(0);
    // In another window, and earlier.
    let wide = site.run(&["replay", name, "--size", "120x40"]).await;
    assert_eq!(wide.out.lines().count(), 40);
    let first = site.run(&["replay", name, "--at", "1"]).await;
    assert!(
        first.out.contains("What would you like to do?"),
        "{}",
        first.out
    );
    // No secret of the site is in the file: the vault's values are in the plan's objects.
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\"kind\":\"Secret\"") && text.contains("***"));
    println!("{} KiB, {} lines", text.len() >> 10, text.lines().count());
}
