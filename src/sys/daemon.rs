//! Processes that outlive the one that started them, and the lock that lets only one of each live.

use std::{
    ffi::OsString,
    fs::{File, Metadata, OpenOptions},
    io::Write,
    os::unix::{
        fs::{MetadataExt, OpenOptionsExt},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::{
    fs::{FlockOperation, flock},
    process::{Pid, Signal, kill_process, setsid},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{SignalKind, signal};

use crate::problem::{Code, Problem};

/// An exclusive lock on a file; the system takes it back when the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Writes down who holds it, for whoever is turned away; it explains and decides nothing.
    pub fn note(&self, text: &str) {
        let mut file = &self.file;
        let written = file
            .set_len(0)
            .and_then(|()| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            tracing::warn!(%error, "the lock does not say who holds it");
        }
    }
}

/// Takes the lock, or gives nothing when another process holds it.
///
/// # Errors
/// The file cannot be made, such as in a read-only folder.
pub fn try_lock(path: &Path) -> Result<Option<Lock>, Problem> {
    let open = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path);
    let file = open.map_err(|error| {
        Problem::new(
            Code::Host01,
            format!("Could not make the lock file {}.", path.display()),
            "Check that the folder exists and that you may write to it, or choose another one with --site.",
        )
        .caused_by(&error)
    })?;
    Ok(flock(&file, FlockOperation::NonBlockingLockExclusive)
        .ok()
        .map(|()| Lock { file }))
}

/// A program of ours to start apart from the terminal.
#[derive(Debug)]
pub struct Detached {
    /// Arguments of this very program; never a secret.
    pub arguments: Vec<OsString>,
    /// Where its output goes.
    pub log: PathBuf,
    /// What it reads first, such as the vault's passphrase.
    pub input: Option<SecretString>,
}

impl Detached {
    /// Starts this program again with these arguments, its output in the log.
    ///
    /// # Errors
    /// The program or its log cannot be opened.
    pub fn start(self) -> Result<Child, Problem> {
        let problem = |error: std::io::Error| {
            Problem::new(
                Code::Host01,
                "Could not start the part that works in the background.",
                format!(
                    "Check that {} can be written to and that there is memory left, then try again.",
                    self.log.display()
                ),
            )
            .caused_by(&error)
        };
        let own = std::env::current_exe().map_err(problem)?;
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.log)
            .map_err(problem)?;
        let mut child = Command::new(startable(&own))
            .arg0(&own)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::from(log.try_clone().map_err(problem)?))
            .stderr(Stdio::from(log))
            .spawn()
            .map_err(problem)?;
        if let Some(mut pipe) = child.stdin.take() {
            let text = self.input.as_ref().map_or("", |text| text.expose_secret());
            // A child that ended at once says why in its log; a broken pipe here adds nothing.
            writeln!(pipe, "{text}").ok();
        }
        Ok(child)
    }
}

/// What starts this very program. An upgrade may have replaced its file, or taken it away, since it was started: the system still
/// holds what runs, and both parts must be of the same version to understand each other.
fn startable(own: &Path) -> &Path {
    let running = Path::new("/proc/self/exe");
    let kept = std::fs::metadata(own)
        .is_ok_and(|file| std::fs::metadata(running).is_ok_and(|runs| same(&file, &runs)));
    if kept || !running.exists() {
        own
    } else {
        running
    }
}

fn same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Leaves the terminal's session, so that closing the terminal does not end this process.
pub fn leave_terminal() {
    // Fails only when this process already leads a session, which is what is wanted.
    setsid().ok();
}

/// Asks a process to end.
pub fn terminate(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself in the meantime.
        kill_process(pid, Signal::TERM).ok();
    }
}

/// Returns when this process is asked to end: by `kill`, by Ctrl-C, or because its terminal was closed.
///
/// # Errors
/// The system does not tell of such requests.
pub async fn asked_to_end() -> Result<(), Problem> {
    let listen = |kind| {
        signal(kind).map_err(|error| {
            Problem::new(
                Code::Host01,
                "Could not listen for the request to end.",
                "Check the limits of this user (ulimit -a) and the free memory, then try again.",
            )
            .caused_by(&error)
        })
    };
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hangup = listen(SignalKind::hangup())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_at_a_time_and_free_after_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.lock");
        let first = try_lock(&path).unwrap();
        assert!(first.is_some());
        assert!(try_lock(&path).unwrap().is_none());
        drop(first);
        assert!(try_lock(&path).unwrap().is_some());
    }

    #[test]
    fn a_program_whose_file_was_replaced_or_taken_away_is_started_as_it_runs() {
        let own = std::env::current_exe().unwrap();
        assert_eq!(startable(&own), own);
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("care-install");
        std::fs::copy("/bin/true", &other).unwrap();
        for gone in [other, folder.path().join("care-install (deleted)")] {
            assert_eq!(startable(&gone), Path::new("/proc/self/exe"));
        }
    }

    #[test]
    fn a_lock_in_a_missing_folder_says_what_to_do() {
        let problem = try_lock(Path::new("/nonexistent/folder/run.lock")).unwrap_err();
        assert!(problem.remedy.contains("--site"), "{problem}");
    }
}
