//! The helm command as a child process: values through a private file, its lines as a log, its wait left off.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{io::AsyncReadExt as _, process, sync::mpsc};

use super::{
    Place,
    listen::{clean, listen},
    record::{self, Standing},
    say,
};
use crate::{
    plan::{Release, Schema},
    problem::{Code, Problem},
    sys::{
        DoorError,
        files::{self, Mode},
        kube::{Applied, Kube, Source},
    },
};

/// How long `helm version` may take.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// How long one install may take; hooks of charts are jobs that helm waits for. It is less than any step that installs a
/// chart may take, so that helm's own words are heard before the step gives up.
const LIMIT: Duration = Duration::from_mins(9);

/// Helm's own limit for those hooks.
const HOOK_LIMIT: &str = "8m";

/// Helm does not hold the values against the chart's schema.
const NO_SCHEMA: &str = "--skip-schema-validation";

/// Revisions that helm keeps of each release.
const HISTORY: &str = "5";

/// Bytes of the answer to `helm version` that are read.
const LONGEST_VERSION: u64 = 4096;

/// The oldest minor of Helm 3 that is known to work.
const OLDEST_MINOR: u64 = 18;

/// The helm command, found and of a fitting version.
#[derive(Clone, Debug)]
pub struct Command {
    program: PathBuf,
    place: Place,
    version: (u64, u64),
}

/// What a helm process came to.
struct Ended {
    success: bool,
    last: VecDeque<String>,
}

impl Command {
    /// Finds the command and asks its version.
    pub(super) async fn find(place: Place) -> Result<Self, Problem> {
        let program = place.program.clone().unwrap_or_else(|| "helm".into());
        let text = match tokio::time::timeout(VERSION_LIMIT, ask_version(&program)).await {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => return Err(missing(&program).caused_by(&error)),
            Err(_elapsed) => return Err(missing(&program).because("it did not answer in time")),
        };
        let Some(version) = parse_version(&text) else {
            let shown: String = text.chars().take(80).collect();
            return Err(missing(&program).because(format!("its version reads `{shown}`")));
        };
        if version < (3, OLDEST_MINOR) {
            return Err(Problem::new(
                Code::Helm02,
                format!("The helm command is version {text}, which is too old."),
                "Install Helm 4, or 3.18 and newer, from helm.sh; or name another with --helm FILE.",
            ));
        }
        Ok(Self {
            program,
            place,
            version,
        })
    }

    /// Its version, such as `4.1`.
    pub fn version(&self) -> String {
        let (major, minor) = self.version;
        format!("{major}.{minor}")
    }

    /// Installs or upgrades unless the release is there just so.
    pub(super) async fn deploy(
        &self,
        release: &Release,
        kube: &Kube,
        lines: mpsc::Sender<String>,
    ) -> Result<Applied, DoorError> {
        let lock = self.lock(release)?;
        // Before anything is asked: what a kill left behind goes away also when there is nothing to install.
        let folder = tempdir(&self.place.work, release)?;
        if let Some(revision) = record::newest(kube, release).await?
            && revision.is_pending()
        {
            // Our own helm is gone, or this lock would be held; one of another computer may be at work.
            if !was_cut_off(&lock) && revision.age() < LIMIT {
                return Err(foreign(release, &revision));
            }
            let line = format!("removing revision {}, which was cut off", revision.number);
            say(&lines, line).await;
            kube.delete(&revision.secret).await?;
        }
        match record::standing(kube, release).await? {
            Standing::JustSo => {
                mark(&lock, false);
                say(&lines, "the release is deployed just so".to_owned()).await;
                return Ok(Applied::Unchanged);
            }
            Standing::Missing(target) => {
                say(&lines, format!("{target} is gone and is made again")).await;
            }
            Standing::Different => {}
        }
        let values = folder.0.join("values.yaml");
        let text = serde_yaml::to_string(&release.values).map_err(|error| bug(&error))?;
        files::write_atomic(&values, text.as_bytes(), Mode::Private).map_err(DoorError::lasting)?;
        let mut arguments = self.arguments(release, &values)?;
        arguments.extend(cluster(kube.source(), &folder.0)?);
        say(&lines, format!("$ {}", Self::shown(release))).await;
        mark(&lock, true);
        let held = lock.try_clone();
        let ended = self.run(arguments, lock, lines).await?;
        if !ended.success {
            // Killed, or the API was gone as it failed: a revision that it left half-written is known as ours.
            return Err(failed(release, &ended.last));
        }
        if let Ok(lock) = held {
            mark(&lock, false);
        }
        Ok(Applied::Changed)
    }

    /// Takes the release's lock; a helm process holds it for as long as it lives, whatever becomes of us.
    fn lock(&self, release: &Release) -> Result<File, DoorError> {
        files::create_folder(&self.place.work).map_err(DoorError::lasting)?;
        let path = self
            .place
            .work
            .join(format!("{}.{}.lock", release.namespace, release.name));
        let busy = |cause: &dyn std::error::Error| {
            let problem = Problem::new(
                Code::Helm05,
                format!(
                    "Another helm process works on the release `{}`.",
                    release.name
                ),
                "Wait until it has ended; this step tries again by itself.",
            );
            DoorError::passing(problem.caused_by(cause))
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| DoorError::lasting(files::not_written(&path, &error)))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| busy(&error))?;
        Ok(file)
    }

    fn arguments(&self, release: &Release, values: &Path) -> Result<Vec<OsString>, DoorError> {
        let mut arguments: Vec<OsString> = ["upgrade", "--install", "--history-max", HISTORY]
            .map(OsString::from)
            .to_vec();
        arguments.extend(["--timeout", HOOK_LIMIT, "--namespace"].map(OsString::from));
        arguments.push(release.namespace.clone().into());
        arguments.extend(["--values".into(), values.as_os_str().to_owned()]);
        if self.version.0 >= 4 {
            // Operators write into their own charts' objects (caBundle); the chart wins back what it says.
            arguments.push("--force-conflicts".into());
            arguments.push("--server-side=true".into());
        }
        if release.schema == Schema::Unchecked {
            arguments.push(NO_SCHEMA.into());
        }
        if let Some(folder) = &self.place.charts {
            // Charts from a folder are the pinned version by their file name.
            arguments.extend(["--".into(), release.name.clone().into()]);
            arguments.push(local_chart(folder, release)?.into());
        } else {
            arguments.extend(["--version".into(), release.version.clone().into()]);
            if let Some(repository) = &release.repository {
                arguments.extend(["--repo".into(), repository.clone().into()]);
            }
            arguments.push("--".into());
            arguments.extend([release.name.clone().into(), release.chart.clone().into()]);
        }
        Ok(arguments)
    }

    /// The command as a person would type it.
    fn shown(release: &Release) -> String {
        let repository = release
            .repository
            .as_ref()
            .map_or_else(String::new, |repository| format!(" --repo {repository}"));
        let schema = match release.schema {
            Schema::Checked => String::new(),
            Schema::Unchecked => format!(" {NO_SCHEMA}"),
        };
        format!(
            "helm upgrade --install {} {} --version {}{repository} --namespace {} --values FILE{schema}",
            release.name, release.chart, release.version, release.namespace
        )
    }

    async fn run(
        &self,
        arguments: Vec<OsString>,
        lock: File,
        lines: mpsc::Sender<String>,
    ) -> Result<Ended, DoorError> {
        let (options, names) = split_names(arguments);
        let mut child = process::Command::new(&self.program)
            .args(options)
            .args(names)
            // Nothing of ours that helm must not see; the lock is its standard input, so that it lives as long as helm.
            .stdin(Stdio::from(lock))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| DoorError::lasting(missing(&self.program).caused_by(&error)))?;
        let (out, errors) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let (said, last) = tokio::join!(listen(out, &lines), listen(errors, &lines));
            // Helm writes what went wrong to its errors; something else in its place may not.
            (
                child.wait().await,
                if last.is_empty() { said } else { last },
            )
        };
        match tokio::time::timeout(LIMIT, work).await {
            Ok((Ok(status), mut last)) => {
                last.extend(why_it_ended(status, last.is_empty()));
                Ok(Ended {
                    success: status.success(),
                    last,
                })
            }
            Ok((Err(error), _)) => {
                Err(DoorError::passing(missing(&self.program).caused_by(&error)))
            }
            Err(_elapsed) => Ok(Ended {
                success: false,
                last: [format!(
                    "it did not end within {} minutes",
                    LIMIT.as_secs() / 60
                )]
                .into(),
            }),
        }
    }
}

/// Whether a helm that we had started never came to a good end.
fn was_cut_off(lock: &File) -> bool {
    lock.metadata().is_ok_and(|about| about.len() > 0)
}

/// Notes in the lock's file that our helm is at work, or that it has ended well; without the note, whoever comes next waits a
/// little longer than it must.
fn mark(mut lock: &File, at_work: bool) {
    if at_work {
        lock.write_all(b"helm is at work\n").ok();
    } else {
        lock.set_len(0).ok();
    }
}

fn foreign(release: &Release, revision: &record::Revision) -> DoorError {
    let problem = Problem::new(
        Code::Helm05,
        format!("Another helm works on the release `{}`.", release.name),
        format!(
            "Wait until it has ended; this step tries again by itself. If no other computer deploys to this cluster, run the step \
             again {} minutes after that helm began.",
            LIMIT.as_secs() / 60
        ),
    );
    DoorError::passing(problem.because(format!(
        "revision {} is {}, and this computer did not begin it",
        revision.number, revision.status
    )))
}

/// What `helm version` answers.
async fn ask_version(program: &Path) -> io::Result<String> {
    let mut child = process::Command::new(program)
        .args(["version", "--template", "{{.Version}}"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut bytes = Vec::new();
    if let Some(out) = child.stdout.take() {
        out.take(LONGEST_VERSION).read_to_end(&mut bytes).await?;
    }
    Ok(clean(&bytes).trim().to_owned())
}

/// What the status tells beyond the words of helm.
fn why_it_ended(status: ExitStatus, is_mute: bool) -> Option<String> {
    match (status.signal(), status.code()) {
        (Some(9), _) => Some(
            "it was killed from outside (signal 9); a computer that runs out of memory does that"
                .to_owned(),
        ),
        (Some(signal), _) => Some(format!("signal {signal} ended it")),
        (None, Some(code)) if code != 0 && is_mute => {
            Some(format!("it ended with code {code} and without a word"))
        }
        (None, _) => None,
    }
}

/// Helm takes names before or after its options; here they come last, and `--` is only our own mark.
fn split_names(arguments: Vec<OsString>) -> (Vec<OsString>, Vec<OsString>) {
    let mark = arguments.iter().position(|argument| argument == "--");
    let Some(mark) = mark else {
        return (arguments, Vec::new());
    };
    let mut options = arguments;
    let mut names = options.split_off(mark);
    names.remove(0);
    // What follows the two names are options that were added later.
    options.extend(names.split_off(2));
    (options, names)
}

/// How helm finds the cluster; a token never becomes an argument.
fn cluster(source: &Source, folder: &Path) -> Result<Vec<OsString>, DoorError> {
    let mut arguments = Vec::new();
    match source {
        Source::Kubeconfig { file, context } => {
            if let Some(file) = file {
                arguments.extend(["--kubeconfig".into(), file.clone().into_os_string()]);
            }
            if let Some(context) = context {
                arguments.extend(["--kube-context".into(), context.clone().into()]);
            }
        }
        Source::Endpoint { url, token } => {
            let path = folder.join("kubeconfig.yaml");
            let text = kubeconfig(url, token).map_err(|error| bug(&error))?;
            files::write_atomic(&path, text.expose_secret().as_bytes(), Mode::Private)
                .map_err(DoorError::lasting)?;
            arguments.extend(["--kubeconfig".into(), path.into_os_string()]);
        }
    }
    Ok(arguments)
}

/// A kubeconfig for an address with a token.
///
/// # Errors
/// It cannot be written as YAML.
pub fn kubeconfig(url: &str, token: &SecretString) -> Result<SecretString, serde_yaml::Error> {
    let value = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "practice",
        "clusters": [{"name": "practice", "cluster": {"server": url}}],
        "users": [{"name": "practice", "user": {"token": token.expose_secret()}}],
        "contexts": [{"name": "practice", "context": {"cluster": "practice", "user": "practice"}}],
    });
    serde_yaml::to_string(&value).map(SecretString::from)
}

/// The chart in a folder: packed as `NAME-VERSION.tgz`, or as a folder `NAME`.
fn local_chart(folder: &Path, release: &Release) -> Result<PathBuf, DoorError> {
    let name = release.chart.rsplit('/').next().unwrap_or(&release.chart);
    let packed = folder.join(format!("{name}-{}.tgz", release.version));
    let unpacked = folder.join(name);
    for path in [&packed, &unpacked] {
        if files::exists(path) {
            return Ok(path.clone());
        }
    }
    Err(DoorError::lasting(
        Problem::new(
            Code::Helm04,
            format!("The folder of charts has no `{name}` {}.", release.version),
            format!(
                "Put {name}-{}.tgz into {}.",
                release.version,
                folder.display()
            ),
        )
        .because(format!(
            "neither {} nor {} is there",
            packed.display(),
            unpacked.display()
        )),
    ))
}

/// A private folder that goes away with its value.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind by a kill it goes away with the next look at the release; it holds no secret.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn tempdir(work: &Path, release: &Release) -> Result<Folder, DoorError> {
    let path = work.join(format!("{}.{}", release.namespace, release.name));
    std::fs::remove_dir_all(&path).ok();
    files::create_folder(&path).map_err(DoorError::lasting)?;
    Ok(Folder(path))
}

fn parse_version(text: &str) -> Option<(u64, u64)> {
    let mut parts = text.strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn missing(program: &Path) -> Problem {
    Problem::new(
        Code::Helm01,
        format!("The helm command `{}` cannot be used.", program.display()),
        "Install Helm 4 (or 3.18 and newer) from helm.sh, or name it with --helm FILE; then start again.",
    )
}

fn failed(release: &Release, last: &VecDeque<String>) -> DoorError {
    let text = last
        .iter()
        .cloned()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let unreachable = [
        "no such host",
        "i/o timeout",
        "connection refused",
        "tls handshake timeout",
        "dial tcp",
    ];
    let from_repository = [
        "looks like",
        "chart repository",
        "failed to download",
        "oci://",
        "pull",
    ];
    let (code, what, remedy) = if has(&unreachable) && has(&from_repository) {
        (
            Code::Helm04,
            format!(
                "Could not fetch the chart of the release `{}`.",
                release.name
            ),
            "Check that this computer reaches the chart's repository, or give a folder of charts with --charts DIR.",
        )
    } else {
        (
            Code::Helm03,
            format!(
                "Helm could not install the release `{}` in namespace `{}`.",
                release.name, release.namespace
            ),
            "Read the causes and the step's log (press l); after the cause is cured, run the step again.",
        )
    };
    let mut problem = Problem::new(code, what, remedy);
    for line in last {
        problem = problem.because(line.clone());
    }
    // A webhook that is not up yet, a slow API, a repository out of reach: all of these pass.
    DoorError::passing(problem)
}

fn bug(error: &serde_yaml::Error) -> DoorError {
    let problem = Problem::new(
        Code::Bug01,
        "Values could not be written as YAML.",
        "Report this; nothing was changed.",
    );
    DoorError::lasting(problem.caused_by(error))
}

#[cfg(test)]
mod tests;
