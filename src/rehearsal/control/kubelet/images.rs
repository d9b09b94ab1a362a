//! Image pulls that fail: the registry's words, growing pauses, and a retry that succeeds once the image is there. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Turn, name_of};
use crate::rehearsal::{
    control::{
        shape::{after, items, stamp, text},
        trouble::{IMAGE_PULL_FAILS, plays},
    },
    world::World,
};

/// The note of a pod about its failed pulls: how many, and when the last one was.
pub const PULLS: &str = "rehearsal.care-install/pulls";
/// The first pause between two pulls; each next is twice as long.
const PAUSE: i64 = 10;
/// The longest pause.
const LONGEST: i64 = 300;
/// How long `ErrImagePull` shows before it turns into `ImagePullBackOff`.
const SHOWN: i64 = 2;

/// Whether an image cannot be pulled now.
pub fn broken(world: &World<'_>, image: &str) -> bool {
    plays(world, IMAGE_PULL_FAILS) && backend(image)
}

/// Whether this is the image of the Care backend, wherever it is pushed to.
fn backend(image: &str) -> bool {
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rsplit('/').next().unwrap_or(path);
    let name = last.split(':').next().unwrap_or(last);
    matches!(
        name,
        "care" | "care_be" | "care-be" | "care_backend" | "care-backend"
    )
}

fn pause(tries: u32) -> i64 {
    (PAUSE << tries.saturating_sub(1).min(8)).min(LONGEST)
}

impl Turn<'_> {
    /// Says that the image of a container is being pulled.
    pub(super) fn announce_pull(&mut self, list: &str, index: usize) {
        let containers: Vec<&Value> = items(&self.pod["spec"][list]).collect();
        let several = if list == "containers" {
            containers.as_slice()
        } else {
            containers.get(index..=index).unwrap_or_default()
        };
        for container in several {
            self.say(
                "Pulling",
                format!("Pulling image \"{}\"", text(&container["image"])),
            );
        }
    }

    /// Handles the containers whose image cannot be pulled; true when they may be started.
    pub(super) fn pulled(&mut self, statuses: &str, containers: &[&Value]) -> bool {
        let refused: Vec<&Value> = containers
            .iter()
            .copied()
            .filter(|container| broken(&self.world, text(&container["image"])))
            .collect();
        let Some((tries, last)) = self.failures(statuses) else {
            if refused.is_empty() {
                return true;
            }
            self.fail(statuses, &refused, 1);
            return false;
        };
        if self.shows(statuses, "ErrImagePull") && self.now < after(last, pause(tries)) {
            if self.due(after(last, SHOWN)) {
                self.back_off(statuses, containers);
                self.reaction.wake(after(last, pause(tries)));
            }
            return false;
        }
        self.retry(statuses, containers, &refused, (tries, last))
    }

    /// The next try, when its moment has come. Once the pauses no longer grow, tries that must fail are not made:
    /// they would change nothing, and a clock that jumps from one to the next would never stop.
    fn retry(
        &mut self,
        statuses: &str,
        containers: &[&Value],
        refused: &[&Value],
        (tries, last): (u32, Timestamp),
    ) -> bool {
        let grown = pause(tries) == LONGEST;
        if grown && !refused.is_empty() {
            return false;
        }
        let passed = self.now.duration_since(last).as_secs();
        if grown && passed >= 2 * LONGEST {
            let missed = after(last, passed / LONGEST * LONGEST);
            self.pulls = Some(format!("{tries} {}", stamp(missed)));
            return false;
        }
        if !self.due(after(last, pause(tries))) {
            return false;
        }
        for container in containers {
            self.say(
                "Pulling",
                format!("Pulling image \"{}\"", text(&container["image"])),
            );
        }
        if refused.is_empty() {
            return true;
        }
        self.fail(statuses, refused, tries + 1);
        false
    }

    /// How often pulling has failed and when last; nothing when no pull is failing now.
    fn failures(&self, statuses: &str) -> Option<(u32, Timestamp)> {
        if !self.shows(statuses, "ErrImagePull") && !self.shows(statuses, "ImagePullBackOff") {
            return None;
        }
        let note = self.pod["metadata"]["annotations"][PULLS].as_str()?;
        let (tries, last) = note.split_once(' ')?;
        Some((tries.parse().ok()?, last.parse().ok()?))
    }

    fn shows(&self, statuses: &str, reason: &str) -> bool {
        items(&self.status[statuses]).any(|status| status["state"]["waiting"]["reason"] == reason)
    }

    fn fail(&mut self, statuses: &str, refused: &[&Value], tries: u32) {
        for container in refused {
            let image = text(&container["image"]);
            let words = words(image);
            self.warn(
                "Failed",
                format!("Failed to pull image \"{image}\": {words}"),
            );
            self.warn("Failed", "Error: ErrImagePull");
            self.set_waiting(statuses, name_of(container), ("ErrImagePull", &words));
        }
        self.pulls = Some(format!("{tries} {}", stamp(self.now)));
        self.reaction.wake(after(self.now, SHOWN));
    }

    fn back_off(&mut self, statuses: &str, containers: &[&Value]) {
        for container in containers {
            let image = text(&container["image"]);
            let failing = items(&self.status[statuses]).any(|status| {
                status["name"] == name_of(container)
                    && status["state"]["waiting"]["reason"] == "ErrImagePull"
            });
            if failing {
                let short = format!("Back-off pulling image \"{image}\"");
                let message = format!("{short}: ErrImagePull: {}", words(image));
                self.say("BackOff", short);
                self.warn("Failed", "Error: ImagePullBackOff");
                self.set_waiting(statuses, name_of(container), ("ImagePullBackOff", &message));
            }
        }
    }

    /// Lets a container wait for a reason.
    pub(super) fn set_waiting(
        &mut self,
        statuses: &str,
        container: &str,
        (reason, message): (&str, &str),
    ) {
        for status in self.status[statuses].as_array_mut().into_iter().flatten() {
            if status["name"] == container {
                status["state"] = json!({"waiting": {"reason": reason, "message": message}});
            }
        }
    }
}

/// What containerd says of an image that the registry does not have.
fn words(image: &str) -> String {
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
    )
}
