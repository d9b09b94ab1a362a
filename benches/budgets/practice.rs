//! The practice cluster in a process of its own: what it takes to hold many pods that change, and how 200 objects reach it over a slow wire.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use care_install::{
    catalog::standin::{self, Makers},
    engine::{
        event::Outcome,
        run::{self, Chosen, Setting},
    },
    plan::{Action, Object, ObjectRef, Plan, Purpose, Stage, Step, StepId},
    rehearsal::{self, Point, schema},
    sys::{
        Doors, Routes,
        clock::Clock,
        files::{self, Mode},
        helm::{Helm, Practice},
        kube::{Kube, Source},
    },
};
use futures::{StreamExt as _, stream};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
    sync::mpsc,
    task::JoinSet,
    time::{interval, timeout},
};

use crate::{delay, table::Table};

const PROGRAM: &str = env!("CARGO_BIN_EXE_care-install");

/// What is applied over the slow wire, and its latency there and back.
const OBJECTS: usize = 200;
const LATENCY: Duration = Duration::from_millis(10);
/// The budget: our time over that of kubectl.
const RATIO: f64 = 0.1;

pub const PODS: usize = 5_000;
pub const UPDATES: u32 = 200;
const WATCHERS: usize = 4;
/// How long the pods change.
const WHILE: Duration = Duration::from_secs(20);
/// The budgets: share of one core, and resident memory in millions of bytes.
const SHARE: f64 = 25.0;
const MEMORY: f64 = 250.0;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_mins(5);

/// Ticks of the processor's time in a second, as the kernel tells it.
const TICKS: f64 = 100.0;

/// Adds its rows.
pub fn measure(table: &mut Table) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    runtime.block_on(async {
        apply(table, &folder.path().join("apply")).await;
        hold(table, &folder.path().join("hold")).await;
    });
}

/// A served practice cluster, ended with this value.
pub struct Served {
    child: Child,
    pub kubeconfig: PathBuf,
    pub point: Point,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where a cluster takes requests over plain HTTP, and what it wants to be shown.
#[derive(Clone)]
pub struct Door {
    /// Host and port.
    pub at: String,
    pub token: SecretString,
}

impl Served {
    pub fn door(&self) -> Door {
        Door {
            at: self.point.url.trim_start_matches("http://").to_owned(),
            token: self.point.token.clone(),
        }
    }
}

pub async fn serve(site: &Path) -> Served {
    let kubeconfig = site.with_extension("kubeconfig");
    let child = Command::new(PROGRAM)
        .args(["rehearse", "--serve", "--speed", "max", "--site"])
        .arg(site)
        .arg("--kubeconfig")
        .arg(&kubeconfig)
        .env("CARE_INSTALL_HOME", site.with_extension("home"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let folder = site.join("rehearsal/cluster");
    let found = async {
        loop {
            if let Some(point) = rehearsal::find(&folder).await {
                return point;
            }
            tokio::task::yield_now().await;
        }
    };
    let point = timeout(LIMIT, found).await.unwrap();
    Served {
        child,
        kubeconfig,
        point,
    }
}

fn maps(namespace: &str) -> Vec<Value> {
    let map = |number| {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("map-{number}"), "namespace": namespace}, "data": {"key": "value"}})
    };
    (0..OBJECTS).map(map).collect()
}

/// The same number of objects by kubectl and by the engine, through the same wire.
async fn apply(table: &mut Table, site: &Path) {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("testbed/bin/kubectl");
    let served = serve(site).await;
    let upstream = served.point.url.trim_start_matches("http://").to_owned();
    let wire = delay::start(upstream.parse().unwrap(), LATENCY / 2).await;
    let theirs = if program.is_file() {
        let kubeconfig = fs::read_to_string(&served.kubeconfig).unwrap();
        let kubeconfig = kubeconfig.replace(&upstream, &wire.to_string());
        Some(kubectl(&program, site, &kubeconfig))
    } else {
        None
    };
    let ours = engine(site, &served, wire).await;
    let what = format!(
        "{OBJECTS} objects at {} ms there and back, by the engine",
        LATENCY.as_millis()
    );
    table.figure(&what, milliseconds(ours), "", None);
    match theirs {
        Some(theirs) => {
            let what = "the same by kubectl apply --server-side";
            table.figure(what, milliseconds(theirs), "", None);
            let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
            let kept = Some(ratio <= RATIO);
            table.figure("ratio of both", format!("{ratio:.3}"), "0.1", kept);
        }
        None => table.figure(
            "kubectl is not there: `cargo test` builds it",
            String::new(),
            "",
            None,
        ),
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

fn kubectl(program: &Path, site: &Path, kubeconfig: &str) -> Duration {
    let home = site.with_extension("kubectl");
    fs::create_dir_all(&home).unwrap();
    let (config, objects) = (home.join("config"), home.join("objects.json"));
    files::write_atomic(&config, kubeconfig.as_bytes(), Mode::Private).unwrap();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": maps("default")});
    files::write_atomic(&objects, list.to_string().as_bytes(), Mode::Private).unwrap();
    let began = Instant::now();
    let output = Command::new(program)
        .args(["apply", "--server-side", "-f"])
        .arg(objects)
        .env("KUBECONFIG", config)
        .env("HOME", home)
        .output()
        .unwrap();
    let took = began.elapsed();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        said.matches("serverside-applied").count(),
        OBJECTS,
        "{output:?}"
    );
    took
}

async fn engine(site: &Path, served: &Served, wire: std::net::SocketAddr) -> Duration {
    let source = Source::Endpoint {
        url: format!("http://{wire}"),
        token: served.point.token.clone(),
    };
    let kube = Kube::connect(&source).await.unwrap();
    let objects = maps("kube-public")
        .into_iter()
        .map(|map| Object::from_value(map).unwrap());
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-public"}});
    kube.apply(&Object::from_value(namespace).unwrap())
        .await
        .unwrap();
    let step = Step {
        id: StepId::new("bench", "objects"),
        component: "bench".to_owned(),
        stage: 0,
        title: "Objects".to_owned(),
        needs: Vec::new(),
        action: Action::Apply(objects.collect()),
        ready: Vec::new(),
        usual: Duration::from_secs(1),
        limit: LIMIT,
    };
    let plan = Plan {
        site: "bench".to_owned(),
        purpose: Purpose::Deploy,
        stages: vec![Stage {
            id: "one".to_owned(),
            title: "One".to_owned(),
        }],
        components: Vec::new(),
        steps: vec![step],
        notes: Vec::new(),
    };
    let setting = Setting {
        journal: site.with_extension("jsonl"),
        cluster: "bench".to_owned(),
        rehearsal: true,
        chosen: Chosen::default(),
        clock: Clock::real(),
        hold: None,
    };
    // As kubectl does: a client that has asked nothing yet.
    let kube = Kube::connect(&source).await.unwrap();
    let doors = Doors {
        feed: kube.feed(),
        kube,
        helm: Helm::Practice(Practice {
            objects: |release| standin::objects(release, Makers::Chart),
            definition: schema::crd,
        }),
        clock: Clock::real(),
        routes: Routes::default(),
    };
    let began = Instant::now();
    let outcome = run::start(plan, doors, setting).unwrap().finished().await;
    assert_eq!(outcome, Outcome::Done);
    began.elapsed()
}

/// Many pods that change, and those who watch them.
async fn hold(table: &mut Table, site: &Path) {
    let served = serve(site).await;
    let kube = Kube::connect(&served.point.source()).await.unwrap();
    fill(&kube).await;
    let mut watchers = JoinSet::new();
    let (ready, mut all_ready) = mpsc::channel(WATCHERS);
    for _ in 0..WATCHERS {
        watchers.spawn(watch(served.door(), ready.clone()));
    }
    for _ in 0..WATCHERS {
        timeout(LIMIT, all_ready.recv()).await.unwrap().unwrap();
    }
    let (before, began) = (processor_time(served.child.id()), Instant::now());
    let sent = change(&served.door()).await;
    let used = processor_time(served.child.id()) - before;
    let share = used / began.elapsed().as_secs_f64() * 100.0;
    let memory = memory(served.child.id(), "VmRSS:");
    let peak = memory_peak(served.child.id());
    let heard = timeout(LIMIT, watchers.join_all()).await.unwrap();
    assert!(
        heard.iter().all(|heard| *heard == sent),
        "{heard:?} of {sent}"
    );
    let what = format!("practice cluster, {PODS} pods, {UPDATES} updates/s, {WATCHERS} watchers");
    table.figure(&what, format!("{share:.1} %"), "25 %", Some(share <= SHARE));
    let kept = Some(memory <= MEMORY);
    table.figure("its memory then", format!("{memory:.0} MB"), "250 MB", kept);
    table.figure(
        "its memory at most, the making of the pods included",
        format!("{peak:.0} MB"),
        "",
        None,
    );
}

fn pod(number: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("pod-{number}"), "namespace": "default",
            "labels": {"app.kubernetes.io/name": "bench", "app.kubernetes.io/instance": format!("bench-{}", number % 50)}},
        "spec": {"nodeName": if number.is_multiple_of(2) { "primary" } else { "secondary" },
            "containers": [{"name": "main", "image": "example.org/bench:1", "ports": [{"name": "http", "containerPort": 8080}],
                "env": [{"name": "ONE", "value": "1"}, {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
                "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
            "volumes": [{"name": "data", "emptyDir": {}}]}})
}

/// Makes the pods and waits until all are ready.
pub async fn fill(kube: &Kube) {
    let made = stream::iter(0..PODS).map(|number| async move {
        let object = Object::from_value(pod(number)).unwrap();
        kube.create(&object).await.unwrap();
    });
    made.buffer_unordered(16).collect::<Vec<()>>().await;
    let of = ObjectRef::new("v1", "Pod", "default", "");
    let ready = async {
        loop {
            let pods = kube
                .list(&of, "app.kubernetes.io/name=bench")
                .await
                .unwrap();
            let ready = |pod: &&Arc<Value>| pod["status"]["containerStatuses"][0]["ready"] == true;
            if pods.iter().filter(ready).count() == PODS {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    timeout(LIMIT, ready).await.unwrap();
}

pub fn request(door: &Door, method: &str, path: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/merge-patch+json\r\nContent-Length: {}\r\n\r\n{body}",
        door.at,
        door.token.expose_secret(),
        body.len()
    )
}

/// How the events of a watch begin.
const ADDED: &str = "{\"type\":\"ADDED\"";
const MODIFIED: &str = "{\"type\":\"MODIFIED\"";

/// Says when it has seen all pods, then counts the changes that a watch tells, until the last one.
async fn watch(door: Door, ready: mpsc::Sender<()>) -> u32 {
    let mut stream = TcpStream::connect(&door.at).await.unwrap();
    let path = "/api/v1/namespaces/default/pods?watch=true&resourceVersion=0";
    stream
        .write_all(request(&door, "GET", path, "").as_bytes())
        .await
        .unwrap();
    let (mut heard, mut rest) = (0, Vec::new());
    let (mut pods, mut piece) = (0, vec![0; 64 * 1024]);
    loop {
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "the watch has ended");
        rest.extend_from_slice(&piece[..count]);
        // Each event is a line; one that has not wholly come waits.
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let lines: Vec<u8> = rest.drain(..=end).collect();
        let text = String::from_utf8_lossy(&lines);
        heard += u32::try_from(text.matches(MODIFIED).count()).unwrap();
        let before = pods;
        pods += text.matches(ADDED).count();
        if before < PODS && pods >= PODS {
            ready.send(()).await.unwrap();
        }
        if text.contains("\"bench\":\"last\"") {
            return heard;
        }
    }
}

/// Changes one pod after the other at the given pace; gives how many changes there were.
async fn change(door: &Door) -> u32 {
    let mut changes = Changes::new(door).await;
    let mut pace = interval(Duration::from_secs(1) / UPDATES);
    let total = u32::try_from(WHILE.as_secs()).unwrap() * UPDATES;
    for turn in 0..total {
        pace.tick().await;
        let value = if turn + 1 == total {
            "last".to_owned()
        } else {
            turn.to_string()
        };
        changes.make(turn, &value).await;
    }
    total
}

/// The same until it is told to stop.
pub async fn change_until(door: Door, stop: Arc<AtomicBool>) {
    let mut changes = Changes::new(&door).await;
    let mut pace = interval(Duration::from_secs(1) / UPDATES);
    let mut turn = 0;
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        changes.make(turn, &turn.to_string()).await;
        turn += 1;
    }
}

/// Whether an answer has come to its end: that of its pieces, or that of its object.
fn is_whole(answer: &[u8]) -> bool {
    let in_pieces = String::from_utf8_lossy(answer).contains("\r\nTransfer-Encoding: chunked");
    answer.ends_with(if in_pieces {
        b"\r\n0\r\n\r\n".as_slice()
    } else {
        b"}}"
    })
}

/// A connection over which pods are changed.
struct Changes<'d> {
    door: &'d Door,
    stream: TcpStream,
    piece: Vec<u8>,
}

impl<'d> Changes<'d> {
    async fn new(door: &'d Door) -> Self {
        let stream = TcpStream::connect(&door.at).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            door,
            stream,
            piece: vec![0; 64 * 1024],
        }
    }

    async fn make(&mut self, turn: u32, value: &str) {
        let body = json!({"metadata": {"annotations": {"bench": value}}}).to_string();
        let path = format!(
            "/api/v1/namespaces/default/pods/pod-{}",
            (turn as usize * 7) % PODS
        );
        self.stream
            .write_all(request(self.door, "PATCH", &path, &body).as_bytes())
            .await
            .unwrap();
        let (mut count, piece) = (0, &mut self.piece);
        // An answer is smaller than the piece.
        while !is_whole(&piece[..count]) {
            count += self.stream.read(&mut piece[count..]).await.unwrap();
        }
        assert!(
            piece.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&piece[..count])
        );
    }
}

/// The processor's time of a process, in seconds.
pub fn processor_time(process: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = text.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS
}

/// A line of a process's memory, in millions of bytes.
pub fn memory(process: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    let number: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
    number * 1024.0 / 1e6
}

fn memory_peak(process: u32) -> f64 {
    memory(process, "VmHWM:")
}
