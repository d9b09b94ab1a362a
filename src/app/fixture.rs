//! Screens in known states, for tests: what the world says, as a run, checks, a plan and a cluster would say it.

mod cluster;
mod practice;
mod restores;

pub use cluster::{cluster, health, lost, measured, pod};
pub use practice::practising;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    App, Goto, Input, Opened, SiteRow,
    known::{Here, Stands},
};
use crate::{
    check::{CheckId, CheckResult, Family, Verdict},
    engine::event::{
        Done, Event, FORMAT, NotRun, Outcome, Outline, Reason, RunId, StepOutline, StepState,
        Waiting,
    },
    plan::{
        Action, Component, Object, Pin, Plan, Purpose, Release, Schema, Service, Stage, Step,
        StepId, StepKind,
    },
    problem::{Code, Problem},
    site::sample,
};
pub use restores::{restore_stopped, restored, restoring, run_of_restore};

/// So many seconds after the run began.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

/// The stages.
const STAGES: [&str; 4] = ["Network", "Storage", "Data", "Care"];

/// Component, step, stage, title, usual seconds, needs.
type Line = (
    &'static str,
    &'static str,
    usize,
    &'static str,
    u64,
    &'static [&'static str],
);

const STEPS: &[Line] = &[
    ("cert-manager", "chart", 0, "cert-manager", 40, &[]),
    ("ingress", "chart", 0, "Ingress with firewall", 70, &[]),
    (
        "longhorn",
        "chart",
        1,
        "Longhorn",
        180,
        &["cert-manager/chart"],
    ),
    (
        "longhorn",
        "classes",
        1,
        "Storage classes",
        5,
        &["longhorn/chart"],
    ),
    (
        "postgres",
        "operator",
        2,
        "CloudNativePG operator",
        45,
        &["longhorn/classes"],
    ),
    (
        "postgres",
        "cluster",
        2,
        "PostgreSQL cluster",
        150,
        &["postgres/operator"],
    ),
    ("valkey", "objects", 2, "Valkey", 40, &["longhorn/classes"]),
    (
        "rustfs",
        "chart",
        2,
        "RustFS object store",
        60,
        &["longhorn/classes"],
    ),
    ("rustfs", "buckets", 2, "Buckets", 15, &["rustfs/chart"]),
    (
        "care",
        "backend",
        3,
        "Care server",
        120,
        &["postgres/cluster", "valkey/objects"],
    ),
    (
        "care",
        "frontend",
        3,
        "Care web pages",
        30,
        &["care/backend"],
    ),
    ("care", "smoke", 3, "Care answers", 10, &["care/frontend"]),
];

fn id(text: &str) -> StepId {
    StepId::from_text(text)
}

/// The outline of the run.
pub fn outline() -> Outline {
    let steps = STEPS
        .iter()
        .map(
            |(component, step, stage, title, usual, needs)| StepOutline {
                id: StepId::new(component, step),
                component: (*component).to_owned(),
                stage: *stage,
                title: (*title).to_owned(),
                kind: if *step == "smoke" {
                    StepKind::Confirm
                } else {
                    StepKind::Apply
                },
                needs: needs.iter().map(|need| id(need)).collect(),
                usual_ms: usual * 1000,
                limit_ms: 900_000,
            },
        )
        .collect();
    Outline {
        site: "st-marys".to_owned(),
        purpose: Purpose::Deploy,
        stages: STAGES
            .iter()
            .map(|title| Stage {
                id: title.to_lowercase(),
                title: (*title).to_owned(),
            })
            .collect(),
        components: Vec::new(),
        steps,
        digest: "d".to_owned(),
    }
}

/// A step's new state.
pub fn turn(app: &mut App, step: &str, (when, elapsed): (i64, u64), state: StepState) {
    app.update(Input::Run(Box::new(Event::Step {
        step: id(step),
        at: at(when),
        attempt: 1,
        elapsed_ms: elapsed * 1000,
        state,
    })));
}

fn done(app: &mut App, step: &str, when: i64, took: u64) {
    let how = Done::Applied;
    turn(app, step, (when, took), StepState::Done { how });
}

fn running(app: &mut App, step: &str, when: i64) {
    let note = "applying 6 objects".to_owned();
    turn(app, step, (when, 0), StepState::Running { note });
}

/// A site that was opened, at a screen.
pub fn opened(to: Goto) -> App {
    let mut app = App::new(at(0), Vec::new());
    app.update(Input::Opened(Box::new(Opened {
        site: "st-marys".to_owned(),
        rehearsal: true,
        draft: sample(),
        at: to,
        place: None,
        here: Here::Site,
    })));
    app
}

/// The first screen, with two sites.
pub fn welcome() -> App {
    let row = |name: &str, state: &str, stands| SiteRow {
        name: name.to_owned(),
        state: state.to_owned(),
        stands,
    };
    App::new(
        at(0),
        vec![
            row(
                "st-marys",
                "stopped in stage 3 of 4, yesterday 17:40",
                Stands::Stopped,
            ),
            row(
                "rehearsal",
                "practice, deployed 2 days ago",
                Stands::Deployed,
            ),
        ],
    )
}

/// A run in the middle of its third stage.
pub fn deploying() -> App {
    let mut app = opened(Goto::Deploy);
    app.update(Input::Run(Box::new(Event::RunStarted {
        format: FORMAT,
        run: RunId("1".to_owned()),
        at: at(0),
        cluster: "https://127.0.0.1:6443".to_owned(),
        rehearsal: true,
        outline: outline(),
    })));
    let ended = [
        ("cert-manager/chart", 0, 38),
        ("ingress/chart", 0, 71),
        ("longhorn/chart", 38, 201),
        ("longhorn/classes", 239, 4),
        ("postgres/operator", 243, 41),
        ("valkey/objects", 243, 52),
    ];
    for (step, begin, took) in ended {
        running(&mut app, step, begin);
        done(&mut app, step, begin + i64::try_from(took).unwrap(), took);
    }
    running(&mut app, "postgres/cluster", 284);
    running(&mut app, "rustfs/chart", 243);
    app.update(Input::Run(Box::new(Event::Log {
        step: id("postgres/cluster"),
        at: at(285),
        line: "PATCH postgresql.cnpg.io/v1 clusters database/care-db: created".to_owned(),
    })));
    app.update(Input::Tick(at(330)));
    app
}

/// The same, while the database's image cannot be pulled.
pub fn pulling() -> App {
    let mut app = deploying();
    let reasons = vec![
        Reason {
            sentence: "pod database/care-db-1 cannot pull ghcr.io/cloudnative-pg/postgresql:18.1: not found"
                .to_owned(),
            since: Some(at(290)),
            code: Some(Code::Wait02),
            remedy: Some("Check the image's name and tag, and that the nodes reach ghcr.io.".to_owned()),
        },
        Reason {
            sentence: "pod database/care-db-2 is Pending: its volume is attaching on secondary".to_owned(),
            since: Some(at(300)),
            code: None,
            remedy: None,
        },
    ];
    app.update(Input::Run(Box::new(Event::Waiting {
        step: id("postgres/cluster"),
        at: at(330),
        waiting: Waiting {
            target: "Cluster database/care-db to be healthy".to_owned(),
            reasons,
            gives_up_at: at(1184),
        },
    })));
    app
}

/// A failure as the engine tells it.
pub fn failure() -> Problem {
    Problem::new(
        Code::Kube09,
        "The cluster does not take Cluster database/care-db.",
        "Set storage.database_size in site.yaml to a size that the disks hold, then press r.",
    )
    .because("admission webhook refused the object")
    .because("spec.storage.size: 500Gi is more than the disks hold")
}

/// The same, after the database step failed.
pub fn failed() -> App {
    let mut app = pulling();
    let problem = failure();
    turn(
        &mut app,
        "postgres/cluster",
        (330, 46),
        StepState::Failed { problem },
    );
    done(&mut app, "rustfs/chart", 330, 87);
    app
}

/// Ends the run.
pub fn end(app: &mut App, outcome: Outcome) {
    let ended = Event::RunEnded {
        at: at(400),
        outcome,
        done: 8,
        total: 12,
        elapsed_ms: 400_000,
    };
    app.update(Input::Run(Box::new(ended)));
}

/// A run that ended with a failure.
pub fn ended_failed() -> App {
    let mut app = failed();
    done(&mut app, "rustfs/buckets", 345, 15);
    for step in ["care/backend", "care/frontend", "care/smoke"] {
        let why = NotRun::Needs {
            step: id("postgres/cluster"),
        };
        turn(&mut app, step, (345, 0), StepState::NotRun { why });
    }
    end(&mut app, Outcome::Failed);
    app
}

/// A run that ended well.
pub fn ended_done() -> App {
    let mut app = deploying();
    for step in [
        "postgres/cluster",
        "rustfs/chart",
        "rustfs/buckets",
        "care/backend",
        "care/frontend",
    ] {
        done(&mut app, step, 390, 30);
    }
    let how = Done::Skipped {
        reason: "the hospital tests it tomorrow".to_owned(),
    };
    turn(&mut app, "care/smoke", (390, 0), StepState::Done { how });
    end(&mut app, Outcome::DoneWithWarnings);
    app
}

/// A run that asks a person.
pub fn asking() -> App {
    let mut app = deploying();
    let note = "Does the login page of Care show in a browser of the ward?".to_owned();
    turn(
        &mut app,
        "care/smoke",
        (329, 1),
        StepState::Running { note },
    );
    app
}

/// A result of a check.
pub fn result(code: Code, subject: &str, verdict: Verdict) -> CheckResult {
    CheckResult {
        id: CheckId {
            code,
            subject: subject.to_owned(),
        },
        family: Family::Cluster,
        title: match code {
            Code::Kube03 => "API answers",
            Code::Kube06 => "API takes the login",
            Code::Site06 => "backups are encrypted on the way",
            _ => "helm is there",
        }
        .to_owned(),
        place: "this computer".to_owned(),
        verdict,
        took_ms: 12,
    }
}

/// Checks with a failure, a warning and two that pass.
pub fn checks() -> App {
    let mut app = opened(Goto::Checks);
    let problem = Problem::new(
        Code::Kube06,
        "The API refuses the login of the kubeconfig.",
        "Run kubeadm certs renew admin.conf on the primary node and copy the file again.",
    )
    .because("Unauthorized (401)");
    let warning = Problem::new(
        Code::Site06,
        "Backups travel unencrypted.",
        "Use https for the backup server.",
    );
    app.update(Input::Checks(
        vec![
            result(
                Code::Kube03,
                "",
                Verdict::Pass {
                    seen: "answers in 12 ms".to_owned(),
                },
            ),
            result(
                Code::Kube06,
                "",
                Verdict::Fail {
                    seen: "401".to_owned(),
                    problem,
                },
            ),
            result(
                Code::Site06,
                "s3.example.org",
                Verdict::Warn {
                    seen: "http".to_owned(),
                    problem: warning,
                },
            ),
            result(
                Code::Helm01,
                "",
                Verdict::Skipped {
                    reason: "the practice cluster brings its own".to_owned(),
                },
            ),
        ],
        true,
    ));
    app
}

/// A plan of two steps, with a secret in it.
pub fn plan() -> Plan {
    let secret = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "valkey", "namespace": "database"},
        "stringData": {"password": "hunter2"},
    });
    let release = Release {
        name: "longhorn".to_owned(),
        namespace: "longhorn-system".to_owned(),
        chart: "longhorn".to_owned(),
        repository: Some("https://charts.longhorn.io".to_owned()),
        version: "1.11.0".to_owned(),
        values: serde_json::json!({"persistence": {"defaultClassReplicaCount": 2}}),
        workloads: Vec::new(),
        schema: Schema::Checked,
        crds: Vec::new(),
        besides: Vec::new(),
    };
    let step = |component: &str, stage, title: &str, needs: &[&str], action| Step {
        id: StepId::new(component, "step"),
        component: component.to_owned(),
        stage,
        title: title.to_owned(),
        needs: needs.iter().map(|need| id(need)).collect(),
        action,
        ready: Vec::new(),
        usual: Duration::from_secs(90),
        limit: Duration::from_mins(15),
    };
    Plan {
        site: "st-marys".to_owned(),
        stages: outline().stages.split_off(1),
        components: vec![Component {
            id: "longhorn".to_owned(),
            title: "Longhorn".to_owned(),
            summary: "Keeps two copies of every volume.".to_owned(),
            service: Service::Platform,
            pins: vec![Pin {
                kind: "chart".to_owned(),
                name: "longhorn".to_owned(),
                version: "1.11.0".to_owned(),
                digest: None,
            }],
        }],
        steps: vec![
            step(
                "longhorn",
                0,
                "Longhorn",
                &[],
                Action::Helm(Box::new(release)),
            ),
            step(
                "valkey",
                1,
                "Valkey",
                &["longhorn/step"],
                Action::Apply(vec![Object::from_value(secret).unwrap()]),
            ),
        ],
        purpose: Purpose::Deploy,
        notes: vec!["Only one DNS server is asked.".to_owned()],
    }
}

/// The plan's screen.
pub fn planned() -> App {
    let mut app = opened(Goto::Plan);
    app.update(Input::Plan(Arc::new(plan())));
    app
}
