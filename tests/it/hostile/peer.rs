//! A practice cluster in a process of its own, whose memory can be seen, and raw bytes to and from it.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use care_install::rehearsal::{self, Patience, ServeOptions, Speed};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Child,
    time::timeout,
};

use crate::child;

/// Longer than anything here takes on a busy computer.
pub const LIMIT: Duration = Duration::from_mins(1);

/// How patient the server is here: tests need not wait as long as people may.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// The most memory that the server may ever have taken, in kB; it begins near 30,000 and here reaches 104,000.
const MOST_MEMORY: u64 = 300_000;

/// Tells the child which folder to serve.
const FOLDER: &str = "CARE_HOSTILE_TEST_FOLDER";

/// What the child says, with its address and its token, once it serves.
const SERVES: &str = "the cluster serves ";

/// The served cluster.
pub struct Victim {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it wants to be shown.
    pub token: String,
    _folder: TempDir,
}

/// The process that is started for each test; by itself it does nothing.
#[tokio::test]
#[ignore = "the process that other tests of this file start"]
async fn child() {
    let folder = std::env::var_os(FOLDER).expect("started by a test of this file");
    let options = ServeOptions {
        dir: PathBuf::from(folder),
        port: 0,
        speed: Speed::Max,
        idle_exit: None,
        world: ["default", "kube-system"].map(namespace).to_vec(),
        token: None,
    };
    let patience = Patience {
        head: PATIENCE,
        body: PATIENCE,
        answer: PATIENCE,
    };
    let serving = rehearsal::serve_with(options, patience).await.unwrap();
    let address = serving.url.trim_start_matches("http://");
    println!("\n{SERVES}{address} {}", serving.token.expose_secret());
    serving.ended().await;
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

impl Victim {
    /// Starts one.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = [(FOLDER, folder.path().as_os_str())];
        let mut child = child::start("hostile::peer::child", variables, Stdio::null());
        let serves = |line: &str| line.strip_prefix(SERVES).map(str::to_owned);
        let place = child::says(&mut child, LIMIT, serves).await;
        let (address, token) = place.split_once(' ').unwrap();
        let (address, token) = (address.parse().unwrap(), token.to_owned());
        Self {
            child,
            address,
            token,
            _folder: folder,
        }
    }

    /// A connection.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A whole request with the token, for [`Self::send`].
    pub fn request(&self, method: &str, path: &str, (headers, body): (&str, &[u8])) -> Vec<u8> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: practice\r\nAuthorization: Bearer {}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    /// Sends bytes and gives everything that comes back until the server ends the connection.
    pub async fn send(&self, bytes: &[u8]) -> Vec<u8> {
        let (mut from, mut to) = self.connect().await.into_split();
        let sent = async {
            // The server may have seen enough before it has everything.
            to.write_all(bytes).await.ok();
            to
        };
        let mut heard = Vec::new();
        let read = from.read_to_end(&mut heard);
        let both = async { tokio::join!(sent, read) };
        let (_to, read) = timeout(LIMIT, both)
            .await
            .expect("the server leaves it open");
        // What had come before a reset counts.
        read.ok();
        heard
    }

    /// The status of an answer to a JSON body.
    pub async fn status(&self, method: &str, path: &str, body: &[u8]) -> u16 {
        let media = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let headers = format!("Content-Type: {media}\r\n");
        let request = self.request(method, path, (&headers, body));
        code(&self.send(&request).await)
    }

    /// Whether it answers a good client, changes included, and its memory has stayed within its limit.
    pub async fn is_well(&self) {
        for (method, path, body) in [
            ("GET", "/api/v1/namespaces/default", Value::Null),
            (
                "POST",
                "/api/v1/namespaces/default/configmaps",
                json!({"metadata": {"generateName": "well-"}}),
            ),
        ] {
            let body = if body.is_null() {
                String::new()
            } else {
                body.to_string()
            };
            let status = self.status(method, path, body.as_bytes()).await;
            assert!(matches!(status, 200 | 201), "{method} {path}: {status}");
        }
        let peak = self.memory("VmHWM:");
        assert!(peak < MOST_MEMORY, "{peak} kB");
    }

    /// A line of the server's memory, in kB.
    pub fn memory(&self, name: &str) -> u64 {
        let text = fs::read_to_string(self.proc("status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.unwrap().split_whitespace().next().unwrap();
        number.parse().unwrap()
    }

    /// How many files and connections the server has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(self.proc("fd")).unwrap().count()
    }

    fn proc(&self, name: &str) -> PathBuf {
        Path::new("/proc")
            .join(self.child.id().unwrap().to_string())
            .join(name)
    }
}

/// The status of a reply; 0 when there is none.
pub fn code(reply: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(reply);
    let word = text
        .split(' ')
        .nth(1)
        .filter(|_| text.starts_with("HTTP/1.1 "));
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// The body of a refusal as the `Status` that it is.
pub fn body(reply: &[u8]) -> Value {
    let text = String::from_utf8_lossy(reply);
    let (_, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    serde_json::from_str(body).unwrap_or_default()
}
