//! What every command shares: the chosen site, how its vault is opened, the logs, the face.

use std::{path::Path, sync::OnceLock};

use secrecy::SecretString;
use tracing_appender::non_blocking::WorkerGuard;

use super::Failure;
use crate::{
    cli::{Face, Global},
    plain::{ask, output},
    problem::{Code, Problem},
    rehearsal::{self, Speed},
    session::{Mode, Session, Tools, Workplace},
    sys::{
        files,
        sites::{KEY_FILE, SiteDir, Sites, VAULT_FILE},
        vault::{Lock, LockKind},
    },
    tui::Look,
};

/// A passphrase file holds one line.
const LARGEST_PASSPHRASE: u64 = 4096;

/// Log files that are kept, one a day.
const LOGS: usize = 14;

/// The folder of the practice site, beside the folder of the sites.
const PRACTICE: &str = "practice";

/// What every command shares.
#[derive(Debug)]
pub struct Context {
    /// The options.
    pub global: Global,
    /// The face.
    pub face: Face,
    /// Keeps the log's writer alive.
    logs: OnceLock<WorkerGuard>,
}

impl Context {
    /// Reads the surroundings.
    pub fn new(global: Global) -> Self {
        let term = std::env::var("TERM").ok();
        Self {
            face: global.face(output::can_ask(), term.as_deref()),
            global,
            logs: OnceLock::new(),
        }
    }

    /// How the screens are drawn.
    pub fn look(&self) -> Look {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        let term = std::env::var("TERM").unwrap_or_default();
        super::looks::look(self.global.look, &term, no_color)
    }

    /// The tools of this computer.
    pub fn tools(&self, speed: Option<Speed>) -> Tools {
        Tools {
            helm: self.global.helm.clone(),
            charts: self.global.charts.clone(),
            through: self
                .global
                .through
                .iter()
                .map(|way| (way.of, way.by))
                .collect(),
            speed,
        }
    }

    /// Life, or practice when it was asked for.
    pub fn mode(&self) -> Mode {
        if self.global.rehearsal {
            Mode::Rehearsal
        } else {
            Mode::Life
        }
    }

    /// Where the command works.
    ///
    /// # Errors
    /// No such site, or several and none was named.
    pub fn place(&self) -> Result<Workplace, Failure> {
        let mode = self.mode();
        let dir = match (mode, &self.global.site) {
            (Mode::Rehearsal, None) => practice_dir()?,
            (_, wanted) => Sites::of_user()?.resolve(wanted.as_deref())?,
        };
        workplace(&dir, mode)
    }

    /// Where `rehearse` works: the named site with its own answers, else the practice site, which is made when it
    /// is not there.
    ///
    /// # Errors
    /// The folder holds something else, or cannot be written.
    pub fn practice_place(&self) -> Result<Workplace, Failure> {
        let dir = match &self.global.site {
            None => practice_dir()?,
            Some(wanted) => {
                let path = Path::new(wanted);
                let is_new = !path.exists() || is_empty(path)?;
                let is_path = wanted.contains('/') || path.is_dir();
                if is_path && is_new {
                    SiteDir::at(path.to_path_buf())
                } else {
                    Sites::of_user()?.resolve(Some(wanted))?
                }
            }
        };
        if !dir.has_site() {
            rehearsal::prepare(&dir)?;
        }
        workplace(&dir, Mode::Rehearsal)
    }

    /// Opens the site.
    ///
    /// # Errors
    /// What is wrong with its settings or its vault, or nobody to ask for the passphrase.
    pub fn open(&self, place: Workplace) -> Result<Session, Failure> {
        let dir = SiteDir::at(place.site.clone());
        // Problems of the settings come before the question for the passphrase.
        dir.settings()?;
        let lock = self.lock(&dir)?;
        self.start_logs(&place)?;
        Ok(Session::open(place, lock)?)
    }

    /// Opens the site for another process of ours, which tells the passphrase on standard input.
    ///
    /// # Errors
    /// As [`Context::open`].
    pub fn open_told(&self, place: Workplace) -> Result<Session, Failure> {
        let dir = SiteDir::at(place.site.clone());
        let lock = match dir.lock_kind()? {
            Some(LockKind::Passphrase) => {
                let mut line = String::new();
                // Without a line the vault says that the passphrase is wrong.
                std::io::stdin().read_line(&mut line).ok();
                Lock::Passphrase(first_line(&line))
            }
            _ => dir.key_lock(),
        };
        self.start_logs(&place)?;
        Ok(Session::open(place, lock)?)
    }

    /// What opens the vault: its key file, or the passphrase from a file or a person.
    fn lock(&self, dir: &SiteDir) -> Result<Lock, Failure> {
        match dir.lock_kind()? {
            None => Err(no_vault(dir.path()).into()),
            Some(LockKind::KeyFile) => Ok(dir.key_lock()),
            Some(LockKind::Passphrase) => Ok(Lock::Passphrase(self.passphrase()?)),
        }
    }

    /// The passphrase, when a file with it was named.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn told_passphrase(&self) -> Result<Option<SecretString>, Problem> {
        let file = self.global.passphrase_file.as_ref();
        let text = file.map(|file| files::read_text(file, LARGEST_PASSPHRASE));
        Ok(text.transpose()?.map(|text| first_line(&text)))
    }

    fn passphrase(&self) -> Result<SecretString, Failure> {
        if let Some(told) = self.told_passphrase()? {
            return Ok(told);
        }
        if self.face != Face::Json && output::can_ask() {
            return Ok(ask::passphrase("Passphrase of the vault")?);
        }
        let problem = Problem::new(
            Code::Vault08,
            "The vault wants its passphrase, and nobody can be asked.",
            "Give it with --passphrase-file FILE, or run the command in a terminal.",
        );
        Err(problem.into())
    }

    /// Begins the log of this process in the site's folder; only the first site of a process gets it.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn start_logs(&self, place: &Workplace) -> Result<(), Problem> {
        if self.logs.get().is_some() {
            return Ok(());
        }
        files::create_folder(&place.logs())?;
        let rolling = tracing_appender::rolling::Builder::new()
            .rotation(tracing_appender::rolling::Rotation::DAILY)
            .filename_prefix("care-install")
            .filename_suffix("log")
            .max_log_files(LOGS)
            .build(place.logs());
        let rolling = rolling.map_err(|error| {
            let what = format!("Could not open a log in {}.", place.logs().display());
            Problem::new(
                Code::File02,
                what,
                "Check that you may write to the folder.",
            )
            .caused_by(&error)
        })?;
        let (writer, guard) = tracing_appender::non_blocking(rolling);
        let filter = tracing_subscriber::EnvFilter::try_new(format!(
            "warn,care_install={}",
            self.global.log_level
        ));
        let filter = filter.map_err(|error| {
            let what = format!("`{}` is no log level.", self.global.log_level);
            Problem::new(Code::Args01, what, "Use error, warn, info, debug or trace.")
                .caused_by(&error)
        })?;
        let logs = tracing_subscriber::fmt().with_env_filter(filter);
        // A test process may have its own; then that one is used.
        logs.with_writer(writer).with_ansi(false).try_init().ok();
        self.logs.set(guard).ok();
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "care-install starts");
        Ok(())
    }
}

/// The first line of a text, without its end.
pub fn first_line(text: &str) -> SecretString {
    SecretString::from(text.lines().next().unwrap_or_default())
}

/// The workplace of a folder; its path is made absolute, because other processes are led there.
pub fn workplace(dir: &SiteDir, mode: Mode) -> Result<Workplace, Failure> {
    let site = std::path::absolute(dir.path()).map_err(|error| {
        let what = format!("`{}` cannot be a folder.", dir.path().display());
        Problem::new(
            Code::Site17,
            what,
            "Name the site's folder with --site DIR.",
        )
        .caused_by(&error)
    })?;
    Ok(Workplace { site, mode })
}

fn practice_dir() -> Result<SiteDir, Problem> {
    let root = Sites::of_user()?.root().to_path_buf();
    let beside = root
        .parent()
        .map_or_else(|| root.clone(), Path::to_path_buf);
    Ok(SiteDir::at(beside.join(PRACTICE)))
}

/// Whether nothing is in the folder but what an interrupted preparation left.
fn is_empty(path: &Path) -> Result<bool, Problem> {
    const LEFT: [&str; 5] = [
        "fullchain.pem",
        "privkey.pem",
        VAULT_FILE,
        KEY_FILE,
        "rehearsal",
    ];
    let names = files::names_in(path)?;
    Ok(names
        .iter()
        .all(|name| LEFT.contains(&name.as_str()) || name.starts_with('.')))
}

fn no_vault(folder: &Path) -> Problem {
    Problem::new(
        Code::Vault03,
        format!("There is no vault in {}.", folder.display()),
        "Put the copy of vault.age back; or make the secrets anew: care-install new --from site.yaml --site NEW-FOLDER.",
    )
}
