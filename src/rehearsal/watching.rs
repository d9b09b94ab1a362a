//! A watch: a stream of lines that begins with a snapshot or a revision and follows every change after it.

use std::{
    collections::{BTreeSet, VecDeque},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use futures::{Stream, stream};
use hyper::body::{Bytes, Frame};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::{
    answer::Failure,
    call::Call,
    cluster::Cluster,
    hub::Hub,
    kinds::Kind,
    options, packed,
    select::Selector,
    store::{Change, Verb},
    table::{self, Form},
    world::text_at,
};

/// How often a quiet watch says where it stands.
const BOOKMARK: Duration = Duration::from_mins(1);

/// How long a watch that has just been told something lets further changes gather: a client that hears of hundreds in a second
/// takes them a few at a time.
const GATHER: Duration = Duration::from_millis(20);

/// Changes that are taken at one time: so many wait at most for a client that reads slowly.
const BACKLOG: usize = 256;

/// How long a watch lasts at most, and when the client names no end.
const LONGEST: Duration = Duration::from_mins(45);

/// The marks of the last of the initial events.
const INITIAL_END: &str = "k8s.io/initial-events-end";

/// The lines of a watch.
pub(super) type Lines = dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send;

/// One open watch.
struct Watch {
    hub: Hub,
    revision: watch::Receiver<u64>,
    /// What bookmarks call themselves: clients refuse another kind than the one they watch.
    kind: Arc<Kind>,
    call: Arc<Call>,
    form: Form,
    /// What the cluster's clock showed at the last look.
    now: Timestamp,
    /// The columns of a table have been told.
    headed: bool,
    selector: Selector,
    after: u64,
    /// The objects that the client has been told of, for selectors whose objects change their labels.
    known: BTreeSet<String>,
    ready: VecDeque<Line>,
    ends: Instant,
    /// When something was last found to tell.
    told: Option<Instant>,
    over: bool,
}

/// What is to be said; it becomes bytes only when the client takes it.
enum Line {
    /// An object as it is, such as one of the first.
    Object(&'static str, Arc<Value>),
    /// A change, whose bytes all watches share.
    Change(&'static str, Change),
    /// What was put into words already.
    Said(Vec<u8>),
}

/// Begins a watch.
///
/// # Errors
/// The refusal as the client reads it: a selector that cannot be read, a revision that is too old, no such kind.
pub(super) async fn begin(
    hub: &Hub,
    call: Call,
    form: Form,
) -> Result<std::pin::Pin<Box<Lines>>, Failure> {
    options::check(&call)?;
    let call = Arc::new(call);
    let asked = Arc::clone(&call);
    let stopped = || {
        Failure::new(
            503,
            "ServiceUnavailable",
            "the practice cluster has stopped",
        )
    };
    let revision = hub.revision();
    let (found, now) = hub
        .ask(move |cluster, now| (first(cluster, &asked), now))
        .await
        .ok_or_else(stopped)?;
    let (first, after, kind, selector) = found?;
    let limit = call.query.number("timeoutSeconds");
    let ends = Instant::now() + limit.map_or(LONGEST, Duration::from_secs).min(LONGEST);
    let mut watch = Watch {
        hub: hub.clone(),
        revision,
        selector,
        after,
        known: BTreeSet::new(),
        ready: VecDeque::new(),
        ends,
        told: None,
        over: false,
        call,
        kind,
        form,
        now,
        headed: false,
    };
    for object in first {
        watch.known.insert(name(&object));
        watch.ready.push_back(Line::Object("ADDED", object));
    }
    if watch.call.query.on("sendInitialEvents") {
        watch.bookmark(true);
    }
    Ok(Box::pin(stream::unfold(watch, |mut watch| async move {
        let line = watch.next().await?;
        Some((Ok(Frame::data(Bytes::from(line))), watch))
    })))
}

/// The first objects of a watch, the revision after which changes count, the kind, and what is wanted of it.
type Start = (Vec<Arc<Value>>, u64, Arc<Kind>, Selector);

/// The snapshot that the client asked for, and where the changes begin.
fn first(cluster: &Cluster, call: &Call) -> Result<Start, Failure> {
    let kind = find(cluster, call)?;
    let selector = call.query.selector(&kind)?;
    let version = call.query.text("resourceVersion");
    let initial = call.query.on("sendInitialEvents");
    if initial || matches!(version, "" | "0") {
        let all = cluster.select(&kind, &namespace(call), &selector);
        let all = all
            .filter(|object| is_named(object, call))
            .map(Arc::clone)
            .collect();
        return Ok((all, cluster.store.revision(), kind, selector));
    }
    let after = version
        .parse()
        .map_err(|_number| Failure::bad_request("invalid resource version"))?;
    cluster.changes(&kind, &namespace(call), after)?;
    Ok((Vec::new(), after, kind, selector))
}

fn find(cluster: &Cluster, call: &Call) -> Result<Arc<Kind>, Failure> {
    let place = &call.place;
    cluster
        .registry
        .find(&place.group, &place.version, &place.plural)
        .map(Arc::clone)
        .ok_or_else(Failure::no_such_path)
}

fn namespace(call: &Call) -> String {
    call.place.namespace.clone()
}

/// A watch of one object is a watch of its kind that tells of nothing else.
fn is_named(object: &Value, call: &Call) -> bool {
    call.place.name.is_empty() || text_at(object, "/metadata/name") == Some(&call.place.name)
}

impl Watch {
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(self.encoded(line));
            }
            if self.over {
                return None;
            }
            self.revision.mark_unchanged();
            let more = self.look().await;
            if more || !self.ready.is_empty() {
                continue;
            }
            let pause = BOOKMARK.min(self.ends.saturating_duration_since(Instant::now()));
            let changed = tokio::time::timeout(pause, self.revision.changed()).await;
            match changed {
                Ok(Ok(())) => {
                    let gathered = self.told.map(|told| told + GATHER);
                    if let Some(moment) = gathered.filter(|moment| *moment > Instant::now()) {
                        tokio::time::sleep_until(moment).await;
                    }
                }
                // The practice cluster has stopped.
                Ok(Err(_gone)) => self.over = true,
                Err(_quiet) => {
                    if self.call.query.on("allowWatchBookmarks") {
                        self.bookmark(false);
                    }
                    self.over = Instant::now() >= self.ends;
                }
            }
        }
    }

    /// Takes the next changes since the last look; says whether there may be more.
    async fn look(&mut self) -> bool {
        let (call, after) = (Arc::clone(&self.call), self.after);
        let found = self
            .hub
            .ask(move |cluster, now| {
                let kind = find(cluster, &call)?;
                let mut changes = cluster.changes(&kind, &namespace(&call), after)?;
                let more = changes.len() > BACKLOG;
                changes.truncate(BACKLOG);
                let last = changes.last().filter(|_| more);
                let reached = last.map_or(cluster.store.revision(), |change| change.revision);
                Ok::<_, Failure>((changes, reached, now))
            })
            .await;
        match found {
            None => self.over = true,
            Some(Ok((changes, reached, now))) => {
                self.now = now;
                let more = changes.len() == BACKLOG;
                if !changes.is_empty() {
                    self.told = Some(Instant::now());
                }
                for change in changes {
                    self.take(change);
                }
                self.after = reached;
                return more;
            }
            Some(Err(failure)) => {
                self.line("ERROR", &failure.body());
                self.over = true;
            }
        }
        false
    }

    fn take(&mut self, change: Change) {
        let object = &change.object;
        if !is_named(object, &self.call) {
            return;
        }
        let wanted = self.selector.matches(object) && change.verb != Verb::Deleted;
        // What goes is shown as it was last wanted, at the revision at which it went.
        let gone = || {
            let mut last = change.before.as_deref().unwrap_or(object).clone();
            last["metadata"]["resourceVersion"] = change.revision.to_string().into();
            Arc::new(last)
        };
        let before = change.before.as_ref();
        let name = name(object);
        let was = self.known.contains(&name)
            || before.is_some_and(|before| self.selector.matches(before));
        let word = match (was, wanted) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => {
                self.known.remove(&name);
                self.ready.push_back(Line::Object("DELETED", gone()));
                return;
            }
            (false, false) => return,
        };
        self.known.insert(name);
        self.ready.push_back(Line::Change(word, change));
    }

    fn encoded(&mut self, line: Line) -> Vec<u8> {
        let (word, object) = match line {
            Line::Said(bytes) => return bytes,
            Line::Change(word, change) if self.form == Form::Whole => {
                return worded(word, change.text());
            }
            Line::Change(word, change) => (word, change.object),
            Line::Object(word, object) => (word, object),
        };
        if self.form == Form::Whole {
            return worded(word, &packed::text(&object));
        }
        let first = !std::mem::replace(&mut self.headed, true);
        let shown = table::line(self.form, &self.kind, (*object).clone(), first, self.now);
        worded(word, &packed::text(&shown))
    }

    fn line(&mut self, word: &str, object: &Value) {
        let line = worded(word, &object.to_string());
        self.ready.push_back(Line::Said(line));
    }

    fn bookmark(&mut self, initial: bool) {
        let mut meta = json!({"resourceVersion": self.after.to_string()});
        if initial {
            meta["annotations"] = json!({INITIAL_END: "true"});
        }
        let (kind, version) = (&self.kind.kind, self.kind.api_version());
        let object = json!({"kind": kind, "apiVersion": version, "metadata": meta});
        let shown = match self.form {
            Form::Table(_) => table::line(self.form, &self.kind, object, false, self.now),
            _ => object,
        };
        self.line("BOOKMARK", &shown);
    }
}

/// A line around an object that is JSON already.
fn worded(word: &str, object: &str) -> Vec<u8> {
    let line = ["{\"type\":\"", word, "\",\"object\":", object, "}\n"];
    line.concat().into_bytes()
}

fn name(object: &Value) -> String {
    let text = |pointer| text_at(object, pointer).unwrap_or("");
    format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"))
}
