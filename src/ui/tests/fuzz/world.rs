//! The world that the screens meet: random inputs, and answers to what they ask for.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use ratatui::{Terminal, backend::TestBackend};

use super::strange;
use crate::{
    app::{
        App, Dialog, Effect, Goto, Input, Opened, Screen,
        fixture::{self, at},
        keys::{Act, Binding, Key},
        known::{Backups, Here, Practice},
        logs::wish::News,
        wizard::Wizard,
    },
    check::Verdict,
    engine::event::{
        Command, Done, Event, FORMAT, NotRun, Outcome, Reason, RunId, Steerer, Steering, StepState,
        Waiting,
    },
    plan::StepId,
    problem::{Code, Problem},
    site::sample,
    ui::{Theme, draw},
    watch::{
        usage::{Amount, Heard, Reading},
        view::ClusterView,
    },
};

/// Answers that wait.
const ANSWERS: usize = 50;

const GOTOS: [Goto; 8] = [
    Goto::Welcome,
    Goto::New,
    Goto::Settings,
    Goto::Checks,
    Goto::Plan,
    Goto::Deploy,
    Goto::Health,
    Goto::Restore,
];

const KEYS: [Key; 15] = [
    Key::Enter,
    Key::Esc,
    Key::Tab,
    Key::BackTab,
    Key::Up,
    Key::Down,
    Key::Left,
    Key::Right,
    Key::PageUp,
    Key::PageDown,
    Key::Home,
    Key::End,
    Key::Backspace,
    Key::Delete,
    Key::F(9),
];

/// Questions about a new site that are all answered but for what is secret.
pub fn answered() -> App {
    let mut app = fixture::welcome();
    app.screen = Screen::Wizard(Box::new(Wizard::resume(sample())));
    app.dialog = Some(Dialog::passphrase());
    app
}

/// A run that another terminal steers.
pub fn looking_on() -> App {
    let mut app = fixture::pulling();
    let by = Steerer {
        who: "anna@ward1 pid 4711".to_owned(),
        since: at(12),
    };
    app.update(Input::Steering(Steering {
        by: Some(by),
        mine: false,
    }));
    app
}

fn pressed(mut app: App, keys: &[Key]) -> App {
    for key in keys {
        app.update(Input::Key(*key));
    }
    app
}

/// What can be done by hand to a pod.
pub fn acting() -> App {
    pressed(
        fixture::health(),
        &[Key::Char('2'), Key::End, Key::Char('a')],
    )
}

/// What destroys wants its name.
pub fn naming() -> App {
    pressed(acting(), &[Key::End, Key::Enter])
}

/// How many pods a workload shall have.
pub fn scaling() -> App {
    pressed(acting(), &[Key::Down, Key::Enter])
}

/// A log in which something was found.
pub fn searching() -> App {
    let mut app = pressed(fixture::health(), &[Key::Char('l')]);
    let id = app.known.log.wish.id;
    for news in [
        News::Begun(vec!["web".to_owned(), "sidecar".to_owned()]),
        News::Lines(b"one care line\nanother line\n".repeat(200)),
        News::Caught(true),
    ] {
        app.update(Input::Log { id, news });
    }
    app = pressed(app, &[Key::Char('/'), Key::Char('c'), Key::Char('a')]);
    while app.works() {
        app.update(Input::Work);
    }
    pressed(app, &[Key::Enter, Key::Char('n'), Key::Char('n')])
}

/// From when to when shall the log be shown?
pub fn ranging() -> App {
    pressed(searching(), &[Key::Char('t'), Key::End, Key::Enter])
}

/// Screens, terminal and everything around them.
pub struct World {
    pub app: App,
    rng: StdRng,
    terminal: Terminal<TestBackend>,
    theme: Theme,
    views: Arc<[Arc<ClusterView>]>,
    at: usize,
    answers: VecDeque<Input>,
    /// How often each was done by a key that was chosen for it.
    done: HashMap<Act, u32>,
}

impl World {
    /// Begins with these screens.
    pub fn new(app: App, seed: u64, views: Arc<[Arc<ClusterView>]>) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let theme = Theme::colour();
        let theme = match rng.random_range(0..4) {
            0 => theme.ascii(),
            1 => theme.without_colour(),
            2 => theme.ascii().without_colour(),
            _ => theme,
        };
        let Ok(terminal) = Terminal::new(TestBackend::new(80, 24));
        Self {
            app,
            at: rng.random_range(0..views.len()),
            rng,
            terminal,
            theme,
            views,
            answers: VecDeque::new(),
            done: HashMap::new(),
        }
    }

    /// An input without what would make it unreadable.
    pub fn told(&self, input: Option<&Input>) -> String {
        let words = match input {
            Some(Input::Cluster(_)) => "a picture of the cluster".to_owned(),
            Some(Input::Plan(_)) => "a plan".to_owned(),
            Some(Input::Backups(_)) => "backups".to_owned(),
            other => format!("{other:?}").chars().take(300).collect(),
        };
        format!(
            "{words} on {}, {:?}",
            self.app.screen.title(),
            self.app.size
        )
    }

    /// What happens next; nothing is a moment with nothing to do.
    pub fn next(&mut self) -> Option<Input> {
        let answered = self.rng.random_range(0..3) == 0;
        if answered && let Some(answer) = self.answers.pop_front() {
            return Some(answer);
        }
        let input = match self.rng.random_range(0..100) {
            0..58 => Input::Key(self.key()),
            58..63 => Input::Paste(strange::text(&mut self.rng)),
            63..67 => self.resize(),
            67..70 => Input::Move(self.rng.random_range(-40..=40)),
            70..75 => self.tick(),
            75..82 => self.picture(),
            82..87 => Input::Run(Box::new(self.event())),
            87..92 => self.log(),
            92..94 => Input::Work,
            94..98 => self.news(),
            98 => self.opened(),
            _ => return None,
        };
        Some(input)
    }

    /// Takes it and draws.
    pub fn step(&mut self, input: Option<Input>) {
        if let Some(input) = input {
            if let Input::Resize(columns, rows) = input {
                self.terminal.backend_mut().resize(columns, rows);
            }
            for effect in self.app.update(input) {
                self.answer(&effect);
            }
        }
        let (app, theme) = (&self.app, self.theme);
        let Ok(_) = self.terminal.draw(|frame| draw(app, theme, frame));
        if theme.is_ascii() {
            let cells = &self.terminal.backend().buffer().content;
            let strange = cells.iter().find(|cell| !cell.symbol().is_ascii());
            assert!(strange.is_none(), "{strange:?} in ASCII");
        }
    }

    fn key(&mut self) -> Key {
        let table = self.app.bindings();
        match self.rng.random_range(0..10) {
            0..2 => {
                // What can be done now and was done least.
                let can = table.iter().filter(|row| self.app.can(row.act));
                let times = |row: &&Binding| self.done.get(&row.act).copied().unwrap_or(0);
                let Some(row) = can.min_by_key(times) else {
                    return Key::Esc;
                };
                *self.done.entry(row.act).or_default() += 1;
                row.keys[self.rng.random_range(0..row.keys.len())]
            }
            2..7 => {
                // Mostly a key that does something now.
                let mut row = &table[self.rng.random_range(0..table.len())];
                for _ in 0..3 {
                    if self.app.can(row.act) {
                        break;
                    }
                    row = &table[self.rng.random_range(0..table.len())];
                }
                row.keys[self.rng.random_range(0..row.keys.len())]
            }
            7 => KEYS[self.rng.random_range(0..KEYS.len())],
            8 => Key::Ctrl(char::from(self.rng.random_range(b'a'..=b'z'))),
            _ => Key::Char(strange::letter(&mut self.rng)),
        }
    }

    fn resize(&mut self) -> Input {
        let (columns, rows) = match self.rng.random_range(0..20) {
            0 => (0, 0),
            1 => (1, 1),
            2 => (300, 100),
            3..8 => (self.rng.random_range(0..70), self.rng.random_range(0..20)),
            8 => (
                self.rng.random_range(1..=300),
                self.rng.random_range(1..=100),
            ),
            9..14 => (80, 24),
            14..17 => (120, 40),
            _ => (60, 15),
        };
        Input::Resize(columns, rows)
    }

    fn tick(&mut self) -> Input {
        let passed = match self.rng.random_range(0..40) {
            0 => -self.rng.random_range(0..400_000),
            1 => self.rng.random_range(0..40_000_000),
            _ => 1,
        };
        let now = self.app.now.checked_add(SignedDuration::from_secs(passed));
        Input::Tick(now.unwrap_or(at(0)))
    }

    /// What is used, believable or not.
    fn usage(&mut self) -> Input {
        let heard = match self.rng.random_range(0..8) {
            0 => Heard::Absent,
            1 => Heard::NotReady,
            2 => Heard::Refused(strange::text(&mut self.rng)),
            _ => {
                let view = Arc::clone(&self.app.known.cluster);
                let mut reading = |namespace: &str, name: &str| {
                    let most = 1 << self.rng.random_range(0..64);
                    let at = SignedDuration::from_secs(self.rng.random_range(-300..30));
                    Reading {
                        namespace: namespace.to_owned(),
                        name: name.to_owned(),
                        at: self.app.now.checked_add(at).unwrap_or(self.app.now),
                        used: Amount {
                            cpu: self.rng.random_range(0..=most),
                            memory: self.rng.random_range(0..=most),
                        },
                    }
                };
                let nodes = view.nodes.iter().map(|node| reading("", &node.name));
                let nodes = nodes.collect();
                let pods = view
                    .pods
                    .iter()
                    .map(|pod| reading(&pod.namespace, &pod.name));
                Heard::Measured {
                    nodes,
                    pods: pods.collect(),
                }
            }
        };
        Input::Usage(Box::new(heard))
    }

    fn picture(&mut self) -> Input {
        self.at = match self.rng.random_range(0..20) {
            0 => self.rng.random_range(0..self.views.len()),
            _ => (self.at + 1) % self.views.len(),
        };
        let view = match self.rng.random_range(0..12) {
            0 => Arc::new(fixture::cluster()),
            1 => Arc::new(fixture::lost(self.problem())),
            2 => Arc::default(),
            _ => Arc::clone(&self.views[self.at]),
        };
        Input::Cluster(view)
    }

    fn problem(&mut self) -> Problem {
        let code =
            [Code::Kube06, Code::Wait02, Code::Site06, Code::Rst04][self.rng.random_range(0..4)];
        Problem::new(
            code,
            strange::text(&mut self.rng),
            strange::short(&mut self.rng),
        )
        .because(strange::short(&mut self.rng))
    }

    fn moment(&mut self) -> Timestamp {
        at(self.rng.random_range(-100..2_000))
    }

    fn event(&mut self) -> Event {
        let steps = fixture::outline().steps;
        let step = match self.rng.random_range(0..30) {
            0 => StepId::from_text("no/such"),
            _ => steps[self.rng.random_range(0..steps.len())].id.clone(),
        };
        let when = self.moment();
        match self.rng.random_range(0..30) {
            0 => Event::RunStarted {
                format: FORMAT,
                run: RunId("3".to_owned()),
                at: when,
                cluster: strange::short(&mut self.rng),
                rehearsal: self.rng.random(),
                outline: fixture::outline(),
            },
            1..14 => Event::Step {
                step,
                at: when,
                attempt: self.rng.random_range(0..4),
                elapsed_ms: self.rng.random_range(0..u64::MAX / 4),
                state: self.state(),
            },
            14..17 => Event::Retry {
                step,
                at: when,
                attempt: 2,
                next_in_ms: 5_000,
                problem: self.problem(),
            },
            17..20 => self.waiting(step, when),
            20..26 => Event::Log {
                step,
                at: when,
                line: strange::text(&mut self.rng),
            },
            26 => Event::Paused { at: when },
            27 => Event::Resumed { at: when },
            28 => Event::Stopping {
                at: when,
                why: strange::short(&mut self.rng),
            },
            _ => Event::RunEnded {
                at: when,
                outcome: [
                    Outcome::Done,
                    Outcome::DoneWithWarnings,
                    Outcome::Failed,
                    Outcome::Stopped,
                ][self.rng.random_range(0..4)]
                .clone(),
                done: self.rng.random_range(0..20),
                total: 12,
                elapsed_ms: 400_000,
            },
        }
    }

    fn waiting(&mut self, step: StepId, at: Timestamp) -> Event {
        let reasons = (0..self.rng.random_range(0..4)).map(|_| Reason {
            sentence: strange::short(&mut self.rng),
            since: Some(at),
            code: Some(Code::Wait02),
            remedy: Some(strange::short(&mut self.rng)),
        });
        let reasons = reasons.collect();
        Event::Waiting {
            step,
            at,
            waiting: Waiting {
                target: strange::short(&mut self.rng),
                reasons,
                gives_up_at: self.moment(),
            },
        }
    }

    fn state(&mut self) -> StepState {
        match self.rng.random_range(0..8) {
            0 => StepState::Waiting,
            1..4 => StepState::Running {
                note: strange::short(&mut self.rng),
            },
            4 => StepState::Failed {
                problem: self.problem(),
            },
            5 => StepState::NotRun {
                why: NotRun::Stopped,
            },
            6 => StepState::Done {
                how: Done::Warned {
                    message: strange::text(&mut self.rng),
                },
            },
            _ => StepState::Done { how: Done::Applied },
        }
    }

    fn log(&mut self) -> Input {
        let news = match self.rng.random_range(0..20) {
            0 => News::Begun(vec!["web".to_owned(), strange::short(&mut self.rng)]),
            1 => News::Caught(self.rng.random()),
            2 => News::Trouble(Some(self.problem())),
            3 => News::Trouble(None),
            4 => News::Over,
            _ => News::Lines(strange::bytes(&mut self.rng)),
        };
        let id = self.app.known.log.wish.id;
        let id = if self.rng.random_range(0..20) == 0 {
            id + 1
        } else {
            id
        };
        Input::Log { id, news }
    }

    /// What else can come.
    fn news(&mut self) -> Input {
        let rng = &mut self.rng;
        match rng.random_range(0..12) {
            0 => Input::Problem(self.problem()),
            1 => Input::Notice(strange::text(rng)),
            2 => Input::Unlock(strange::short(rng)),
            3 => Input::RunGone,
            4 => Input::Refused(vec![self.problem()]),
            5 => Input::Difference(strange::text(rng)),
            6 => Input::Object {
                title: strange::short(rng),
                text: strange::text(rng),
            },
            7 => Input::Plan(Arc::new(fixture::plan())),
            8 => self.practice(),
            9 => Input::Looked(
                ("site.name".to_owned(), strange::short(rng)),
                Some(Err(strange::text(rng))),
            ),
            10 => self.backups(),
            _ => self.results(),
        }
    }

    fn results(&mut self) -> Input {
        let seen = strange::text(&mut self.rng);
        let problem = self.problem();
        let subject = ["", "a", "b"][self.rng.random_range(0..3)];
        let verdict = match self.rng.random_range(0..4) {
            0 => Verdict::Pass { seen },
            1 => Verdict::Warn { seen, problem },
            2 => Verdict::Skipped { reason: seen },
            _ => Verdict::Fail { seen, problem },
        };
        let results = vec![fixture::result(Code::Kube06, subject, verdict)];
        Input::Checks(results, self.rng.random())
    }

    fn backups(&mut self) -> Input {
        let inventory = crate::restore::fixture::inventory("2026-11-24T06:00:00Z");
        let problem = self.problem();
        let backups = match self.rng.random_range(0..5) {
            0 => Err(problem),
            _ => Ok(Backups {
                inventory,
                unfinished: None,
                zone: jiff::tz::TimeZone::UTC,
            }),
        };
        Input::Backups(Box::new(backups))
    }

    fn practice(&mut self) -> Input {
        let scenarios = vec![
            ("healthy".to_owned(), "everything works".to_owned()),
            (strange::short(&mut self.rng), strange::text(&mut self.rng)),
        ];
        Input::Practice(Box::new(Practice {
            scenarios,
            playing: "healthy".to_owned(),
            pace: "20".to_owned(),
            machines: vec![
                ("primary".to_owned(), true),
                ("secondary".to_owned(), false),
            ],
        }))
    }

    fn opened(&mut self) -> Input {
        Input::Opened(Box::new(Opened {
            site: ["st-marys", "st-marys", "ward-7", ""][self.rng.random_range(0..4)].to_owned(),
            rehearsal: self.rng.random(),
            draft: sample(),
            place: None,
            at: GOTOS[self.rng.random_range(0..GOTOS.len())],
            here: [Here::Site, Here::Cluster][self.rng.random_range(0..2)],
        }))
    }

    /// What the world answers, some time later.
    fn answer(&mut self, effect: &Effect) {
        let answer = match effect {
            Effect::Rehearse
            | Effect::Open(_)
            | Effect::Attach(_)
            | Effect::Unlock(..)
            | Effect::CreateSite(..) => self.opened(),
            Effect::RunChecks(_) => self.results(),
            Effect::LoadPlan => Input::Plan(Arc::new(fixture::plan())),
            Effect::Compare => Input::Difference(strange::text(&mut self.rng)),
            Effect::StartDeploy(_) | Effect::Restore(_) => {
                Input::Run(Box::new(Event::RunStarted {
                    format: FORMAT,
                    run: RunId("4".to_owned()),
                    at: self.app.now,
                    cluster: "https://127.0.0.1:6443".to_owned(),
                    rehearsal: true,
                    outline: fixture::outline(),
                }))
            }
            Effect::Command(Command::TakeOver) => Input::Steering(Steering {
                by: None,
                mine: true,
            }),
            Effect::LoadBackups => self.backups(),
            Effect::LoadPractice => self.practice(),
            Effect::WatchCluster => self.picture(),
            Effect::ReadUsage => self.usage(),
            Effect::ReadObject(target) => Input::Object {
                title: target.to_string(),
                text: strange::text(&mut self.rng),
            },
            Effect::ReadLog(_) => Input::Log {
                id: self.app.known.log.wish.id,
                news: News::Begun(vec!["web".to_owned(), "log".to_owned()]),
            },
            _ => return,
        };
        if self.answers.len() < ANSWERS {
            self.answers.push_back(answer);
        }
    }
}
