//! The scenarios of the practice cluster over the whole sample site: what health finds in each, what it says, and that it ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use care_install::{
    app::{App, Input, Screen},
    catalog::standin::{self, Makers},
    plain::report,
    plan::{Action, Plan},
    problem::Code,
    rehearsal::{
        Scenario, control, schema,
        store::Store,
        world::{Reaction, World},
    },
    ui::{self, Theme},
    watch::{
        self,
        view::{ClusterView, Finding, Health},
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::catalog::sample_plan;

/// The first moment.
const START: &str = "2026-11-24T06:00:00Z";

/// Seconds between two looks of the health screen.
const LOOK: i64 = 10;

/// More turns than any scenario needs.
const TURNS: usize = 50_000;

/// The sample site on a virtual clock, without a server.
pub struct Stage {
    pub store: Store,
    pub now: Timestamp,
}

impl Stage {
    /// Everything of the sample plan applied and come to rest; made once for all tests.
    fn deployed() -> Self {
        static MADE: OnceLock<(Store, Timestamp)> = OnceLock::new();
        let (store, now) = MADE.get_or_init(|| {
            let stage = Self::made(&sample_plan());
            (stage.store, stage.now)
        });
        Self {
            store: store.clone(),
            now: *now,
        }
    }

    /// A site of this plan, applied and come to rest.
    pub fn made(plan: &Plan) -> Self {
        let mut stage = Self {
            store: Store::default(),
            now: START.parse().unwrap(),
        };
        let nodes = control::nodes(&[
            ("primary", "192.168.20.11", "primary"),
            ("secondary", "192.168.20.12", "secondary"),
        ]);
        for object in control::beginnings().into_iter().chain(nodes) {
            stage.add(object);
        }
        stage.apply(plan);
        stage.run(900, |_| {});
        stage
    }

    fn apply(&mut self, plan: &Plan) {
        for step in &plan.steps {
            if let Action::Helm(release) = &step.action {
                let definitions = release.crds.iter().filter_map(|name| schema::crd(name));
                let made = standin::objects(release, Makers::Chart);
                let made = made.iter().map(|object| object.value().clone());
                for object in definitions.chain(made).collect::<Vec<_>>() {
                    self.add(object);
                }
            }
            for object in step.action.objects() {
                self.add(object.value().clone());
            }
            // As in life one step follows the other.
            self.run(60, |_| {});
        }
    }

    fn add(&mut self, mut object: Value) {
        // As the API server keeps it.
        if let Some(Value::Object(texts)) = object.get_mut("stringData").map(Value::take) {
            for (key, text) in texts {
                object["data"][key] = STANDARD.encode(text.as_str().unwrap()).into();
            }
        }
        // What a step repeats is there already.
        self.store.create(object, self.now).ok();
    }

    fn play(&mut self, name: &str) {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": control::SCENARIO, "namespace": "kube-system", "annotations": {}}, "data": {"name": name}});
        if self
            .store
            .get("ConfigMap", "kube-system", control::SCENARIO)
            .is_none()
        {
            self.add(map);
        } else {
            self.store.replace(map, self.now).unwrap();
        }
    }

    /// Lets so many seconds pass; the clock goes from one due change or look to the next.
    fn run(&mut self, seconds: i64, mut look: impl FnMut(&Self)) {
        let until = self.now + SignedDuration::from_secs(seconds);
        let mut next = self.now + SignedDuration::from_secs(LOOK);
        for _ in 0..TURNS {
            let world = World::new(&self.store);
            let reaction = control::CONTROLLERS
                .iter()
                .fold(Reaction::default(), |sum, one| {
                    sum.and(one(&world, self.now))
                });
            let mut changed = false;
            for write in reaction.writes {
                changed |= self.store.perform(write, self.now);
            }
            if changed {
                continue;
            }
            let due = reaction.wake_at.unwrap_or(until).min(until);
            self.now = due.min(next);
            if self.now == next {
                look(self);
                next = self.now + SignedDuration::from_secs(LOOK);
            }
            if self.now >= until {
                return;
            }
        }
        unreachable!("it does not come to rest");
    }

    fn view(&self) -> ClusterView {
        let objects = self.store.all().cloned();
        watch::seen(objects, self.now).unwrap()
    }
}

/// What is found while a scenario is played and after it, as a letter.
#[derive(Default)]
struct Letter {
    text: String,
    told: BTreeMap<String, String>,
    /// How often each finding began.
    begun: BTreeMap<String, usize>,
    services: String,
}

impl Letter {
    fn look(&mut self, stage: &Stage, began: Timestamp) {
        let view = stage.view();
        let mut news = String::new();
        let mut now = BTreeMap::new();
        let mut fresh = Vec::new();
        for finding in &view.findings {
            let mark = format!("{} about {}", finding.problem.code, finding.about);
            if !self.told.contains_key(&mark) {
                let kind = (finding.problem.code, finding.health);
                fresh.push((kind, begins(finding, &mark)));
                *self.begun.entry(mark.clone()).or_default() += 1;
            }
            now.insert(mark, String::new());
        }
        // The names of volumes are drawn by lot, so that their order among themselves tells nothing.
        for alike in fresh.chunk_by_mut(|left, right| left.0 == right.0) {
            alike.sort_by_key(|(_, words)| steady(words));
        }
        news.extend(fresh.into_iter().map(|(_, words)| words));
        for mark in self.told.keys().filter(|mark| !now.contains_key(*mark)) {
            writeln!(news, "    ends: {mark}").unwrap();
        }
        self.told = now;
        let services: Vec<String> = view
            .services
            .iter()
            .map(|row| format!("{} {}", row.service.title(), row.health.word()))
            .collect();
        let services = services.join(", ");
        if services != self.services {
            writeln!(news, "    services: {services}").unwrap();
            self.services = services;
        }
        if !news.is_empty() {
            let passed = stage.now.duration_since(began).as_secs();
            writeln!(
                self.text,
                "+{}:{:02}\n{}",
                passed / 60,
                passed % 60,
                steady(&news)
            )
            .unwrap();
        }
    }

    fn heads(&mut self, what: &str) {
        writeln!(self.text, "======== {what}\n").unwrap();
    }

    fn codes(&self) -> Vec<&str> {
        self.begun
            .keys()
            .map(|mark| mark.split(' ').next().unwrap())
            .collect()
    }
}

/// What is said when a finding begins.
fn begins(finding: &Finding, mark: &str) -> String {
    let word = if finding.health == Health::Bad {
        "failing"
    } else {
        "warning"
    };
    let problem = &finding.problem;
    let mut words = format!("    begins: {mark}, {word}: {}\n", problem.what);
    for cause in &problem.causes {
        // Which of many pods are named first hangs on their digests.
        let cause = cause.split_once(" pods there: ").map_or_else(
            || cause.clone(),
            |(how_many, names)| {
                format!("{how_many} pods there: {} names", names.split(", ").count())
            },
        );
        writeln!(words, "        {cause}").unwrap();
    }
    writeln!(words, "        To fix: {}", problem.remedy).unwrap();
    words
}

/// Names that hold a digest are shortened to what stays the same.
pub fn steady(text: &str) -> String {
    let made = |word: &str| {
        (5..=10).contains(&word.len())
            && word
                .chars()
                .all(|one| "bcdfghjklmnpqrstvwxz2456789".contains(one))
    };
    let whole = |one: char| one.is_ascii_alphanumeric() || one == '-';
    let mut all = String::new();
    for line in text.split_inclusive('\n') {
        let mut out = String::new();
        for name in line.split_inclusive(|one| !whole(one)) {
            let end = name.find(|one| !whole(one)).unwrap_or(name.len());
            let (name, rest) = name.split_at(end);
            if name.starts_with("pvc-") {
                out.push_str("pvc-*");
            } else {
                let parts: Vec<&str> = name
                    .split('-')
                    .enumerate()
                    .map(|(at, part)| if at > 0 && made(part) { "*" } else { part })
                    .collect();
                out.push_str(&parts.join("-"));
            }
            out.push_str(rest);
        }
        all.push_str(&in_order(&out));
    }
    all
}

/// Pods that are named in a row stand by what stays the same of their names, and not by their digests.
fn in_order(line: &str) -> String {
    let found = line
        .split_once(" pods there: ")
        .and_then(|(how_many, names)| {
            let (names, more) = names.split_once(" and ")?;
            Some((how_many, names, more))
        });
    let Some((how_many, names, more)) = found else {
        return line.to_owned();
    };
    let mut names: Vec<&str> = names.split(", ").collect();
    names.sort_unstable();
    format!("{how_many} pods there: {} and {more}", names.join(", "))
}

/// Plays a scenario for so many seconds, then the healthy one; everything that began has ended.
fn played(name: &str, seconds: i64) -> Letter {
    played_with(name, seconds, 900)
}

/// The same with another time until all is forgotten.
fn played_with(name: &str, seconds: i64, rest: i64) -> Letter {
    let mut stage = Stage::deployed();
    let mut letter = Letter::default();
    let began = stage.now;
    letter.heads(name);
    stage.play(name);
    stage.run(seconds, |stage| letter.look(stage, began));
    let found = letter.codes().len();
    letter.heads("healthy");
    stage.play("healthy");
    stage.run(rest, |stage| letter.look(stage, began));
    assert!(
        letter.told.is_empty(),
        "still told: {:?}\n{}",
        letter.told,
        letter.text
    );
    let twice: Vec<_> = letter
        .begun
        .iter()
        .filter(|(_, count)| **count > 1)
        .collect();
    assert!(
        twice.is_empty(),
        "told more than once: {twice:?}\n{}",
        letter.text
    );
    assert_eq!(found, letter.codes().len(), "{}", letter.text);
    letter
}

#[test]
fn the_healthy_site_needs_no_attention() {
    let letter = played("healthy", 600);
    assert!(letter.codes().is_empty(), "{}", letter.text);
}

#[test]
fn a_lost_secondary_is_told_with_what_still_works() {
    let letter = played("secondary-lost", 900);
    insta::assert_snapshot!("secondary-lost", letter.text);
    for code in ["WAIT-10", "PG-01", "PG-02"] {
        assert!(letter.codes().contains(&code), "{code}\n{}", letter.text);
    }
}

#[test]
fn an_archive_that_fails_is_told_and_forgotten() {
    let letter = played("wal-archiving-fails", 600);
    insta::assert_snapshot!("wal-archiving-fails", letter.text);
    assert_eq!(letter.codes(), ["PG-03"]);
}

#[test]
fn slow_disks_do_not_trouble_what_runs_already() {
    let letter = played("slow-disks", 600);
    assert!(letter.codes().is_empty(), "{}", letter.text);
}

#[test]
fn emptied_tables_are_no_matter_of_health() {
    let letter = played("data-destroyed", 600);
    assert!(letter.codes().is_empty(), "{}", letter.text);
}

#[test]
fn a_full_disk_is_told_with_what_is_left_of_it() {
    let letter = played("disk-full", 60);
    insta::assert_snapshot!("disk-full", letter.text);
    assert_eq!(letter.codes(), ["VOL-03"]);
}

#[test]
fn a_certificate_that_has_ended_is_told_once_for_all_places() {
    let letter = played("certificate-expired", 60);
    insta::assert_snapshot!("certificate-expired", letter.text);
    assert_eq!(letter.codes(), ["CRT-06"]);
}

#[test]
fn a_backup_that_hangs_is_told_though_nobody_calls_it_failed() {
    let letter = played("backup-stuck", 60);
    insta::assert_snapshot!("backup-stuck", letter.text);
    assert_eq!(letter.codes(), ["PG-05"]);
}

#[test]
fn a_container_that_outgrows_its_memory_is_told_within_a_minute_and_for_an_hour() {
    let letter = played_with("out-of-memory", 60, 4000);
    insta::assert_snapshot!("out-of-memory", letter.text);
    assert_eq!(letter.codes(), ["POD-02"]);
}

#[test]
fn a_machine_short_of_memory_is_told_with_the_pod_that_it_ended() {
    let letter = played("node-pressure", 60);
    insta::assert_snapshot!("node-pressure", letter.text);
    assert_eq!(letter.codes(), ["NODE-02", "POD-03"]);
}

#[test]
fn a_pod_that_is_made_anew_under_slow_disks_is_told_by_its_disk() {
    let mut stage = Stage::deployed();
    let mut letter = Letter::default();
    let began = stage.now;
    stage.play("slow-disks");
    let pods: Vec<_> = stage.store.list("Pod", Some("rustfs")).cloned().collect();
    let pod = care_install::rehearsal::world::reference(&pods[0]);
    stage.store.remove(&pod).unwrap();
    stage.run(600, |stage| letter.look(stage, began));
    insta::assert_snapshot!("slow-disks-pod", letter.text);
    assert!(letter.told.is_empty(), "{}", letter.text);
}

/// What stands first, and alone, so many seconds after a scenario began.
fn stands_first(scenario: Scenario) -> (i64, &'static [&'static str]) {
    match scenario {
        // A program that is made anew meanwhile shows that its image does not come.
        Scenario::ImagePullFails => (300, &["WAIT-02"]),
        Scenario::WalArchivingFails => (300, &["PG-03"]),
        // The other copy writes by then.
        Scenario::SecondaryLost => (240, &["WAIT-10"]),
        Scenario::DiskFull => (60, &["VOL-03"]),
        Scenario::CertificateExpired => (60, &["CRT-06"]),
        Scenario::BackupStuck => (60, &["PG-05"]),
        Scenario::OutOfMemory => (60, &["POD-02"]),
        Scenario::NodePressure => (60, &["NODE-02"]),
        // These are matters of data, of requests, and of what is made anew.
        Scenario::Healthy | Scenario::DataDestroyed | Scenario::ApiFlaky | Scenario::SlowDisks => {
            (300, &[])
        }
    }
}

/// The sample site with this scenario switched on.
fn begun(scenario: Scenario) -> Stage {
    let mut stage = Stage::deployed();
    stage.play(scenario.name());
    if scenario == Scenario::ImagePullFails {
        // An image is pulled only for what is made anew.
        let pods: Vec<_> = stage.store.list("Pod", Some("care-be")).cloned().collect();
        for pod in pods {
            let pod = care_install::rehearsal::world::reference(&pod);
            stage.store.remove(&pod).unwrap();
        }
    }
    stage
}

/// The health screen at 80x24 and the lines of `care-install status`, without the breaks of either.
fn shown(view: ClusterView, now: Timestamp) -> [String; 2] {
    let words = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").to_lowercase()
    };
    let lines = report::status(&view);
    let mut app = App::new(now, Vec::new());
    app.screen = Screen::Health(Box::default());
    app.update(Input::Cluster(Arc::new(view)));
    let screen = ui::shot(&app, Theme::colour(), (80, 24));
    [words(&screen), words(&lines)]
}

#[test]
fn every_scenario_is_told_with_its_code_and_remedy_within_a_minute() {
    for scenario in Scenario::ALL {
        let (_, codes) = stands_first(*scenario);
        let mut stage = begun(*scenario);
        let mut told = BTreeSet::new();
        stage.run(60, |stage| {
            let view = stage.view();
            let found: Vec<(Code, String)> = view
                .causes()
                .map(|found| (found.problem.code, found.problem.remedy.clone()))
                .collect();
            let all = shown(view, stage.now);
            for (code, remedy) in found {
                let first: Vec<&str> = remedy.split_whitespace().take(4).collect();
                let wanted = [
                    code.as_str().to_owned(),
                    format!("to fix: {}", first.join(" ")),
                ];
                let wanted = wanted.map(|words| words.to_lowercase());
                if all
                    .iter()
                    .all(|text| wanted.iter().all(|words| text.contains(words)))
                {
                    told.insert(code.as_str());
                }
            }
        });
        for code in codes {
            assert!(
                told.contains(code),
                "{} {code}: {told:?} {:#?}",
                scenario.name(),
                shown(stage.view(), stage.now)
            );
        }
    }
}

#[test]
fn every_scenario_ends_in_its_own_finding_and_no_other_beside_it() {
    for scenario in Scenario::ALL {
        let (seconds, codes) = stands_first(*scenario);
        let mut stage = begun(*scenario);
        stage.run(seconds, |_| {});
        let view = stage.view();
        let found: Vec<&str> = view.causes().map(|one| one.problem.code.as_str()).collect();
        assert_eq!(found, codes, "{}: {:#?}", scenario.name(), view.findings);
    }
}
