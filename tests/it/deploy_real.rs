//! The whole sample plan on a real control plane with the real helm: once, again, and through every kind of interruption.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command as Process,
    time::Duration,
};

use care_install::{
    catalog::standin,
    engine::{
        event::{Command, Done, Event, Outcome, StepState},
        run::{self, Chosen, RunHandle, Setting},
    },
    plan::{Action, Plan},
    problem::Code,
    rehearsal::schema,
    sys::{
        Doors, Routes,
        clock::Clock,
        helm::{Helm, Place},
        kube::{Kube, Source},
    },
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    catalog::sample_plan,
    testbed::{Testbed, free_port},
};

/// How long a whole deploy, or any piece of news of it, may take.
const LIMIT: Duration = Duration::from_mins(3);

/// Looks at something outside that changes by itself; each is a process start, so that no pause is needed.
const LOOKS: usize = 2000;

/// Kinds that change by themselves while nobody does anything.
const RESTLESS: &[&str] = &[
    "nodes",
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
    // Made from the others, and not stored.
    "componentstatuses",
];

/// Writes the stand-in charts of the plan as folders, with the definitions that the catalogue says they bring.
pub fn charts(plan: &Plan, folder: &Path) {
    for step in &plan.steps {
        let Action::Helm(release) = &step.action else {
            continue;
        };
        let name = release.chart.rsplit('/').next().unwrap();
        let mut files = standin::chart(release);
        files.extend(release.crds.iter().map(|crd| {
            let definition = schema::crd(crd).unwrap_or_else(|| panic!("{crd} is not known"));
            (format!("crds/{crd}.yaml"), definition.to_string())
        }));
        for (path, content) in files {
            let path = folder.join(name).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
}

/// Waits until the charts have brought the kinds that the operators' stages name, then plays the operators.
pub fn play_operators(bed: &mut Testbed) {
    let stages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed/stages/operators.yaml");
    let text = fs::read_to_string(&stages).unwrap();
    let refers = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("resourceRef: {apiGroup: "));
    for line in refers {
        let (version, kind) = line.trim_end_matches('}').split_once(", kind: ").unwrap();
        let (group, _) = version.split_once('/').unwrap();
        if group.contains('.') {
            let name = format!("crd/{}s.{group}", kind.to_lowercase());
            bed.kubectl(&["wait", "--for=create", &name, "--timeout=120s"]);
            bed.kubectl(&[
                "wait",
                "--for=condition=Established",
                &name,
                "--timeout=60s",
            ]);
        }
        // kwok reads the document of a kind once, and it comes about a second after the kind.
        let path = format!("/openapi/v3/apis/{version}");
        let word = format!("\"kind\":\"{kind}\"");
        let served = (0..LOOKS).any(|_| {
            let output = bed.try_kubectl(&["get", "--raw", &path], "");
            String::from_utf8_lossy(&output.stdout).contains(&word)
        });
        assert!(served, "{kind} of {version} is not published");
    }
    bed.play(&stages);
}

/// Every object that keeps still, as `kind namespace/name`, with its version.
pub fn states(bed: &Testbed) -> BTreeMap<String, String> {
    let kinds = bed.kubectl(&["api-resources", "--verbs=list", "--output=name"]);
    let kinds: Vec<&str> = kinds
        .lines()
        .filter(|kind| !RESTLESS.contains(kind))
        .collect();
    let columns = "custom-columns=G:.apiVersion,K:.kind,S:.metadata.namespace,N:.metadata.name,V:.metadata.resourceVersion";
    let kinds = kinds.join(",");
    let table = bed.kubectl(&["get", &kinds, "-A", "--no-headers", "-o", columns]);
    let rows = table.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [group, kind, space, name, version] = words[..] else {
            panic!("{line}");
        };
        (format!("{kind} {group} {space}/{name}"), version.to_owned())
    });
    rows.collect()
}

/// A bed with charts, and what a run needs.
struct Scene {
    bed: Testbed,
    plan: Plan,
    helm: PathBuf,
    faults: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let bed = Testbed::start();
        let plan = sample_plan();
        charts(&plan, &bed.path("charts"));
        let faults = bed.path("faults");
        fs::create_dir_all(&faults).unwrap();
        Self {
            helm: bed.helm(),
            plan,
            faults,
            bed,
        }
    }

    /// Puts a command before helm that says its process id in a file named like the release, and plays each fault once:
    /// a file `NAME.fail` or `NAME.nonsense`.
    fn with_faults(mut self) -> Self {
        let script = self.bed.path("helm");
        let text = format!(
            r#"#!/bin/sh
for word; do name=$last; last=$word; done
cd '{faults}' || exit 9
if [ -e "$name.fail" ]; then
    rm "$name.fail"
    echo "Error: failed calling webhook of $name: connection refused" >&2
    exit 1
fi
if [ -e "$name.nonsense" ]; then
    rm "$name.nonsense"
    head -c 300000 "$0" /dev/zero
    printf '\377\376\n\200\033[2J\n'
    exit 3
fi
echo $$ > "$name.new" && mv "$name.new" "$name.pid"
exec '{helm}' "$@"
"#,
            faults = self.faults.display(),
            helm = self.helm.display(),
        );
        write_script(&script, &text);
        self.helm = script;
        self
    }

    fn fault(&self, release: &str, kind: &str) {
        fs::write(self.faults.join(format!("{release}.{kind}")), "").unwrap();
    }

    /// Makes the chart wait for a hook of its own that nobody can run until [`Self::let_hooks_run`].
    fn hold(&self, chart: &str) {
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {
                "name": format!("{chart}-hook"),
                "annotations": {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation"},
            },
            "spec": {"template": {"spec": {
                "restartPolicy": "Never",
                "nodeSelector": {"care.test/hooks": "yes"},
                "containers": [{"name": "hook", "image": "example.org/hook:1"}],
            }}},
        });
        let path = self
            .bed
            .path("charts")
            .join(chart)
            .join("templates/hook.yaml");
        fs::write(path, job.to_string()).unwrap();
    }

    fn wait_for_hook(&self, namespace: &str, chart: &str) {
        let job = format!("job/{chart}-hook");
        self.bed.kubectl(&[
            "wait",
            "--for=create",
            &job,
            "-n",
            namespace,
            "--timeout=90s",
        ]);
    }

    fn let_hooks_run(&self) {
        self.bed
            .kubectl(&["label", "node", "primary", "care.test/hooks=yes"]);
    }

    /// Objects of the group in the namespace meet a webhook that nobody answers, until [`Self::let_pass`].
    fn webhook(&self, group: &str, namespace: &str) {
        let webhook = dead_webhook(group, namespace);
        self.bed.kubectl_with(&["apply", "-f", "-"], &webhook);
    }

    fn let_pass(&self, namespace: &str) {
        let name = format!("dead-{namespace}");
        self.bed
            .kubectl(&["delete", "validatingwebhookconfiguration", &name]);
    }

    /// The newest helm process of the release.
    fn process(&self, release: &str) -> u32 {
        let text = fs::read_to_string(self.faults.join(format!("{release}.pid"))).unwrap();
        text.trim().parse().unwrap()
    }

    async fn begin(&self) -> RunHandle {
        let source = Source::Kubeconfig {
            file: Some(self.bed.kubeconfig()),
            context: None,
        };
        let kube = Kube::connect(&source).await.unwrap();
        let place = Place {
            program: Some(self.helm.clone()),
            charts: Some(self.bed.path("charts")),
            work: self.bed.path("work"),
        };
        let clock = Clock::real();
        let setting = Setting {
            journal: self.bed.path("journal.jsonl"),
            cluster: kube.server().to_owned(),
            rehearsal: false,
            chosen: Chosen::default(),
            clock,
        };
        let doors = Doors {
            feed: kube.feed(),
            helm: Helm::find(place).await,
            kube,
            clock,
            routes: Routes::default(),
        };
        run::start(self.plan.clone(), doors, setting).unwrap()
    }

    /// Everything that a finished deploy promises, asked from the cluster and from helm itself; each release has one
    /// revision, but for those named here.
    fn assert_whole(&self, revisions: &[(&str, &str)]) {
        let kinds = "deployments,statefulsets,daemonsets";
        let text = self.bed.kubectl(&["get", kinds, "-A", "-o", "json"]);
        let list: Value = serde_json::from_str(&text).unwrap();
        let workloads = list["items"].as_array().unwrap();
        assert!(workloads.len() >= 15, "{}", workloads.len());
        for workload in workloads {
            let number = |pointer| workload.pointer(pointer).and_then(Value::as_u64);
            let wanted = number("/spec/replicas").or(number("/status/desiredNumberScheduled"));
            let ready = number("/status/readyReplicas").or(number("/status/numberReady"));
            assert_eq!(ready, wanted, "{}", workload["metadata"]["name"]);
        }
        let jobs = self.bed.kubectl(&["get", "jobs", "-A", "-o", "json"]);
        let jobs: Value = serde_json::from_str(&jobs).unwrap();
        for job in jobs["items"].as_array().unwrap() {
            let name = &job["metadata"]["name"];
            assert_eq!(job["status"]["succeeded"], 1, "{name}");
            assert_eq!(job["status"]["failed"], Value::Null, "{name}");
        }
        let listed = Process::new(self.bed.helm())
            .args(["list", "-A", "-o", "json", "--kubeconfig"])
            .arg(self.bed.kubeconfig())
            .output()
            .unwrap();
        let releases: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
        assert_eq!(releases.len(), 8, "{releases:?}");
        for release in releases {
            assert_eq!(release["status"], "deployed", "{release}");
            let name = release["name"].as_str().unwrap();
            let known = revisions.iter().find(|(other, _)| *other == name);
            let wanted = known.map_or("1", |(_, revision)| *revision);
            assert_eq!(release["revision"], wanted, "{release}");
        }
        let deployed = "owner=helm,status=deployed";
        let secrets = ["get", "secrets", "-A", "-l", deployed, "-o", "name"];
        assert_eq!(self.bed.kubectl(&secrets).lines().count(), 8);
        let rest = "owner=helm,status notin (deployed,failed,superseded)";
        let secrets = ["get", "secrets", "-A", "-l", rest, "-o", "name"];
        assert_eq!(self.bed.kubectl(&secrets), "");
    }
}

/// Another process writes it: a file that this one had open for writing could not be started for a moment.
fn write_script(path: &Path, text: &str) {
    let done = Process::new("sh")
        .args([
            "-c",
            "printf %s \"$1\" > \"$2\" && chmod +x \"$2\"",
            "sh",
            text,
        ])
        .arg(path)
        .status()
        .unwrap();
    assert!(done.success());
}

/// What a listener has heard so far.
struct Heard {
    events: mpsc::Receiver<Event>,
    all: Vec<Event>,
}

impl Heard {
    fn of(handle: &RunHandle) -> Self {
        Self {
            events: handle.subscribe(),
            all: Vec::new(),
        }
    }

    /// Listens until it comes.
    async fn until(&mut self, what: &str, is: impl Fn(&Event) -> bool) {
        loop {
            let event = tokio::time::timeout(LIMIT, self.events.recv()).await;
            let Ok(Some(event)) = event else {
                panic!("{what} did not come: {:#?}", self.last());
            };
            let found = is(&event);
            self.all.push(event);
            if found {
                return;
            }
        }
    }

    async fn to_the_end(mut self) -> (Outcome, Vec<Event>) {
        self.until("the end", |event| matches!(event, Event::RunEnded { .. }))
            .await;
        let Some(Event::RunEnded { outcome, .. }) = self.all.last() else {
            unreachable!("the last event is the end");
        };
        (outcome.clone(), self.all)
    }

    fn last(&self) -> Vec<String> {
        last(&self.all)
    }
}

/// The newest state of every step and the newest reason why it waits, for the words of a failed test.
fn last(events: &[Event]) -> Vec<String> {
    let mut states = BTreeMap::new();
    for event in events {
        match event {
            Event::Step { step, state, .. } => {
                states.insert(step.as_str(), format!("{state:?}"));
            }
            Event::Waiting { step, waiting, .. } => {
                states.insert(step.as_str(), format!("{waiting:?}"));
            }
            Event::Retry { step, problem, .. } => {
                states.insert(step.as_str(), format!("{problem:?}"));
            }
            _ => {}
        }
    }
    states
        .into_iter()
        .map(|(step, state)| format!("{step}: {state}"))
        .collect()
}

fn logs<'e>(events: &'e [Event], id: &str) -> Vec<&'e str> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Log { step, line, .. } if step.as_str() == id => Some(line.as_str()),
            _ => None,
        })
        .collect()
}

/// The codes of the attempts of a step that failed and were made again.
fn retries(events: &[Event], id: &str) -> Vec<Code> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Retry { step, problem, .. } if step.as_str() == id => Some(problem.code),
            _ => None,
        })
        .collect()
}

fn ends(events: &[Event]) -> BTreeMap<String, Done> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Step {
                step,
                state: StepState::Done { how },
                ..
            } => Some((step.to_string(), how.clone())),
            _ => None,
        })
        .collect()
}

fn is_gone(process: u32) -> bool {
    // A process that nobody has waited for yet is no process any more.
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_none_or(|rest| matches!(rest.trim().chars().next(), None | Some('Z')))
}

/// A webhook that every object of the group in the namespace must pass and that nobody answers.
fn dead_webhook(group: &str, namespace: &str) -> String {
    let url = format!("https://127.0.0.1:{}/validate", free_port());
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": format!("dead-{namespace}")},
        "webhooks": [{
            "name": "dead.care.test", "clientConfig": {"url": url}, "failurePolicy": "Fail", "sideEffects": "None",
            "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [{"apiGroups": [group], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}],
        }],
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn the_whole_plan_is_deployed_and_the_second_time_nothing_is_touched() {
    let mut scene = Scene::new();
    scene.webhook("cert-manager.io", "cert-manager");
    let handle = scene.begin().await;
    let mut heard = Heard::of(&handle);
    let held_up = |event: &Event| match event {
        Event::Waiting { step, waiting, .. } if step.as_str() == "cert-manager/release" => waiting
            .reasons
            .iter()
            .any(|reason| reason.sentence.contains("failed calling webhook")),
        _ => false,
    };
    heard.until("the dead webhook", held_up).await;
    scene.let_pass("cert-manager");
    play_operators(&mut scene.bed);
    let (outcome, events) = heard.to_the_end().await;
    assert_eq!(outcome, Outcome::Done, "{:#?}", last(&events));
    assert_eq!(ends(&events).len(), scene.plan.steps.len());
    scene.assert_whole(&[]);

    let before = states(&scene.bed);
    assert!(before.len() > 300, "{}", before.len());
    let handle = scene.begin().await;
    let (outcome, events) = Heard::of(&handle).to_the_end().await;
    assert_eq!(outcome, Outcome::Done, "{:#?}", last(&events));
    for (step, how) in ends(&events) {
        assert_eq!(
            how,
            Done::AlreadyThere,
            "{step}: {:?}",
            logs(&events, &step)
        );
    }
    let after = states(&scene.bed);
    let touched: Vec<_> = after
        .iter()
        .filter(|(name, version)| before.get(*name) != Some(version))
        .collect();
    assert!(touched.is_empty(), "{touched:#?}");
    assert_eq!(before.len(), after.len());
    scene.assert_whole(&[]);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn a_deploy_that_is_stopped_killed_and_failed_again_and_again_comes_to_the_same_end() {
    let mut scene = Scene::new().with_faults();
    scene.hold("cert-manager");

    // Stopped in the middle of helm: the process is gone, its half-written revision is there.
    let handle = scene.begin().await;
    let heard = Heard::of(&handle);
    scene.wait_for_hook("cert-manager", "cert-manager");
    handle.commands().send(Command::StopNow).await.unwrap();
    let (outcome, _) = heard.to_the_end().await;
    assert_eq!(outcome, Outcome::Stopped);
    let stopped = scene.process("cert-manager");
    assert!((0..LOOKS).any(|_| {
        scene.bed.kubectl(&["version"]);
        is_gone(stopped)
    }));
    let pending = [
        "get",
        "secrets",
        "-A",
        "-l",
        "owner=helm,status=pending-install",
        "-o",
        "name",
    ];
    assert_eq!(scene.bed.kubectl(&pending).lines().count(), 1);
    scene
        .bed
        .kubectl(&["delete", "job/cert-manager-hook", "-n", "cert-manager"]);

    // Gone on with; now the helm process itself is killed, and three others fail in their own ways.
    scene.fault("cnpg", "fail");
    scene.fault("plugin-barman-cloud", "nonsense");
    scene.webhook("apps", "rustfs");
    let handle = scene.begin().await;
    let mut heard = Heard::of(&handle);
    scene.wait_for_hook("cert-manager", "cert-manager");
    let second = scene.process("cert-manager");
    assert_ne!(second, stopped);
    let killed = Process::new("kill")
        .args(["-9", &second.to_string()])
        .status();
    assert!(killed.unwrap().success());
    heard
        .until("another attempt", |event| {
            matches!(event, Event::Retry { step, .. } if step.as_str() == "cert-manager/release")
        })
        .await;
    scene.let_hooks_run();
    play_operators(&mut scene.bed);
    heard
        .until(
            "a failed install",
            |event| matches!(event, Event::Retry { step, .. } if step.as_str() == "rustfs/release"),
        )
        .await;
    scene.let_pass("rustfs");
    // Stopped once more, while the migration runs.
    heard
        .until("the migration", |event| {
            matches!(event, Event::Log { step, line, .. }
                if step.as_str() == "care-backend/migrate" && line.contains("created Job"))
        })
        .await;
    handle.commands().send(Command::StopNow).await.unwrap();
    let (outcome, events) = heard.to_the_end().await;
    assert_eq!(outcome, Outcome::Stopped, "{:#?}", last(&events));
    let removed = logs(&events, "cert-manager/release")
        .iter()
        .filter(|line| line.contains("which was cut off"))
        .count();
    assert_eq!(removed, 2);
    for step in [
        "cert-manager/release",
        "cnpg/operator",
        "cnpg/barman-plugin",
    ] {
        assert_eq!(retries(&events, step), [Code::Helm03], "{step}");
    }
    let failed = retries(&events, "rustfs/release");
    assert!(
        failed.iter().all(|code| *code == Code::Helm03),
        "{failed:?}"
    );
    let revision = (failed.len() + 1).to_string();

    let handle = scene.begin().await;
    let (outcome, events) = Heard::of(&handle).to_the_end().await;
    assert_eq!(outcome, Outcome::Done, "{:#?}", last(&events));
    let ends = ends(&events);
    assert_eq!(ends.len(), scene.plan.steps.len());
    assert_eq!(ends["longhorn/release"], Done::AlreadyThere);
    let created = logs(&events, "care-backend/migrate");
    assert!(
        !created.iter().any(|line| line.contains("created Job")),
        "{created:?}"
    );
    // Of all that failed, helm remembers only what it wrote down itself.
    scene.assert_whole(&[("rustfs", &revision)]);
}
