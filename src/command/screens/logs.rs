//! Reads logs for the screens: of several containers by time, then each new line as it is written.

use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    app::{
        Input,
        logs::wish::{News, Range, Wish},
    },
    plan::ObjectRef,
    problem::Problem,
    session::World,
    sys::{
        DoorError, Retry,
        kube::{Asked, Kube, Line, LogLines},
    },
};

/// Newest lines of each container that are read first.
const TAIL: u32 = 1000;

/// Bytes that are told at once.
const BATCH: usize = 32 << 10;

/// Containers that are read together.
const MOST: usize = 60;

/// First pause before a log that has ended is asked for again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A log that says nothing for so long is asked for again: a connection that was cut never says so.
const QUIET: Duration = Duration::from_mins(1);

/// One container of one pod.
struct Stream {
    pod: String,
    container: String,
    /// What stands before its lines, when there are others.
    label: String,
    /// The moment of its newest line, and how many lines have that moment.
    newest: Option<(Timestamp, usize)>,
}

impl Stream {
    fn take(&mut self, at: Option<Timestamp>) {
        self.newest = match (self.newest, at) {
            (Some((newest, count)), Some(at)) if newest == at => Some((newest, count + 1)),
            (_, Some(at)) => Some((at, 1)),
            (newest, None) => newest,
        };
    }

    fn write(&self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.label.as_bytes());
        out.extend_from_slice(text);
        out.push(b'\n');
    }
}

/// Tells the news of one wish.
#[derive(Clone)]
struct Teller {
    id: u64,
    inputs: mpsc::Sender<Input>,
}

impl Teller {
    /// False once nobody hears.
    async fn tell(&self, news: News) -> bool {
        let id = self.id;
        self.inputs.send(Input::Log { id, news }).await.is_ok()
    }
}

/// Reads until it is ended from outside, or no line can come any more.
pub(super) async fn read(world: World, wish: Wish, inputs: mpsc::Sender<Input>) {
    let teller = Teller {
        id: wish.id,
        inputs,
    };
    let kube = &world.doors.kube;
    let (mut streams, names) = match streams(kube, &wish).await {
        Ok(found) => found,
        Err(problem) => {
            teller.tell(News::Trouble(Some(problem))).await;
            teller.tell(News::Over).await;
            return;
        }
    };
    teller.tell(News::Begun(names)).await;
    let since = match wish.range {
        Range::All => None,
        Range::Last(span) => {
            let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
            world.doors.clock.now().checked_sub(span).ok()
        }
        Range::Between(from, _) => Some(from),
    };
    let complete = before(kube, &wish, since, &mut streams, &teller).await;
    teller.tell(News::Caught(complete)).await;
    if wish.previous || matches!(wish.range, Range::Between(..)) {
        teller.tell(News::Over).await;
        return;
    }
    let follow = streams
        .into_iter()
        .map(|stream| follow(kube, &wish.namespace, stream, teller.clone()));
    join_all(follow).await;
    teller.tell(News::Over).await;
}

/// The containers that are read, and the names that can be chosen.
async fn streams(kube: &Kube, wish: &Wish) -> Result<(Vec<Stream>, Vec<String>), Problem> {
    let mut found = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for pod in &wish.pods {
        let target = ObjectRef::new("v1", "Pod", &wish.namespace, pod);
        let Some(object) = kube.get(&target).await? else {
            continue;
        };
        for name in containers(&object) {
            if !names.contains(&name) {
                names.push(name.clone());
            }
            if wish.container.as_ref().is_none_or(|wanted| *wanted == name) {
                found.push((pod.clone(), name));
            }
        }
    }
    found.truncate(MOST);
    if found.is_empty() {
        let target = wish.pods.first().cloned().unwrap_or_default();
        let what = format!("The pod {}/{target} is not there any more.", wish.namespace);
        let remedy = "Go back and choose one that is there.";
        return Err(Problem::new(crate::problem::Code::Kube08, what, remedy));
    }
    let (one, pods) = (found.len() == 1, wish.pods.len() > 1);
    let alone = names.len() == 1 || wish.container.is_some();
    let streams = found.into_iter().map(|(pod, container)| Stream {
        label: match (one, pods) {
            (true, _) => String::new(),
            (false, true) if alone => format!("[{pod}] "),
            (false, true) => format!("[{pod} {container}] "),
            (false, false) => format!("[{container}] "),
        },
        pod,
        container,
        newest: None,
    });
    Ok((streams.collect(), names))
}

fn containers(pod: &Value) -> Vec<String> {
    ["initContainers", "containers"]
        .into_iter()
        .filter_map(|list| pod["spec"][list].as_array())
        .flatten()
        .filter_map(|container| container["name"].as_str())
        .map(str::to_owned)
        .collect()
}

/// Reads what was written before, ordered by time; true when nothing older is kept.
async fn before(
    kube: &Kube,
    wish: &Wish,
    since: Option<Timestamp>,
    streams: &mut [Stream],
    teller: &Teller,
) -> bool {
    let limited = !wish.whole && wish.range == Range::All;
    let mut sources = Vec::new();
    let alone = streams.len() == 1;
    for (at, stream) in streams.iter().enumerate() {
        let asked = Asked {
            namespace: &wish.namespace,
            pod: &stream.pod,
            container: &stream.container,
            previous: wish.previous,
            tail: limited.then_some(TAIL),
            since,
        };
        match kube.log_lines(asked, false).await {
            Ok(lines) => sources.push(Source::new(at, lines)),
            // One container may not have started yet; the others still have something to say.
            Err(error) if !alone => {
                let mut told = Vec::new();
                stream.write(error.problem.what.as_bytes(), &mut told);
                teller.tell(News::Lines(told)).await;
            }
            Err(error) => {
                teller.tell(News::Trouble(Some(error.problem))).await;
            }
        }
    }
    let until = match wish.range {
        Range::Between(_, until) => Some(until),
        Range::All | Range::Last(_) => None,
    };
    merge(&mut sources, (streams, until), teller).await;
    let most = usize::try_from(TAIL).unwrap_or(usize::MAX);
    !limited || sources.iter().all(|source| source.count < most)
}

/// A log with its next line.
struct Source {
    at: usize,
    lines: LogLines,
    head: Option<Line>,
    over: bool,
    count: usize,
}

impl Source {
    fn new(at: usize, lines: LogLines) -> Self {
        Self {
            at,
            lines,
            head: None,
            over: false,
            count: 0,
        }
    }

    async fn fill(&mut self) -> Result<(), DoorError> {
        if self.head.is_none() && !self.over {
            self.head = self.lines.next().await?;
            self.over = self.head.is_none();
        }
        Ok(())
    }
}

/// Tells the lines of all sources by their time.
async fn merge(
    sources: &mut [Source],
    (streams, until): (&mut [Stream], Option<Timestamp>),
    teller: &Teller,
) {
    let mut batch = Vec::with_capacity(BATCH * 2);
    loop {
        for source in sources.iter_mut() {
            if let Err(error) = source.fill().await {
                source.over = true;
                teller.tell(News::Trouble(Some(error.problem))).await;
            }
        }
        let next = sources
            .iter_mut()
            .filter(|source| source.head.is_some())
            .min_by_key(|source| source.head.as_ref().and_then(|line| line.at));
        let Some(source) = next else { break };
        source.count += 1;
        let (Some(line), Some(stream)) = (source.head.take(), streams.get_mut(source.at)) else {
            break;
        };
        stream.take(line.at);
        if until.zip(line.at).is_none_or(|(until, at)| at <= until) {
            stream.write(&line.text, &mut batch);
        }
        if batch.len() >= BATCH && !teller.tell(News::Lines(std::mem::take(&mut batch))).await {
            return;
        }
    }
    if !batch.is_empty() {
        teller.tell(News::Lines(batch)).await;
    }
}

/// Tells each new line of one container, also after its next start, until its pod is gone or nobody hears.
async fn follow(kube: &Kube, namespace: &str, mut stream: Stream, teller: Teller) {
    let mut pause = FIRST_PAUSE;
    let mut troubled = false;
    loop {
        let (pod, container) = (stream.pod.clone(), stream.container.clone());
        let asked = Asked {
            namespace,
            pod: &pod,
            container: &container,
            since: stream.newest.map(|(at, _)| at),
            ..Asked::default()
        };
        match kube.log_lines(asked, true).await {
            Ok(lines) => {
                if std::mem::take(&mut troubled) {
                    teller.tell(News::Trouble(None)).await;
                }
                match new_lines(lines, &mut stream, &teller).await {
                    None => return,
                    Some(0) => {}
                    Some(_) => pause = FIRST_PAUSE,
                }
            }
            Err(error) => {
                troubled = true;
                let gone = error.retry == Retry::No;
                if !teller.tell(News::Trouble(Some(error.problem))).await || gone {
                    return;
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Tells what is new in a log; how many lines that were, or nothing once nobody hears.
async fn new_lines(mut lines: LogLines, stream: &mut Stream, teller: &Teller) -> Option<usize> {
    let known = stream.newest;
    let (mut same, mut count) = (0, 0);
    let mut batch = Vec::new();
    while let Ok(Ok(Some(line))) = tokio::time::timeout(QUIET, lines.next()).await {
        // The server looks at whole seconds: what was told already comes again.
        if let (Some((newest, told)), Some(at)) = (known, line.at) {
            same += usize::from(at == newest);
            if at < newest || (at == newest && same <= told) {
                continue;
            }
        }
        stream.take(line.at);
        stream.write(&line.text, &mut batch);
        count += 1;
        let full = batch.len() >= BATCH || !lines.has_more();
        if full && !teller.tell(News::Lines(std::mem::take(&mut batch))).await {
            return None;
        }
    }
    if !batch.is_empty() && !teller.tell(News::Lines(batch)).await {
        return None;
    }
    Some(count)
}
