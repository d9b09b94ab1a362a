//! A real control plane on loopback for the tests: built once from Go modules, one per test, gone with it.

#[path = "testbed/build.rs"]
mod build;

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

use p256::pkcs8::{DecodePrivateKey, LineEnding};
use tempfile::TempDir;

/// How long a part may take until it says that it serves.
const START_LIMIT: Duration = Duration::from_mins(2);

/// Tries of `/readyz`; each is a process start, so that no pause is needed between them.
const READY_TRIES: usize = 600;

/// A running control plane with two nodes played by kwok.
pub struct Testbed {
    folder: TempDir,
    bin: PathBuf,
    server: String,
    /// Where etcd answers, and the process of the API server.
    etcd: String,
    server_process: u32,
    /// Ends with the bed: its death takes every part along, also when the test is killed.
    reapers: Vec<Child>,
}

impl Testbed {
    /// Builds what is missing and starts a fresh, empty cluster with the nodes `primary` and `secondary`.
    pub fn start() -> Self {
        let mut bed = Self::start_still();
        bed.start_controllers();
        bed.kubectl_with(&["apply", "--server-side", "-f", "-"], NODES);
        bed.kubectl(&[
            "wait",
            "--for=condition=Ready",
            "node",
            "--all",
            "--timeout=90s",
        ]);
        bed
    }

    /// The same without controllers, scheduler and nodes: nothing happens but what clients do.
    pub fn start_still() -> Self {
        let bin = build::binaries();
        let folder = TempDir::new().unwrap();
        let mut bed = Self {
            server: format!("https://127.0.0.1:{}", free_port()),
            etcd: format!("http://127.0.0.1:{}", free_port()),
            server_process: 0,
            folder,
            bin,
            reapers: Vec::new(),
        };
        bed.write_files();
        bed.start_etcd();
        bed.start_server();
        bed
    }

    /// The kubeconfig of a cluster administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    /// The helm command that belongs to the bed.
    pub fn helm(&self) -> PathBuf {
        self.bin.join("helm")
    }

    /// A path in the bed's own folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs kubectl, which must succeed, and gives its output.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.kubectl_with(arguments, "")
    }

    /// The same with text on standard input.
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> String {
        let output = self.try_kubectl(arguments, input);
        assert!(
            output.status.success(),
            "kubectl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs kubectl, which may fail.
    pub fn try_kubectl(&self, arguments: &[&str], input: &str) -> Output {
        let file = self.path("input.yaml");
        fs::write(&file, input).unwrap();
        Command::new(self.bin.join("kubectl"))
            .arg("--kubeconfig")
            .arg(self.kubeconfig())
            .args(arguments)
            .stdin(fs::File::open(&file).unwrap())
            .output()
            .unwrap()
    }

    /// Starts a kwok that manages no node and plays only these stages; their kinds must be served by now.
    pub fn play(&mut self, stages: &Path) {
        let mut kwok = self.command("kwok");
        kwok.args([
            "--manage-all-nodes=false",
            "--manage-nodes-with-label-selector=none=none",
        ])
        .arg("--kubeconfig")
        .arg(self.kubeconfig())
        .arg("--config")
        .arg(stages);
        self.launch(kwok, "Failed to ", false);
    }

    fn command(&self, name: &str) -> Command {
        Command::new(self.bin.join(name))
    }

    fn write_files(&self) {
        // The server reads the key of service accounts only in SEC1 or PKCS#1 form.
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let key = p256::SecretKey::from_pkcs8_pem(&key).unwrap();
        let key = key.to_sec1_pem(LineEnding::LF).unwrap();
        fs::write(self.path("sa.key"), key.as_bytes()).unwrap();
        fs::write(
            self.path("tokens.csv"),
            "testbed,admin,1,\"system:masters\"\n",
        )
        .unwrap();
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: bed\ncontexts:\n- name: bed\n  context: {{cluster: bed, user: admin}}\n\
             clusters:\n- name: bed\n  cluster: {{server: '{}', certificate-authority: '{}'}}\n\
             users:\n- name: admin\n  user: {{token: testbed}}\n",
            self.server,
            self.path("apiserver.crt").display()
        );
        fs::write(self.kubeconfig(), kubeconfig).unwrap();
    }

    fn start_etcd(&mut self) {
        let client = self.etcd.clone();
        let peer = format!("http://127.0.0.1:{}", free_port());
        let mut etcd = self.command("etcd");
        etcd.arg("--data-dir")
            .arg(self.path("etcd"))
            .args([
                "--listen-client-urls",
                &client,
                "--advertise-client-urls",
                &client,
            ])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .args([
                "--initial-cluster",
                &format!("default={peer}"),
                "--unsafe-no-fsync",
            ]);
        self.launch(etcd, "ready to serve client requests", true);
    }

    /// Kills the API server as a power cut would; [`Self::start_server`] starts it again.
    pub fn kill_server(&self) {
        let process = self.server_process.to_string();
        let killed = Command::new("kill").args(["-9", &process]).status();
        assert!(killed.unwrap().success());
        let is_up = || self.try_kubectl(&["version"], "").status.success();
        assert!((0..READY_TRIES).any(|_| !is_up()));
    }

    /// Starts the API server and waits until it is ready.
    pub fn start_server(&mut self) {
        let client = self.etcd.clone();
        let mut server = self.command("kube-apiserver");
        let port = self.server.rsplit(':').next().unwrap().to_owned();
        server
            .args(["--etcd-servers", &client, "--secure-port", &port])
            .args([
                "--bind-address",
                "127.0.0.1",
                "--advertise-address",
                "127.0.0.1",
            ])
            .args(["--service-account-issuer", "https://kubernetes.default.svc"])
            .args([
                "--authorization-mode",
                "RBAC",
                "--service-cluster-ip-range",
                "10.96.0.0/16",
            ])
            .args([
                "--allow-privileged=true",
                "--disable-admission-plugins=ServiceAccount",
            ]);
        for (flag, file) in [
            ("--cert-dir", "."),
            ("--service-account-key-file", "sa.key"),
            ("--service-account-signing-key-file", "sa.key"),
            ("--token-auth-file", "tokens.csv"),
        ] {
            server.arg(flag).arg(self.path(file));
        }
        self.server_process = self.launch(server, "Serving securely on", true);
        let ready = (0..READY_TRIES).any(|_| {
            self.try_kubectl(&["get", "--raw", "/readyz"], "")
                .status
                .success()
        });
        assert!(ready, "the API server did not become ready");
    }

    fn start_controllers(&mut self) {
        let mut manager = self.command("kube-controller-manager");
        manager
            .args([
                "--leader-elect=false",
                // A schedule's minute comes whenever a test runs: it would find a job that nobody asked for.
                "--controllers=*,-cronjob-controller",
                "--allocate-node-cidrs=true",
                "--cluster-cidr",
                "10.244.0.0/16",
            ])
            .args([
                "--secure-port",
                &free_port().to_string(),
                "--bind-address",
                "127.0.0.1",
            ]);
        for (flag, file) in [
            ("--kubeconfig", "kubeconfig"),
            ("--service-account-private-key-file", "sa.key"),
            ("--root-ca-file", "apiserver.crt"),
            ("--cert-dir", "."),
        ] {
            manager.arg(flag).arg(self.path(file));
        }
        self.launch(manager, "Serving securely", true);

        let mut scheduler = self.command("kube-scheduler");
        scheduler
            .args([
                "--leader-elect=false",
                "--secure-port",
                &free_port().to_string(),
            ])
            .args(["--bind-address", "127.0.0.1", "--kubeconfig"])
            .arg(self.kubeconfig());
        self.launch(scheduler, "Serving securely", true);

        let mut kwok = self.command("kwok");
        kwok.args([
            "--manage-all-nodes=false",
            "--manage-nodes-with-label-selector=type=kwok",
        ])
        .args(["--node-lease-duration-seconds=40", "--kubeconfig"])
        .arg(self.kubeconfig())
        .arg("--config")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed/stages/core.yaml"));
        self.launch(kwok, "", false);
    }

    /// Starts a part, ties its life to ours, and waits for the line with which it says that it serves.
    fn launch(&mut self, mut command: Command, serves: &str, wait: bool) -> u32 {
        let name = Path::new(command.get_program())
            .file_name()
            .unwrap()
            .to_owned();
        let mut part = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A pipe that nobody writes to: it closes when this process ends in any way, and then the part is killed.
        let reaper = Command::new("sh")
            .args([
                "-c",
                "cat >/dev/null; kill -9 \"$@\"",
                "reaper",
                &part.id().to_string(),
            ])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.reapers.push(reaper);
        let process = part.id();
        let lines = BufReader::new(part.stderr.take().unwrap()).lines();
        let file = self.path(&format!("{}-{}.log", name.display(), part.id()));
        let log = fs::File::create(&file).unwrap();
        let (said, heard) = mpsc::sync_channel(1);
        let word = serves.to_owned();
        std::thread::spawn(move || {
            use std::io::Write;
            let mut log = log;
            for line in lines.map_while(Result::ok) {
                writeln!(log, "{line}").ok();
                if !word.is_empty() && line.contains(&word) {
                    said.try_send(()).ok();
                }
            }
            part.wait().ok();
        });
        if wait {
            assert!(
                heard.recv_timeout(START_LIMIT).is_ok(),
                "{} does not serve:\n{}",
                name.display(),
                fs::read_to_string(&file).unwrap()
            );
        }
        process
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        for mut reaper in self.reapers.drain(..) {
            drop(reaper.stdin.take());
            reaper.wait().ok();
        }
    }
}

/// A program of the bed, built when it is missing.
pub fn binary(name: &str) -> PathBuf {
    build::binaries().join(name)
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The two nodes of the reference cluster, labelled as it labels them.
const NODES: &str = "
apiVersion: v1
kind: Node
metadata:
  name: primary
  labels: {type: kwok, kubernetes.io/hostname: primary, kubernetes.io/os: linux, kubernetes.io/arch: amd64, ohn/role: primary, ingress: private, onlyingress: nope}
  annotations: {care.test/address: 10.0.0.11}
status:
  capacity: {cpu: '16', memory: 64Gi, pods: '200', ephemeral-storage: 400Gi}
  allocatable: {cpu: '16', memory: 64Gi, pods: '200', ephemeral-storage: 400Gi}
---
apiVersion: v1
kind: Node
metadata:
  name: secondary
  labels: {type: kwok, kubernetes.io/hostname: secondary, kubernetes.io/os: linux, kubernetes.io/arch: amd64, ohn/role: secondary, ingress: private, onlyingress: nope}
  annotations: {care.test/address: 10.0.0.12}
status:
  capacity: {cpu: '16', memory: 64Gi, pods: '200', ephemeral-storage: 400Gi}
  allocatable: {cpu: '16', memory: 64Gi, pods: '200', ephemeral-storage: 400Gi}
";

#[test]
#[cfg_attr(
    not(has_go),
    ignore = "needs the `go` command to build the control plane"
)]
fn the_real_control_plane_starts_with_two_ready_nodes_and_runs_a_pod() {
    let bed = Testbed::start();
    bed.kubectl(&[
        "create",
        "deployment",
        "hello",
        "--image=example.org/hello:1",
    ]);
    bed.kubectl(&[
        "wait",
        "--for=condition=Available",
        "deployment/hello",
        "--timeout=60s",
    ]);
    let version = bed.kubectl(&["version", "-o", "json"]);
    assert!(version.contains("v1.36.3"), "{version}");
}
