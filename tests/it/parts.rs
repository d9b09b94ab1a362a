//! Real peers that Debian does not have, and a puller that is containerd's own: built once from Go modules.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::OnceLock,
    time::{Duration, Instant},
};

/// How long a program may take until it answers.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Each program with its package.
const PACKAGES: &[(&str, &str)] = &[
    ("pull", "./pull"),
    ("versitygw", "github.com/versity/versitygw/cmd/versitygw"),
];

/// The folder with every program, built by now.
pub fn binaries() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parts");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let bin = target.join("parts/bin");
    fs::create_dir_all(&bin).unwrap();
    // Two test processes build one after the other, and the second finds everything.
    let lock = fs::File::create(bin.join(".lock")).unwrap();
    lock.lock().unwrap();
    let read = |name: &str| fs::read_to_string(modules.join(name)).unwrap();
    let want = read("go.mod") + &read("pull/main.go");
    let stamp = bin.join(".made-from");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == want) {
        return bin;
    }
    for (name, package) in PACKAGES {
        let status = Command::new("go")
            .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
            .arg(bin.join(name))
            .arg(package)
            .current_dir(&modules)
            .env("CGO_ENABLED", "0")
            .status()
            .expect("`go` is needed to build the peers of the tests");
        assert!(status.success(), "go build {package} failed");
    }
    fs::write(stamp, want).unwrap();
    bin
}

/// Whether this computer has these programs; it must where the tests against real peers are required.
pub fn has(programs: &[(&str, &str)]) -> bool {
    let path = std::env::var("PATH").unwrap() + ":/usr/sbin";
    let there = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let missing = programs.iter().filter(|(name, _)| !there(name));
    let packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
    let required = std::env::var("CARE_TESTBED").is_ok_and(|value| value == "required");
    let words = packages.join(" ");
    assert!(
        packages.is_empty() || !required,
        "a real peer is missing: apt-get install {words}"
    );
    packages.is_empty()
}

/// A port on which nothing listens yet.
pub fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// A program of the test; it ends with it.
pub struct Peer(Child);

impl Peer {
    /// Starts it and waits until it takes connections.
    pub fn start(mut command: Command, address: SocketAddr) -> Self {
        let mut peer = Self(command.spawn().unwrap());
        let until = Instant::now() + START_LIMIT;
        while TcpStream::connect(address).is_err() {
            let ended = peer.0.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {ended:?}");
            assert!(Instant::now() < until, "{command:?} does not answer");
        }
        peer
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
