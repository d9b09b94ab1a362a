//! Generated sequences of applies, updates and patches by several managers: the same object and the same managers at each step.
//!
//! `CARE_CONFORMANCE_SEEDS=1000` runs more of them, `CARE_CONFORMANCE_FIRST=17` begins at another seed: with one seed it
//! is the reproduction of a failure.

mod shape;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use serde_json::{Value, json};

use self::shape::{Dice, merged, nulled, without};
use super::{
    difference,
    marks::Marks,
    requests::report,
    two::{Life, Reply, Sent, Side, Two, side_by_side},
};

/// Sequences in an ordinary run.
const SEEDS: u64 = 150;

/// Namespaces, and sequences at once.
const AT_ONCE: usize = 6;

const MANAGERS: &[&str] = &["ann", "bob", "kubectl", "care-install"];

/// A kind with the parts that its objects are put together from, as `tests/conformance/kinds.yaml` lists it.
struct Sample {
    path: String,
    /// What must be there.
    base: Value,
    /// What may be there, each in several forms.
    parts: Vec<Vec<Value>>,
    /// Forms of the status, where a client may write it.
    status: Vec<Value>,
    built_in: bool,
    scales: bool,
    second: Second,
}

/// What comes second.
#[derive(PartialEq, Eq)]
enum Second {
    /// Any step.
    Any,
    /// A write that changes something follows the first: a real server stores such an object anew at its second write, even if that
    /// changes nothing, because it had stored it in bytes that no client sees.
    Settles,
}

fn samples() -> Vec<Sample> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/kinds.yaml");
    let read: Vec<Value> = serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let forms = |value: &Value| value.as_array().cloned().unwrap_or_default();
    read.iter()
        .map(|entry| Sample {
            path: entry["path"].as_str().unwrap().to_owned(),
            base: entry["base"].clone(),
            parts: forms(&entry["parts"]).iter().map(forms).collect(),
            status: forms(&entry["status"]),
            built_in: entry["custom"] != true,
            scales: entry["scale"] == true,
            second: if entry["settles"] == true {
                Second::Settles
            } else {
                Second::Any
            },
        })
        .collect()
}

/// How a step makes its request from the object as it is.
enum Step {
    Apply {
        manager: &'static str,
        force: bool,
        dry: bool,
        body: Value,
    },
    Put {
        manager: &'static str,
        add: Value,
        drop: Value,
    },
    Patch {
        manager: &'static str,
        kind: &'static str,
        body: Value,
    },
    Status {
        manager: &'static str,
        how: &'static str,
        body: Value,
    },
    Scale {
        manager: &'static str,
        replicas: u64,
    },
}

fn identity(sample: &Sample, name: &str) -> Value {
    json!({"apiVersion": sample.base["apiVersion"], "kind": sample.base["kind"], "metadata": {"name": name}})
}

fn pick(sample: &Sample, dice: &mut Dice) -> Value {
    let mut all = json!({});
    for forms in &sample.parts {
        if dice.below(2) == 0 {
            merged(&mut all, &forms[dice.below(forms.len())]);
        }
    }
    all
}

fn part(sample: &Sample, dice: &mut Dice) -> Value {
    let forms = &sample.parts[dice.below(sample.parts.len())];
    forms[dice.below(forms.len())].clone()
}

/// One who has applied what must be there goes on doing so: who takes it back is refused, as `requests` shows.
type Wholes = BTreeSet<&'static str>;

fn step(sample: &Sample, name: &str, dice: &mut Dice, wholes: &mut Wholes) -> Step {
    let manager = MANAGERS[dice.below(MANAGERS.len())];
    let first = wholes.is_empty();
    let full = |dice: &mut Dice, whole: bool| {
        let mut body = identity(sample, name);
        if whole {
            merged(&mut body, &sample.base);
        }
        merged(&mut body, &pick(sample, dice));
        body["metadata"]["name"] = name.into();
        body
    };
    if first {
        wholes.insert(manager);
        return Step::Apply {
            manager,
            force: false,
            dry: false,
            body: full(dice, true),
        };
    }
    if dice.below(12) < 5 {
        return Step::Apply {
            manager,
            force: dice.below(2) == 0,
            dry: dice.below(8) == 0,
            body: {
                let whole = wholes.contains(manager) || dice.below(2) == 0;
                if whole {
                    wholes.insert(manager);
                }
                full(dice, whole)
            },
        };
    }
    changed(sample, manager, dice)
}

fn settled() -> Step {
    Step::Patch {
        manager: "ann",
        kind: "merge",
        body: json!({"metadata": {"annotations": {"settled": "yes"}}}),
    }
}

/// A step that is no apply of the whole.
fn changed(sample: &Sample, manager: &'static str, dice: &mut Dice) -> Step {
    match 5 + dice.below(7) {
        5 | 6 => Step::Put {
            manager,
            add: part(sample, dice),
            drop: part(sample, dice),
        },
        7 => Step::Patch {
            manager,
            kind: "merge",
            body: if dice.below(2) == 0 {
                part(sample, dice)
            } else {
                nulled(&part(sample, dice), &sample.base)
            },
        },
        8 if sample.built_in => Step::Patch {
            manager,
            kind: "strategic",
            body: if dice.below(3) == 0 {
                nulled(&part(sample, dice), &sample.base)
            } else {
                part(sample, dice)
            },
        },
        9 if !sample.status.is_empty() => Step::Status {
            manager,
            how: ["apply", "merge", "put"][dice.below(3)],
            body: sample.status[dice.below(sample.status.len())].clone(),
        },
        10 if sample.scales => Step::Scale {
            manager,
            replicas: dice.below(4) as u64,
        },
        _ => Step::Patch {
            manager,
            kind: "patch",
            body: json!([{"op": "add", "path": "/metadata/labels",
                "value": {"seen": dice.below(3).to_string()}}]),
        },
    }
}

/// The request of a step on one side.
fn sent(sample: &Sample, step: &Step, place: &str, live: &Value) -> Sent {
    match step {
        Step::Apply {
            manager,
            force,
            dry,
            body,
        } => {
            let dry = if *dry { "&dryRun=All" } else { "" };
            let path = format!("{place}?fieldManager={manager}&force={force}{dry}");
            Sent::patch(&path, "apply", body)
        }
        Step::Put { manager, add, drop } => {
            let mut body = live.clone();
            without(&mut body, drop, &sample.base);
            merged(&mut body, add);
            Sent::put(&format!("{place}?fieldManager={manager}"), &body)
        }
        Step::Patch {
            manager,
            kind,
            body,
        } => Sent::patch(&format!("{place}?fieldManager={manager}"), kind, body),
        Step::Status { manager, how, body } => {
            let path = format!("{place}/status?fieldManager={manager}");
            let mut whole = json!({"apiVersion": sample.base["apiVersion"], "kind": sample.base["kind"],
                "metadata": {"name": place.rsplit('/').next()}});
            whole["status"] = body.clone();
            match *how {
                "put" => {
                    let mut value = live.clone();
                    value["status"] = body.clone();
                    Sent::put(&path, &value)
                }
                "apply" => Sent::patch(&format!("{path}&force=true"), "apply", &whole),
                how => Sent::patch(&path, how, &json!({ "status": body })),
            }
        }
        Step::Scale { manager, replicas } => Sent::patch(
            &format!("{place}/scale?fieldManager={manager}"),
            "merge",
            &json!({"spec": {"replicas": replicas}}),
        ),
    }
}

struct Run<'a> {
    side: &'a Side,
    marks: Marks,
    live: Value,
}

impl Run<'_> {
    async fn step(&mut self, sample: &Sample, step: &Step, place: &str) -> (Sent, Reply) {
        let sent = sent(sample, step, place, &self.live);
        let reply = self.side.send(&sent).await;
        let marked = self.marks.reply(&reply);
        if matches!(step, Step::Scale { .. }) && reply.code < 300 {
            let whole = self.side.send(&Sent::get(place)).await;
            self.live = whole.body.clone();
            return (sent, self.marks.reply(&whole));
        }
        let dry = matches!(step, Step::Apply { dry: true, .. });
        if reply.code < 300 && !dry {
            self.live = reply.body;
        }
        (sent, marked)
    }
}

async fn run(two: Arc<Two>, samples: Arc<Vec<Sample>>, seed: u64) -> Vec<String> {
    let mut dice = Dice::new(seed);
    let at = usize::try_from(seed).unwrap() % samples.len();
    let sample = &samples[at];
    let name = format!("seed-{seed}");
    let namespace = format!("apply-{}", seed % 8);
    let place = format!("{}/{name}", sample.path.replace("NSX", &namespace));
    let start = |side| Run {
        side,
        marks: Marks::new(false),
        live: Value::Null,
    };
    let (mut real, mut practice) = (start(&two.real), start(&two.practice));
    let mut requests = Vec::new();
    let mut wholes = Wholes::new();
    for turn in 0..4 + dice.below(6) {
        let step = if turn == 1 && sample.second == Second::Settles {
            settled()
        } else {
            step(sample, &name, &mut dice, &mut wholes)
        };
        // A real server may then drop the time of who owns the number, if its entries come in another order so.
        let says_nothing = |replicas| practice.live["spec"]["replicas"] == json!(replicas);
        if matches!(step, Step::Scale { replicas, .. } if says_nothing(replicas)) {
            continue;
        }
        let ((sent, one), (_, other)) = tokio::join!(
            real.step(sample, &step, &place),
            practice.step(sample, &step, &place)
        );
        requests.push(format!("    -> {} {sent}", one.code));
        let differences = difference::between(&one, &other);
        if !differences.is_empty() {
            return vec![format!(
                "[seed {seed}] (CARE_CONFORMANCE_FIRST={seed} CARE_CONFORMANCE_SEEDS=1)\n{}\n    {}",
                requests.join("\n"),
                differences.join("\n    ")
            )];
        }
    }
    Vec::new()
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(has_go),
    ignore = "needs the `go` command to build the control plane"
)]
async fn generated_applies_and_updates_end_in_the_same_object_with_the_same_managers() {
    let first = number("CARE_CONFORMANCE_FIRST", 0);
    let count = number("CARE_CONFORMANCE_SEEDS", SEEDS);
    let two = Arc::new(Two::start(Life::Still).await);
    two.define(&[
        "clusters.postgresql.cnpg.io",
        "objectstores.barmancloud.cnpg.io",
        "scheduledbackups.postgresql.cnpg.io",
        "certificates.cert-manager.io",
        "recurringjobs.longhorn.io",
    ])
    .await;
    for at in 0..8 {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("apply-{at}")}});
        two.make("/api/v1/namespaces", &namespace).await;
    }
    let samples = Arc::new(samples());
    let seeds: Vec<u64> = (first..first + count).collect();
    let found = side_by_side(seeds, AT_ONCE, |seed| {
        run(Arc::clone(&two), Arc::clone(&samples), seed)
    })
    .await;
    if let Ok(two) = Arc::try_unwrap(two) {
        two.end().await;
    }
    report("applies", &found);
    assert!(
        found.is_empty(),
        "{} of {count} sequences differ (real <> practice):\n{}",
        found.len(),
        found.iter().take(5).cloned().collect::<Vec<_>>().join("\n")
    );
}
