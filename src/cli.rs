//! The command line as types; it decides nothing and prints nothing.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Sets up, watches and restores the self-contained Care hospital cluster.
///
/// Without a command it opens where the site stands: welcome, the run that was stopped, or health.
#[derive(Debug, Parser)]
#[command(name = "care-install", version, max_term_width = 100)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten, next_help_heading = "For every command")]
    pub global: Global,
    /// The command; none opens the screens.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The site: its name, or the folder that holds its site.yaml
    #[arg(long, global = true, value_name = "DIR|NAME")]
    pub site: Option<String>,
    /// Work on the site's practice cluster instead of its own
    #[arg(long, global = true)]
    pub rehearsal: bool,
    /// How to show things; without a terminal it is plain by itself
    #[command(flatten)]
    pub face: FaceArgs,
    /// How to draw
    #[command(flatten)]
    pub look: LookArgs,
    /// How much goes into the log file: error, warn, info, debug or trace
    #[arg(long, global = true, default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
    /// A file that holds the vault's passphrase (its first line)
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// The helm command to use instead of the one on the PATH
    #[arg(long, global = true, value_name = "FILE")]
    pub helm: Option<PathBuf>,
    /// A folder of charts to use instead of the repositories, for sites without internet
    #[arg(long, global = true, value_name = "DIR")]
    pub charts: Option<PathBuf>,
    /// Record the screens into this new file, for a report; what is typed into secret fields is not in it
    #[arg(long, global = true, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Where an address of the site is reached from here, such as by a tunnel: 10.0.0.12:443=127.0.0.1:8443; may be repeated
    #[arg(long, global = true, value_name = "ADDRESS:PORT=IP:PORT")]
    pub through: Vec<Through>,
}

/// A way to an address that is not the direct one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Through {
    /// The address of the site.
    pub of: SocketAddr,
    /// What leads there.
    pub by: SocketAddr,
}

impl FromStr for Through {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no ADDRESS:PORT=IP:PORT");
        let (of, by) = text.split_once('=').ok_or_else(wrong)?;
        match (of.parse(), by.parse()) {
            (Ok(of), Ok(by)) => Ok(Self { of, by }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Through {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}", self.of, self.by)
    }
}

/// Which face is shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct FaceArgs {
    /// Lines and numbered questions instead of screens
    #[arg(long, global = true)]
    pub plain: bool,
    /// JSON Lines of the same events
    #[arg(long, global = true)]
    pub json: bool,
}

/// How things are drawn.
#[derive(Clone, Copy, Debug, Args)]
pub struct LookArgs {
    /// Only ASCII characters, for serial lines
    #[arg(long, global = true)]
    pub ascii: bool,
    /// No colours (the same as setting NO_COLOR)
    #[arg(long, global = true, alias = "no-color")]
    pub no_colour: bool,
    /// What the line, the terminal or the eye needs
    #[command(flatten)]
    pub needs: NeedArgs,
}

/// What the line, the terminal or the eye needs.
#[derive(Clone, Copy, Debug, Args)]
pub struct NeedArgs {
    /// For a serial line of 9600 Bd: ASCII, at most two pictures a second, only what changed
    #[arg(long, global = true)]
    pub serial: bool,
    /// The strongest contrast: the terminal's own two colours, bold and underlined words
    #[arg(long, global = true)]
    pub contrast: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The same program on a practice cluster inside it: no network, no root, no set-up
    Rehearse(Rehearse),
    /// Set up a new site: the questions, then site.yaml and the vault
    New(New),
    /// Take the answers of a new site from the reference's variables.tfvars; what was not understood is listed
    Import(Import),
    /// Look after a cluster that another computer set up: health, logs and backups by its kubeconfig
    Attach(Attach),
    /// Check site.yaml
    Validate,
    /// Look at nodes, names, certificate and cluster before anything is changed
    Check(Check),
    /// Show what a deploy would do; nothing is changed
    Plan(Plan),
    /// Show what somebody changed in the cluster since the last run, by whom and when; nothing is changed
    Drift,
    /// Add up what the site asks of its nodes, also with one lost, and what other components would ask
    Capacity(Capacity),
    /// Write all objects and Helm values as files
    Render(Render),
    /// Deploy the site, or go on where the last run stopped
    Deploy(Deploy),
    /// What can be restored from the backups
    #[command(subcommand)]
    Backup(Backup),
    /// Bring the database back to a moment, or go on with a restore that was stopped
    Restore(Restore),
    /// Switch one machine or all off, or on again, in the order that harms nothing; stopped, the same command goes on
    Power(Power),
    /// Health of the site; the exit code is made for monitoring
    Status(Status),
    /// The runbook of a problem code, offline
    Explain {
        /// A code such as DNS-04
        code: String,
    },
    /// Show the screen of a recorded session (--record) again, as text
    Replay(Replay),
    /// Draw every screen of the rehearsal into files: pictures, text and a recording for asciinema
    Screenshots(Screenshots),
}

/// `screenshots`
#[derive(Debug, Args)]
pub struct Screenshots {
    /// The folder to write to
    #[arg(long, default_value = "screenshots", value_name = "DIR")]
    pub out: PathBuf,
    /// Every screen in this size, such as 120x40, instead of the size that shows it best; may be repeated
    #[arg(long = "size", value_name = "SIZE")]
    pub sizes: Vec<Size>,
}

/// Columns and rows of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u16, pub u16);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sides = text.split_once('x').and_then(|(columns, rows)| {
            let columns: u16 = columns.trim().parse().ok()?;
            let rows: u16 = rows.trim().parse().ok()?;
            Some(Self(columns, rows))
        });
        sides
            .filter(|Self(columns, rows)| (1..=500).contains(columns) && (1..=200).contains(rows))
            .ok_or_else(|| "columns and rows up to 500x200, such as 80x24".to_owned())
    }
}

impl From<Size> for (u16, u16) {
    fn from(Size(columns, rows): Size) -> Self {
        (columns, rows)
    }
}

/// `rehearse`
#[derive(Debug, Args)]
pub struct Rehearse {
    /// What goes wrong: healthy, image-pull-fails, data-destroyed, wal-archiving-fails, api-flaky, secondary-lost,
    /// slow-disks; given while a run goes on, it changes under that run
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// How fast the practice cluster's clock runs: 1, 20, ... or max; one that is paused goes on
    #[arg(long, value_name = "N|max")]
    pub speed: Option<String>,
    /// Switch a machine of the practice cluster that runs off or on, and end: NODE=off or NODE=on
    #[arg(long, value_name = "NODE=off|on", conflicts_with_all = ["speed", "yes", "serve", "scenario"])]
    pub machine: Option<String>,
    /// The time of a practice cluster that runs
    #[command(flatten)]
    pub time: PracticeTime,
    /// Deploy without asking, then end
    #[arg(long)]
    pub yes: bool,
    /// Only serve the practice cluster, until stopped
    #[command(flatten)]
    pub serve: Serve,
    /// Which steps
    #[command(flatten)]
    pub chosen: Chosen,
}

/// `rehearse --pause`, `rehearse --step`
#[derive(Debug, Args)]
pub struct PracticeTime {
    /// Let the clock of the practice cluster that runs stand still, and end
    #[arg(long, conflicts_with_all = ["speed", "yes", "serve", "step", "scenario"])]
    pub pause: bool,
    /// Let it stand still and move it to the next change that is due, and end
    #[arg(long, conflicts_with_all = ["speed", "yes", "serve", "scenario"])]
    pub step: bool,
}

/// `rehearse --serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// Only serve the practice cluster, until stopped
    #[arg(long)]
    pub serve: bool,
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0, requires = "serve")]
    pub port: u16,
    /// Write a kubeconfig for kubectl and helm
    #[arg(long, requires = "serve", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// End by itself after this many seconds without a client
    #[arg(long, requires = "serve", hide = true, value_name = "SECONDS")]
    pub idle_exit: Option<u64>,
}

/// `new`
#[derive(Debug, Args)]
pub struct New {
    /// Protect the vault with a key file beside it instead of a passphrase
    #[arg(long)]
    pub key_file: bool,
    /// Take the settings from a site file instead of asking for them
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Take the typed secrets from a YAML file (NAME: VALUE), or from standard input with -
    #[arg(long, value_name = "FILE|-", requires = "from")]
    pub secrets: Option<PathBuf>,
}

/// `import`
#[derive(Debug, Args)]
pub struct Import {
    /// The file of variables, such as environments/NAME/variables.tfvars
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Make the site at once, its vault locked with a key file, when nothing is missing
    #[arg(long)]
    pub key_file: bool,
    /// Take the typed secrets from a YAML file (NAME: VALUE), or from standard input with -
    #[arg(long, value_name = "FILE|-")]
    pub secrets: Option<PathBuf>,
}

/// `attach`
#[derive(Debug, Args)]
pub struct Attach {
    /// Its kubeconfig; without one KUBECONFIG or ~/.kube/config. The folder of a site opens that site on the screens
    #[arg(value_name = "FILE|DIR")]
    pub path: Option<PathBuf>,
}

/// `replay`
#[derive(Debug, Args)]
pub struct Replay {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only the first so many inputs
    #[arg(long, value_name = "N")]
    pub at: Option<usize>,
    /// In a window of this size instead of its own, such as 80x24
    #[arg(long, value_name = "SIZE")]
    pub size: Option<Size>,
}

/// `status`
#[derive(Debug, Args)]
pub struct Status {
    /// Go on until interrupted; a line whenever something changes
    #[arg(long)]
    pub watch: bool,
}

/// `check`
#[derive(Debug, Args)]
pub struct Check {
    /// Only this code, such as DNS-04
    #[arg(long, value_name = "CODE")]
    pub only: Option<String>,
}

/// `plan`
#[derive(Clone, Copy, Debug, Args)]
pub struct Plan {
    /// Only what would become otherwise in the cluster, by object and field; secrets are not shown
    #[arg(long)]
    pub diff: bool,
}

/// `capacity`
#[derive(Clone, Copy, Debug, Args)]
pub struct Capacity {
    /// Compare with the nodes of the cluster instead of the reference's (8 cores and 32 GiB each)
    #[arg(long)]
    pub live: bool,
}

/// `render`
#[derive(Debug, Args)]
pub struct Render {
    /// The folder to write to; must be empty or absent
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Also write the secrets in clear; files are readable by you alone
    #[arg(long)]
    pub with_secrets: bool,
}

/// `deploy`
#[derive(Debug, Args)]
pub struct Deploy {
    /// Which steps
    #[command(flatten)]
    pub chosen: Chosen,
    /// Do not ask before starting
    #[arg(long)]
    pub yes: bool,
    /// Accept a failed check: CODE=REASON; may be repeated
    #[arg(long, value_name = "CODE=REASON")]
    pub waive: Vec<String>,
    /// Run in the background for the screens; the passphrase comes on standard input
    #[arg(long, hide = true)]
    pub background: bool,
}

/// `backup`
#[derive(Debug, Subcommand)]
pub enum Backup {
    /// Base backups, the moments that can be restored, and what cannot be used and why
    List,
}

/// `restore`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Restore {
    /// The moment: 2026-11-24T11:42:00Z, "2026-11-24 11:42:00" in this computer's time zone, or latest
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Do not ask whether to begin
    #[arg(long, requires = "confirm")]
    pub yes: bool,
    /// The name of the site, as the confirmation of a restore that nobody is asked about
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Go on with what was agreed to, in the background for the screens; the passphrase comes on standard input
    #[arg(long, hide = true)]
    pub background: bool,
    /// What else
    #[command(subcommand)]
    pub action: Option<RestoreAction>,
}

/// What else can be done with a restore.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum RestoreAction {
    /// Put everything back while the former database is still in use
    Cancel,
}

/// `power`
#[derive(Debug, Args)]
pub struct Power {
    /// Off or on
    pub way: PowerWay,
    /// The node of the machine, such as primary; `all` for every machine of the site
    pub node: String,
    /// With `off all`: switch off although health finds what could be lost, for this reason
    #[arg(long, value_name = "REASON")]
    pub waive: Option<String>,
    /// Leave a step out, such as power/on-secondary of a machine that stays off: STEP=REASON; may be repeated
    #[arg(long, value_name = "STEP=REASON")]
    pub skip: Vec<String>,
    /// Do not ask whether to begin
    #[arg(long)]
    pub yes: bool,
    /// Run in the background for the screens; the passphrase comes on standard input
    #[arg(long, hide = true)]
    pub background: bool,
}

/// Off or on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PowerWay {
    /// Empty the machine, or stop everything in order, then wait until somebody has switched it off
    Off,
    /// Wait until somebody has switched it on, then take it back, and start what was stopped
    On,
}

/// Which steps of the plan take part.
#[derive(Clone, Debug, Default, Args)]
pub struct Chosen {
    /// Begin with this step and everything after it
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,
    /// Only this step
    #[arg(long, value_name = "STEP", conflicts_with = "from")]
    pub only: Option<String>,
    /// Leave a step out: STEP=REASON; may be repeated
    #[arg(long, value_name = "STEP=REASON")]
    pub skip: Vec<String>,
}

/// The face that talks to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Face {
    /// Full screens.
    Screens,
    /// Lines of text.
    Plain,
    /// JSON Lines.
    Json,
}

impl Global {
    /// Decides the face: what was asked for, else screens on a capable terminal and plain elsewhere.
    pub fn face(&self, terminal: bool, term: Option<&str>) -> Face {
        if self.face.json {
            Face::Json
        } else if self.face.plain
            || !terminal
            || matches!(term, None | Some("" | "dumb" | "unknown"))
        {
            Face::Plain
        } else {
            Face::Screens
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_by_a_tunnel_is_read_as_it_is_written_and_anything_else_is_refused() {
        let way: Through = "10.0.0.12:443=127.0.0.1:8443".parse().unwrap();
        assert_eq!(way.to_string(), "10.0.0.12:443=127.0.0.1:8443");
        for text in [
            "10.0.0.12:443",
            "10.0.0.12=127.0.0.1:8443",
            "app.care.example.org:443=127.0.0.1:8443",
            "10.0.0.12:443=127.0.0.1",
        ] {
            let wrong = text.parse::<Through>().unwrap_err();
            assert!(wrong.contains(text), "{wrong}");
        }
    }

    #[test]
    fn the_size_of_a_picture_is_columns_and_rows() {
        assert_eq!("120x40".parse(), Ok(Size(120, 40)));
        for wrong in ["120", "x40", "0x24", "80x-1", "501x40", "80x24x2"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
