//! `kubectl logs`: the lines of a container, and with `follow` each new one until it ends or the client leaves.

use std::{collections::VecDeque, convert::Infallible, pin::Pin, time::Duration};

use futures::{Stream, stream};
use hyper::body::{Bytes, Frame};
use tokio::{sync::watch, time::Instant};

use super::super::{
    answer::Failure,
    call::Call,
    cluster::Cluster,
    hub::Hub,
    logs::{self, Line, Log},
    world::World,
};

/// How long one is followed at most.
const LONGEST: Duration = Duration::from_mins(45);

/// The lines of a log that is followed.
pub type Lines = dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send;

/// A log that is followed.
struct Following {
    hub: Hub,
    revision: watch::Receiver<u64>,
    call: Call,
    /// The instance of the container: another one has a log of its own.
    instance: String,
    told: usize,
    ready: VecDeque<Line>,
    ends: Instant,
    over: bool,
}

/// Begins to follow.
///
/// # Errors
/// The refusal as the client reads it: no such pod or container, or it has not started.
pub async fn begin(hub: &Hub, call: Call) -> Result<Pin<Box<Lines>>, Failure> {
    let revision = hub.revision();
    let asked = call.clone();
    let first = hub.ask(move |cluster, now| {
        let log = read(cluster, &asked)?;
        let shown = logs::wanted(&log.lines, &asked.query, now)?;
        Ok::<_, Failure>((log, shown))
    });
    let (log, shown) = first.await.unwrap_or_else(|| Err(Failure::stopped()))?;
    let following = Following {
        hub: hub.clone(),
        revision,
        call,
        instance: log.instance,
        told: log.lines.len(),
        ready: shown.into(),
        ends: Instant::now() + LONGEST,
        over: log.ended,
    };
    Ok(Box::pin(stream::unfold(following, |mut following| async {
        let line = following.next().await?;
        let text = line.shown(&following.call.query);
        Some((Ok(Frame::data(Bytes::from(text))), following))
    })))
}

fn read(cluster: &Cluster, call: &Call) -> Result<Log, Failure> {
    let place = &call.place;
    let world = World::new(&cluster.store);
    let pod = world.get("Pod", &place.namespace, &place.name);
    let pod = pod.ok_or_else(|| Failure::no_pod(&place.name))?;
    let previous = call.query.on("previous");
    logs::log(&world, pod, call.query.text("container"), previous).map_err(Failure::bad_request)
}

impl Following {
    async fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            let changed = tokio::time::timeout_at(self.ends, self.revision.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                return None;
            }
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let call = self.call.clone();
        let found = self
            .hub
            .ask(move |cluster, _now| read(cluster, &call))
            .await;
        // A pod that is gone has said everything.
        let Some(Ok(log)) = found else {
            self.over = true;
            return;
        };
        if log.instance != self.instance {
            self.over = true;
            return;
        }
        self.over = log.ended;
        self.ready.extend(log.lines.iter().skip(self.told).cloned());
        self.told = self.told.max(log.lines.len());
    }
}
