//! The console beside kubetui and kdash, each in a terminal of its own, before the same cluster: how soon the pods stand there, what
//! it takes while they change and while they rest, and how fast it answers a key and shows a change.
//!
//! The cluster is a served practice cluster (`console`), or the real control plane that the tests run against (`plane`).
//!
//! Peers are looked for in `target/peers/bin`, then in PATH; one that is missing is named with the command that installs it.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use care_install::sys::kube::{Kube, Source};
use secrecy::SecretString;
use serde_json::json;
use tokio::{io::AsyncReadExt as _, io::AsyncWriteExt as _, net::TcpStream, runtime::Runtime};

use crate::{
    practice::{self, Door, PODS, UPDATES, fill, memory, processor_time, request, serve},
    table::Table,
    terminal,
    testbed::{self, Testbed},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_care-install");
const SIZE: (u16, u16) = (120, 40);
/// Starts of each program; they take turns.
const ROUNDS: usize = 3;
/// How long the processor's time is counted.
const WHILE: Duration = Duration::from_secs(20);
const KEYS: usize = 60;
const CHANGES: u32 = 20;
/// Longer than any of them takes.
const LIMIT: Duration = Duration::from_mins(2);

/// Where is the cursor?
const ASKED: &[u8] = b"\x1b[6n";

/// A program that shows pods in a terminal.
struct Shown {
    command: Command,
    /// What to type before the list of pods is asked for, each once the words stand there.
    way: &'static [(&'static str, &'static [u8])],
    /// Words that stand there once every pod is known.
    complete: &'static str,
}

/// What was measured of one program.
#[derive(Default)]
struct Samples {
    first: Vec<Duration>,
    keys: Vec<Duration>,
    events: Vec<Duration>,
    memory: f64,
    busy: f64,
    idle: f64,
}

/// Adds its rows.
pub fn measure(table: &mut Table) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let site = folder.path().join("site");
    let served = runtime.block_on(async {
        let served = serve(&site).await;
        let kube = Kube::connect(&served.point.source()).await.unwrap();
        fill(&kube).await;
        served
    });
    let cluster = Cluster {
        words: "",
        door: served.door(),
        kubeconfig: served.kubeconfig.clone(),
        home: site.with_extension("home"),
    };
    beside(table, &runtime, &cluster);
}

/// Adds the rows of the real control plane.
pub fn measure_plane(table: &mut Table) {
    if Command::new("go").arg("version").output().is_err() {
        println!("go is missing, which builds the control plane");
        return;
    }
    let runtime = Runtime::new().unwrap();
    let bed = Testbed::start();
    let port = testbed::free_port();
    // Changes are made over plain HTTP; whoever is measured goes to the server itself.
    let mut proxy = Command::new(testbed::binary("kubectl"))
        .arg("--kubeconfig")
        .arg(bed.kubeconfig())
        .args(["proxy", "--port", &port.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    runtime.block_on(async {
        let source = Source::Kubeconfig {
            file: Some(bed.kubeconfig()),
            context: None,
        };
        let kube = Kube::connect(&source).await.unwrap();
        fill(&kube).await;
    });
    let cluster = Cluster {
        words: "real, ",
        door: Door {
            at: format!("127.0.0.1:{port}"),
            token: SecretString::from("testbed"),
        },
        kubeconfig: bed.kubeconfig(),
        home: bed.path("home"),
    };
    beside(table, &runtime, &cluster);
    proxy.kill().unwrap();
    proxy.wait().unwrap();
}

/// What all of them look at.
struct Cluster {
    /// How its rows begin.
    words: &'static str,
    door: Door,
    kubeconfig: PathBuf,
    home: PathBuf,
}

/// Measures ours and the peers in turns.
fn beside(table: &mut Table, runtime: &Runtime, cluster: &Cluster) {
    let peers: Vec<(&str, PathBuf)> = ["kubetui", "kdash"].into_iter().filter_map(found).collect();
    let mut all: Vec<(&'static str, Samples)> = vec![("care-install", Samples::default())];
    all.extend(peers.iter().map(|(name, _)| (*name, Samples::default())));
    for _ in 0..ROUNDS {
        for (name, samples) in &mut all {
            let path = peers.iter().find(|(peer, _)| peer == name);
            let shown = match path {
                Some((_, path)) => peer(name, path, cluster),
                None => ours(cluster),
            };
            one(runtime, shown, &cluster.door, samples);
        }
    }
    rows(table, cluster.words, &all);
}

fn rows(table: &mut Table, words: &str, all: &[(&str, Samples)]) {
    let ours = &all[0].1;
    for (name, samples) in all {
        let own = *name == "care-install";
        let budget = |millis| own.then(|| Duration::from_millis(millis));
        table.times(
            &format!("{words}{name}: {PODS} pods on the screen"),
            samples.first.clone(),
            None,
        );
        table.nearly_all(
            &format!("{words}{name}: a key to bytes, {UPDATES} updates/s"),
            samples.keys.clone(),
            budget(16),
        );
        table.times(
            &format!("{words}{name}: a change to the screen"),
            samples.events.clone(),
            budget(60),
        );
        let figure = |what: &str, value: String| (format!("{words}{name}: {what}"), value);
        for (what, value) in [
            figure("resident memory", format!("{:.0} MB", samples.memory)),
            figure(
                "processor, while pods change",
                format!("{:.1} %", samples.busy),
            ),
            figure(
                "processor, while they rest",
                format!("{:.2} %", samples.idle),
            ),
        ] {
            table.figure(&what, value, "", None);
        }
    }
    for (name, peer) in all.iter().skip(1) {
        let (first, memory, busy) = if *name == "kubetui" {
            (0.5, 0.2, 0.05)
        } else {
            (0.1, 0.04, 0.2)
        };
        for (what, ratio, most) in [
            (
                "first table",
                seconds(&ours.first) / seconds(&peer.first),
                first,
            ),
            ("memory", ours.memory / peer.memory, memory),
            ("processor", ours.busy / peer.busy, busy),
        ] {
            let what = format!("{words}{what}: ours over that of {name}");
            table.figure(
                &what,
                format!("{ratio:.2}"),
                &format!("{most:.2}"),
                Some(ratio <= most),
            );
        }
    }
}

fn seconds(samples: &[Duration]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2].as_secs_f64()
}

/// Where a peer is; says how to get one that is missing.
fn found(name: &'static str) -> Option<(&'static str, PathBuf)> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    let own = target.join("peers/bin").join(name);
    let path = std::env::var_os("PATH")?;
    let found = std::iter::once(own)
        .chain(std::env::split_paths(&path).map(|folder| folder.join(name)))
        .find(|path| path.is_file());
    if found.is_none() {
        println!("{name} is missing: cargo install --root target/peers {name}");
    }
    found.map(|path| (name, path))
}

/// Our own console, by the way that leads to any cluster.
fn ours(cluster: &Cluster) -> Shown {
    let mut command = Command::new(PROGRAM);
    command.arg("attach").arg(&cluster.kubeconfig);
    command.env("CARE_INSTALL_HOME", &cluster.home);
    Shown {
        command,
        way: &[("Attention", b"2")],
        complete: "5000/5000",
    }
}

fn peer(name: &'static str, path: &Path, cluster: &Cluster) -> Shown {
    let mut command = Command::new(path);
    command.env("KUBECONFIG", &cluster.kubeconfig);
    if name == "kubetui" {
        command.args(["-n", "default"]);
    }
    Shown {
        command,
        way: &[],
        complete: "pod-1",
    }
}

/// A program in a terminal.
struct Running {
    child: Child,
    keys: File,
    heard: Receiver<(Instant, Vec<u8>)>,
    screen: vt100::Parser,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Running {
    fn start(mut command: Command) -> Self {
        let (columns, rows) = SIZE;
        let keys = terminal::open(&mut command, SIZE);
        let child = command.spawn().unwrap();
        // The command holds its end of the terminal too.
        drop(command);
        let mut reader = keys.try_clone().unwrap();
        let mut answers = keys.try_clone().unwrap();
        let (tell, heard) = sync_channel(1024);
        thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            while let Ok(count) = reader.read(&mut piece) {
                // A terminal says where its cursor is when it is asked; some programs do not start without.
                if piece[..count]
                    .windows(ASKED.len())
                    .any(|part| part == ASKED)
                {
                    answers.write_all(b"\x1b[1;1R").unwrap();
                }
                if count == 0
                    || tell
                        .send((Instant::now(), piece[..count].to_vec()))
                        .is_err()
                {
                    return;
                }
            }
        });
        Self {
            child,
            keys,
            heard,
            screen: vt100::Parser::new(rows, columns, 0),
        }
    }

    /// Reads until the words stand on the screen; gives the moment at which they came.
    fn until(&mut self, words: &str) -> Instant {
        let limit = Instant::now() + LIMIT;
        loop {
            if self.screen.screen().contents().contains(words) {
                return Instant::now();
            }
            let left = limit.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(left) {
                Ok((at, bytes)) => {
                    self.screen.process(&bytes);
                    if self.screen.screen().contents().contains(words) {
                        return at;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("never seen: {words}\n{}", self.screen.screen().contents())
                }
            }
        }
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
    }

    /// Takes what comes for so long.
    fn rest(&mut self, span: Duration) {
        let until = Instant::now() + span;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(left) {
                Ok((_, bytes)) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => panic!("it has ended"),
            }
        }
    }

    /// From a key to the next bytes.
    fn answer(&mut self, key: &[u8]) -> Duration {
        while let Ok((_, bytes)) = self.heard.try_recv() {
            self.screen.process(&bytes);
        }
        let began = Instant::now();
        self.press(key);
        let (at, bytes) = self.heard.recv_timeout(LIMIT).unwrap();
        self.screen.process(&bytes);
        at.duration_since(began)
    }

    /// The share of one core that it takes meanwhile.
    fn share(&mut self) -> f64 {
        let (before, began) = (processor_time(self.child.id()), Instant::now());
        self.rest(WHILE);
        (processor_time(self.child.id()) - before) / began.elapsed().as_secs_f64() * 100.0
    }
}

/// One start of one program.
fn one(runtime: &Runtime, shown: Shown, door: &Door, samples: &mut Samples) {
    let began = Instant::now();
    let mut running = Running::start(shown.command);
    for (words, keys) in shown.way {
        running.until(words);
        running.press(keys);
    }
    samples.first.push(
        running
            .until(shown.complete)
            .saturating_duration_since(began),
    );
    running.rest(Duration::from_secs(3));
    samples.idle = running.share();
    let stop = Arc::new(AtomicBool::new(false));
    let changing = runtime.spawn(practice::change_until(door.clone(), Arc::clone(&stop)));
    samples.busy = running.share();
    samples.memory = memory(running.child.id(), "VmRSS:");
    for turn in 0..KEYS {
        let key: &[u8] = if turn % 20 < 10 { b"\x1b[B" } else { b"\x1b[A" };
        samples.keys.push(running.answer(key));
        // Never in step with whatever polls.
        running.rest(Duration::from_millis(150 + (turn as u64 * 37) % 80));
    }
    stop.store(true, Ordering::Relaxed);
    runtime.block_on(changing).unwrap();
    for turn in 0..CHANGES {
        // A word that stands nowhere else: why the container of a pod in sight waits.
        let reason = format!("Turn{}", 10_001 + samples.events.len());
        running.rest(Duration::from_millis(u64::from(turn) * 97 % 700));
        let began = Instant::now();
        runtime.block_on(waits(door, &reason));
        samples
            .events
            .push(running.until(&reason).saturating_duration_since(began));
    }
}

/// Lets the container of a pod in sight wait for this reason, which all of them show as the pod's state.
async fn waits(door: &Door, reason: &str) {
    let mut stream = TcpStream::connect(&door.at).await.unwrap();
    let body = json!({"status": {"containerStatuses": [{"name": "main", "ready": false, "started": false, "restartCount": 0,
        "image": "example.org/bench:1", "imageID": "", "state": {"waiting": {"reason": reason}}}]}});
    let path = "/api/v1/namespaces/default/pods/pod-1/status";
    stream
        .write_all(request(door, "PATCH", path, &body.to_string()).as_bytes())
        .await
        .unwrap();
    let mut piece = vec![0; 64 * 1024];
    let count = stream.read(&mut piece).await.unwrap();
    assert!(
        piece.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&piece[..count])
    );
}
