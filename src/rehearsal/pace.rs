//! How the practice cluster's time passes, as it is asked for while it runs: paused, one due change further, faster or slower.
//!
//! The wish is a ConfigMap, as the scenario is one; the cluster writes beside it what it has taken and when.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Speed,
    clock::Clock,
    store::Store,
    world::{Write, text_at},
};
use crate::{
    plan::{Object, ObjectRef},
    problem::{Code, Problem},
    sys::{self, kube::Kube},
};

/// The name of the ConfigMap in `kube-system`.
const TIME: &str = "rehearsal-time";
const SYSTEM: &str = "kube-system";

/// How a paused time is written.
const PAUSED: &str = "paused";

/// How long the cluster may take to follow a wish.
const TAKING: Duration = Duration::from_secs(10);

/// Time between two looks whether it has.
const LOOK: Duration = Duration::from_millis(30);

/// How time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At a speed.
    Runs(Speed),
    /// Not at all.
    Paused,
}

impl Pace {
    /// Reads `20`, `max`, `paused`.
    ///
    /// # Errors
    /// Says what can be chosen.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.trim().eq_ignore_ascii_case(PAUSED) {
            return Ok(Self::Paused);
        }
        Speed::parse(text).map(Self::Runs)
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs(speed) => speed.fmt(out),
            Self::Paused => out.pad(PAUSED),
        }
    }
}

/// What can be asked of the time of a living practice cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It passes so from now on.
    Pace(Pace),
    /// It stands still, and jumps to the next due change once.
    Step,
}

/// The time of a living practice cluster, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How it passes.
    pub pace: Pace,
    /// What its clock showed when it was taken ...
    pub at: Timestamp,
    /// ... and what ours showed then.
    pub ours: Timestamp,
}

impl Taken {
    /// A clock that passes like that; one that jumps cannot be followed.
    pub fn clock(&self) -> sys::clock::Clock {
        match self.pace {
            Pace::Runs(Speed::Times(times)) => {
                sys::clock::Clock::of_cluster(self.at, self.ours, times)
            }
            Pace::Runs(Speed::Max) => sys::clock::Clock::real(),
            Pace::Paused => sys::clock::Clock::stopped(self.at),
        }
    }
}

fn number(map: &Value, field: &str) -> u64 {
    text_at(map, &format!("/data/{field}"))
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// The mark of a wish that was taken.
fn mark(map: &Value) -> String {
    let pace = text_at(map, "/data/pace").unwrap_or("");
    format!("{pace} {}", number(map, "steps"))
}

/// Lets the clock follow what is wished; gives what is to be written when it has. `wake_at` is the next due change.
pub(super) fn follow(
    store: &Store,
    clock: &mut Clock,
    wake_at: Option<Timestamp>,
) -> Option<Write> {
    let map = store.get("ConfigMap", SYSTEM, TIME)?;
    let mark = mark(map);
    if text_at(map, "/data/taken") == Some(mark.as_str()) {
        return None;
    }
    // What cannot be read changes nothing, and is not read again.
    if let Ok(pace) = Pace::parse(text_at(map, "/data/pace").unwrap_or("")) {
        clock.take(pace);
    }
    if number(map, "steps") > number(map, "stepped")
        && let Some(due) = wake_at
    {
        clock.jump(due);
    }
    let mut taken = (**map).clone();
    taken["data"]["taken"] = mark.into();
    taken["data"]["stepped"] = number(map, "steps").to_string().into();
    taken["data"]["at"] = clock.now().to_string().into();
    taken["data"]["ours"] = Timestamp::now().to_string().into();
    Some(Write::Replace(taken))
}

/// A wish ends with the process that took it: the next one begins as it is told to.
pub(super) fn forget(store: &mut Store, now: Timestamp) {
    let target = ObjectRef::new("v1", "ConfigMap", SYSTEM, TIME);
    store.perform(Write::Remove { target }, now);
}

async fn map(kube: &Kube) -> Result<Option<Value>, Problem> {
    let target = ObjectRef::new("v1", "ConfigMap", SYSTEM, TIME);
    Ok(kube.get(&target).await?)
}

fn read(map: &Value) -> Option<Taken> {
    if text_at(map, "/data/taken")? != mark(map) {
        return None;
    }
    let moment = |field: &str| text_at(map, &format!("/data/{field}"))?.parse().ok();
    Some(Taken {
        pace: Pace::parse(text_at(map, "/data/pace")?).ok()?,
        at: moment("at")?,
        ours: moment("ours")?,
    })
}

/// How time passes now; nothing when nobody has asked for anything since the cluster was started.
///
/// # Errors
/// The cluster cannot be reached.
pub async fn taken(kube: &Kube) -> Result<Option<Taken>, Problem> {
    Ok(map(kube).await?.as_ref().and_then(read))
}

/// Asks something of the time of a living practice cluster, and waits until it has followed.
///
/// # Errors
/// The cluster cannot be reached, refuses, or does not follow.
pub async fn ask(kube: &Kube, wish: Wish) -> Result<Taken, Problem> {
    let known = map(kube).await?.unwrap_or_default();
    let (pace, steps) = match wish {
        Wish::Pace(pace) => (pace, number(&known, "steps")),
        Wish::Step => (Pace::Paused, number(&known, "steps") + 1),
    };
    let object = Object::from_value(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": TIME, "namespace": SYSTEM},
        "data": {"pace": pace.to_string(), "steps": steps.to_string()},
    }));
    let object = object.map_err(|why| {
        let what = "The time of the practice cluster could not be put into words.";
        Problem::new(Code::Bug01, what, "Report this.").because(why)
    })?;
    kube.apply(&object).await?;
    let until = tokio::time::Instant::now() + TAKING;
    loop {
        if let Some(taken) = taken(kube).await?
            && taken.pace == pace
        {
            return Ok(taken);
        }
        if tokio::time::Instant::now() >= until {
            return Err(Problem::new(
                Code::Reh01,
                "The practice cluster does not follow what was asked of its time.",
                "End it (its process is named in rehearsal/cluster/point.json) and start it again with care-install rehearse.",
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
}
