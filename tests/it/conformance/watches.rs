//! Watches that `tests/conformance/watches.yaml` lists: the same events in the same order.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::{
    difference,
    marks::Marks,
    requests::{Run, report, stays},
    two::{Life, Side, Two, side_by_side},
};

/// How long events are waited for.
const LIMIT: Duration = Duration::from_secs(20);

const AT_ONCE: usize = 4;

/// What a watch said: the status of its answer, then every event.
async fn heard(side: &Side, namespace: &str, sequence: &Value) -> Value {
    let mut run = Run {
        side,
        namespace,
        marks: Marks::new(false),
        kept: HashMap::new(),
    };
    for step in steps(sequence, "before") {
        run.step(&step).await;
    }
    let response = side.open(&run.sent(&sequence["open"])).await;
    let head = json!({"code": response.status().as_u16(),
        "type": response.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned())});
    let mut said = vec![head];
    if !response.status().is_success() {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        said.push(run.marks.event(&json!({ "object": body })));
        return said.into();
    }
    let mut frames = response.into_body().into_data_stream();
    let mut left = String::new();
    for step in steps(sequence, "steps") {
        run.step(&step).await;
    }
    let wanted = sequence["events"].as_u64().unwrap_or(u64::MAX);
    let all = async {
        while (said.len() as u64) <= wanted {
            let Some(frame) = frames.next().await else {
                said.push("the end".into());
                return;
            };
            left.push_str(std::str::from_utf8(&frame.unwrap()).unwrap());
            while let Some((line, rest)) = left.split_once('\n') {
                let event: Value = serde_json::from_str(line).unwrap();
                if !passing(&event) {
                    said.push(run.marks.event(&event));
                }
                left = String::from(rest);
            }
        }
    };
    if tokio::time::timeout(LIMIT, all).await.is_err() {
        said.push("nothing more came".into());
    }
    said.into()
}

/// A bookmark that tells only how far a server has come: when one comes hangs on its clock.
fn passing(event: &Value) -> bool {
    let end = "/object/metadata/annotations/k8s.io~1initial-events-end";
    event["type"] == "BOOKMARK" && event.pointer(end).is_none()
}

fn steps(sequence: &Value, key: &str) -> Vec<Value> {
    sequence[key].as_array().cloned().unwrap_or_default()
}

async fn run(two: Arc<Two>, (number, sequence): (usize, Value)) -> Vec<String> {
    let name = format!("watch-{number}");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    two.make("/api/v1/namespaces", &namespace).await;
    let (real, practice) = tokio::join!(
        heard(&two.real, &name, &sequence),
        heard(&two.practice, &name, &sequence)
    );
    let mut found = Vec::new();
    difference::walk(&real, &practice, "", &mut found);
    found.retain(|difference| !stays(difference));
    if found.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "[{}]\n    {}",
        sequence["watch"],
        found.join("\n    ")
    )]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(has_go),
    ignore = "needs the `go` command to build the control plane"
)]
async fn watches_tell_the_same_events_in_the_same_order() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/watches.yaml");
    let read: Vec<Value> = serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let count = read.len();
    let two = Arc::new(Two::start(Life::Still).await);
    two.define(&["objectstores.barmancloud.cnpg.io"]).await;
    let work = read.into_iter().enumerate().collect();
    let found = side_by_side(work, AT_ONCE, |item| run(Arc::clone(&two), item)).await;
    if let Ok(two) = Arc::try_unwrap(two) {
        two.end().await;
    }
    report("watches", &found);
    assert!(
        found.is_empty(),
        "{} of {count} watches differ (real <> practice):\n{}",
        found.len(),
        found.join("\n")
    );
}
