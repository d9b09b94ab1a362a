//! A terminal with a session of its own around the program: what it is sent, how it is set, and its end.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use pty_process::{OwnedReadPty, OwnedWritePty, Size};
use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
    time::{sleep, timeout},
};

/// How long the program may take for anything; only one that hangs needs it.
const LIMIT: Duration = Duration::from_mins(2);

/// How often the state of a process is looked at; nobody tells of it.
const LOOK: Duration = Duration::from_millis(20);

/// The program on its terminal.
pub struct Shown {
    temp: TempDir,
    child: Child,
    /// Another handle of the terminal, to ask how it is set.
    terminal: OwnedFd,
    read: OwnedReadPty,
    keys: OwnedWritePty,
    before: Termios,
    bytes: Vec<u8>,
    /// Bytes that are not looked at any more.
    forgotten: usize,
}

/// A program that has ended.
pub struct Ran {
    status: ExitStatus,
    before: Termios,
    after: Option<Termios>,
    /// Everything it has sent.
    pub bytes: Vec<u8>,
}

impl Shown {
    /// The program with these arguments and variables.
    pub async fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let program = env!("CARGO_BIN_EXE_care-install");
        Self::spawn(program.as_ref(), arguments, variables).await
    }

    /// An ignored test of this binary.
    pub async fn of_test(name: &str) -> Self {
        let this = std::env::current_exe().unwrap();
        let arguments = ["--exact", name, "--ignored", "--nocapture"];
        Self::spawn(this.as_os_str(), &arguments, &[]).await
    }

    #[expect(
        clippy::unused_async,
        reason = "a process is started only within the runtime"
    )]
    async fn spawn(program: &OsStr, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let temp = tempfile::Builder::new().prefix("care").tempdir().unwrap();
        let (pty, pts) = pty_process::open().unwrap();
        pty.resize(Size::new(24, 80)).unwrap();
        let before = tcgetattr(&pty).unwrap();
        let child = pty_process::Command::new(program)
            .args(arguments)
            .env("CARE_INSTALL_HOME", temp.path().join("home"))
            .env("HOME", temp.path())
            .env("TZ", "UTC")
            .env("TERM", "xterm-256color")
            .env_remove("KUBECONFIG")
            .env_remove("NO_COLOR")
            .envs(variables.iter().copied())
            .kill_on_drop(true)
            .spawn(pts)
            .unwrap();
        let terminal = pty.as_fd().try_clone_to_owned().unwrap();
        let (read, keys) = pty.into_split();
        Self {
            temp,
            child,
            terminal,
            read,
            keys,
            before,
            bytes: Vec::new(),
            forgotten: 0,
        }
    }

    /// The folder of the sites.
    pub fn home(&self) -> PathBuf {
        self.temp.path().join("home")
    }

    /// What was sent since it was last forgotten.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.bytes[self.forgotten..]).into_owned()
    }

    /// The same as words: commands to the terminal are blanks.
    pub fn words(&self) -> String {
        let shown = self.shown();
        let mut pieces = shown.split("\u{1b}[");
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let end = piece.find(|letter: char| letter.is_ascii_alphabetic() || letter == '~');
            text.push(' ');
            text.push_str(
                piece
                    .get(end.map_or(0, |end| end + 1)..)
                    .unwrap_or_default(),
            );
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// From now on only what comes is looked at.
    pub fn forget(&mut self) {
        self.forgotten = self.bytes.len();
    }

    /// Takes what comes next; false at the end.
    async fn take(&mut self) -> bool {
        let mut piece = [0; 8192];
        match self.read.read(&mut piece).await {
            Ok(read @ 1..) => {
                self.bytes.extend_from_slice(&piece[..read]);
                true
            }
            _ => false,
        }
    }

    /// Waits until this was sent.
    pub async fn until(&mut self, text: &str) {
        let sent = async {
            while !self.shown().contains(text) && !self.words().contains(text) {
                if !self.take().await {
                    return false;
                }
            }
            true
        };
        let found = timeout(LIMIT, sent).await;
        assert_eq!(found, Ok(true), "never `{text}` in\n{}", self.words());
    }

    /// How much is sent within a time.
    pub async fn bytes_within(&mut self, time: Duration) -> usize {
        let before = self.bytes.len();
        let all = async { while self.take().await {} };
        timeout(time, all).await.ok();
        self.bytes.len() - before
    }

    /// Presses keys.
    pub async fn send(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).await.unwrap();
    }

    fn id(&self) -> Pid {
        let id = self.child.id().unwrap();
        Pid::from_raw(id.try_into().unwrap()).unwrap()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// Waits until the process is stopped.
    pub async fn stands_still(&mut self) {
        let path = format!("/proc/{}/stat", self.id().as_raw_nonzero());
        let stopped = async {
            loop {
                let stat = fs::read_to_string(&path).unwrap();
                let (_, rest) = stat.rsplit_once(") ").unwrap();
                if rest.starts_with('T') {
                    return;
                }
                sleep(LOOK).await;
            }
        };
        timeout(LIMIT, stopped).await.expect("it goes on");
        // What it sent before stands in the terminal.
        while timeout(LOOK * 5, self.take()).await == Ok(true) {}
    }

    /// Whether a private mode of the terminal is on.
    pub fn mode(&self, mode: u16) -> bool {
        is_on(&self.bytes, mode)
    }

    /// The terminal is in the mode of screens.
    pub fn is_taken(&self) {
        assert!(self.mode(1049) && self.mode(2004) && !self.mode(25));
        assert!(self.is_raw());
    }

    fn is_raw(&self) -> bool {
        let now = tcgetattr(&self.terminal).unwrap();
        now.local_modes != self.before.local_modes
    }

    /// Waits until the terminal is in the mode of screens.
    pub async fn comes_to_be_taken(&mut self) {
        let taken = async {
            while !(self.is_raw() && self.mode(1049) && self.mode(2004)) {
                timeout(LOOK, self.take()).await.ok();
            }
        };
        timeout(LIMIT, taken).await.expect("it is never taken");
        self.is_taken();
    }

    /// The terminal is as it was.
    pub fn is_given_back(&self) {
        let now = tcgetattr(&self.terminal).unwrap();
        as_before(&self.before, &now);
        given_back(&self.bytes);
    }

    /// Sets the terminal as a shell does once its program is stopped.
    pub fn set_as_before(&self) {
        tcsetattr(&self.terminal, OptionalActions::Now, &self.before).unwrap();
    }

    /// The window has another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.keys.resize(Size::new(rows, columns)).unwrap();
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> Ran {
        let end = async {
            while self.take().await {}
            self.child.wait().await.unwrap()
        };
        let status = timeout(LIMIT, end).await;
        let status = status.unwrap_or_else(|_| panic!("it stays:\n{}", self.shown()));
        Ran {
            status,
            before: self.before,
            after: tcgetattr(&self.terminal).ok(),
            bytes: self.bytes,
        }
    }

    /// The terminal goes: its window was closed, its connection cut.
    pub async fn goes(self) {
        let Self {
            mut child,
            terminal,
            read,
            keys,
            temp: _temp,
            ..
        } = self;
        drop((terminal, read, keys));
        timeout(LIMIT, child.wait())
            .await
            .expect("it stays")
            .unwrap();
    }
}

impl Ran {
    /// The terminal is as it was before.
    pub fn gave_back(self) -> Self {
        given_back(&self.bytes);
        as_before(&self.before, self.after.as_ref().unwrap());
        self
    }

    /// It ended with this code.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}", self.text());
        self
    }

    /// What it sent.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// What it sent after the last of these commands.
    pub fn after(&self, command: &str) -> String {
        let text = self.text();
        let (_, after) = text.rsplit_once(command).expect(command);
        after.to_owned()
    }
}

/// The last word about a private mode of the terminal; a cursor is there by itself.
fn is_on(bytes: &[u8], mode: u16) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let last = |letter| text.rfind(&format!("\u{1b}[?{mode}{letter}"));
    match (last('h'), last('l')) {
        (None, None) => mode == 25,
        (on, off) => on > off,
    }
}

/// The screen of before, no bracketed paste, no mouse, a cursor, no marks.
fn given_back(bytes: &[u8]) {
    for mode in [1049, 2004, 1000, 1002, 1003, 1006] {
        assert!(!is_on(bytes, mode), "{mode} is on");
    }
    assert!(is_on(bytes, 25), "there is a cursor");
}

fn as_before(before: &Termios, after: &Termios) {
    assert_eq!(before.input_modes, after.input_modes);
    assert_eq!(before.output_modes, after.output_modes);
    assert_eq!(before.control_modes, after.control_modes);
    assert_eq!(before.local_modes, after.local_modes);
    assert_eq!(
        format!("{:?}", before.special_codes),
        format!("{:?}", after.special_codes)
    );
}

/// The program on a terminal that is not its session's: nobody tells it of that terminal's end.
pub struct Loose {
    _temp: TempDir,
    child: Child,
    ours: File,
}

impl Loose {
    /// The program at its first screen.
    pub async fn start() -> Self {
        let temp = tempfile::Builder::new().prefix("care").tempdir().unwrap();
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = open(Path::new(name.to_str().unwrap()));
        let size = Winsize {
            ws_col: 80,
            ws_row: 24,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&theirs, size).unwrap();
        let end = || Stdio::from(theirs.try_clone().unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_care-install"))
            .env("CARE_INSTALL_HOME", temp.path().join("home"))
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        drop(theirs);
        let ours = File::from(ours);
        let mut output = ours.try_clone().unwrap();
        let seen = tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            let mut piece = [0; 8192];
            while !String::from_utf8_lossy(&all).contains(super::ROW) {
                let read = std::io::Read::read(&mut output, &mut piece).unwrap();
                all.extend_from_slice(&piece[..read]);
            }
        });
        timeout(LIMIT, seen).await.expect("no screen").unwrap();
        Self {
            _temp: temp,
            child,
            ours,
        }
    }

    /// The terminal goes.
    pub async fn goes(mut self) {
        drop(self.ours);
        timeout(LIMIT, self.child.wait())
            .await
            .expect("it stays")
            .unwrap();
    }
}

fn open(path: &Path) -> File {
    File::options().read(true).write(true).open(path).unwrap()
}
