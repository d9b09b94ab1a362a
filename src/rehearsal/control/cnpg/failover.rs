//! Another instance takes over from a primary that is gone, in the steps that were recorded on a real cluster. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    FAILING_OVER, NAMESPACE, OPERATOR, Phase, SOURCE, UPGRADING,
    instances::{Instance, State, silent},
};
use crate::rehearsal::{
    control::{
        pods::ready,
        shape::{after, condition, event, stamp, text, time},
    },
    world::{Reaction, World},
};

/// Seconds until an operator is sure that a primary whose machine is silent is lost.
const SURE: i64 = 15;
/// Seconds from the choice of another instance until it has taken over.
const TAKING_OVER: i64 = 17;
/// The target while no instance is chosen yet.
const PENDING: &str = "pending";

/// The ready instance with the lowest number beside this one: it takes over.
pub(super) fn heir<'s, 'w>(seen: &'s [Instance<'w>], but: &str) -> Option<&'s Instance<'w>> {
    seen.iter()
        .find(|one| one.name != but && one.state == State::Healthy)
}

fn initiating(current: &str) -> Phase {
    Phase::new(
        FAILING_OVER,
        format!("Initiating a failover from {current}"),
    )
}

fn moving(current: &str, heir: &str) -> Phase {
    Phase::new(
        FAILING_OVER,
        format!("Failing over from {current} to {heir}"),
    )
}

/// Whether the primary is gone, as far as its operator can tell.
fn lost(seen: &[Instance<'_>], current: &str) -> bool {
    let primary = seen.iter().find(|one| one.name == current);
    primary.is_none_or(|one| one.pod.is_none() || one.state == State::Lost)
}

/// The phase while another instance takes over; nothing when none does.
pub(super) fn phase(
    world: &World<'_>,
    (cluster, seen): (&Value, &[Instance<'_>]),
    now: Timestamp,
    reaction: &mut Reaction,
) -> Option<Phase> {
    let status = &cluster["status"];
    let current = status["currentPrimary"].as_str()?;
    let target = text(&status["targetPrimary"]);
    let failing = status["phase"] == FAILING_OVER;
    if status["phase"] == UPGRADING {
        return None;
    }
    if target == PENDING {
        return Some(match heir(seen, current) {
            Some(heir) => moving(current, &heir.name),
            None => initiating(current),
        });
    }
    if target != current {
        let since = time(&status["targetPrimaryTimestamp"]).unwrap_or(now);
        let due = after(since, TAKING_OVER);
        if now < due {
            reaction.wake(due);
        }
        return Some(moving(current, target));
    }
    let reported = &status["instancesReportedState"][current];
    if failing && (!lost(seen, current) || heir(seen, current).is_none()) {
        // It has taken over; that is the end once it says so itself.
        return (reported["isPrimary"] == false).then(|| said(status));
    }
    if !lost(seen, current) || heir(seen, current).is_none() {
        return None;
    }
    if failing {
        return Some(initiating(current));
    }
    let due = sure(world, seen, current);
    if due.is_some_and(|due| now < due) {
        reaction.wake(due.unwrap_or(now));
        return Some(said(status));
    }
    // As in life it counts its instances first, and draws its conclusion on the next look.
    if reported.is_object() {
        return Some(said(status));
    }
    let words = initiating(current);
    reaction
        .writes
        .push(event(cluster, SOURCE, "FailingOver", words.reason.clone()));
    Some(words)
}

/// The phase that the cluster shows now.
fn said(status: &Value) -> Phase {
    let name = match text(&status["phase"]) {
        FAILING_OVER => FAILING_OVER,
        name if name == Phase::waiting().name => Phase::waiting().name,
        _ => Phase::healthy().name,
    };
    Phase::new(name, text(&status["phaseReason"]))
}

/// When the operator is sure; nothing when there is nothing to wait for.
fn sure(world: &World<'_>, seen: &[Instance<'_>], current: &str) -> Option<Timestamp> {
    let pod = seen.iter().find(|one| one.name == current)?.pod?;
    if !silent(world, pod) {
        return None;
    }
    let since =
        |pod: &Value| condition(pod, "Ready").and_then(|says| time(&says["lastTransitionTime"]));
    let looks = world
        .list("Pod", Some(NAMESPACE))
        .filter(|pod| {
            let name = &pod["metadata"]["labels"]["app.kubernetes.io/name"];
            name == "cloudnative-pg" || name == OPERATOR
        })
        .filter(|pod| ready(pod))
        .filter_map(|pod| since(pod))
        .min();
    since(pod).max(looks).map(|from| after(from, SURE))
}

/// Moves the target and the primary one step further.
pub(super) fn lead((cluster, seen): (&Value, &[Instance<'_>]), status: &mut Value, now: Timestamp) {
    let shown = &cluster["status"];
    let (Some(current), target) = (
        shown["currentPrimary"].as_str(),
        text(&shown["targetPrimary"]),
    ) else {
        return;
    };
    let failing = shown["phase"] == FAILING_OVER;
    let aim = |status: &mut Value, to: &str| {
        status["targetPrimary"] = to.into();
        status["targetPrimaryTimestamp"] = stamp(now).into();
    };
    if target == current {
        if failing
            && shown["phaseReason"] == initiating(current).reason.as_str()
            && lost(seen, current)
        {
            aim(status, PENDING);
        }
    } else if target == PENDING {
        let heir = heir(seen, current);
        let told =
            heir.filter(|heir| shown["phaseReason"] == moving(current, &heir.name).reason.as_str());
        if let Some(heir) = told {
            aim(status, &heir.name);
        }
    } else if refuses_archiving(cluster, now) && refused(shown) {
        status["currentPrimary"] = target.into();
        status["currentPrimaryTimestamp"] = stamp(now).into();
    }
}

/// What archiving says while an instance is taking over.
pub(super) const REFUSED: &str = "switchover in progress, refusing archiving";

fn refused(shown: &Value) -> bool {
    let shown = json!({"status": shown});
    condition(&shown, "ContinuousArchiving").is_some_and(|says| says["message"] == REFUSED)
}

/// Whether nothing is archived because an instance is just taking over.
pub(super) fn refuses_archiving(cluster: &Value, now: Timestamp) -> bool {
    let shown = &cluster["status"];
    if shown["phase"] != FAILING_OVER {
        return false;
    }
    let chosen =
        shown["targetPrimary"] != PENDING && shown["targetPrimary"] != shown["currentPrimary"];
    let since = time(&shown["targetPrimaryTimestamp"]).unwrap_or(now);
    (chosen && now >= after(since, TAKING_OVER)) || refused(shown)
}
