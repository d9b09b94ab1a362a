//! What the screens hear and what they ask for. Pure.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    health::deed::Deed,
    hint::Hints,
    keys::Key,
    known::{Backups, Here, Practice},
    logs::{
        store::Store,
        wish::{News, Wish},
    },
    wizard::{Kept, bill, brought::Brought, looks, paste::Pem},
};
use crate::{
    check::{CheckResult, Waiver},
    engine::event::{Command, Event, Steering},
    plan::{ObjectRef, Plan, Powering},
    problem::{Code, Problem},
    site::{Place, Secrets, SiteDraft},
    watch::{usage::Heard, view::ClusterView},
};

/// A screen of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goto {
    /// What would you like to do?
    Welcome,
    /// The questions about a site that is not made yet; they go on from the draft.
    New,
    /// The settings of a site.
    Settings,
    /// The checks.
    Checks,
    /// The plan.
    Plan,
    /// The run.
    Deploy,
    /// Health.
    Health,
    /// Backups and restore.
    Restore,
}

/// What is wished of a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreWish {
    /// The database back at this moment.
    To(Timestamp),
    /// On with the one that is not over.
    GoOn,
    /// Everything back as it was before it.
    Cancel,
}

/// What is wished of the practice cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PracticeWish {
    /// It plays the scenario of this name.
    Play(String),
    /// Its clock stands still.
    Pause,
    /// Its clock moves to the next due change and stands still there.
    Step,
    /// Its clock passes at this speed.
    Speed(String),
    /// The machine of this node is switched on, or off.
    Machine(String, bool),
}

/// A site that was opened.
#[derive(Debug, Serialize, Deserialize)]
pub struct Opened {
    /// Its name.
    pub site: String,
    /// True on the practice cluster.
    pub rehearsal: bool,
    /// Its settings.
    pub draft: SiteDraft,
    /// What is shown first.
    pub at: Goto,
    /// Where in the questions about a new site the person was.
    pub place: Option<Place>,
    /// How much of it is on this computer.
    #[serde(default)]
    pub here: Here,
}

/// Something that happened.
#[derive(Debug, Serialize, Deserialize)]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// A text was pasted.
    Paste(String),
    /// The mouse goes so many rows down in the list that is shown, or up.
    Move(i32),
    /// The terminal has so many columns and rows now.
    Resize(u16, u16),
    /// The time is now this.
    Tick(Timestamp),
    /// A site was opened, or made.
    Opened(Box<Opened>),
    /// The vault of this site wants its passphrase.
    Unlock(String),
    /// Something happened in the run; the first event begins it anew.
    Run(Box<Event>),
    /// The run cannot be heard any more.
    RunGone,
    /// Who steers the run.
    Steering(Steering),
    /// Results of checks; those of the same check are replaced. True once all were looked at.
    Checks(Vec<CheckResult>, bool),
    /// How long a pass of checks took.
    CheckTime(Duration),
    /// Failures that were accepted for the deploy that comes next.
    Waivers(Vec<Waiver>),
    /// An acceptance was written down, with the name of the person.
    Waived(Waiver),
    /// The plan was made.
    Plan(Arc<Plan>),
    /// The plan cannot be made.
    Refused(Vec<Problem>),
    /// What a deploy would change in the cluster, in lines.
    Difference(String),
    /// The cluster as it is now.
    Cluster(Arc<ClusterView>),
    /// What pods and nodes use, or why that is not known.
    Usage(Box<Heard>),
    /// News of a log that is read.
    Log {
        /// Of which wish.
        id: u64,
        /// What.
        news: News,
    },
    /// Nothing happened: there is time to go on with work that was put off.
    Work,
    /// An object that was asked for, as text.
    Object {
        /// Its heading.
        title: String,
        /// As YAML; what is secret is stars.
        text: String,
    },
    /// What can be restored, or why that is not known.
    Backups(Box<Result<Backups, Problem>>),
    /// What the practice cluster plays and how its time passes, because it was asked for.
    Practice(Box<Practice>),
    /// What was seen about an answer while it was typed: the question, and what came of it.
    Looked(looks::Asked, Option<Result<String, String>>),
    /// What these answers come to; nothing when that cannot be told.
    Costs(Box<(SiteDraft, Option<bill::Costs>)>),
    /// For the field with this text: paths that begin with it.
    Completed(String, String, Vec<String>),
    /// A pasted certificate was kept; these fields name its files now.
    CertificateKept(Vec<(String, String)>),
    /// Answers from a file.
    Brought(Box<Brought>),
    /// Something went wrong that no screen asked for.
    Problem(Problem),
    /// A short word for the last line.
    Notice(String),
}

/// What protects the vault of a new site.
#[derive(Debug)]
pub enum Lock {
    /// A passphrase.
    Passphrase(SecretString),
    /// A key file beside it.
    KeyFile,
}

/// The most bytes, as base64, that terminals take onto their clipboard.
const CLIPBOARD: usize = 74_994;

/// Whether a terminal takes the text onto its clipboard.
pub fn fits_clipboard(text: &str) -> bool {
    text.len().div_ceil(3) * 4 <= CLIPBOARD
}

/// Something to be done.
#[derive(Debug)]
pub enum Effect {
    /// Ends the screens; a run goes on.
    Leave,
    /// Draws everything anew.
    Redraw,
    /// Puts a text on the clipboard, and keeps it as a file.
    Copy(String),
    /// Keeps what a person has learnt.
    KeepHints(Hints),
    /// Listens to the mouse, or leaves it to the terminal.
    Mouse(bool),
    /// Opens a site of this computer by its name.
    Open(String),
    /// Opens the site with its passphrase.
    Unlock(String, SecretString),
    /// Opens the practice site.
    Rehearse,
    /// Opens a cluster by this kubeconfig, or the site in this folder; an empty text means the kubeconfig that kubectl uses.
    Attach(String),
    /// Keeps the answers of a site that is not finished.
    SaveDraft(Box<Kept>),
    /// Makes a site.
    CreateSite(Box<SiteDraft>, Secrets, Lock),
    /// Changes a site; of the secrets only those that were typed.
    ChangeSite(Box<SiteDraft>, Secrets),
    /// Looks at these answers, as far as that is possible before there is a site.
    Probe(Box<SiteDraft>, Vec<looks::Asked>),
    /// Adds up what the answers come to.
    Cost(Box<SiteDraft>),
    /// Looks for files whose path begins as the text in this field does.
    Complete(&'static str, String),
    /// Keeps a pasted certificate in the site's folder.
    KeepCertificate(Pem),
    /// Reads answers from this file.
    Import(String),
    /// Runs the checks, all or those with a code.
    RunChecks(Option<Code>),
    /// Writes down that a failure was accepted, and by whom.
    KeepWaiver(Waiver),
    /// Makes the plan.
    LoadPlan,
    /// Compares the plan with the cluster.
    Compare,
    /// Begins the deploy, or goes on where it stopped.
    StartDeploy(Vec<Waiver>),
    /// Looks at what can be restored.
    LoadBackups,
    /// Begins a restore, goes on with it, or puts everything back.
    Restore(RestoreWish),
    /// Switches a machine off or on, or goes on with that.
    /// With the reason why what could be lost is accepted, when somebody gave one.
    Power(Powering, Option<String>),
    /// Asks something of the run.
    Command(Command),
    /// Looks what the practice cluster plays, for its menu.
    LoadPractice,
    /// Asks something of the practice cluster.
    Practice(PracticeWish),
    /// Watches the cluster, if that is not done yet.
    WatchCluster,
    /// Asks once what pods and nodes use.
    ReadUsage,
    /// Does something in the cluster by hand.
    Do(Box<Deed>),
    /// Reads an object, to be shown.
    ReadObject(ObjectRef),
    /// Reads a log and follows it, instead of any other.
    ReadLog(Wish),
    /// Reads no log any more.
    EndLog,
    /// Keeps a log as a file.
    SaveLog {
        /// What it is called.
        name: String,
        /// Its text.
        store: Store,
    },
}
