//! Live objects: one shared watch per kind and namespace, latest wins, and it says when it has gone stale.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::Value;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    DoorError,
    kube::{Kube, Only},
};
use crate::plan::ObjectRef;

/// First pause after a broken watch; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a watch may be quiet until it is asked for again: a server that is cut off from the network never says
/// goodbye, and only a new question finds that out. Servers send a bookmark about once a minute.
const QUIET_LIMIT: Duration = Duration::from_secs(30);

/// With more objects of a kind, telling of each change by itself would cost more than the changes.
const LARGE: usize = 1_000;

/// Changes of so many objects that come within this time are one piece of news.
const TOGETHER: Duration = Duration::from_millis(30);

/// Objects by `namespace/name` (or `name` for those without a namespace).
pub type Objects = BTreeMap<String, Arc<Value>>;

/// What a watch knows.
#[derive(Clone, Debug, Default)]
struct Seen {
    objects: Arc<Objects>,
    /// True once the first list has come.
    listed: bool,
    stale_since: Option<Timestamp>,
    trouble: Option<DoorError>,
}

type Key = (String, String, Option<String>, Only);

#[derive(Debug)]
struct Inner {
    kube: Kube,
    watches: Mutex<HashMap<Key, watch::Receiver<Seen>>>,
    stop: CancellationToken,
    quiet: Duration,
    /// Ends every task with the last clone of the feed.
    _guard: DropGuard,
}

/// The watches of one connection; clones share them.
#[derive(Clone, Debug)]
pub struct Feed(Arc<Inner>);

/// One kind in one namespace (or all), live.
#[derive(Clone, Debug)]
pub struct Watch {
    seen: watch::Receiver<Seen>,
    /// Keeps the tasks alive.
    _feed: Feed,
}

impl Feed {
    /// No watch yet.
    pub fn new(kube: Kube) -> Self {
        Self::with_quiet_limit(kube, QUIET_LIMIT)
    }

    /// One whose watches are asked for again after another quiet time than the usual half minute.
    pub fn with_quiet_limit(kube: Kube, quiet: Duration) -> Self {
        let stop = CancellationToken::new();
        Self(Arc::new(Inner {
            kube,
            watches: Mutex::default(),
            _guard: stop.clone().drop_guard(),
            stop,
            quiet,
        }))
    }

    /// The live objects of the kind in the reference's namespace; its name is not used. Returns once they were listed.
    ///
    /// A kind that the server does not know yet has no objects, and they appear once it does.
    ///
    /// # Errors
    /// The first list is refused or the server cannot be reached.
    pub async fn watch(&self, of: &ObjectRef) -> Result<Watch, DoorError> {
        self.watch_only(of, Only::All).await
    }

    /// The same for a part of the kind.
    ///
    /// # Errors
    /// As [`Self::watch`].
    pub async fn watch_only(&self, of: &ObjectRef, only: Only) -> Result<Watch, DoorError> {
        let key = (
            of.api_version.clone(),
            of.kind.clone(),
            of.namespace.clone(),
            only,
        );
        let mut seen = {
            let mut watches = self
                .0
                .watches
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            watches
                .entry(key)
                .or_insert_with(|| self.begin(of, only))
                .clone()
        };
        let known = {
            let now = seen.borrow_and_update();
            !now.listed && now.trouble.is_some()
        };
        if known {
            // What went wrong was told to whoever asked before: this one hears of the next try.
            seen.changed().await.ok();
        }
        let first = seen
            .wait_for(|seen| seen.listed || seen.trouble.is_some())
            .await;
        if let Ok(state) = &first
            && !state.listed
            && let Some(trouble) = &state.trouble
        {
            return Err(trouble.clone());
        }
        drop(first);
        Ok(Watch {
            seen,
            _feed: self.clone(),
        })
    }

    fn begin(&self, of: &ObjectRef, only: Only) -> watch::Receiver<Seen> {
        let (publish, seen) = watch::channel(Seen::default());
        let task = Task {
            kube: self.0.kube.clone(),
            of: of.clone(),
            only,
            publish,
            objects: Objects::new(),
            quiet: self.0.quiet,
        };
        let stop = self.0.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(task.run()).await });
        seen
    }
}

impl Watch {
    /// What is known now.
    pub fn objects(&self) -> Arc<Objects> {
        Arc::clone(&self.seen.borrow().objects)
    }

    /// Waits for news; many changes are one piece of news.
    pub async fn changed(&mut self) {
        if self.seen.changed().await.is_err() {
            // The feed was stopped: no news will come.
            std::future::pending::<()>().await;
        }
    }

    /// What went wrong last; nothing while the connection is good.
    pub fn trouble(&self) -> Option<DoorError> {
        self.seen.borrow().trouble.clone()
    }

    /// Since when the picture may be old; nothing while the connection is good.
    pub fn stale_since(&self) -> Option<Timestamp> {
        self.seen.borrow().stale_since
    }
}

/// How a watch ended.
enum End {
    /// The server closed it in good order, it was quiet, or the version is too old: list or go on at once.
    Again,
    /// It broke.
    Broken(DoorError),
}

struct Task {
    kube: Kube,
    of: ObjectRef,
    only: Only,
    publish: watch::Sender<Seen>,
    objects: Objects,
    quiet: Duration,
}

impl Task {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.once().await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) => {
                    self.publish.send_modify(|seen| {
                        seen.stale_since.get_or_insert_with(Timestamp::now);
                        seen.trouble = Some(error);
                    });
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Lists, then watches until the watch ends.
    async fn once(&mut self) -> Result<(), DoorError> {
        let Some(collection) = self.kube.known(&self.of).await? else {
            self.objects.clear();
            self.tell();
            // The kind may come with a component that is installed just now.
            tokio::time::sleep(FIRST_PAUSE).await;
            return Ok(());
        };
        let (items, mut version) = self.kube.list_at(&collection, &self.of, self.only).await?;
        self.objects = items.into_iter().map(|item| (key(&item), item)).collect();
        self.tell();
        loop {
            let began = Instant::now();
            match self.follow(&collection, &mut version).await {
                End::Again if version.is_empty() => return Ok(()),
                // Whatever ends every watch at once must not be asked as fast as it answers.
                End::Again if began.elapsed() < FIRST_PAUSE => {
                    tokio::time::sleep(FIRST_PAUSE).await;
                }
                End::Again => {}
                End::Broken(error) => return Err(error),
            }
        }
    }

    async fn follow(&mut self, collection: &str, version: &mut String) -> End {
        let mut body = match self.kube.watch(collection, version, self.only).await {
            Ok(body) => body,
            Err(error) => return End::Broken(error),
        };
        let mut rest: Vec<u8> = Vec::new();
        let mut told = Instant::now();
        // Changes that were not told yet, and when they are.
        let mut due: Option<Instant> = None;
        loop {
            let later = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let frame = tokio::select! {
                frame = tokio::time::timeout(self.quiet, body.frame()) => frame,
                () = later => {
                    self.tell();
                    (told, due) = (Instant::now(), None);
                    continue;
                }
            };
            let Ok(Some(Ok(frame))) = frame else { break };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            rest.extend_from_slice(&data);
            let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else {
                continue;
            };
            let lines: Vec<u8> = rest.drain(..=end).collect();
            let Some(news) = self.take_all(&lines, version) else {
                // Too old, or not understood: list again.
                version.clear();
                break;
            };
            if !news {
                continue;
            }
            if self.objects.len() < LARGE || told.elapsed() >= TOGETHER {
                self.tell();
                (told, due) = (Instant::now(), None);
            } else {
                due = due.or(Some(told + TOGETHER));
            }
        }
        if due.is_some() {
            self.tell();
        }
        End::Again
    }

    /// Takes lines of events and says whether anything is otherwise; nothing when the list has to be read again.
    fn take_all(&mut self, lines: &[u8], version: &mut String) -> Option<bool> {
        let mut news = false;
        for line in lines.split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                news |= self.take(line, version)?;
            }
        }
        Some(news)
    }

    /// Takes one event; nothing when the list has to be read again.
    fn take(&mut self, line: &[u8], version: &mut String) -> Option<bool> {
        let mut event: Value = serde_json::from_slice(line).ok()?;
        let object = event.get_mut("object").map(Value::take)?;
        let now = object
            .pointer("/metadata/resourceVersion")
            .and_then(Value::as_str)?;
        now.clone_into(version);
        match event.get("type").and_then(Value::as_str)? {
            "ADDED" | "MODIFIED" => {
                let object = self.only.whole(object, &self.of);
                let key = key(&object);
                // What changed may be nothing that is kept: that is no news.
                if self
                    .objects
                    .get(&key)
                    .is_some_and(|known| **known == object)
                {
                    return Some(false);
                }
                self.objects.insert(key, self.only.kept(object));
                Some(true)
            }
            "DELETED" => Some(self.objects.remove(&key(&object)).is_some()),
            "BOOKMARK" => Some(false),
            _ => None,
        }
    }

    fn tell(&self) {
        let objects = Arc::new(self.objects.clone());
        self.publish.send_modify(|seen| {
            *seen = Seen {
                objects,
                listed: true,
                stale_since: None,
                trouble: None,
            };
        });
    }
}

fn key(object: &Value) -> String {
    let text = |pointer| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("")
    };
    match text("/metadata/namespace") {
        "" => text("/metadata/name").to_owned(),
        namespace => format!("{namespace}/{}", text("/metadata/name")),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::sys::kube::Source;

    /// How long a test may wait.
    const LIMIT: Duration = Duration::from_secs(20);

    fn node(name: &str, version: &str) -> Value {
        json!({"metadata": {"name": name, "resourceVersion": version}})
    }

    /// A server whose watches after the first bring one more node, and which then falls silent for good or hangs up.
    async fn server(says_goodbye: bool) -> (String, watch::Receiver<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (count, watches) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, count.clone(), says_goodbye));
            }
        });
        (url, watches)
    }

    async fn answer(mut stream: TcpStream, watches: watch::Sender<usize>, says_goodbye: bool) {
        let mut asked = String::new();
        while !asked.ends_with("\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else {
                return;
            };
            asked.push(byte.into());
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        let text = if asked.contains("watch=true") {
            let mut before = 0;
            watches.send_modify(|count| {
                before = *count;
                *count += 1;
            });
            let name = format!("late-{before}");
            let event = json!({"type": "ADDED", "object": node(&name, "6")});
            let chunk = format!("{event}\n");
            match (before, says_goodbye) {
                (0, false) => format!("{head}transfer-encoding: chunked\r\n\r\n"),
                (_, false) => format!(
                    "{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{chunk}\r\n",
                    chunk.len()
                ),
                (_, true) => format!("{head}content-length: 0\r\nconnection: close\r\n\r\n"),
            }
        } else {
            let body = if asked.contains("nodes") {
                json!({"metadata": {"resourceVersion": "5"}, "items": [node("first", "5")]})
            } else {
                json!({"resources": [{"name": "nodes", "kind": "Node", "namespaced": false}]})
            };
            let body = body.to_string();
            format!(
                "{head}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
        };
        stream.write_all(text.as_bytes()).await.ok();
        if asked.contains("watch=true") && !says_goodbye {
            // Silent, as if its cable had been pulled.
            std::future::pending::<()>().await;
        }
    }

    async fn feed(url: String, quiet: Duration) -> Feed {
        let token = SecretString::from("token");
        let kube = Kube::connect(&Source::Endpoint { url, token }).await;
        Feed::with_quiet_limit(kube.unwrap(), quiet)
    }

    #[tokio::test]
    async fn a_watch_that_falls_silent_is_asked_for_again() {
        let (url, _watches) = server(false).await;
        let feed = feed(url, Duration::from_millis(50)).await;
        let of = ObjectRef::new("v1", "Node", "", "");
        let mut watch = feed.watch(&of).await.unwrap();
        let news = async {
            while !watch.objects().contains_key("late-1") {
                watch.changed().await;
            }
        };
        tokio::time::timeout(LIMIT, news).await.unwrap();
        assert!(watch.objects().contains_key("first"));
    }

    #[tokio::test]
    async fn a_server_that_ends_every_watch_at_once_is_not_asked_without_a_pause() {
        let (url, mut watches) = server(true).await;
        let feed = feed(url, QUIET_LIMIT).await;
        let of = ObjectRef::new("v1", "Node", "", "");
        let began = Instant::now();
        let _watch = feed.watch(&of).await.unwrap();
        let third = watches.wait_for(|count| *count >= 3);
        tokio::time::timeout(LIMIT, third).await.unwrap().unwrap();
        assert!(began.elapsed() >= FIRST_PAUSE * 2);
    }

    /// A server whose watches say that their version is too old, and whose second list has another node; perhaps such a refusal is
    /// its status alone, and the rest never comes.
    async fn forgetful(silent: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut lists, mut watches) = (0, 0);
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = String::new();
                while !asked.ends_with("\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else {
                        break;
                    };
                    asked.push(byte.into());
                }
                let body = if asked.contains("watch=true") {
                    watches += 1;
                    if silent {
                        let head = b"HTTP/1.1 410 Gone\r\ncontent-length: 100\r\n\r\n{";
                        stream.write_all(head).await.ok();
                        open.push(stream);
                        continue;
                    }
                    json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired",
                        "message": "too old resource version"}})
                } else if asked.contains("nodes") {
                    lists += 1;
                    let name = format!("list-{lists}");
                    json!({"metadata": {"resourceVersion": "5"}, "items": [node(&name, "5")]})
                } else {
                    json!({"resources": [{"name": "nodes", "kind": "Node", "namespaced": false}]})
                };
                let body = format!("{body}\n");
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
                let text = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(text.as_bytes()).await.ok();
                assert!(watches < 100, "it asks without end");
            }
        });
        url
    }

    #[tokio::test]
    async fn a_watch_that_is_too_old_is_listed_again_and_forgets_what_is_gone() {
        lists_again(forgetful(false).await).await;
    }

    #[tokio::test]
    async fn a_watch_whose_refusal_does_not_come_to_its_end_is_listed_again() {
        lists_again(forgetful(true).await).await;
    }

    async fn lists_again(url: String) {
        let feed = feed(url, QUIET_LIMIT).await;
        let of = ObjectRef::new("v1", "Node", "", "");
        let mut watch = feed.watch(&of).await.unwrap();
        let news = async {
            while !watch.objects().contains_key("list-2") {
                watch.changed().await;
            }
        };
        tokio::time::timeout(LIMIT, news).await.unwrap();
        assert!(!watch.objects().contains_key("list-1"));
    }
}
