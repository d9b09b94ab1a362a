//! What takes long, done beside the desk: checks, the watch of the cluster, an object.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::desk::joined;
use crate::{
    app::Input,
    check::{self, Asked},
    compare::{Mask, show},
    plan::ObjectRef,
    session::{Session, World},
    sys::kube::Kube,
    watch::{self, Watched},
};

/// Tells each check as it comes.
pub(super) async fn checks(asked: Asked, inputs: mpsc::Sender<Input>) {
    let began = Instant::now();
    let mut results = check::run(asked);
    while let Some(result) = results.recv().await {
        inputs.send(Input::Checks(vec![result], false)).await.ok();
    }
    inputs.send(Input::Checks(Vec::new(), true)).await.ok();
    inputs.send(Input::CheckTime(began.elapsed())).await.ok();
}

/// Tells each picture of the cluster; a slow screen skips some.
pub(super) async fn watch(world: World, inputs: mpsc::Sender<Input>) {
    let mut views = watch::start(Watched {
        kube: world.doors.kube,
        clock: world.doors.clock,
    });
    while views.changed().await.is_ok() {
        let view = views.borrow_and_update().clone();
        if inputs.send(Input::Cluster(view)).await.is_err() {
            return;
        }
    }
}

/// Tells what pods and nodes use.
pub(super) async fn usage(kube: Kube, inputs: mpsc::Sender<Input>) {
    let heard = watch::usage(&kube).await;
    inputs.send(Input::Usage(Box::new(heard))).await.ok();
}

/// Tells the plan as this cluster needs it; while it cannot be asked, the plan made without it stands.
pub(super) async fn plan((mut session, world): (Session, World), inputs: mpsc::Sender<Input>) {
    if let Ok(plan) = session.plan_for(&world).await {
        inputs.send(Input::Plan(Arc::new(plan))).await.ok();
    }
}

/// Tells what of the plan is otherwise in the cluster.
pub(super) async fn compare(mut session: Session, world: World, inputs: mpsc::Sender<Input>) {
    let input = match session.compare(&world).await {
        Ok(found) => Input::Difference(show::differences(&world.cluster, &found.differences)),
        Err(problems) => match joined(problems) {
            Some(problem) => Input::Problem(problem),
            None => return,
        },
    };
    inputs.send(input).await.ok();
}

/// Tells an object as the cluster keeps it; who wrote which field is folded, and what is secret is stars.
pub(super) async fn object(
    world: World,
    target: ObjectRef,
    mask: Mask,
    inputs: mpsc::Sender<Input>,
) {
    let input = match world.doors.kube.get(&target).await {
        Ok(Some(object)) => Input::Object {
            title: target.to_string(),
            text: show::object(&object, &mask),
        },
        Ok(None) => Input::Notice(format!("{target} is not there any more.")),
        Err(error) => Input::Problem(error.problem),
    };
    inputs.send(input).await.ok();
}
