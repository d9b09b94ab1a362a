//! A restore by keys alone, in a terminal of 80 columns and 24 rows: only those that the screen offers, until the screen
//! shows as many rows as it has promised.

use serde_json::Value;

use super::{Site, objects, terminal::Terminal};

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).expect(text);
    rest.split_once(after).expect(text).0.trim()
}

/// The words of a card, or of the screen where there is none, without line breaks.
fn words(text: &str) -> String {
    let inside = |line: &'_ str| -> String {
        let card = line
            .split_once('│')
            .and_then(|(_, rest)| rest.rsplit_once('│'));
        card.map_or(line, |(inside, _)| inside).to_owned()
    };
    let lines: Vec<String> = text.lines().map(inside).collect();
    let all = lines.join(" ");
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_data_was_destroyed_keys_alone_bring_the_rows_that_the_screen_promises() {
    let (site, moment) = Site::destroyed().await;
    let shown = moment.replace('T', " ").replace('Z', " UTC");
    let mut screen = Terminal::start(site.command(&["rehearse", "--speed", "max"]));

    screen.press("o", "screens").await;
    screen.choose("Restore").await;
    screen.send("\r");
    screen
        .until("the backups", |text| text.contains("Brings"))
        .await;
    screen.press("t", "type a time").await;
    screen
        .until("a question", |text| text.contains("moment"))
        .await;
    screen.send(&format!("{}\r", shown.trim_end_matches(" UTC")));
    let wanted = format!("Restores  PostgreSQL to {shown}");
    let text = screen
        .until("the moment", |text| text.contains(&wanted))
        .await;
    let promised = between(&text, "Brings", ", as counted").to_owned();
    assert!(promised.ends_with("rows in 6 tables"), "{text}");
    assert_ne!(promised, "0 rows in 6 tables");

    screen.press("Enter", "next").await;
    let card = |text: &str| words(text).contains("Type the name of the site, ");
    let text = screen.until("the question for the name", card).await;
    let name = words(&text);
    let name = between(&name, "Type the name of the site, ", ", to begin");
    screen.send("not it\r");
    screen
        .until("a refusal", |text| text.contains("not the name"))
        .await;
    screen.send(&"\u{7f}".repeat(6));
    screen.send(&format!("{name}\r"));
    let heading = format!("Restoring PostgreSQL to {shown}");
    screen
        .until("the heading", |text| text.contains(&heading))
        .await;
    let end = |text: &str| text.contains("Restored: 10 of 10 steps");
    let text = screen.until("the end", end).await;
    assert!(text.contains(&heading), "{text}");
    assert!(!text.contains("eploy"), "{text}");
    let told = words(&text);
    assert!(
        told.contains(&format!("{promised}, exactly as promised")),
        "{text}"
    );
    screen.press("q", "leave").await;
    assert_eq!(screen.ended().await, Some(0));

    // The cluster says the same: Care is led to the new database, which holds what was promised.
    let all = objects::all(&site).await;
    let named = |end: &str| -> &Value {
        let found = all.iter().find(|(key, _)| key.ends_with(end));
        found.expect(end).1
    };
    let settings = named(" ConfigMap care-be care-settings");
    assert_eq!(
        settings["data"]["POSTGRES_HOST"],
        "care-db-g2-rw.database.svc"
    );
    let held = named(" ConfigMap database care-db-g2-practice")["data"]["counts"].as_str();
    let first: Value = serde_json::from_str(held.unwrap().lines().next().unwrap()).unwrap();
    let rows = first["rows"].as_object().unwrap().values();
    let rows: u64 = rows.map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(promised, format!("{rows} rows in 6 tables"));
}
