//! While helm works: which hook of the chart it waits for, and why that does not end.

use std::{convert::Infallible, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::Task;
use crate::{
    engine::event::Waiting,
    plan::{ObjectRef, Ready, Release},
    ready::{self, Live, Readiness},
    sys::{Doors, feed::Watch},
    waiting,
};

/// How long helm may work until it is asked what it waits for: most charts have no hooks, or quick ones.
const SILENCE: Duration = Duration::from_secs(2);

/// How often it is looked again, news or not.
const LOOK: Duration = Duration::from_secs(1);

/// Marks a job that helm makes and waits for.
const HOOK: &str = "helm.sh/hook";

/// What is looked at in the namespace of the release; jobs come first.
const KINDS: [(&str, &str); 4] = [
    ("batch/v1", "Job"),
    ("v1", "Pod"),
    ("v1", "Event"),
    ("v1", "PersistentVolumeClaim"),
];

/// Tells it for as long as it is asked to.
pub(super) async fn tell(task: &Task, release: &Release, doors: &Doors) -> Infallible {
    sleep(SILENCE).await;
    let mut watches = Vec::with_capacity(KINDS.len() + 1);
    let nodes = ObjectRef::new("v1", "Node", "", "");
    let kinds = KINDS.map(|(version, kind)| ObjectRef::new(version, kind, &release.namespace, ""));
    for of in kinds.into_iter().chain([nodes]) {
        // What cannot be watched now explains nothing; helm itself says why it fails.
        let Ok(watch) = doors.feed.watch(&of).await else {
            return std::future::pending().await;
        };
        watches.push(watch);
    }
    let mut told = None;
    loop {
        let waiting = explain(&watches, task);
        if let Some(waiting) = waiting
            && told.as_ref() != Some(&waiting)
        {
            task.tell.waiting(waiting.clone()).await;
            told = Some(waiting);
        }
        let changes = watches.iter_mut().map(|watch| Box::pin(watch.changed()));
        // Either news or the end of the pause: both lead to another look.
        timeout(LOOK, futures::future::select_all(changes))
            .await
            .ok();
    }
}

fn explain(watches: &[Watch], task: &Task) -> Option<Waiting> {
    let all = |place: usize| -> Vec<Arc<Value>> {
        let watch = watches.get(place);
        watch.map_or_else(Vec::new, |watch| {
            watch.objects().values().cloned().collect()
        })
    };
    let (hook, target) = all(0).into_iter().find_map(open_hook)?;
    let live = Live {
        targets: vec![hook],
        pods: all(1),
        events: all(2),
        claims: all(3),
        nodes: all(4),
        ..Live::default()
    };
    Some(Waiting {
        target: format!("the chart's hook {target} to end"),
        reasons: waiting::explain(&Ready::Object(target), &live),
        gives_up_at: task.gives_up_at(),
    })
}

/// A job that helm made and that has not ended.
fn open_hook(job: Arc<Value>) -> Option<(Arc<Value>, ObjectRef)> {
    let text = |pointer| job.pointer(pointer).and_then(Value::as_str);
    let notes = job.pointer("/metadata/annotations");
    notes.and_then(|notes| notes.get(HOOK))?;
    let (namespace, name) = (text("/metadata/namespace")?, text("/metadata/name")?);
    let target = ObjectRef::new("batch/v1", "Job", namespace, name);
    let open = matches!(ready::object(&target, Some(&job)), Readiness::NotYet(_));
    open.then_some((job, target))
}
