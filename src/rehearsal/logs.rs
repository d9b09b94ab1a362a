//! What a simulated container has written: a pure function of its pod. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    answer::Failure,
    call::Query,
    control,
    world::{World, text_at},
};

/// One line with the moment at which it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    at: String,
    text: String,
}

impl Line {
    fn new(at: &str, text: String) -> Self {
        Self {
            at: at.to_owned(),
            text,
        }
    }

    /// A line that begins with its moment, as most programs write theirs.
    fn stamped(at: &str, text: &str) -> Self {
        Self::new(at, format!("{at} {text}"))
    }

    /// The line as it is sent.
    pub fn shown(&self, query: &Query) -> String {
        if query.on("timestamps") {
            format!("{} {}\n", self.at, self.text)
        } else {
            format!("{}\n", self.text)
        }
    }
}

/// The log of one instance of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Oldest first; later calls for the same instance only add to them.
    pub lines: Vec<Line>,
    /// Whether it writes no more.
    pub ended: bool,
    /// Tells the instance from the one that follows it.
    pub instance: String,
}

/// The lines that a query asks for: the last ones, those since a moment, so many bytes.
///
/// # Errors
/// 400 for a moment that is none.
pub fn wanted(lines: &[Line], query: &Query, now: Timestamp) -> Result<Vec<Line>, Failure> {
    let since = match (query.number("sinceSeconds"), query.text("sinceTime")) {
        (Some(seconds), _) => {
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            now.checked_sub(jiff::SignedDuration::from_secs(seconds))
                .ok()
        }
        (None, "") => None,
        (None, text) => {
            let parsed: Result<Timestamp, _> = text.parse();
            Some(parsed.map_err(|error| {
                Failure::bad_request(format!("sinceTime: Invalid value: {text:?}: {error}"))
            })?)
        }
    };
    let young = |line: &&Line| {
        let at: Option<Timestamp> = line.at.parse().ok();
        since.is_none_or(|since| at.is_none_or(|at| at >= since))
    };
    let found: Vec<&Line> = lines.iter().filter(young).collect();
    let size = |name| {
        query
            .number(name)
            .and_then(|number| usize::try_from(number).ok())
    };
    let from = found
        .len()
        .saturating_sub(size("tailLines").unwrap_or(usize::MAX));
    let mut left = size("limitBytes").unwrap_or(usize::MAX);
    let fits = |line: &&&Line| {
        let size = line.shown(query).len();
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    let kept = found.iter().skip(from).take_while(fits);
    Ok(kept.map(|line| (*line).clone()).collect())
}

/// The log of a container, or of the instance before; an empty container name means the only or first one.
///
/// # Errors
/// The sentence of a real server when there is nothing to read yet.
pub fn log(world: &World<'_>, pod: &Value, container: &str, previous: bool) -> Result<Log, String> {
    let name = text_at(pod, "/metadata/name").unwrap_or("");
    let container = chosen(pod, name, container)?;
    let status = status(pod, &container);
    let before = status.and_then(|status| status.pointer("/lastState/terminated"));
    let waits = |why: &str| {
        format!("container \"{container}\" in pod \"{name}\" is waiting to start: {why}")
    };
    let state = status.and_then(|status| status.get("state"));
    let running = state.and_then(|state| state.get("running"));
    let ended = match (previous, state) {
        (true, _) => Some(before.ok_or_else(|| {
            format!("previous terminated container \"{container}\" in pod \"{name}\" not found")
        })?),
        (false, None) => return Err(waits("ContainerCreating")),
        (false, Some(state)) => {
            let waiting = state.get("waiting").filter(|_| before.is_none());
            if let Some(waiting) = waiting {
                let reason = text_at(waiting, "/reason").unwrap_or("ContainerCreating");
                return Err(waits(&words(reason, waiting)));
            }
            // One that waits for its next start shows what it wrote before.
            state
                .get("terminated")
                .or(before)
                .filter(|_| running.is_none())
        }
    };
    let began = ended
        .or(running)
        .and_then(|part| text_at(part, "/startedAt"));
    let began = began.or_else(|| text_at(pod, "/status/startTime"));
    let started = began.unwrap_or("");
    let image = text_at(status.unwrap_or(&Value::Null), "/image").unwrap_or("unknown");
    let mut lines = vec![
        Line::stamped(
            started,
            &format!("practice container {container} of image {image} starts"),
        ),
        Line::stamped(
            started,
            "settings read from the environment and from mounted files",
        ),
    ];
    if running.is_some() && !previous {
        lines.extend(at_work(started, status, tells_progress(pod, &container)));
    }
    let at = ended
        .and_then(|end| text_at(end, "/finishedAt"))
        .unwrap_or(started);
    let told = rows(world, pod, ended).into_iter();
    let told = told.chain(recovery(pod, &container, ended));
    lines.extend(told.map(|text| Line::new(at, text)));
    if let Some(end) = ended {
        if let Some(message) = text_at(end, "/message") {
            lines.push(Line::stamped(at, message));
        }
        let code = end.get("exitCode").and_then(Value::as_i64).unwrap_or(0);
        lines.push(Line::stamped(at, &format!("ends with exit code {code}")));
    }
    Ok(Log {
        lines,
        ended: ended.is_some(),
        instance: started.to_owned(),
    })
}

/// What a container writes while it runs.
fn at_work(started: &str, status: Option<&Value>, tells: bool) -> Vec<Line> {
    let soon = later(started, 1);
    let mut lines = Vec::new();
    if tells {
        let line = "progress: practising; in life the numbers of the work stand here";
        lines.push(Line::new(&soon, line.to_owned()));
    }
    lines.push(Line::stamped(&soon, "starting"));
    if status.and_then(|status| status.get("ready")) == Some(&Value::Bool(true)) {
        let line = "ready: accepting connections";
        lines.push(Line::stamped(&later(started, 2), line));
    }
    lines
}

/// Whether the script of a container tells how far its work is.
fn tells_progress(pod: &Value, container: &str) -> bool {
    ["initContainers", "containers"].iter().any(|list| {
        let all = pod.pointer(&format!("/spec/{list}"));
        let mut all = all.and_then(Value::as_array).into_iter().flatten();
        let mine = all.find(|one| text_at(one, "/name") == Some(container));
        mine.is_some_and(|one| {
            one.get("command")
                .is_some_and(|command| command.to_string().contains("progress: "))
        })
    })
}

/// What a job that counts rows finds in the simulated PostgreSQL.
fn rows(world: &World<'_>, pod: &Value, ended: Option<&Value>) -> Vec<String> {
    let labels = pod.pointer("/metadata/labels");
    let cluster = labels.and_then(|labels| labels.get("care-install/counts")?.as_str());
    let ended = ended.and_then(|end| text_at(end, "/finishedAt")?.parse().ok());
    let (Some(cluster), Some(ended)) = (cluster, ended) else {
        return Vec::new();
    };
    let space = text_at(pod, "/metadata/namespace").unwrap_or_default();
    let counted = control::counted(world, space, cluster, ended);
    let line = |(table, count)| format!("rows {table} {count}");
    counted.into_iter().map(line).collect()
}

/// The words of a recovery that can never succeed, as recorded on a real cluster.
fn recovery(pod: &Value, container: &str, ended: Option<&Value>) -> Vec<String> {
    let notes = pod.pointer("/metadata/annotations");
    let wrong = notes.and_then(|notes| notes.get(control::WRONG)?.as_str());
    if ended.is_none() && container != "plugin-barman-cloud" {
        return Vec::new();
    }
    let line = |level: &str, msg: &str, error: &str| {
        serde_json::json!({"level": level, "logger": "instance-manager", "msg": msg, "error": error}).to_string()
    };
    match (wrong, container) {
        (Some("same-server-name"), "full-recovery") => vec![
            line(
                "error",
                "Error invoking barman-cloud-check-wal-archive",
                "exit status 1",
            ),
            line(
                "error",
                "Error while restoring a backup",
                "unexpected failure invoking barman-cloud-wal-archive: exit status 1",
            ),
        ],
        (Some("same-server-name"), "plugin-barman-cloud") => vec![line(
            "error",
            "barman-cloud-check-wal-archive checking the first wal",
            "ERROR: WAL archive check failed for server: Expected empty archive",
        )],
        (Some("no-target-backup"), "full-recovery") => vec![line(
            "error",
            "Error while restoring a backup",
            "rpc error: code = Unknown desc = no target backup found",
        )],
        (Some("target-too-late"), "full-recovery") => vec![
            line(
                "info",
                "FATAL:  recovery ended before configured recovery target was reached",
                "",
            ),
            line(
                "error",
                "Error while restoring a backup",
                "failed to connect to `user=postgres database=postgres`: /controller/run/.s.PGSQL.5432: no such file or directory",
            ),
        ],
        _ => Vec::new(),
    }
}

fn words(reason: &str, waiting: &Value) -> String {
    match reason {
        "ImagePullBackOff" | "ErrImagePull" => {
            let message = text_at(waiting, "/message").unwrap_or("");
            format!("trying and failing to pull image: {message}")
        }
        other => other.to_owned(),
    }
}

fn later(at: &str, seconds: i64) -> String {
    at.parse::<Timestamp>()
        .ok()
        .and_then(|at| {
            at.checked_add(jiff::SignedDuration::from_secs(seconds))
                .ok()
        })
        .map_or_else(|| at.to_owned(), super::store::stamp)
}

fn chosen(pod: &Value, name: &str, container: &str) -> Result<String, String> {
    let all: Vec<&str> = ["containers", "initContainers"]
        .into_iter()
        .filter_map(|list| pod.pointer(&format!("/spec/{list}"))?.as_array())
        .flatten()
        .filter_map(|entry| text_at(entry, "/name"))
        .collect();
    if container.is_empty() {
        return all
            .first()
            .map(|first| (*first).to_owned())
            .ok_or_else(|| format!("pod {name} has no containers"));
    }
    if all.contains(&container) {
        return Ok(container.to_owned());
    }
    Err(format!("container {container} is not valid for pod {name}"))
}

fn status<'v>(pod: &'v Value, container: &str) -> Option<&'v Value> {
    ["containerStatuses", "initContainerStatuses"]
        .into_iter()
        .filter_map(|list| pod.pointer(&format!("/status/{list}"))?.as_array())
        .flatten()
        .find(|status| text_at(status, "/name") == Some(container))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rehearsal::store::Store;

    fn pod(state: &Value, last: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "care"},
            "spec": {"containers": [{"name": "c"}]}, "status": {"startTime": "2026-11-24T10:00:00Z",
                "containerStatuses": [{"name": "c", "image": "i", "ready": true, "state": state, "lastState": last}]}})
    }

    fn running() -> Value {
        json!({"running": {"startedAt": "2026-11-24T10:10:00Z"}})
    }

    fn ended() -> Value {
        json!({"terminated": {"startedAt": "2026-11-24T10:00:00Z", "finishedAt": "2026-11-24T10:05:00Z", "exitCode": 3}})
    }

    fn read(pod: &Value, previous: bool) -> Result<Log, String> {
        let store = Store::default();
        log(&World::new(&store), pod, "", previous)
    }

    #[test]
    fn each_instance_of_a_container_has_a_log_of_its_own() {
        let again = pod(&running(), &ended());
        let (now, before) = (read(&again, false).unwrap(), read(&again, true).unwrap());
        let query = Query::default();
        assert!(
            now.lines
                .last()
                .unwrap()
                .shown(&query)
                .contains("ready: accepting")
        );
        assert!(
            before
                .lines
                .last()
                .unwrap()
                .shown(&query)
                .contains("ends with exit code 3")
        );
        assert!(!now.ended && before.ended && now.instance != before.instance);
        // What waits for its next start shows its last words.
        let waits = pod(
            &json!({"waiting": {"reason": "CrashLoopBackOff"}}),
            &ended(),
        );
        assert_eq!(read(&waits, false).unwrap().lines, before.lines);
        let first = pod(&running(), &json!({}));
        assert!(
            read(&first, true)
                .unwrap_err()
                .contains("previous terminated container")
        );
        let fresh = pod(
            &json!({"waiting": {"reason": "ContainerCreating"}}),
            &Value::Null,
        );
        assert!(
            read(&fresh, false)
                .unwrap_err()
                .contains("is waiting to start")
        );
    }

    #[test]
    fn a_log_that_goes_on_keeps_what_it_has_said() {
        let mut starts = pod(&running(), &Value::Null);
        starts["status"]["containerStatuses"][0]["ready"] = false.into();
        let before = read(&starts, false).unwrap().lines;
        let after = read(&pod(&running(), &Value::Null), false).unwrap().lines;
        assert!(after.starts_with(&before) && after.len() > before.len());
    }

    #[test]
    fn only_the_wanted_lines_are_told() {
        let lines = read(&pod(&running(), &Value::Null), false).unwrap().lines;
        let now = "2026-11-24T10:10:05Z".parse().unwrap();
        for (text, count) in [
            ("", 4),
            ("tailLines=1", 1),
            ("tailLines=0", 0),
            ("sinceSeconds=4", 2),
            ("sinceTime=2026-11-24T10:10:02Z", 1),
            ("sinceSeconds=4&tailLines=1", 1),
            ("limitBytes=10", 0),
            ("limitBytes=100000&timestamps=true", 4),
        ] {
            let kept = wanted(&lines, &Query::parse(text), now).unwrap();
            assert_eq!(kept.len(), count, "{text}");
        }
        assert!(wanted(&lines, &Query::parse("sinceTime=yesterday"), now).is_err());
    }
}
