//! The letter: a paragraph for every moment at which something is said that was not said before.

mod screen;

use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    standins::{self, Objects},
    timeline::{Change, Timeline, place},
};
use crate::{
    catalog::Catalog,
    plan::{ObjectRef, Ready},
    ready::{self, Live, Readiness},
    waiting::{self, recovery},
    watch::{
        Gallery,
        history::History,
        picture,
        services::Carriers,
        tests::{kind_of, snapshot},
        view::{ClusterView, Health},
    },
};

/// The picture is drawn anew after so many seconds without a line, as on the screen.
const REFRESH: i64 = 5;

/// Whose readiness the letter tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subjects {
    /// Clusters, with all findings.
    Clusters,
    /// Backups, with all findings.
    Backups,
    /// Jobs and claims, without findings.
    JobsAndClaims,
    /// Nodes, with the findings about them.
    Nodes,
    /// Pods as the list of pods shows them.
    Pods,
    /// The health screen, whole.
    Screen,
}

/// A letter.
pub struct Letter {
    /// Its text.
    pub text: String,
    /// Code and object of each finding, once for each time that it began.
    pub begun: Vec<String>,
    /// Whether the last subject was ready at the end.
    pub ended_ready: bool,
}

struct Writer<'t> {
    subjects: Subjects,
    logs: &'t [String],
    carriers: Carriers,
    objects: Objects,
    events: BTreeMap<String, Value>,
    began: Timestamp,
    /// What was said last of each subject.
    said: BTreeMap<String, String>,
    /// The second that the last paragraph begins with.
    headed: Option<Timestamp>,
    history: History,
    /// The findings that were told, with their words.
    told: BTreeMap<String, String>,
    letter: Letter,
}

/// The picture after each line, as the screens get it.
pub fn pictures(timeline: &Timeline) -> Vec<ClusterView> {
    let mut writer = Writer::begin(timeline, &[], Subjects::Clusters);
    let lines = timeline.lines.iter().map(|line| {
        writer.take(&line.change, line.at);
        writer.picture(line.at)
    });
    lines.collect()
}

/// Holds the pictures that are drawn one after the other, of pods in short and with what is kept of the one before, against those
/// that are drawn anew of everything.
pub fn holds_what_is_kept(timeline: &Timeline) {
    let mut writer = Writer::begin(timeline, &[], Subjects::Clusters);
    let mut gallery = Gallery::new().unwrap();
    let mut known: BTreeMap<(String, String), Value> = BTreeMap::new();
    for line in &timeline.lines {
        writer.take(&line.change, line.at);
        let events = writer
            .events
            .values()
            .map(|event| (place(event), event.clone()));
        let now: BTreeMap<_, _> = writer.objects.clone().into_iter().chain(events).collect();
        for (_, gone) in known.iter().filter(|(place, _)| !now.contains_key(*place)) {
            gallery.take_away(kind_of(gone), gone);
        }
        for (_, object) in now
            .iter()
            .filter(|(place, object)| known.get(*place) != Some(*object))
        {
            gallery.put_as(kind_of(object), object.clone());
        }
        known = now;
        let at = line.at;
        assert_eq!(gallery.draw(at), writer.picture(at), "at {at}");
        // Time passes, and nothing else.
        let later = at + jiff::SignedDuration::from_mins(7);
        assert_eq!(gallery.draw(later), writer.picture(later), "after {at}");
    }
}

impl Letter {
    /// Writes it from the first line to some seconds after the last.
    pub fn write(timeline: &Timeline, logs: &[String], subjects: Subjects, after: i64) -> Self {
        let mut writer = Writer::begin(timeline, logs, subjects);
        let began = writer.began;
        let mut now = began;
        for line in &timeline.lines {
            now = writer.pass(now, line.at);
            writer.take(&line.change, line.at);
            writer.look(line.at);
        }
        let end = now + jiff::SignedDuration::from_secs(after);
        writer.pass(now, end);
        writer.letter
    }
}

impl<'t> Writer<'t> {
    fn begin(timeline: &Timeline, logs: &'t [String], subjects: Subjects) -> Self {
        let began = timeline.lines.first().unwrap().at;
        Self {
            subjects,
            logs,
            carriers: Carriers::of(&Catalog::load().unwrap()),
            objects: Objects::new(),
            events: BTreeMap::new(),
            began,
            said: BTreeMap::new(),
            headed: None,
            history: History::default(),
            told: BTreeMap::new(),
            letter: Letter {
                text: String::new(),
                begun: Vec::new(),
                ended_ready: false,
            },
        }
    }

    fn picture(&self, now: Timestamp) -> ClusterView {
        let mut objects: Vec<Value> = self.objects.values().cloned().collect();
        objects.extend(self.events.values().cloned());
        picture::draw(&snapshot(&objects), &self.carriers, now)
    }

    /// Time passes and nothing is recorded; ages become findings too.
    fn pass(&mut self, mut now: Timestamp, until: Timestamp) -> Timestamp {
        loop {
            let next = now + jiff::SignedDuration::from_secs(REFRESH);
            if next >= until {
                return until;
            }
            now = next;
            self.look(now);
        }
    }

    fn take(&mut self, change: &Change, at: Timestamp) {
        match change {
            Change::Is(object) => {
                self.objects.insert(place(object), object.clone());
                if object["kind"] == "Cluster" {
                    standins::instances(&mut self.objects, object, at);
                }
            }
            Change::Gone(object) => {
                self.objects.remove(&place(object));
            }
            Change::Told(event) => {
                let name = event["metadata"]["name"].as_str().unwrap_or("").to_owned();
                self.events.insert(name, event.clone());
                let known: Vec<(String, String)> = self
                    .objects
                    .iter()
                    .filter(|(_, object)| {
                        object["metadata"]["annotations"][standins::MARK].is_null()
                    })
                    .map(|(place, _)| place.clone())
                    .collect();
                let recorded = |kind: &str, name: &str| {
                    known.contains(&(kind.to_owned(), format!("database/{name}")))
                };
                standins::learn(&mut self.objects, event, at, &recorded);
            }
        }
    }

    fn all(&self, kind: &str) -> Vec<Arc<Value>> {
        let of = |(place, _): &(&(String, String), &Value)| place.0 == kind;
        self.objects
            .iter()
            .filter(of)
            .map(|(_, object)| Arc::new(object.clone()))
            .collect()
    }

    /// Says what is new at this moment.
    fn look(&mut self, now: Timestamp) {
        let mut news = String::new();
        let view = self.picture(now);
        if self.subjects == Subjects::Screen {
            self.screen(&view, now, &mut news);
        } else {
            self.subjects(&view, &mut news);
            self.findings(&view, &mut news);
        }
        if news.is_empty() {
            return;
        }
        let second = now.round(jiff::Unit::Second).unwrap();
        if self.headed != Some(second) {
            let passed = now.duration_since(self.began).as_secs();
            let clock = now.strftime("%H:%M:%S");
            writeln!(
                self.letter.text,
                "\n{clock}  +{}:{:02}",
                passed / 60,
                passed % 60
            )
            .unwrap();
            self.headed = Some(second);
        }
        self.letter.text.push_str(&news);
    }

    fn subjects(&mut self, view: &ClusterView, news: &mut String) {
        let kinds: &[&str] = match self.subjects {
            Subjects::Clusters => &["Cluster"],
            Subjects::Backups => &["Backup"],
            Subjects::JobsAndClaims => &["Job", "PersistentVolumeClaim"],
            Subjects::Nodes => &["Node"],
            Subjects::Pods => return self.pods(view, news),
            Subjects::Screen => return,
        };
        for kind in kinds {
            for object in self.all(kind) {
                let who = format!(
                    "{kind} {}",
                    object["metadata"]["name"].as_str().unwrap_or("")
                );
                let words = self.words(&object);
                self.letter.ended_ready = words == "ready";
                self.say(who, words, news);
            }
        }
    }

    fn say(&mut self, who: String, words: String, news: &mut String) {
        if self.said.get(&who) == Some(&words) {
            return;
        }
        writeln!(news, "    {who}: {words}").unwrap();
        self.said.insert(who, words);
    }

    /// Ready or not, why it waits, and what the logs of its failed pods say.
    fn words(&self, object: &Arc<Value>) -> String {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or("")
        };
        let target = ObjectRef::new(
            text("/apiVersion"),
            text("/kind"),
            text("/metadata/namespace"),
            text("/metadata/name"),
        );
        let ready = Ready::Object(target);
        let live = Live {
            targets: vec![Arc::clone(object)],
            pods: self.all("Pod"),
            events: self.events.values().cloned().map(Arc::new).collect(),
            claims: self.all("PersistentVolumeClaim"),
            jobs: self.all("Job"),
            nodes: self.all("Node"),
            ..Live::default()
        };
        match ready::judge(&ready, &live) {
            Readiness::Ready => "ready".to_owned(),
            Readiness::Failed(problem) => format!("failed: {} [{}]", problem.what, problem.code),
            Readiness::NotYet(why) => {
                let mut words = format!("not ready because {why}");
                let mut reasons = waiting::explain(&ready, &live);
                reasons.pop();
                for reason in reasons {
                    let code = reason
                        .code
                        .map_or_else(String::new, |code| format!(" [{code}]"));
                    write!(words, "\n        waits because {}{code}", reason.sentence).unwrap();
                }
                if !recovery::failed_pods(&ready, &live).is_empty()
                    && let Some(problem) = recovery::diagnose(self.logs)
                {
                    write!(
                        words,
                        "\n        gives up: {} [{}]",
                        problem.what, problem.code
                    )
                    .unwrap();
                }
                words
            }
        }
    }

    /// The list of pods, as the screen shows it.
    fn pods(&mut self, view: &ClusterView, news: &mut String) {
        for row in &view.pods {
            let who = format!("Pod {}/{}", row.namespace, row.name);
            let node = if row.node.is_empty() {
                "no node"
            } else {
                &row.node
            };
            let health = row.health.word();
            let words = format!(
                "{}/{} {} ({health}) on {node}",
                row.ready, row.containers, row.status
            );
            self.say(who, words, news);
        }
        let there = |who: &str| {
            view.pods
                .iter()
                .any(|row| who == format!("Pod {}/{}", row.namespace, row.name))
        };
        let gone: Vec<String> = self
            .said
            .keys()
            .filter(|who| !there(who))
            .cloned()
            .collect();
        for who in gone {
            writeln!(news, "    {who}: gone").unwrap();
            self.said.remove(&who);
        }
    }

    fn findings(&mut self, view: &ClusterView, news: &mut String) {
        if matches!(self.subjects, Subjects::JobsAndClaims | Subjects::Pods) {
            return;
        }
        let mut now: BTreeMap<String, String> = BTreeMap::new();
        for finding in &view.findings {
            if self.subjects == Subjects::Nodes && !finding.about.starts_with("Node ") {
                continue;
            }
            let mark = format!("{} about {}", finding.problem.code, finding.about);
            let since = finding.since.map_or_else(String::new, |at| {
                format!(", since {}", at.strftime("%H:%M:%S"))
            });
            let word = if finding.health == Health::Bad {
                "failing"
            } else {
                "warning"
            };
            let words = format!("{word}{since}: {}", finding.problem.what);
            let begins = !self.told.contains_key(&mark);
            if begins {
                writeln!(news, "    begins: {mark}, {words}").unwrap();
                for cause in &finding.problem.causes {
                    writeln!(news, "        {cause}").unwrap();
                }
                writeln!(news, "        To fix: {}", finding.problem.remedy).unwrap();
                self.letter.begun.push(mark.clone());
            } else if self.told.get(&mark) != Some(&words) {
                writeln!(news, "    changes: {mark}, {words}").unwrap();
            }
            now.insert(mark, words);
        }
        for mark in self.told.keys().filter(|mark| !now.contains_key(*mark)) {
            writeln!(news, "    ends: {mark}").unwrap();
        }
        self.told = now;
    }
}
