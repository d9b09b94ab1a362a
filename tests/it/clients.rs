//! The real kubectl and the real helm against the practice cluster: what people and scripts do by hand works there too.

mod catalogue;
mod helm;
mod kubectl;
mod measured;
mod streams;

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
};

use care_install::{
    rehearsal::{self, HostOptions, Hosted, Speed},
    site::{self, Site},
};
use tempfile::TempDir;

use crate::testbed;

/// One command: what it is given, and what it says at least; `ERROR: ` means that it must fail.
pub type Row = (&'static str, &'static str);

/// A practice cluster with a kubeconfig and files for its clients.
pub struct Scene {
    folder: TempDir,
    /// The cluster.
    pub hosted: Hosted,
}

impl Scene {
    /// Begins with these files, as fast as it can.
    pub async fn new(files: &[(&str, &str)]) -> Self {
        Self::at(Speed::Max, files).await
    }

    /// The same at another speed.
    pub async fn at(speed: Speed, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = HostOptions {
            folder: folder.path().join("cluster"),
            port: 0,
            speed,
            idle_exit: None,
            site: Arc::new(Site::try_from(&site::sample()).unwrap()),
            kubeconfig: Some(folder.path().join("kubeconfig")),
            scenario: None,
        };
        let hosted = rehearsal::host(options).await.unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { folder, hosted }
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A client that is not started yet.
    pub fn client(&self, program: &str, words: &str) -> Command {
        client(program, self.path(), words)
    }

    /// Runs every command and ends with all that did not go as it should.
    pub async fn check(&self, program: &'static str, rows: &'static [Row]) {
        let folder = self.path().to_path_buf();
        let wrong = tokio::task::spawn_blocking(move || failures(program, &folder, rows));
        let wrong = wrong.await.unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Ends the cluster in good order.
    pub async fn end(self) {
        self.hosted.stop.cancel();
        self.hosted.ended().await;
    }
}

/// The words of a command; quotes hold letters together, and `@name` is a file of the folder.
fn words(text: &str, folder: &Path) -> Vec<String> {
    let mut quoted = false;
    let parts = text.split(|letter: char| {
        quoted ^= letter == '\'';
        letter == ' ' && !quoted
    });
    let parts: Vec<String> = parts.map(|part| part.replace('\'', "")).collect();
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    let file = |word: String| match word.strip_prefix('@') {
        Some(name) => folder.join(name).display().to_string(),
        None => word,
    };
    parts.map(file).collect()
}

fn client(program: &str, folder: &Path, text: &str) -> Command {
    let mut command = Command::new(testbed::binary(program));
    command
        .args(words(text, folder))
        .current_dir(folder)
        .env("KUBECONFIG", folder.join("kubeconfig"))
        .env("HOME", folder)
        .env_remove("HELM_NAMESPACE")
        .stdin(Stdio::null());
    command
}

/// Runs a client that reads this.
pub fn fed(mut command: Command, input: &str) -> Output {
    let command = command.stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = child.stdin.take().unwrap();
    to.write_all(input.as_bytes()).unwrap();
    drop(to);
    child.wait_with_output().unwrap()
}

/// Everything that a client said.
pub fn said(output: Output) -> String {
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// What did not go as it should; with `CARE_CLIENTS_TABLE` each command and its result go there, for a report.
fn failures(program: &'static str, folder: &Path, rows: &[Row]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut table = String::new();
    for (text, expected) in rows {
        let output = client(program, folder, text).output().unwrap();
        let ended = output.status;
        let said = said(output);
        let (fails, wanted) = match expected.strip_prefix("ERROR: ") {
            Some(wanted) => (true, wanted),
            None => (false, *expected),
        };
        writeln!(
            table,
            "| `{program} {text}` | {} | {wanted} |",
            ended.code().unwrap_or(-1)
        )
        .unwrap();
        if ended.success() == fails || !said.contains(wanted) {
            wrong.push(format!(
                "{program} {text}\n  wanted {expected:?}, ended with {ended}, said: {said}"
            ));
        }
    }
    if let Some(file) = std::env::var_os("CARE_CLIENTS_TABLE") {
        let mut options = std::fs::File::options();
        let mut file = options
            .create(true)
            .append(true)
            .open(PathBuf::from(file))
            .unwrap();
        file.write_all(table.as_bytes()).unwrap();
    }
    wrong
}
