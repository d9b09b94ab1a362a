//! Cards in front of a screen: a text, a few things to choose from, a question for a text. Pure.

mod act;
mod ask;
pub mod deed;
pub mod find;
mod power;
mod practice;

use std::cell::Cell;

pub use act::{act, open_site, restore};
pub use ask::{Ask, Asked, Shown};
pub use find::Find;

use super::{
    App, Goto, Known, PracticeWish, SiteRow,
    health::{Tab, deed::Deed},
    keys::{self, Act, Binding, Key},
    known::{Backups, Here},
    list,
    logs::wish::Range,
    words::{Tone, Words, wrap},
};
use crate::{
    check::CheckId,
    engine::event::Command,
    plan::{Powering, StepId},
    problem::Problem,
    restore::{Intent, words},
};

/// A card.
#[derive(Debug)]
pub enum Dialog {
    /// Something to read.
    Text(TextCard),
    /// A few things to choose from.
    Menu(Menu),
    /// A question for a text.
    Ask(Box<Ask>),
    /// Everything, found by a few letters.
    Find(Box<Find>),
}

/// Something to read.
#[derive(Debug)]
pub struct TextCard {
    /// Its heading.
    pub title: String,
    /// Its text.
    pub body: Vec<Words>,
    /// Lines that have gone out at the top.
    pub scroll: usize,
    /// What is copied instead of the whole text; empty when nothing is.
    pub to_copy: String,
    /// For how many columns the lines were counted, and how many there are: a long text is cut once, not with each key.
    counted: Cell<Option<(usize, usize)>>,
    /// The step of the run that it tells of, as long as it is open.
    pub of: Option<StepId>,
}

/// A few things to choose from.
#[derive(Debug)]
pub struct Menu {
    /// Its heading.
    pub title: String,
    /// What to know before choosing.
    pub body: Vec<Words>,
    /// What can be chosen.
    pub items: Vec<Item>,
    /// What is chosen.
    pub chosen: usize,
}

/// One thing to choose.
#[derive(Debug)]
pub struct Item {
    /// What it is called.
    pub label: String,
    /// What it means.
    pub hint: String,
    /// What it does.
    pub does: Does,
}

/// What choosing does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Does {
    /// Closes the card.
    Nothing,
    /// Leaves the program; a run goes on.
    Leave,
    /// Asks something of the run.
    Command(Command),
    /// Goes to a screen.
    Goto(Goto),
    /// Opens a site of this computer.
    OpenSite(String),
    /// Opens a site of this computer at its backups.
    RestoreSite(String),
    /// What a key of the screen does.
    Act(Act),
    /// Shows a list of the health screen, at the row of this identity.
    Row(Tab, Option<String>),
    /// Shows a step of the run.
    RunStep(StepId),
    /// Shows a step of the plan.
    PlanStep(StepId),
    /// Begins the deploy.
    Deploy,
    /// Asks something of the practice cluster.
    Practice(PracticeWish),
    /// Asks whether a machine shall be switched off or on.
    AskPower(Powering),
    /// Asks why what could be lost is accepted.
    AcceptPower(Powering),
    /// Does it.
    Power(Powering),
    /// Asks whether this is meant.
    Ask(Box<Deed>),
    /// Does this.
    Do(Box<Deed>),
    /// Reads this time of a log.
    LogRange(Range),
    /// Asks for a time of a log.
    AskRange,
    /// Shows only rows of this namespace, or of all.
    Namespace(Option<String>),
    /// Goes to this question.
    Field(&'static str),
}

/// What is said where only the cluster is here.
pub const ALONE: &str = "Only the cluster is here: deploy, restore and power want the site's folder with its vault on this computer.";

/// How wide a card is at most.
pub const WIDEST: usize = 76;

/// Columns and rows of a card's text on a terminal of that size.
pub fn room((columns, rows): (u16, u16)) -> (usize, usize) {
    let columns = usize::from(columns).saturating_sub(8).clamp(20, WIDEST);
    let rows = usize::from(rows).saturating_sub(7).max(3);
    (columns, rows)
}

/// The text of a card cut into lines.
pub fn lines(body: &[Words], columns: usize) -> Vec<Words> {
    body.iter().flat_map(|words| cut(words, columns)).collect()
}

fn cut(words: &Words, columns: usize) -> Vec<Words> {
    let room = columns.saturating_sub(words.indent + words.hang);
    let label: String = words.text.chars().take(words.hang).collect();
    let rest: String = words.text.chars().skip(words.hang).collect();
    wrap(&rest, room)
        .into_iter()
        .enumerate()
        .map(|(row, text)| Words {
            tone: words.tone,
            indent: words.indent + if row == 0 { 0 } else { words.hang },
            hang: 0,
            text: if row == 0 {
                format!("{label}{text}")
            } else {
                text
            },
        })
        .collect()
}

impl TextCard {
    /// Something to read from its first line.
    pub fn new(title: String, body: Vec<Words>) -> Self {
        Self {
            title,
            body,
            scroll: 0,
            to_copy: String::new(),
            counted: Cell::new(None),
            of: None,
        }
    }

    /// The furthest it can be scrolled.
    pub fn furthest(&self, size: (u16, u16)) -> usize {
        let (columns, rows) = room(size);
        let count = match self.counted.get() {
            Some((known, count)) if known == columns => count,
            _ => {
                let count = lines(&self.body, columns).len();
                self.counted.set(Some((columns, count)));
                count
            }
        };
        count.saturating_sub(rows)
    }

    /// What is copied.
    pub fn copied(&self) -> String {
        match self.to_copy.as_str() {
            "" => self.plain(),
            text => text.to_owned(),
        }
    }

    /// The text alone, for the clipboard.
    pub fn plain(&self) -> String {
        let lines: Vec<String> = self
            .body
            .iter()
            .map(|words| format!("{}{}", " ".repeat(words.indent), words.text))
            .collect();
        lines.join("\n")
    }
}

impl Dialog {
    /// Something to read.
    pub fn text(title: impl Into<String>, body: Vec<Words>) -> Self {
        Self::to_copy(title, body, String::new())
    }

    /// Something to read, of which this is copied.
    pub fn to_copy(title: impl Into<String>, body: Vec<Words>, to_copy: String) -> Self {
        Self::Text(TextCard {
            title: title.into(),
            body,
            scroll: 0,
            to_copy,
            counted: Cell::new(None),
            of: None,
        })
    }

    /// The page of a step, kept as it is now.
    pub fn step(step: StepId, title: &str, body: Vec<Words>) -> Self {
        Self::Text(TextCard {
            title: title.to_owned(),
            body,
            scroll: 0,
            to_copy: String::new(),
            counted: Cell::new(None),
            of: Some(step),
        })
    }

    /// A problem in full.
    pub fn problem(problem: &Problem) -> Self {
        let mut body = super::story::problem(problem);
        body.extend(super::story::runbook(problem.code));
        Self::text(format!("{} {}", problem.code, problem.code.title()), body)
    }

    /// The keys of a screen.
    pub fn help(screen: &str, bindings: &[Binding]) -> Self {
        const NAMES: usize = 11;
        let mut body = Vec::new();
        for binding in bindings.iter().filter(|binding| !binding.name.is_empty()) {
            let text = format!("{:<NAMES$}{}", binding.name, binding.help);
            body.push(Words::new(Tone::Plain, text).labelled(NAMES));
        }
        Self::text(format!("Keys of this screen: {screen}"), body)
    }

    /// The ways to leave while a run goes on.
    pub fn leave(known: &Known) -> Self {
        let body = vec![Words::new(
            Tone::Plain,
            format!(
                "The {} of {} goes on.",
                known.run.purpose.noun(),
                known.site
            ),
        )];
        let item = |label: &str, hint: &str, does| Item {
            label: label.to_owned(),
            hint: hint.to_owned(),
            does,
        };
        let leave = item(
            "Leave it running",
            "come back with care-install",
            Does::Leave,
        );
        if let Some(steerer) = known.steered_by_another() {
            let words = format!("{} steers it; this screen only looks on.", steerer.who);
            let body = [body, vec![Words::new(Tone::Plain, words)]].concat();
            return Self::Menu(Menu {
                title: "Leave?".to_owned(),
                body,
                items: vec![leave, item("Stay here", "", Does::Nothing)],
                chosen: 0,
            });
        }
        let items = vec![
            leave,
            item(
                "Stop safely",
                "running steps finish; later it goes on there",
                Does::Command(Command::StopSafely),
            ),
            item(
                "Stop now",
                "running steps are asked again when it goes on",
                Does::Command(Command::StopNow),
            ),
            item("Stay here", "", Does::Nothing),
        ];
        Self::Menu(Menu {
            title: "Leave?".to_owned(),
            body,
            items,
            chosen: 0,
        })
    }

    /// The other screens of the site.
    pub fn goto(app: &App) -> Self {
        let mut items = Vec::new();
        let mut item = |label: &str, hint: &str, to| {
            items.push(Item {
                label: label.to_owned(),
                hint: hint.to_owned(),
                does: Does::Goto(to),
            });
        };
        let is_whole = app.known.here == Here::Site;
        item("Health", "services, pods, volumes, nodes", Goto::Health);
        if app.known.run.run.is_some() {
            item("Deploy", "the run and its steps", Goto::Deploy);
        }
        if is_whole {
            item("Restore", "backups, and back to a moment", Goto::Restore);
            item("Plan", "what a deploy does", Goto::Plan);
            item("Checks", "what must be true before", Goto::Checks);
            item("Settings", "the answers about the site", Goto::Settings);
        } else {
            item("Backups", "what could be restored", Goto::Restore);
        }
        item("Welcome", "other sites, and practice", Goto::Welcome);
        let body = if is_whole {
            Vec::new()
        } else {
            vec![Words::new(Tone::Dim, ALONE)]
        };
        Self::Menu(Menu {
            title: format!("Screens of {}", app.known.site),
            body,
            items,
            chosen: 0,
        })
    }

    /// Asks once before the deploy.
    pub fn deploy(known: &Known, steps: usize, usual: &str) -> Self {
        let place = if known.rehearsal {
            "the practice cluster; no real machine is touched"
        } else {
            "the real cluster"
        };
        let mut body = vec![Words::new(
            Tone::Plain,
            format!("{steps} steps, usually {usual}, on {place}."),
        )];
        match known.blocked() {
            None => body.push(Words::new(
                Tone::Warn,
                "The checks have not been run to their end.",
            )),
            Some(0) => {}
            Some(failed) => body.push(Words::new(
                Tone::Bad,
                format!("{failed} failed checks are not accepted: run them again or waive them."),
            )),
        }
        let begin = Item {
            label: "Deploy".to_owned(),
            hint: "what is there already stays as it is".to_owned(),
            does: Does::Deploy,
        };
        let checks = Item {
            label: "Look at the checks".to_owned(),
            hint: String::new(),
            does: Does::Goto(Goto::Checks),
        };
        let back = Item {
            label: "Not now".to_owned(),
            hint: String::new(),
            does: Does::Nothing,
        };
        let items = match known.blocked() {
            Some(0) => vec![begin, back],
            None => vec![begin, checks, back],
            Some(_) => vec![checks, back],
        };
        Self::Menu(Menu {
            title: format!("Deploy {}?", known.site),
            body,
            items,
            chosen: 0,
        })
    }

    /// Asks why a step is left out.
    pub fn skip(step: StepId, title: &str) -> Self {
        Self::Ask(Box::new(Ask::reason(
            format!("Leave out: {title}"),
            "Steps that need it go on as if it were done. Why is it left out? The reason goes into the record.",
            Asked::Skip(step),
        )))
    }

    /// Asks why a failed check is accepted.
    pub fn waive(check: CheckId) -> Self {
        Self::Ask(Box::new(Ask::reason(
            format!("Accept the failure of {}", check.code),
            "The deploy will go on in spite of it. Why is that right? The reason goes into the record.",
            Asked::Waive(check),
        )))
    }

    /// Asks for the name of the site before its database is brought back to a moment.
    pub fn restore(site: &str, intent: &Intent, backups: &Backups) -> Self {
        let moment = words::shown(intent.moment(), &backups.zone);
        let hint = format!(
            "Everything entered after {moment} is lost. Type the name of the site, {site}, to begin."
        );
        Self::Ask(Box::new(Ask::reason(
            "Restore the database?".to_owned(),
            &hint,
            Asked::Restore(intent.moment()),
        )))
    }

    /// Asks for a moment.
    pub fn moment(backups: &Backups) -> Self {
        let example = backups
            .inventory
            .window
            .map_or(backups.inventory.now, |window| window.last);
        let shown = words::shown(example, &backups.zone);
        let hint = format!("Date and time as in {shown}, without the zone.");
        Self::Ask(Box::new(Ask::reason(
            "To which moment?".to_owned(),
            &hint,
            Asked::Moment,
        )))
    }

    /// Asks for a time of a log.
    pub fn log_range() -> Self {
        Self::Ask(Box::new(Ask::reason(
            "Which time of the log?".to_owned(),
            "From and to, by UTC, as in: 10:00 to 10:30, or 2026-11-24 22:00 to 2026-11-25 06:00.",
            Asked::LogRange,
        )))
    }

    /// Asks for a file of answers.
    pub fn import() -> Self {
        Self::Ask(Box::new(Ask::reason(
            "Take answers from a file".to_owned(),
            "The path of a site.yaml, or of the reference's variables.tfvars. What it does not say and what is not understood is listed; \
             nothing that you typed is changed.",
            Asked::Import,
        )))
    }

    /// Asks by what a cluster is attached.
    pub fn attach() -> Self {
        Self::Ask(Box::new(Ask::reason(
            "Attach to a cluster".to_owned(),
            "The path of its kubeconfig; nothing means the one that kubectl uses. It shows health, logs and what the backups allow. \
             With the path of a site's folder that was copied here, vault and all, everything can be done.",
            Asked::Attach,
        )))
    }

    /// Asks which site is brought back to a moment.
    pub fn restore_which(sites: &[SiteRow]) -> Self {
        let items = sites.iter().map(|site| Item {
            label: site.name.clone(),
            hint: site.state.clone(),
            does: Does::RestoreSite(site.name.clone()),
        });
        Self::Menu(Menu {
            title: "Restore which site?".to_owned(),
            body: vec![Words::new(
                Tone::Dim,
                "Nothing is restored before you have seen what is lost and typed its name.",
            )],
            items: items.collect(),
            chosen: 0,
        })
    }

    /// Asks for the passphrase of a site's vault.
    pub fn unlock(site: String) -> Self {
        Self::Ask(Box::new(Ask::unlock(site)))
    }

    /// Asks for the passphrase of a new vault.
    pub fn passphrase() -> Self {
        Self::Ask(Box::new(Ask::passphrase()))
    }

    /// The keys that hold in this card.
    pub fn bindings(&self) -> &'static [Binding] {
        match self {
            Self::Text(_) => keys::TEXT,
            Self::Menu(_) => keys::MENU,
            Self::Ask(_) => keys::ASK,
            Self::Find(_) => keys::FIND,
        }
    }

    /// Whether something would happen now.
    pub fn can(&self, act: Act, size: (u16, u16)) -> bool {
        match (self, act) {
            (_, Act::Back | Act::Redraw) => true,
            (Self::Text(card), _) if list::is_move(act) => card.furthest(size) > 0,
            (Self::Menu(menu), _) if list::is_move(act) => menu.items.len() > 1,
            (Self::Text(_), Act::Copy) | (Self::Menu(_), Act::Open) => true,
            (Self::Ask(ask), _) => ask.can(act),
            (Self::Find(find), _) => find.can(act),
            _ => false,
        }
    }

    /// Gives a key to the line that is typed.
    pub fn take(&mut self, key: Key) -> bool {
        match self {
            Self::Ask(ask) => ask.entry_mut().take(key),
            Self::Find(find) => {
                let before = find.entry.text();
                // The ends of the list are nearer than those of a few letters.
                let taken = !matches!(key, Key::Home | Key::End) && find.entry.take(key);
                if before != find.entry.text() {
                    find.look();
                }
                taken
            }
            Self::Text(_) | Self::Menu(_) => false,
        }
    }

    /// Gives a pasted text to the line that is typed.
    pub fn paste(&mut self, text: &str) {
        match self {
            Self::Ask(ask) => ask.entry_mut().paste(text),
            Self::Find(find) => {
                find.entry.paste(text);
                find.look();
            }
            Self::Text(_) | Self::Menu(_) => {}
        }
    }
}
