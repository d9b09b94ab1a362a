//! The program itself as a child process: a site of its own, whole runs, and lives that are cut off.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command as Process, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use care_install::{
    engine::{event::Event, journal::Journal},
    host,
    site::{SecretName, file, sample},
    sys::sites::SiteDir,
};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tempfile::TempDir;

use super::scene::Scene;
use crate::{checks::peers, edge};

/// How long any piece of news may take.
const LIMIT: Duration = Duration::from_mins(3);

/// What is typed into the new site and must never be seen outside the vault and the cluster's Secrets.
const TYPED: &str = "backup-access-key: canary-key-7f3a91\nbackup-secret-key: canary-secret-0b5d27\ncare-email-password: canary-mail-c48e60\n";

/// The program with a site whose cluster is the bed.
pub struct Program {
    _home: TempDir,
    home: PathBuf,
    /// The site's folder.
    pub site: PathBuf,
    arguments: Vec<PathBuf>,
    secrets: BTreeMap<SecretName, String>,
}

/// How a run of the program ended.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub errors: String,
}

impl Ended {
    /// Every line, which must be JSON.
    pub fn json(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }
}

impl Program {
    /// Makes the site as a script would: settings from a file, secrets on standard input, a key file beside the vault.
    pub fn new(scene: &Scene) -> Self {
        Self::with(scene, |site| {
            peers::certificate(site, "*.care.example.org");
        })
    }

    /// The same for a scene that was deployed: with its certificate.
    pub fn of_deployed(scene: &Scene) -> Self {
        let (chain, key) = edge::pair(&scene.plan);
        Self::with(scene, |site| {
            fs::write(site.join("fullchain.pem"), chain).unwrap();
            fs::write(site.join("privkey.pem"), key).unwrap();
        })
    }

    fn with(scene: &Scene, certificate: impl FnOnce(&Path)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_path_buf();
        let mut draft = sample();
        let kubeconfig = scene.bed.kubeconfig();
        draft.set("cluster.kubeconfig", kubeconfig.to_str().unwrap());
        let settings = path.join("from.yaml");
        fs::write(&settings, file::write(&draft)).unwrap();
        let mut program = Self {
            site: path.join("site"),
            arguments: vec![
                "--helm".into(),
                scene.helm.clone(),
                "--charts".into(),
                scene.bed.path("charts"),
            ],
            secrets: BTreeMap::new(),
            home: path,
            _home: home,
        };
        let from = settings.to_str().unwrap();
        let new = ["new", "--key-file", "--from", from, "--secrets", "-"];
        let made = program.run_with(&new, TYPED);
        assert_eq!(made.code, Some(0), "{}", made.errors);
        certificate(&program.site);
        let [chain, key] =
            ["fullchain.pem", "privkey.pem"].map(|name| fs::read(program.site.join(name)).unwrap());
        let entrance = edge::open(&chain, &key);
        let ways = edge::addresses(&scene.plan).collect::<BTreeSet<String>>();
        for address in ways {
            let way = format!("{address}={entrance}");
            program.arguments.extend(["--through".into(), way.into()]);
        }
        let dir = SiteDir::at(program.site.clone());
        let vault = dir.read_vault(&dir.key_lock()).unwrap();
        let hidden = vault
            .iter()
            .filter(|(name, _)| *name != SecretName::CareVapidPublic);
        program.secrets = hidden
            .map(|(name, secret)| (name, secret.expose_secret().to_owned()))
            .collect();
        assert!(program.secrets.len() > 15, "{:?}", program.secrets.keys());
        program
    }

    fn command(&self, arguments: &[&str]) -> Process {
        let mut command = Process::new(env!("CARGO_BIN_EXE_care-install"));
        command
            .args(arguments)
            .args(&self.arguments)
            .arg("--site")
            .arg(&self.site)
            .env("CARE_INSTALL_HOME", &self.home);
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let ended = Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        };
        self.assert_silent("what it prints", &(ended.out.clone() + &ended.errors));
        ended
    }

    /// Starts it; its lines are heard one by one.
    pub fn start(&self, arguments: &[&str]) -> Life {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (said, heard) = mpsc::sync_channel(10_000);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                said.send(line).ok();
            }
        });
        Life { child, heard }
    }

    /// Runs it in the background as the screens do and kills it right after each of these numbers of records of its
    /// journal, one life after the other; gives what all of them told, and how many were cut off before their end.
    pub async fn kill_at(&self, records: &[usize]) -> (Vec<Event>, usize) {
        let (mut told, mut cut) = (Vec::new(), 0);
        for wanted in records {
            let mut life = self.start(&["deploy", "--background", "--yes"]);
            let mut events = self.join(&mut life).await;
            let mut seen = 0;
            while seen < *wanted {
                let event = tokio::time::timeout(LIMIT, events.recv()).await;
                let event = event.expect("news of the run");
                let Some(event) = event else { break };
                if !matches!(event, Event::Waiting { .. } | Event::Log { .. }) {
                    seen += 1;
                }
                told.push(event);
            }
            life.kill();
            let memory = Journal::look(&self.site.join("journal.jsonl")).unwrap();
            cut += usize::from(memory.outcome.is_none());
        }
        (told, cut)
    }

    async fn join(&self, life: &mut Life) -> tokio::sync::mpsc::Receiver<Event> {
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            if let Some(joined) = host::join(&self.site).await {
                return joined.events;
            }
            let ended = life.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before it could be joined");
            // Each look is a process start, so that no pause is needed.
            Process::new("true").status().unwrap();
        }
        unreachable!("the run in the background cannot be joined");
    }

    /// No secret of the site is in the text.
    pub fn assert_silent(&self, place: &str, text: &str) {
        for (name, secret) in &self.secrets {
            assert!(!text.contains(secret), "{name} is in {place}");
        }
        assert!(!text.contains("canary"), "a typed secret is in {place}");
    }

    /// No secret of the site is in the arguments of any process of this computer.
    pub fn assert_no_secret_in_arguments(&self) {
        let processes = fs::read_dir("/proc").unwrap().map_while(Result::ok);
        let mut seen = 0;
        for process in processes {
            let path = process.path().join("cmdline");
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
            seen += usize::from(text.contains("upgrade"));
            self.assert_silent(&path.display().to_string(), &text);
        }
        assert!(seen > 0, "helm does not run");
    }

    /// No secret of the site lies in its folder but in the vault, nor in what helm was called with.
    pub fn assert_no_secret_on_disk(&self, scene: &Scene) {
        for (path, text) in files(&self.site) {
            let vault = ["vault.age", "vault.key", "privkey.pem"];
            if !vault.iter().any(|name| path.ends_with(name)) {
                self.assert_silent(&path.display().to_string(), &text);
            }
        }
        let calls = scene.calls();
        assert!(calls.contains("upgrade --install"), "{calls}");
        self.assert_silent("the calls of helm", &calls);
    }

    /// Helm's folder holds nothing but the locks.
    pub fn assert_helm_left_nothing(&self) {
        let left: BTreeSet<PathBuf> = files(&self.site.join("helm")).into_keys().collect();
        let kept = |path: &PathBuf| path.extension().is_none_or(|kind| kind != "lock");
        let left: Vec<PathBuf> = left.into_iter().filter(kept).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Every file below the folder, with its text.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            found.insert(path, text);
        }
    }
    found
}

/// A process of the program that is still at work, or was.
pub struct Life {
    child: Child,
    heard: mpsc::Receiver<String>,
}

impl Life {
    /// Listens until it says an event that is so.
    pub fn until(&self, what: &str, is: impl Fn(&Event) -> bool) {
        let mut last = String::new();
        loop {
            let line = self.heard.recv_timeout(LIMIT);
            let line = line.unwrap_or_else(|why| unreachable!("{what}: {why} after {last}"));
            if serde_json::from_str::<Event>(&line).is_ok_and(|event| is(&event)) {
                return;
            }
            last = line;
        }
    }

    /// As a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // A failed test leaves no process behind; one that ended already is no error.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
