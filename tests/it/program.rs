//! The whole program as a person or a script meets it: started as a process, with a folder, output and an exit code.

mod alone;
mod attached;
mod cancelled;
mod deploying;
mod drifted;
mod exact;
mod imported;
mod keys;
mod killed;
mod looking;
pub(crate) mod objects;
mod powered;
mod powered_all;
mod questions;
mod recorded;
mod replaced;
mod restored;
mod scenario;
mod secret;
mod terminal;
mod together;
mod upgraded;
mod wrong;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    task::JoinHandle,
    time::timeout,
};

/// How long the program may take for anything; only one that hangs needs it.
const LIMIT: Duration = Duration::from_mins(3);

/// What the practice deploy of the sample site is started with.
const REHEARSE: &[&str] = &["rehearse", "--yes", "--plain", "--speed", "max"];

/// A site in a temporary folder of its own; its processes end with it.
struct Site {
    temp: TempDir,
    folder: PathBuf,
}

/// What a process of the program came to.
struct Ran {
    status: ExitStatus,
    out: String,
    err: String,
}

/// A process of the program that goes on.
struct Running {
    child: Child,
    out: JoinHandle<String>,
    err: JoinHandle<String>,
}

impl Site {
    /// A folder without a site.
    fn new() -> Self {
        let temp = tempfile::Builder::new().prefix("care").tempdir().unwrap();
        let folder = temp.path().join("site");
        Self { temp, folder }
    }

    /// The practice site's settings, vault and certificate, ready to be used for anything.
    async fn prepared() -> Self {
        let site = Self::new();
        // Nobody is there to agree; the site is made before that is noticed.
        site.run(&["rehearse", "--plain"]).await.exits(2);
        site.end_processes();
        fs::remove_dir_all(site.folder.join("rehearsal")).unwrap();
        site
    }

    /// Changes the site's settings to those that switch every component on.
    fn switch_everything_on(&self) {
        let path = self.folder.join("site.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let (head, rest) = text.split_once("\ncomponents:\n").unwrap();
        let (components, tail) = rest.split_once("\ncare:\n").unwrap();
        let mut on = String::new();
        for line in components.lines() {
            let setting = line.split(':').next().unwrap().trim();
            match setting {
                "snowstorm" => on.push_str("  snowstorm: full\n"),
                "snomed_file" => {}
                _ if line.ends_with(": off") => writeln!(on, "  {setting}: \"on\"").unwrap(),
                _ => writeln!(on, "{line}").unwrap(),
            }
        }
        on.push_str("  snomed_file: SnomedCT_InternationalRF2_PRODUCTION_20261101T120000Z.zip\n");
        fs::write(path, format!("{head}\ncomponents:\n{on}care:\n{tail}")).unwrap();
    }

    /// A site of its own with the same settings, secrets and certificate.
    fn twin(&self) -> Self {
        let twin = Self::new();
        fs::create_dir(&twin.folder).unwrap();
        for name in names(&self.folder) {
            if self.folder.join(&name).is_file() {
                fs::copy(self.folder.join(&name), twin.folder.join(&name)).unwrap();
            }
        }
        twin
    }

    /// A practice site whose data was destroyed, and a moment before that.
    async fn destroyed() -> (Self, String) {
        let site = Self::new();
        let moment = crate::restore::destroyed(&site.folder).await;
        (site, moment)
    }

    /// A path beside the site.
    fn beside(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// The same as a text, for arguments.
    fn named(&self, name: &str) -> String {
        self.beside(name).to_str().unwrap().to_owned()
    }

    /// Writes a file beside the site and gives its path.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.beside(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The practice cluster's folder.
    fn cluster(&self) -> PathBuf {
        self.folder.join("rehearsal/cluster")
    }

    /// The practice run's journal.
    fn journal(&self) -> PathBuf {
        self.folder.join("rehearsal/journal.jsonl")
    }

    /// The journal of the practice restore.
    fn restore_journal(&self) -> PathBuf {
        self.folder.join("rehearsal/restore.jsonl")
    }

    /// The program with these arguments for this site.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(arguments);
        command.arg("--site").arg(&self.folder);
        command
    }

    /// The program with these arguments alone.
    fn bare(&self, arguments: &[&str]) -> Command {
        self.with(Path::new(env!("CARGO_BIN_EXE_care-install")), arguments)
    }

    fn with(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("CARE_INSTALL_HOME", self.temp.path().join("home"))
            .env("HOME", self.temp.path())
            .env("TZ", "UTC")
            .env_remove("KUBECONFIG")
            .env_remove("COLUMNS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// A copy of the program, with these arguments for this site.
    fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = self.with(program, arguments);
        command.arg("--site").arg(&self.folder);
        command
    }

    /// Runs the program to its end.
    async fn run(&self, arguments: &[&str]) -> Ran {
        start(self.command(arguments)).ended().await
    }

    /// Starts the program.
    fn start(&self, arguments: &[&str]) -> Running {
        start(self.command(arguments))
    }

    /// Kills every process that works for this site.
    fn end_processes(&self) {
        for pid in self.processes() {
            kill(pid);
        }
        while !self.processes().is_empty() {
            std::thread::yield_now();
        }
    }

    /// The processes that name this site in their arguments.
    fn processes(&self) -> Vec<u32> {
        let here = self.temp.path().to_str().unwrap();
        let ours = processes().into_iter();
        ours.filter(|(_, arguments)| arguments.contains(here))
            .map(|(pid, _)| pid)
            .collect()
    }

    /// The process of the practice cluster.
    fn practice(&self) -> u32 {
        let text = fs::read_to_string(self.cluster().join("point.json")).unwrap();
        let point: serde_json::Value = serde_json::from_str(&text).unwrap();
        u32::try_from(point["pid"].as_u64().unwrap()).unwrap()
    }

    /// Every file below the temporary folder with its content, without what every command leaves: logs and locks.
    fn listing(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        for path in files(self.temp.path()) {
            let name = path.strip_prefix(self.temp.path()).unwrap();
            let name = name.to_str().unwrap().to_owned();
            if !name.contains("/logs/") && path.extension().is_none_or(|ending| ending != "lock") {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
        found
    }

    /// A text without what differs from one run of a test to the next.
    fn neutral(&self, text: &str) -> String {
        text.replace(self.temp.path().to_str().unwrap(), "DIR")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.end_processes();
    }
}

impl Ran {
    /// The exit code, with all that was said when it is another.
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// The output as JSON Lines, each of which must be whole.
    #[track_caller]
    fn json(&self) -> Vec<serde_json::Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}\n{}\n{}", self.status, self.out, self.err)
    }
}

impl Running {
    /// Waits for the end.
    async fn ended(mut self) -> Ran {
        let status = timeout(LIMIT, self.child.wait()).await;
        Ran {
            status: status.expect("the program hangs").unwrap(),
            out: timeout(LIMIT, self.out).await.unwrap().unwrap(),
            err: timeout(LIMIT, self.err).await.unwrap().unwrap(),
        }
    }

    /// Kills it and gives what it had said; nothing when it had ended before.
    async fn killed(mut self) -> Option<Ran> {
        self.child.start_kill().ok();
        let ran = self.ended().await;
        (ran.status.signal() == Some(9)).then_some(ran)
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

fn start(mut command: Command) -> Running {
    let mut child = command.spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = async move {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let out = tokio::spawn(read);
    let read = async move {
        let mut bytes = Vec::new();
        err.read_to_end(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let err = tokio::spawn(read);
    Running { child, out, err }
}

/// Waits without a pause until it is so; a limit ends it.
async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let looks = async {
        while !is() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, looks).await.expect(what);
}

/// Lines of a file; none when it is not there.
fn lines(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.matches('\n').count()
}

pub fn kill(pid: u32) {
    // It may have ended by itself.
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).ok();
}

/// Every living process with its arguments, spaces between them.
pub fn processes() -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for name in names(Path::new("/proc")) {
        let Ok(pid) = name.parse() else { continue };
        // It may have ended while we look.
        let arguments = fs::read(format!("/proc/{name}/cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        found.push((pid, arguments));
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in names(folder) {
        let path = folder.join(name);
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}
