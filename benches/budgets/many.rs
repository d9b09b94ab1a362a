//! Twenty thousand pods in memory: from a key to bytes, from a changed pod to bytes, and what it takes to keep them; beside the same with
//! five thousand, so that what grows faster than the pods do is seen.

use std::{
    cell::Cell,
    io::{self, Write},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use care_install::{
    app::{App, Goto, Input, Opened, keys::Key, known::Here},
    site::sample,
    ui::{self, Theme},
    watch::{
        Gallery,
        usage::{Amount, Heard, Reading},
    },
};
use jiff::Timestamp;
use ratatui::{Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};
use serde_json::{Value, json};

use crate::{
    practice::memory,
    table::{Table, repeat},
};

const FEW: usize = 5_000;
const MANY: usize = 20_000;
/// As many as fit on a node of the usual settings.
const PODS_PER_NODE: usize = 110;
const PODS_PER_WORKLOAD: usize = 20;
const SIZE: (u16, u16) = (120, 40);
const KEYS: usize = 200;
const CHANGES: usize = 40;
/// The budgets: a key as everywhere; a change is drawn at most four times a second, and must leave the processor alone in between.
const KEY: Duration = Duration::from_millis(16);
const CHANGE: Duration = Duration::from_millis(60);
/// Four times as many pods may take so many times as long, and no more.
const GROWTH: f64 = 6.0;
/// Millions of bytes.
const MEMORY: f64 = 250.0;

/// Adds its rows.
pub fn measure(table: &mut Table) {
    let few = Scene::new(FEW).times();
    let before = memory(std::process::id(), "VmRSS:");
    let mut scene = Scene::new(MANY);
    let grown = memory(std::process::id(), "VmRSS:") - before;
    let many = scene.times();
    for ((what, few), (_, many)) in few.into_iter().zip(many) {
        let ratio = median(&many) / median(&few);
        let words = format!("{MANY} pods: {what}");
        if what.starts_with("a key") {
            table.nearly_all(&words, many, Some(KEY));
        } else {
            table.times(&words, many, Some(CHANGE));
        }
        table.figure(
            &format!("  over that of {FEW} pods"),
            format!("{ratio:.1}"),
            &format!("{GROWTH:.1}"),
            Some(ratio <= GROWTH),
        );
    }
    let kept = Some(grown <= MEMORY);
    let what = format!("{MANY} pods: resident memory that they add");
    table.figure(
        &what,
        format!("{grown:.0} MB"),
        &format!("{MEMORY:.0} MB"),
        kept,
    );
}

fn median(samples: &[Duration]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2].as_secs_f64()
}

/// A terminal's other end, which only counts.
struct Counted(Rc<Cell<usize>>);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The health screen of a large cluster, with its terminal.
struct Scene {
    gallery: Gallery,
    app: App,
    terminal: Terminal<CrosstermBackend<Counted>>,
    /// What the terminal has been sent.
    sent: Rc<Cell<usize>>,
    pods: usize,
}

impl Scene {
    fn new(pods: usize) -> Self {
        let mut gallery = Gallery::new().unwrap();
        for number in 0..=pods / PODS_PER_NODE {
            gallery.put(node(number));
        }
        for number in 0..pods / PODS_PER_WORKLOAD {
            gallery.put(deployment(number));
        }
        for number in 0..pods {
            gallery.put(pod(number, 0));
        }
        let mut app = App::new(Timestamp::now(), Vec::new());
        app.update(Input::Opened(Box::new(Opened {
            site: "large".to_owned(),
            rehearsal: false,
            draft: sample(),
            at: Goto::Health,
            here: Here::Site,
            place: None,
        })));
        app.update(Input::Resize(SIZE.0, SIZE.1));
        app.update(Input::Cluster(Arc::new(gallery.draw(Timestamp::now()))));
        for turn in 0..12 {
            app.update(Input::Usage(Box::new(used(pods, turn))));
        }
        let area = Rect::new(0, 0, SIZE.0, SIZE.1);
        let options = TerminalOptions {
            viewport: Viewport::Fixed(area),
        };
        let sent = Rc::new(Cell::new(0));
        let backend = CrosstermBackend::new(Counted(Rc::clone(&sent)));
        let mut scene = Self {
            gallery,
            app,
            terminal: Terminal::with_options(backend, options).unwrap(),
            sent,
            pods,
        };
        scene.press(Key::Char('2'));
        scene
    }

    /// Draws; gives how many bytes that were.
    fn draw(&mut self) -> usize {
        let Self { app, terminal, .. } = self;
        terminal
            .draw(|frame| ui::draw(app, Theme::colour(), frame))
            .unwrap();
        self.sent.take()
    }

    fn press(&mut self, key: Key) -> usize {
        self.app.update(Input::Key(key));
        self.draw()
    }

    fn times(&mut self) -> Vec<(&'static str, Vec<Duration>)> {
        let mut turn = 0;
        let mut key = |scene: &mut Self| {
            turn += 1;
            let key = if turn % 20 < 10 { Key::Down } else { Key::Up };
            assert!(scene.press(key) > 0);
        };
        let plain = repeat(KEYS, || key(self));
        self.press(Key::End);
        let mut back = false;
        let ends = repeat(KEYS, || {
            back = !back;
            assert!(self.press(if back { Key::Home } else { Key::End }) > 0);
        });
        for _ in 0..7 {
            self.press(Key::Char('s'));
        }
        let sorted = repeat(KEYS, || key(self));
        let changed_sorted = self.changes();
        for _ in 0..5 {
            self.press(Key::Char('s'));
        }
        let changed = self.changes();
        self.press(Key::Char('/'));
        let mut letters = "pod-1999".chars().cycle();
        let typed = repeat(KEYS / 8 * 8, || {
            let letter = letters.next().unwrap();
            assert!(self.press(Key::Char(letter)) > 0);
            if letter == '9' {
                self.press(Key::Backspace);
            }
        });
        vec![
            ("a key in the list to bytes", plain),
            ("a key from one end to the other", ends),
            ("a key in the list sorted by use", sorted),
            ("a key in the filter", typed),
            ("a changed pod to bytes, sorted by use", changed_sorted),
            ("a changed pod to bytes", changed),
        ]
    }

    /// One pod that is in sight changes: picture, order, screen.
    fn changes(&mut self) -> Vec<Duration> {
        self.press(Key::Home);
        let mut restarts = 0;
        let row = care_install::app::health::chosen_row(&self.app).unwrap();
        let number: usize = row.name().rsplit('-').next().unwrap().parse().unwrap();
        assert!(number < self.pods);
        repeat(CHANGES, || {
            restarts += 1;
            self.gallery.put(pod(number, restarts));
            let view = self.gallery.draw(Timestamp::now());
            self.app.update(Input::Cluster(Arc::new(view)));
            assert!(self.draw() > 0);
        })
    }
}

fn used(pods: usize, turn: i64) -> Heard {
    let at = Timestamp::now() - jiff::SignedDuration::from_secs(15 * (11 - turn));
    let reading = |number: usize| Reading {
        namespace: format!("shop-{}", number % 4),
        name: format!("pod-{number}"),
        at,
        used: Amount {
            cpu: (number as u64 * 7919) % 900,
            memory: (number as u64 * 104_729) % 900 * (1 << 20),
        },
    };
    Heard::Measured {
        nodes: Vec::new(),
        pods: (0..pods).map(reading).collect(),
    }
}

fn node(number: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("node-{number}")},
        "status": {"allocatable": {"cpu": "16", "memory": "65536Mi"},
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T00:00:00Z"}]}})
}

fn deployment(number: usize) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": format!("web-{number}"), "namespace": format!("shop-{}", number % 4)},
        "spec": {"replicas": PODS_PER_WORKLOAD, "selector": {"matchLabels": {
            "app.kubernetes.io/name": "web", "app.kubernetes.io/instance": format!("web-{number}")}}}})
}

/// A pod as an API server gives it, with what nobody here looks at.
fn pod(number: usize, restarts: u64) -> Value {
    let workload = number / PODS_PER_WORKLOAD / 4 * 4 + number % 4;
    let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"].map(|kind| {
        json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-11-20T00:00:10Z"})
    });
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("pod-{number}"), "namespace": format!("shop-{}", number % 4),
            "creationTimestamp": "2026-11-20T00:00:00Z", "uid": format!("00000000-0000-4000-8000-{number:012}"),
            "resourceVersion": (number as u64 + restarts).to_string(), "generateName": "pod-",
            "annotations": {"checksum/config": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
            "labels": {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": format!("web-{workload}"),
                "pod-template-hash": "5d4f8c7b9"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("web-{workload}-5d4f8c7b9"),
                "controller": true, "uid": format!("00000000-0000-4000-9000-{workload:012}")}]},
        "spec": {"nodeName": format!("node-{}", number / PODS_PER_NODE), "restartPolicy": "Always", "serviceAccountName": "default",
            "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "containers": [{"name": "main", "image": "registry.example.org/shop/web:1.2.3", "imagePullPolicy": "IfNotPresent",
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                "env": (0..12).map(|one| json!({"name": format!("SETTING_{one}"), "value": "some value of a setting"})).collect::<Vec<_>>(),
                "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
                "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10,
                    "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3},
                "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10,
                    "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3},
                "volumeMounts": [{"name": "data", "mountPath": "/data"},
                    {"name": "kube-api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true}]}],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
                {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
            "volumes": [{"name": "data", "emptyDir": {}}, {"name": "kube-api-access", "projected": {"sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}]}}]},
        "status": {"phase": "Running", "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}], "hostIP": "10.0.0.1", "qosClass": "Burstable",
            "startTime": "2026-11-20T00:00:00Z",
            "conditions": conditions,
            "containerStatuses": [{"name": "main", "ready": true, "started": true, "restartCount": restarts,
                "image": "registry.example.org/shop/web:1.2.3", "containerID": "containerd://0123456789abcdef0123456789abcdef",
                "imageID": "registry.example.org/shop/web@sha256:0123456789abcdef0123456789abcdef",
                "state": {"running": {"startedAt": "2026-11-20T00:00:05Z"}}}]}})
}
