//! The screens as values: what happened goes in, what to do comes out. Pure; knows no terminal and no door.

pub mod checks;
pub mod deploy;
pub mod dialog;
pub mod entry;
pub mod health;
pub mod hint;
pub mod input;
pub mod keys;
pub mod known;
pub mod list;
pub mod logs;
pub mod plan;
pub mod record;
pub mod restore;
pub mod story;
pub mod welcome;
pub mod wizard;
pub mod words;

use std::time::Duration;

use jiff::Timestamp;

pub use dialog::Dialog;
pub use input::{Effect, Goto, Input, Lock, Opened, PracticeWish, RestoreWish, fits_clipboard};
use keys::{Act, Binding, Key};
pub use known::{Known, Link, Planned, SiteRow};

use crate::{problem::Problem, site::SiteDraft};

/// What is shown, with what belongs to it alone; what is known of the world is in [`Known`].
#[derive(Debug)]
pub enum Screen {
    /// What would you like to do?
    Welcome(welcome::Welcome),
    /// The questions about a site.
    Wizard(Box<wizard::Wizard>),
    /// The checks before a deploy.
    Checks(checks::Checks),
    /// What a deploy will do.
    Plan(plan::PlanScreen),
    /// A run.
    Deploy(deploy::Deploy),
    /// How the site is.
    Health(Box<health::HealthScreen>),
    /// A log.
    Logs(logs::Logs),
    /// Back to a moment.
    Restore(restore::RestoreScreen),
}

impl Screen {
    /// What the header calls it.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "welcome",
            Self::Wizard(_) => "settings",
            Self::Checks(_) => "checks",
            Self::Plan(_) => "plan",
            Self::Deploy(_) => "deploy",
            Self::Health(_) => "health",
            Self::Logs(_) => "log",
            Self::Restore(_) => "restore",
        }
    }
}

/// Everything that is on the screen.
#[derive(Debug)]
pub struct App {
    /// The time; it moves with [`Input::Tick`] only.
    pub now: Timestamp,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// What is known of the world.
    pub known: Known,
    /// What is shown.
    pub screen: Screen,
    /// The card in front of it.
    pub dialog: Option<Dialog>,
    /// A short answer to the last key.
    pub notice: Option<String>,
    /// What a person has learnt already; nothing where nobody is new.
    pub hints: Option<hint::Hints>,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    /// For so many more ticks an answer of the world stands where the keys are told; 0: until the next key.
    stands: u8,
    back: Vec<Screen>,
    /// Where to go once the site that is being opened is open.
    then: Option<Goto>,
    /// The time of the last tick; nothing before the first, and after the clock was changed for another cluster's.
    ticked: Option<Timestamp>,
}

/// Ticks come each second: a time that moves further than this from one to the next was set, or the computer slept.
const JUMP: Duration = Duration::from_mins(1);

/// So many ticks an answer hides the keys: long enough to be read.
const ANSWER: u8 = 8;

/// How many screens can be gone back.
const BACK: usize = 20;

impl App {
    /// The first screen, with the sites of this computer.
    pub fn new(now: Timestamp, sites: Vec<SiteRow>) -> Self {
        Self {
            now,
            size: (80, 24),
            known: Known {
                sites,
                ..Known::default()
            },
            screen: Screen::Welcome(welcome::Welcome::default()),
            dialog: None,
            notice: None,
            hints: None,
            mouse: false,
            stands: 0,
            back: Vec::new(),
            then: None,
            ticked: None,
        }
    }

    /// Time has come so far; a jump of the clock is said, because every age jumps with it.
    fn tick(&mut self, now: Timestamp) {
        if self.stands > 0 {
            self.stands -= 1;
            if self.stands == 0 {
                self.notice = None;
            }
        }
        self.known.asking.tick();
        let before = self.ticked.replace(now);
        self.now = now;
        // A practice cluster's time may stand still, step, and run.
        let Some(before) = before.filter(|_| !self.known.rehearsal) else {
            return;
        };
        let moved = now.duration_since(before);
        let (way, by) = match Duration::try_from(moved) {
            Ok(ahead) => ("ahead", ahead),
            Err(_) => ("back", moved.unsigned_abs()),
        };
        if by > JUMP {
            self.notice = Some(format!(
                "The clock of this computer went {} {way}: it slept, or was set. Ages go by its new time.",
                words::about(by)
            ));
        }
    }

    /// The world has answered: that stands for a while where the keys are told.
    fn answer(&mut self, words: Option<String>) {
        self.notice = words;
        self.stands = ANSWER;
    }

    /// Takes what happened and says what is to be done.
    pub fn update(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = self.take(input);
        logs::notice(self);
        deploy::refresh(self);
        effects.extend(health::asking::ask(self));
        health::refresh(self);
        effects
    }

    /// Whether there is work that was put off so that keys are answered: [`Input::Work`] goes on with it.
    pub fn works(&self) -> bool {
        logs::works(self)
    }

    /// With what is typed kept.
    fn kept(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        effects.extend(wizard::keep(self));
        effects
    }

    /// Something went wrong: what was asked for does not come.
    fn told(&mut self, problem: &Problem) {
        self.notice = None;
        self.then = None;
        self.known.not_begun();
        self.dialog = Some(Dialog::problem(problem));
    }

    fn take(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Key(key) => {
                let effects = self.key(key);
                self.kept(effects)
            }
            Input::Paste(text) => {
                let effects = self.paste(&text);
                self.kept(effects)
            }
            Input::Move(rows) => self.moved(rows),
            Input::Resize(columns, rows) => {
                self.size = (columns, rows);
                Vec::new()
            }
            Input::Tick(now) => {
                self.tick(now);
                wizard::tick(self)
            }
            Input::Opened(opened) => self.opened(*opened),
            Input::Problem(problem) => {
                self.told(&problem);
                Vec::new()
            }
            Input::Notice(words) => {
                self.answer(Some(words));
                Vec::new()
            }
            Input::Unlock(site) => {
                self.dialog = Some(Dialog::unlock(site));
                Vec::new()
            }
            Input::Practice(practice) => {
                self.notice = None;
                self.dialog = Some(Dialog::practice(&practice));
                Vec::new()
            }
            Input::Steering(steering) => {
                deploy::steered(self, steering);
                Vec::new()
            }
            Input::Difference(text) => {
                self.notice = None;
                plan::show_difference(self, &text);
                Vec::new()
            }
            Input::Object { title, text } => {
                health::show_object(self, title, &text);
                Vec::new()
            }
            Input::Log { id, news } => {
                logs::hear(self, id, news);
                Vec::new()
            }
            Input::Work => {
                logs::work(self);
                Vec::new()
            }
            Input::Completed(field, text, names) => {
                wizard::completed(self, (&field, &text), &names)
            }
            Input::CertificateKept(files) => wizard::certificate_kept(self, &files),
            Input::Brought(brought) => wizard::brought::take(self, &brought),
            news => {
                self.known.hear(news, self.now);
                Vec::new()
            }
        }
    }

    /// True when the picture changes by time alone.
    pub fn moves_with_time(&self) -> bool {
        match &self.screen {
            Screen::Deploy(_) => self.known.run.run.is_some() && self.known.run.ended.is_none(),
            Screen::Health(_) => true,
            Screen::Wizard(state) => wizard::moves_with_time(self, state),
            Screen::Checks(_)
            | Screen::Welcome(_)
            | Screen::Plan(_)
            | Screen::Restore(_)
            | Screen::Logs(_) => false,
        }
    }

    /// The keys that hold now: of the card, else of the screen.
    pub fn bindings(&self) -> &'static [Binding] {
        if let Some(dialog) = &self.dialog {
            return dialog.bindings();
        }
        match &self.screen {
            Screen::Welcome(_) => keys::WELCOME,
            Screen::Wizard(_) => keys::WIZARD,
            Screen::Checks(_) => keys::CHECKS,
            Screen::Plan(state) if state.types() => keys::TYPING,
            Screen::Plan(_) => keys::PLAN,
            Screen::Deploy(_) => keys::DEPLOY,
            Screen::Health(state) if state.typing => keys::TYPING,
            Screen::Health(_) => keys::HEALTH,
            Screen::Logs(state) if state.typing => keys::TYPING,
            Screen::Logs(_) => keys::LOGS,
            Screen::Restore(_) => keys::RESTORE,
        }
    }

    /// Whether something would happen now.
    pub fn can(&self, act: Act) -> bool {
        if let Some(dialog) = &self.dialog {
            return dialog.can(act, self.size);
        }
        match act {
            Act::Help | Act::Find | Act::Redraw | Act::Leave | Act::Mouse => return true,
            Act::Goto => return !self.known.site.is_empty(),
            Act::Practice => return self.known.rehearsal,
            _ => {}
        }
        match &self.screen {
            Screen::Welcome(_) => welcome::can(self, act),
            Screen::Wizard(state) => wizard::can(self, state, act),
            Screen::Checks(_) => checks::can(self, act),
            Screen::Plan(_) => plan::can(self, act),
            Screen::Deploy(_) => deploy::can(self, act),
            Screen::Health(_) => health::can(self, act),
            Screen::Logs(_) => logs::can(self, act),
            Screen::Restore(_) => restore::can(self, act),
        }
    }

    /// Whether Esc leads to an earlier screen.
    pub fn has_back(&self) -> bool {
        !self.back.is_empty()
    }

    fn key(&mut self, key: Key) -> Vec<Effect> {
        self.notice = None;
        self.stands = 0;
        if self.typed(key) {
            return Vec::new();
        }
        match keys::find(self.bindings(), key) {
            Some(act) if self.can(act) => self.act(act),
            _ => Vec::new(),
        }
    }

    /// The mouse goes as many rows as keys would.
    fn moved(&mut self, rows: i32) -> Vec<Effect> {
        if rows == 0 {
            return Vec::new();
        }
        self.act_if_possible(Act::Rows(rows))
    }

    /// Gives the key to the line that is being typed; false when no line takes it.
    fn typed(&mut self, key: Key) -> bool {
        if let Some(dialog) = &mut self.dialog {
            return dialog.take(key);
        }
        match &mut self.screen {
            Screen::Wizard(state) => state.take(key),
            Screen::Plan(state) => state.take(key),
            Screen::Health(state) if state.typing => state.filter.take(key),
            Screen::Logs(state) if state.typing => state.filter.take(key),
            _ => false,
        }
    }

    fn paste(&mut self, text: &str) -> Vec<Effect> {
        if let Some(dialog) = &mut self.dialog {
            dialog.paste(text);
            return Vec::new();
        }
        match &mut self.screen {
            Screen::Wizard(_) => return wizard::pasted(self, text),
            Screen::Plan(state) => state.paste(text),
            Screen::Health(state) if state.typing => state.filter.paste(text),
            Screen::Logs(state) if state.typing => state.filter.paste(text),
            _ => {}
        }
        Vec::new()
    }

    /// Does what a key would do now.
    pub(crate) fn act_if_possible(&mut self, act: Act) -> Vec<Effect> {
        if self.can(act) {
            return self.act(act);
        }
        Vec::new()
    }

    fn act(&mut self, act: Act) -> Vec<Effect> {
        let learnt = hint::done(self, act);
        let mut effects = self.perform(act);
        effects.extend(learnt);
        effects
    }

    fn perform(&mut self, act: Act) -> Vec<Effect> {
        if self.dialog.is_some() {
            return dialog::act(self, act);
        }
        match act {
            Act::Redraw => return vec![Effect::Redraw],
            Act::Help => {
                self.dialog = Some(Dialog::help(self.screen.title(), self.bindings()));
                return Vec::new();
            }
            Act::Find => {
                self.dialog = Some(Dialog::Find(Box::new(dialog::Find::new(self))));
                return Vec::new();
            }
            Act::Goto => {
                self.dialog = Some(Dialog::goto(self));
                return Vec::new();
            }
            Act::Leave => return self.leave(),
            Act::Mouse => return self.listen_to_mouse(),
            Act::Practice => {
                self.notice = Some("Looking at the practice cluster...".to_owned());
                return vec![Effect::LoadPractice];
            }
            _ => {}
        }
        match &self.screen {
            Screen::Welcome(_) => welcome::act(self, act),
            Screen::Wizard(_) => wizard::act(self, act),
            Screen::Checks(_) => checks::act(self, act),
            Screen::Plan(_) => plan::act(self, act),
            Screen::Deploy(_) => deploy::act(self, act),
            Screen::Health(_) => health::act(self, act),
            Screen::Logs(_) => logs::act(self, act),
            Screen::Restore(_) => restore::act(self, act),
        }
    }

    fn listen_to_mouse(&mut self) -> Vec<Effect> {
        self.mouse = !self.mouse;
        let words = if self.mouse {
            "The mouse scrolls and chooses; F9 gives it back to your terminal, to mark text."
        } else {
            "The mouse belongs to your terminal again."
        };
        self.notice = Some(words.to_owned());
        vec![Effect::Mouse(self.mouse)]
    }

    /// Leaves, or asks how while a run goes on.
    fn leave(&mut self) -> Vec<Effect> {
        if self.known.run_goes_on() {
            self.dialog = Some(Dialog::leave(&self.known));
            return Vec::new();
        }
        let mut effects = self.keep_draft();
        effects.push(Effect::Leave);
        effects
    }

    /// Keeps what was typed when the questions are left.
    fn keep_draft(&mut self) -> Vec<Effect> {
        match &mut self.screen {
            Screen::Wizard(state) if state.hands != wizard::Hands::Untouched => {
                if state.purpose == wizard::Purpose::New {
                    self.known.begun = state.draft.clone();
                    self.known.begun_at = Some(state.place());
                }
                vec![Effect::SaveDraft(state.keeps(false))]
            }
            _ => Vec::new(),
        }
    }

    /// Shows a screen on top of the present one.
    pub(crate) fn push(&mut self, screen: Screen) {
        if self.back.len() == BACK {
            self.back.remove(0);
        }
        let before = std::mem::replace(&mut self.screen, screen);
        self.back.push(before);
    }

    /// Goes back; nothing when there is nowhere to go.
    pub(crate) fn pop(&mut self) -> Vec<Effect> {
        let effects = self.keep_draft();
        if let Some(screen) = self.back.pop() {
            self.screen = screen;
        }
        effects
    }

    /// Goes to a screen of the site; the effects ask for what it shows.
    pub fn go(&mut self, to: Goto) -> Vec<Effect> {
        let (screen, effects) = match to {
            Goto::Welcome => (Screen::Welcome(welcome::Welcome::default()), Vec::new()),
            Goto::New => {
                self.known.begun = self.known.draft.clone();
                let wizard = wizard::Wizard::resume(self.known.draft.clone())
                    .resumed(self.known.begun_at.as_ref());
                (Screen::Wizard(Box::new(wizard)), Vec::new())
            }
            Goto::Settings => {
                let wizard = wizard::Wizard::change(self.known.draft.clone());
                (Screen::Wizard(Box::new(wizard)), Vec::new())
            }
            Goto::Checks => (
                Screen::Checks(checks::Checks::default()),
                self.check_first(),
            ),
            Goto::Plan => (
                Screen::Plan(plan::PlanScreen::default()),
                vec![Effect::LoadPlan],
            ),
            Goto::Deploy => (Screen::Deploy(deploy::Deploy::default()), Vec::new()),
            Goto::Health => (Screen::Health(Box::default()), vec![Effect::WatchCluster]),
            Goto::Restore => {
                self.known.backups = None;
                (
                    Screen::Restore(restore::RestoreScreen::default()),
                    vec![Effect::LoadBackups],
                )
            }
        };
        // Going where one is already only adds steps to the way back.
        if std::mem::discriminant(&screen) == std::mem::discriminant(&self.screen) {
            self.screen = screen;
        } else {
            self.push(screen);
        }
        effects
    }

    fn check_first(&mut self) -> Vec<Effect> {
        if self.known.checks.is_empty() && !self.known.checking {
            return self.known.check_again(None);
        }
        Vec::new()
    }

    fn opened(&mut self, opened: Opened) -> Vec<Effect> {
        self.ticked = None;
        self.dialog = None;
        self.notice = None;
        // What was known belongs to another site.
        if opened.site != self.known.site {
            let sites = std::mem::take(&mut self.known.sites);
            let begun = std::mem::take(&mut self.known.begun);
            let begun_at = self.known.begun_at.take();
            self.known = Known {
                begun,
                begun_at,
                sites,
                ..Known::default()
            };
        }
        // The new site is made: its answers are not half-done any more.
        if let Screen::Wizard(wizard) = &self.screen
            && wizard.purpose == wizard::Purpose::New
            && !opened.site.is_empty()
        {
            self.known.begun = SiteDraft::default();
            self.known.begun_at = None;
        }
        if opened.place.is_some() {
            self.known.begun_at = opened.place;
        }
        self.known.site = opened.site;
        self.known.here = opened.here;
        self.known.rehearsal = opened.rehearsal;
        self.known.draft = opened.draft;
        self.back.clear();
        self.screen = Screen::Welcome(welcome::Welcome::default());
        let mut effects = self.go(opened.at);
        if let Some(to) = self.then.take().filter(|to| *to != opened.at) {
            effects.extend(self.go(to));
        }
        effects
    }
}

#[cfg(test)]
pub(crate) mod fixture;

#[cfg(test)]
mod tests;
