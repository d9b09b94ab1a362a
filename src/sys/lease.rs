//! The lease in the cluster: one run at a time, from whichever computer; it is renewed until it is given back or lost.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    DoorError, Retry,
    clock::{Clock, Mark},
    kube::Kube,
};
use crate::{
    plan::{Object, ObjectRef},
    problem::{Code, Problem},
};

/// Tries at taking it, when others write it at the same moment or the API stumbles.
const TRIES: u32 = 8;

/// Pause between two of them.
const PAUSE: Duration = Duration::from_millis(250);

/// How long giving it back may take; after that it runs out by itself.
const FAREWELL: Duration = Duration::from_secs(5);

/// How often a holder looks whether the computer has slept.
const LOOK: Duration = Duration::from_secs(1);

/// How long the lease holds without a sign of life, and how often one is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// After this long without a renewal, another may take it.
    pub lasts: Duration,
    /// Time between two renewals.
    pub renew: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            lasts: Duration::from_mins(1),
            renew: Duration::from_secs(10),
        }
    }
}

/// Who wants the lease.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The person, computer and process, such as `anna@laptop pid 4711`; never a secret.
    pub who: String,
    /// The run, as it stands in the journal.
    pub run: String,
    /// The last run of this very folder. Whoever asks holds the folder's lock, so that run has ended, in whatever way.
    pub former: Option<String>,
    /// How long it lasts.
    pub terms: Terms,
    /// This computer's clock. It only stands in the lease; how long one's own lease lasts is measured apart from it.
    pub clock: Clock,
}

impl Claim {
    fn holder(&self) -> String {
        format!("{} run {}", self.who, self.run)
    }
}

/// This user, computer and process.
pub fn this_process() -> String {
    format!("{} pid {}", this_person(), std::process::id())
}

/// This user on this computer.
pub fn this_person() -> String {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    let user = user.unwrap_or_else(|| "somebody".to_owned());
    format!("{user}@{host}")
}

/// A lease that is held; the last clone that is dropped gives it back.
#[derive(Clone, Debug)]
pub struct Lease {
    lost: watch::Receiver<Option<Problem>>,
    end: CancellationToken,
    _guard: Arc<DropGuard>,
}

impl Lease {
    /// Waits until it is lost and says why; for ever while it is held.
    pub async fn lost(&self) -> Problem {
        let mut lost = self.lost.clone();
        let problem = lost.wait_for(Option::is_some).await;
        match problem.ok().and_then(|problem| problem.clone()) {
            Some(problem) => problem,
            // It was given back.
            None => std::future::pending().await,
        }
    }

    /// Gives it back, so that the next one need not wait.
    pub async fn give_back(&self) {
        self.end.cancel();
        let mut lost = self.lost.clone();
        // Its task ends the channel.
        let ended = async { while lost.changed().await.is_ok() {} };
        timeout(FAREWELL, ended).await.ok();
    }
}

fn target() -> ObjectRef {
    ObjectRef::new(
        "coordination.k8s.io/v1",
        "Lease",
        "kube-system",
        "care-install",
    )
}

/// Takes the lease and renews it from now on.
///
/// # Errors
/// Another run holds it: the problem says who, where, since when and how long it lasts; or the API refuses.
pub async fn take(kube: &Kube, claim: Claim) -> Result<Lease, DoorError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let asked = Mark::now();
        match attempt(kube, &claim).await {
            Ok(Some(object)) => return Ok(hold(kube.clone(), claim, (object, asked))),
            Ok(None) if tries < TRIES => {}
            Ok(None) => return Err(DoorError::passing(contested())),
            Err(error) if error.retry == Retry::No || tries >= TRIES => return Err(error),
            Err(_passing) => {}
        }
        sleep(PAUSE).await;
    }
}

/// One try; nothing when somebody else wrote it at the same moment.
async fn attempt(kube: &Kube, claim: &Claim) -> Result<Option<Value>, DoorError> {
    let Some(there) = kube.get(&target()).await? else {
        return kube.create(&wish(claim, None)?).await;
    };
    match standing(&there, claim, claim.clock.now()) {
        Standing::Free => {}
        Standing::Held { left } => return Err(DoorError::lasting(held(&there, left))),
        // Clocks differ between computers. A holder that lives renews within this time, and then our write is refused.
        Standing::Silent => sleep(claim.terms.renew * 2).await,
    }
    kube.replace(&wish(claim, Some(&there))?).await
}

/// How a lease stands for one who wants it.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// Given back, or left behind by the last run of this very folder.
    Free,
    /// Somebody holds it.
    Held {
        /// How long it lasts without another renewal.
        left: Duration,
    },
    /// Its time is over by our clock.
    Silent,
}

fn standing(lease: &Value, claim: &Claim, now: Timestamp) -> Standing {
    let holder = text(lease, "/spec/holderIdentity");
    let ours = claim.former.as_ref().is_some_and(|run| {
        let (place, _) = claim.who.rsplit_once(" pid ").unwrap_or((&claim.who, ""));
        holder.starts_with(&format!("{place} pid ")) && holder.ends_with(&format!(" run {run}"))
    });
    // Our own name: the answer to our own write was lost.
    if holder.is_empty() || ours || holder == claim.holder() {
        return Standing::Free;
    }
    let seconds = lease
        .pointer("/spec/leaseDurationSeconds")
        .and_then(Value::as_i64);
    let lasts = SignedDuration::from_secs(seconds.unwrap_or(0).clamp(0, 3600));
    let renewed: Option<Timestamp> = text(lease, "/spec/renewTime").parse().ok();
    let Some(renewed) = renewed else {
        return Standing::Silent;
    };
    let age = now.duration_since(renewed);
    // A moment far in the future is a clock that goes wrong, and tells nothing.
    if age >= lasts || age < -lasts {
        return Standing::Silent;
    }
    Standing::Held {
        left: Duration::try_from(lasts - age.max(SignedDuration::ZERO)).unwrap_or_default(),
    }
}

/// The lease as it is to be; its version, when there is one, makes the server refuse it after anybody else's write.
fn wish(claim: &Claim, there: Option<&Value>) -> Result<Object, DoorError> {
    let taken = there.is_some_and(|there| text(there, "/spec/holderIdentity") == claim.holder());
    let since = |there: &Value| text(there, "/spec/acquireTime").to_owned();
    let turns = there
        .and_then(|there| there.pointer("/spec/leaseTransitions"))
        .and_then(Value::as_i64)
        .unwrap_or(0);
    let now = moment(claim.clock.now());
    let spec = json!({
        "holderIdentity": claim.holder(),
        "leaseDurationSeconds": claim.terms.lasts.as_secs().max(1),
        "acquireTime": there.filter(|_| taken).map_or_else(|| now.clone(), since),
        "renewTime": now,
        "leaseTransitions": turns + i64::from(there.is_some() && !taken),
    });
    object(there, &spec)
}

fn object(there: Option<&Value>, spec: &Value) -> Result<Object, DoorError> {
    let target = target();
    let mut metadata = json!({"name": target.name, "namespace": target.namespace});
    if let Some(there) = there {
        metadata["resourceVersion"] = text(there, "/metadata/resourceVersion").into();
    }
    let value = json!({"apiVersion": target.api_version, "kind": target.kind, "metadata": metadata, "spec": spec});
    Object::from_value(value).map_err(|field| {
        let what = format!("The lease of the run lacks its field {field}.");
        DoorError::lasting(Problem::new(Code::Bug01, what, "Report this."))
    })
}

fn hold(kube: Kube, claim: Claim, (object, asked): (Value, Mark)) -> Lease {
    let (tell, lost) = watch::channel(None);
    let end = CancellationToken::new();
    let holding = Holding {
        kube,
        claim,
        object,
        renewed: asked,
    };
    tokio::spawn(holding.until(end.clone(), tell));
    Lease {
        lost,
        _guard: Arc::new(end.clone().drop_guard()),
        end,
    }
}

/// The task that renews the lease.
struct Holding {
    kube: Kube,
    claim: Claim,
    /// As the server last answered it.
    object: Value,
    /// When the last renewal that was answered was sent: never later than the server's own reckoning.
    renewed: Mark,
}

impl Holding {
    async fn until(mut self, end: CancellationToken, tell: watch::Sender<Option<Problem>>) {
        if let Some(Some(lost)) = end.run_until_cancelled(self.renew()).await {
            tell.send_replace(Some(lost));
            end.cancelled().await;
            return;
        }
        timeout(FAREWELL, self.give_back()).await.ok();
    }

    /// Renews it until that fails for good.
    async fn renew(&mut self) -> Option<Problem> {
        let Terms { lasts, renew } = self.claim.terms;
        let mut pause = renew;
        let mut trouble = None;
        loop {
            self.rest(pause).await;
            let left = lasts.saturating_sub(self.renewed.age());
            match timeout(left, self.once()).await {
                Ok(Ok(None)) => {
                    (pause, trouble) = (renew, None);
                    continue;
                }
                Ok(Ok(Some(lost))) => return Some(lost),
                Ok(Err(error)) => trouble = Some(error.problem),
                Err(_elapsed) => {}
            }
            if self.renewed.age() >= lasts {
                return Some(silent(lasts, trouble));
            }
            pause = renew / 8;
        }
    }

    /// Waits for the next renewal, shorter when the computer has slept through it: then somebody else may have the lease.
    async fn rest(&self, pause: Duration) {
        let began = Mark::now();
        while began.age() < pause {
            sleep(LOOK.min(pause.saturating_sub(began.age()))).await;
        }
    }

    /// One renewal; tells when somebody else has the lease.
    async fn once(&mut self) -> Result<Option<Problem>, DoorError> {
        let asked = Mark::now();
        if let Ok(Some(object)) = self
            .kube
            .replace(&wish(&self.claim, Some(&self.object))?)
            .await
        {
            (self.object, self.renewed) = (object, asked);
            return Ok(None);
        }
        // An answer was lost, it was deleted, or somebody took it: the lease itself says which.
        let asked = Mark::now();
        let written = match self.kube.get(&target()).await? {
            None => self.kube.create(&wish(&self.claim, None)?).await?,
            Some(there) => {
                let holder = text(&there, "/spec/holderIdentity");
                if !holder.is_empty() && holder != self.claim.holder() {
                    return Ok(Some(taken(&there)));
                }
                self.kube.replace(&wish(&self.claim, Some(&there))?).await?
            }
        };
        if let Some(object) = written {
            (self.object, self.renewed) = (object, asked);
        }
        Ok(None)
    }

    async fn give_back(&self) {
        // The newest version is read: a renewal may have been cut off without its answer.
        while let Ok(there) = self.kube.get(&target()).await {
            let Some(there) = there else { return };
            if text(&there, "/spec/holderIdentity") != self.claim.holder() {
                return;
            }
            let spec = json!({
                "holderIdentity": "",
                "leaseDurationSeconds": 1,
                "renewTime": moment(self.claim.clock.now()),
                "leaseTransitions": there.pointer("/spec/leaseTransitions"),
            });
            let Ok(free) = object(Some(&there), &spec) else {
                return;
            };
            if let Ok(Some(_given)) = self.kube.replace(&free).await {
                return;
            }
            sleep(PAUSE).await;
        }
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("")
}

/// As Kubernetes writes a moment in a lease.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn held(lease: &Value, left: Duration) -> Problem {
    let since: Option<Timestamp> = text(lease, "/spec/acquireTime").parse().ok();
    let since = since.map_or_else(String::new, |at| {
        let zoned = at.to_zoned(jiff::tz::TimeZone::system());
        format!(", since {}", zoned.strftime("%a %e %b %H:%M:%S"))
    });
    let seconds = left.as_secs() + 1;
    Problem::new(
        Code::Run06,
        "Another run works on this cluster; nothing was changed.",
        format!(
            "Look on there, or wait for its end. Should that computer be dead, its hold ends by itself: \
             start again in {seconds} s, which then takes over."
        ),
    )
    .because(format!(
        "it is {}{since}",
        text(lease, "/spec/holderIdentity")
    ))
}

fn taken(lease: &Value) -> Problem {
    Problem::new(
        Code::Run06,
        "Another run has taken over this cluster.",
        "Look on there, or wait for its end; this run then goes on where it stopped.",
    )
    .because(format!("it is {}", text(lease, "/spec/holderIdentity")))
}

fn contested() -> Problem {
    Problem::new(
        Code::Run06,
        "Others try to begin a run on this cluster at the same moment; nothing was changed.",
        "Agree on who deploys, then start again.",
    )
}

fn silent(lasts: Duration, trouble: Option<Problem>) -> Problem {
    let what = format!(
        "For {} s the Kubernetes API took no sign of life of this run, so another one may begin.",
        lasts.as_secs().max(1)
    );
    let remedy = "Bring the API back, then start again: the run goes on where it stopped.";
    let mut problem = Problem::new(Code::Run07, what, remedy);
    if let Some(trouble) = trouble {
        problem.causes.push(trouble.what);
        problem.causes.extend(trouble.causes);
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(who: &str, former: Option<&str>) -> Claim {
        Claim {
            who: who.to_owned(),
            run: "new".to_owned(),
            former: former.map(str::to_owned),
            terms: Terms::default(),
            clock: Clock::real(),
        }
    }

    #[test]
    fn a_lease_is_held_until_it_falls_silent_unless_its_holder_is_known_to_have_ended() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let at = |seconds: i64| moment(now + SignedDuration::from_secs(seconds));
        let lease = |holder: &str, renewed: String| json!({"spec": {"holderIdentity": holder, "leaseDurationSeconds": 60, "renewTime": renewed}});
        let held = |seconds| Standing::Held {
            left: Duration::from_secs(seconds),
        };
        let there = "anna@laptop pid 7 run old";
        let here = "anna@laptop pid 8";
        for (holder, renewed, claim, expected) in [
            ("", at(0), claim(here, None), Standing::Free),
            (there, at(-20), claim(here, None), held(40)),
            (there, at(20), claim(here, None), held(60)),
            (there, at(-60), claim(here, None), Standing::Silent),
            (there, at(3600), claim(here, None), Standing::Silent),
            (there, "x".into(), claim(here, None), Standing::Silent),
            (there, at(-20), claim(here, Some("old")), Standing::Free),
            (there, at(-20), claim(here, Some("other")), held(40)),
            (
                "anna@laptop pid 8 run new",
                at(0),
                claim(here, None),
                Standing::Free,
            ),
            // A copy of the folder on another computer proves nothing.
            (
                there,
                at(-20),
                claim("anna@desk pid 8", Some("old")),
                held(40),
            ),
        ] {
            let lease = lease(holder, renewed);
            assert_eq!(standing(&lease, &claim, now), expected, "{lease} {claim:?}");
        }
    }
}
