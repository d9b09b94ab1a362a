//! What pods and nodes use of processor and memory, with what they used before. It forgets: so much is kept and no more. Pure.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Samples that are kept of each object: a quarter of an hour, as they are asked for.
pub const SAMPLES: usize = 60;

/// Samples that are kept in all, whatever the number of objects: then each has fewer.
pub const ALL_SAMPLES: usize = 400_000;

/// Samples that each object has at least.
const LEAST: usize = 12;

/// Objects that are kept at most; what is measured beyond is not looked at.
pub const OBJECTS: usize = 25_000;

/// A sample that is older is said to be old.
pub const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// A sample that is older tells nothing about now.
pub const OLD: SignedDuration = SignedDuration::from_mins(3);

/// What has not been measured for so long is forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_mins(20);

/// An amount of both: thousandths of a core, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Processor, in thousandths of a core.
    pub cpu: u64,
    /// Memory, in bytes.
    pub memory: u64,
}

/// What a pod asks for and may have; 0 where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// What is kept free for it.
    pub request: Amount,
    /// What it may not go beyond, when all its containers have a limit.
    pub limit: Amount,
}

/// One measurement of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Namespace; empty for a node.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// When it was measured.
    pub at: Timestamp,
    /// What it used.
    pub used: Amount,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Heard {
    /// Measurements.
    Measured {
        /// Of the nodes.
        nodes: Vec<Reading>,
        /// Of the pods.
        pods: Vec<Reading>,
    },
    /// Nobody measures in this cluster.
    Absent,
    /// Whoever measures is not ready.
    NotReady,
    /// It was refused, or the cluster cannot be asked, in words.
    Refused(String),
}

/// How the measurements stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nobody has answered yet.
    #[default]
    Unasked,
    /// They come.
    Coming,
    /// Nobody measures in this cluster.
    Absent,
    /// Whoever measures is not ready, since then.
    NotReady(Timestamp),
    /// Refused or out of reach since then, with words.
    Refused(Timestamp, String),
}

/// A moment's use, small: many thousand of them are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    /// Seconds since 1970.
    at: u32,
    /// Thousandths of a core.
    cpu: u32,
    /// KiB.
    memory: u32,
}

/// What one object used, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track(VecDeque<Sample>);

impl Track {
    /// The newest use, and when it was measured.
    pub fn last(&self) -> Option<(Timestamp, Amount)> {
        self.0.back().map(|sample| (sample.when(), sample.amount()))
    }

    /// The newest use, unless it is so old that it tells nothing about now.
    pub fn now(&self, now: Timestamp) -> Option<Amount> {
        let (at, used) = self.last()?;
        (now.duration_since(at) <= OLD).then_some(used)
    }

    /// All uses that are kept, the oldest first.
    pub fn uses(&self) -> impl ExactSizeIterator<Item = Amount> {
        self.0.iter().map(|sample| sample.amount())
    }

    /// From the oldest to the newest; nothing when there is only one.
    pub fn spans(&self) -> Option<SignedDuration> {
        let (first, last) = (self.0.front()?, self.0.back()?);
        let span = last.when().duration_since(first.when());
        (!span.is_zero()).then_some(span)
    }

    /// Keeps a sample that is newer than the last, and no more than so many.
    fn keep(&mut self, sample: Sample, most: usize) {
        if self.0.back().is_some_and(|last| last.at >= sample.at) {
            return;
        }
        while self.0.len() >= most {
            self.0.pop_front();
        }
        // Room for a few at a time: doubling would hold twice as much as is used.
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(LEAST.min(most - self.0.len()));
        }
        self.0.push_back(sample);
    }
}

impl Sample {
    fn of(reading: &Reading) -> Self {
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            at: u32::try_from(reading.at.as_second()).unwrap_or(0),
            cpu: small(reading.used.cpu),
            memory: small(reading.used.memory >> 10),
        }
    }

    fn when(self) -> Timestamp {
        Timestamp::from_second(self.at.into()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn amount(self) -> Amount {
        Amount {
            cpu: self.cpu.into(),
            memory: u64::from(self.memory) << 10,
        }
    }
}

/// What is known of the use of everything.
#[derive(Debug, Default)]
pub struct Usage {
    state: State,
    /// By namespace and name; nodes have no namespace.
    tracks: HashMap<String, HashMap<String, Track>>,
    count: usize,
    heard: u64,
}

impl Usage {
    /// Takes what came of asking.
    pub fn hear(&mut self, heard: Heard, now: Timestamp) {
        self.heard += 1;
        let before = std::mem::take(&mut self.state);
        self.state = match (heard, before) {
            (Heard::Measured { nodes, pods }, _) => {
                self.take(&nodes, &pods);
                State::Coming
            }
            (Heard::Absent, _) => {
                // Whatever was measured, nobody stands for it any more.
                self.tracks.clear();
                self.count = 0;
                State::Absent
            }
            (Heard::NotReady, State::NotReady(since)) => State::NotReady(since),
            (Heard::NotReady, _) => State::NotReady(now),
            (Heard::Refused(words), State::Refused(since, _)) => State::Refused(since, words),
            (Heard::Refused(words), _) => State::Refused(now, words),
        };
    }

    fn take(&mut self, nodes: &[Reading], pods: &[Reading]) {
        let all = nodes.len() + pods.len();
        let most = (ALL_SAMPLES / all.max(self.count).max(1)).clamp(LEAST, SAMPLES);
        let newest = nodes.iter().chain(pods).map(|reading| reading.at).max();
        for reading in nodes.iter().chain(pods) {
            let known = self.tracks.get(&reading.namespace);
            let known = known.is_some_and(|tracks| tracks.contains_key(&reading.name));
            if !known && self.count >= OBJECTS {
                continue;
            }
            if !known {
                self.count += 1;
            }
            // Only what is new costs a copy of its name.
            if !self.tracks.contains_key(&reading.namespace) {
                self.tracks
                    .insert(reading.namespace.clone(), HashMap::new());
            }
            let Some(tracks) = self.tracks.get_mut(&reading.namespace) else {
                continue;
            };
            if !known {
                tracks.insert(reading.name.clone(), Track::default());
            }
            if let Some(track) = tracks.get_mut(&reading.name) {
                track.keep(Sample::of(reading), most);
            }
        }
        if let Some(newest) = newest {
            self.forget(newest);
        }
    }

    /// Forgets what has not been measured for long.
    fn forget(&mut self, newest: Timestamp) {
        for tracks in self.tracks.values_mut() {
            tracks.retain(|_, track| {
                let last = track.last();
                last.is_some_and(|(at, _)| newest.duration_since(at) <= FORGOTTEN)
            });
        }
        self.tracks.retain(|_, tracks| !tracks.is_empty());
        self.count = self.tracks.values().map(HashMap::len).sum();
    }

    /// How the measurements stand.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether anything was ever measured.
    pub fn is_known(&self) -> bool {
        self.count > 0
    }

    /// How often something was heard: while it is the same, so is everything here.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// What a pod uses.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<&Track> {
        self.tracks.get(namespace)?.get(name)
    }

    /// What a node uses.
    pub fn node(&self, name: &str) -> Option<&Track> {
        self.pod("", name)
    }

    /// When the newest of all measurements was made.
    pub fn newest(&self) -> Option<Timestamp> {
        // Nodes are few, and they are measured with their pods.
        let nodes = self.tracks.get("")?.values();
        nodes.filter_map(|track| Some(track.last()?.0)).max()
    }
}

/// A quantity of Kubernetes in thousandths: `250m`, `0.5`, `153345678n`, `512Mi`; nothing when it is none.
pub fn thousandths(text: &str) -> Option<i64> {
    const UNITS: [(&str, i128, i128); 15] = [
        ("Ki", 1 << 10, 1),
        ("Mi", 1 << 20, 1),
        ("Gi", 1 << 30, 1),
        ("Ti", 1 << 40, 1),
        ("Pi", 1 << 50, 1),
        ("Ei", 1 << 60, 1),
        ("n", 1, 1_000_000_000),
        ("u", 1, 1_000_000),
        ("m", 1, 1_000),
        ("k", 1_000, 1),
        ("M", 1_000_000, 1),
        ("G", 1_000_000_000, 1),
        ("T", 1_000_000_000_000, 1),
        ("P", 1_000_000_000_000_000, 1),
        ("", 1, 1),
    ];
    let (number, times, parts) = UNITS
        .iter()
        .find_map(|(unit, times, parts)| Some((text.strip_suffix(unit)?, *times, *parts)))?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let places = u32::try_from(part.len())
        .ok()
        .filter(|places| *places <= 9)?;
    let digits: i128 = format!("{whole}{part}").parse().ok()?;
    let scaled = digits.checked_mul(times)?.checked_mul(1000)? / parts / 10_i128.pow(places);
    i64::try_from(scaled).ok()
}

/// Thousandths of a core; 0 for what is no quantity.
pub fn millicores(text: &str) -> u64 {
    thousandths(text)
        .and_then(|number| u64::try_from(number).ok())
        .unwrap_or(0)
}

/// Whole units, such as bytes; 0 for what is no quantity.
pub fn units(text: &str) -> u64 {
    millicores(text) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).unwrap()
    }

    fn reading(name: &str, seconds: i64, cpu: u64, memory: u64) -> Reading {
        Reading {
            namespace: "care".to_owned(),
            name: name.to_owned(),
            at: at(seconds),
            used: Amount { cpu, memory },
        }
    }

    fn measured(pods: Vec<Reading>) -> Heard {
        Heard::Measured {
            nodes: Vec::new(),
            pods,
        }
    }

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, number) in [
            ("250m", Some(250)),
            ("2", Some(2_000)),
            ("0.5", Some(500)),
            ("1.25Gi", Some(1_342_177_280_000)),
            ("153345678n", Some(153)),
            ("1500u", Some(1)),
            ("421376Ki", Some(431_489_024_000)),
            ("64Mi", Some(67_108_864_000)),
            ("1k", Some(1_000_000)),
            ("-3m", Some(-3)),
            ("", None),
            ("Mi", None),
            ("many", None),
            ("1.0000000000001", None),
            ("99999999999Ei", None),
        ] {
            assert_eq!(thousandths(text), number, "{text}");
        }
        assert_eq!((millicores("nonsense"), units("64Mi")), (0, 64 << 20));
    }

    #[test]
    fn a_track_keeps_its_newest_samples_and_no_measurement_twice() {
        let mut usage = Usage::default();
        for turn in 0..200 {
            let one = reading("web", turn * 15, turn.unsigned_abs(), 1 << 30);
            usage.hear(measured(vec![one.clone(), one]), at(turn * 15));
        }
        let track = usage.pod("care", "web").unwrap();
        let uses: Vec<u64> = track.uses().map(|used| used.cpu).collect();
        assert_eq!(uses, (140..200).collect::<Vec<_>>());
        assert_eq!(
            track.last().unwrap().1,
            Amount {
                cpu: 199,
                memory: 1 << 30
            }
        );
        assert_eq!(track.spans(), Some(SignedDuration::from_secs(59 * 15)));
    }

    #[test]
    fn an_old_sample_tells_nothing_about_now_and_what_is_gone_is_forgotten() {
        let mut usage = Usage::default();
        usage.hear(
            measured(vec![reading("web", 0, 1, 1), reading("job", 0, 1, 1)]),
            at(0),
        );
        let web = usage.pod("care", "web").unwrap();
        assert!(web.now(at(180)).is_some() && web.now(at(181)).is_none());
        usage.hear(measured(vec![reading("web", 1000, 1, 1)]), at(1000));
        assert!(usage.pod("care", "job").is_some());
        usage.hear(measured(vec![reading("web", 1300, 1, 1)]), at(1300));
        assert!(usage.pod("care", "job").is_none() && usage.pod("care", "web").is_some());
    }

    #[test]
    fn many_thousand_pods_have_fewer_samples_each_and_no_more_are_kept_than_there_is_room_for() {
        let mut usage = Usage::default();
        let pods = OBJECTS + 100;
        for turn in 0..70 {
            let all = (0..pods).map(|number| reading(&format!("pod-{number}"), turn * 15, 1, 1));
            usage.hear(measured(all.collect()), at(turn * 15));
        }
        let kept: usize = usage.tracks.values().map(HashMap::len).sum();
        assert_eq!(kept, OBJECTS);
        let samples: usize = usage
            .tracks
            .values()
            .flat_map(HashMap::values)
            .map(|track| track.0.len())
            .sum();
        assert!(samples <= ALL_SAMPLES, "{samples}");
        let room: usize = usage
            .tracks
            .values()
            .flat_map(HashMap::values)
            .map(|track| track.0.capacity())
            .sum();
        assert!(room <= ALL_SAMPLES * 2, "{room}");
        // Fewer pods may have more again.
        for turn in 200..280 {
            usage.hear(
                measured(vec![reading("pod-1", turn * 15, 1, 1)]),
                at(turn * 15),
            );
        }
        assert_eq!(usage.pod("care", "pod-1").unwrap().uses().len(), SAMPLES);
    }

    #[test]
    fn since_when_nobody_answers_is_remembered_and_an_absent_server_leaves_nothing() {
        let mut usage = Usage::default();
        usage.hear(measured(vec![reading("web", 0, 1, 1)]), at(0));
        usage.hear(Heard::NotReady, at(20));
        usage.hear(Heard::NotReady, at(40));
        assert_eq!(*usage.state(), State::NotReady(at(20)));
        assert!(usage.is_known());
        usage.hear(Heard::Refused("no".to_owned()), at(60));
        usage.hear(Heard::Refused("no, still".to_owned()), at(80));
        assert_eq!(
            *usage.state(),
            State::Refused(at(60), "no, still".to_owned())
        );
        usage.hear(Heard::Absent, at(100));
        assert!(!usage.is_known() && *usage.state() == State::Absent);
    }
}
