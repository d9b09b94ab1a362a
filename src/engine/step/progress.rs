//! How far a job is: what its running containers last wrote about that, asked now and then and told as a reason.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    engine::event::{Reason, Waiting},
    plan::Ready,
    ready::Live,
    sys::Doors,
};

/// Begins a line of a job's log that says how far it is.
const WORD: &str = "progress: ";

/// How often the logs are asked.
const PAUSE: Duration = Duration::from_secs(5);

/// Lines that are read of each log.
const LINES: u32 = 20;

/// Characters that are told of one line.
const MOST: usize = 200;

/// A container that runs for a job: namespace, pod and its own name.
type Place = (String, String, String);

/// What is known of the progress of a step's jobs.
#[derive(Debug, Default)]
pub(super) struct Progress {
    asked: Option<Instant>,
    word: Option<String>,
}

impl Progress {
    /// Adds it to the reasons: behind what is known to be wrong, before all else.
    pub(super) async fn add(&mut self, waiting: &mut Waiting, places: Vec<Place>, doors: &Doors) {
        if places.is_empty() {
            self.word = None;
            return;
        }
        if self.asked.is_none_or(|asked| asked.elapsed() >= PAUSE) {
            self.asked = Some(Instant::now());
            for (namespace, pod, container) in places {
                let lines = doors.kube.logs(&namespace, &pod, Some(&container), LINES);
                // A log that cannot be read tells nothing; the work goes on all the same.
                let lines = lines.await.unwrap_or_default();
                if let Some(word) = last_word(&lines) {
                    self.word = Some(word);
                }
            }
        }
        if let Some(word) = &self.word {
            let place = waiting.reasons.iter().take_while(|one| one.code.is_some());
            let reason = Reason {
                sentence: format!("so far: {word}"),
                since: None,
                code: None,
                remedy: None,
            };
            waiting.reasons.insert(place.count(), reason);
        }
    }
}

/// The last line that tells a progress, short enough for a screen.
fn last_word(lines: &[String]) -> Option<String> {
    let word = lines
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix(WORD))?;
    let plain = word.chars().filter(|c| !c.is_control());
    Some(plain.take(MOST).collect())
}

/// The containers that run for the job which the condition waits for.
pub(super) fn places(ready: &Ready, live: &Live) -> Vec<Place> {
    let Ready::Object(target) = ready else {
        return Vec::new();
    };
    if target.group() != "batch" || target.kind != "Job" {
        return Vec::new();
    }
    let text = |pod: &Value, pointer: &str| {
        let found = pod.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let mine = live.pods.iter().filter(|pod| {
        let owners = pod.pointer("/metadata/ownerReferences");
        let owners = owners.and_then(Value::as_array).into_iter().flatten();
        let mut jobs = owners.filter(|owner| text(owner, "/kind") == "Job");
        jobs.any(|owner| text(owner, "/name") == target.name)
    });
    let mut places = Vec::new();
    for pod in mine {
        for list in ["initContainerStatuses", "containerStatuses"] {
            let all = pod.pointer(&format!("/status/{list}"));
            let all = all.and_then(Value::as_array).into_iter().flatten();
            let running = all.filter(|status| status.pointer("/state/running").is_some());
            places.extend(running.map(|status| {
                let pod = (
                    text(pod, "/metadata/namespace"),
                    text(pod, "/metadata/name"),
                );
                (pod.0, pod.1, text(status, "/name"))
            }));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::plan::ObjectRef;

    #[test]
    fn the_last_word_of_a_log_is_told_and_nothing_else_of_it() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let log = "begin\nprogress: 1 of 3\nprogress: 2 of\u{7} 3\nINFO progress: no\nend";
        assert_eq!(last_word(&lines(log)).unwrap(), "2 of 3");
        assert_eq!(last_word(&lines("begin\nend")), None);
        let endless = format!("progress: {}", "x".repeat(1000));
        assert_eq!(last_word(&lines(&endless)).unwrap().len(), MOST);
    }

    #[test]
    fn only_the_running_containers_of_the_job_itself_are_asked() {
        let pod = |name: &str, owner: &str| {
            json!({
                "metadata": {"name": name, "namespace": "n", "ownerReferences": [{"kind": "Job", "name": owner}]},
                "status": {
                    "initContainerStatuses": [
                        {"name": "fetch", "state": {"terminated": {}}}, {"name": "watch", "state": {"running": {}}},
                    ],
                    "containerStatuses": [{"name": "verify", "state": {"waiting": {}}}],
                },
            })
        };
        let live = Live {
            pods: vec![Arc::new(pod("a", "load")), Arc::new(pod("b", "other"))],
            ..Live::default()
        };
        let job = Ready::Object(ObjectRef::new("batch/v1", "Job", "n", "load"));
        let place = ("n".to_owned(), "a".to_owned(), "watch".to_owned());
        assert_eq!(places(&job, &live), [place]);
        let server = Ready::Object(ObjectRef::new("apps/v1", "Deployment", "n", "load"));
        assert!(places(&server, &live).is_empty());
    }
}
