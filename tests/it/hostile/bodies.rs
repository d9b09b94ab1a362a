//! Bodies with tricks: too deep, too large, unfolding to too much, of another kind than they say.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    MAPS,
    peer::{Victim, code},
};

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const PATCH: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// A body that is sent, and the status that must come back.
type Case = (u16, &'static str, String, &'static str, String);

fn one() -> String {
    format!("{MAPS}/a")
}

fn applied() -> String {
    format!("{MAPS}/a?fieldManager=me")
}

fn map() -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}).to_string()
}

fn nested(open: &str, close: &str) -> String {
    [open.repeat(50_000), "1".to_owned(), close.repeat(50_000)].concat()
}

fn posted(wanted: u16, media: &'static str, body: &str) -> Case {
    (wanted, "POST", MAPS.to_owned(), media, body.to_owned())
}

fn patched(wanted: u16, media: &'static str, body: &str) -> Case {
    let path = if media == APPLY { applied() } else { one() };
    (wanted, "PATCH", path, media, body.to_owned())
}

async fn check(cases: Vec<Case>) {
    let victim = Victim::start().await;
    assert_eq!(victim.status("POST", MAPS, map().as_bytes()).await, 201);
    for (wanted, method, path, media, body) in cases {
        let headers = format!("Content-Type: {media}\r\n");
        let request = victim.request(method, &path, (&headers, body.as_bytes()));
        let reply = victim.send(&request).await;
        let sent: String = body.chars().take(60).collect();
        let text: String = String::from_utf8_lossy(&reply).chars().take(2000).collect();
        assert_eq!(
            code(&reply),
            wanted,
            "{method} {path} {media} {sent}: {text}"
        );
    }
    victim.is_well().await;
}

#[tokio::test]
async fn bodies_that_are_none_or_of_another_kind_are_refused() {
    check(vec![
        posted(400, JSON, "{"),
        posted(400, JSON, "[]"),
        posted(400, JSON, "\"text\""),
        posted(
            400,
            JSON,
            "{\"metadata\": {\"name\": \"x\"}, \"data\": {\"a\": 1e999}}",
        ),
        posted(400, PROTOBUF, "k8s\0\u{a}\u{7f}"),
        posted(400, PROTOBUF, &map()),
        posted(415, "text/plain", &map()),
        posted(415, "application/cbor", &map()),
        posted(422, JSON, "{\"metadata\": {\"name\": \"../../etc\"}}"),
        patched(415, JSON, &map()),
        patched(
            422,
            PATCH,
            "[{\"op\":\"test\",\"path\":\"/data\",\"value\":7}]",
        ),
        (
            404,
            "DELETE",
            format!("{MAPS}/nobody"),
            JSON,
            "{\"gracePeriodSeconds\": 99999999999999999999}".to_owned(),
        ),
    ])
    .await;
}

#[tokio::test]
async fn bodies_that_are_too_deep_are_refused() {
    let (lists, maps) = (nested("[", "]"), nested("{\"a\":", "}"));
    check(vec![
        posted(400, JSON, &lists),
        posted(400, JSON, &maps),
        posted(400, "application/yaml", &lists),
        patched(400, APPLY, &lists),
        patched(400, MERGE, &maps),
        patched(400, APPLY, &"- ".repeat(50_000)),
    ])
    .await;
}

#[tokio::test]
async fn bodies_that_are_or_become_too_large_are_refused() {
    let text = "x".repeat(4_000_000);
    let large = json!({"metadata": {"name": "large"}, "data": {"a": text}}).to_string();
    let texts = format!(
        "a: &a {}\nb: [{}]",
        "x".repeat(1_000_000),
        "*a,".repeat(200_000)
    );
    let operation = r#"{"op":"add","path":"/data/a","value":"1"}"#;
    let operations = |count: usize| format!("[{}]", vec![operation; count].join(","));
    let double = |turn| format!(r#"{{"op":"copy","from":"/data","path":"/data/more-{turn}"}}"#);
    let doubled = (0..64).map(double).collect::<Vec<_>>().join(",");
    let doubled = format!(r#"[{{"op":"add","path":"/data","value":{{"a":"b"}}}},{doubled}]"#);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for turn in 1..12 {
        let before = format!("*a{},", turn - 1).repeat(9);
        writeln!(bomb, "a{turn}: &a{turn} [{before}]").unwrap();
    }
    check(vec![
        posted(413, JSON, &large),
        posted(413, JSON, &format!("[{}1]", "1,".repeat(500_000))),
        patched(413, APPLY, &texts),
        // The reader of YAML has a limit of its own for names that refer to names.
        patched(400, APPLY, &bomb),
        patched(413, PATCH, &operations(100_000)),
        patched(413, PATCH, &operations(10_001)),
        patched(422, PATCH, &doubled),
    ])
    .await;
}

#[tokio::test]
async fn a_packed_body_is_refused() {
    let victim = Victim::start().await;
    let packed = "Content-Type: application/json\r\nContent-Encoding: gzip\r\n";
    let request = victim.request("POST", MAPS, (packed, &[0x1f, 0x8b, 8]));
    assert_eq!(code(&victim.send(&request).await), 415);
    victim.is_well().await;
}
