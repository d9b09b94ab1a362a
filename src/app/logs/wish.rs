//! What is read of a log, and how much of it has come. Pure.

use std::time::Duration;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::store::Store;
use crate::problem::Problem;

/// Which time is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// All that is kept.
    #[default]
    All,
    /// The last of it.
    Last(Duration),
    /// Between two moments.
    Between(Timestamp, Timestamp),
}

impl Range {
    /// What stands above the lines.
    pub fn words(self) -> String {
        let short = |at: Timestamp| at.strftime("%m-%d %H:%M:%S").to_string();
        match self {
            Self::All => String::new(),
            Self::Last(span) => format!("last {}", crate::app::words::about(span)),
            Self::Between(from, until) => format!("{} to {} UTC", short(from), short(until)),
        }
    }

    /// Reads `10:00 to 10:30`, or the same with dates; a time alone is of today.
    pub fn read(text: &str, now: Timestamp) -> Option<Self> {
        let (from, until) = text.split_once(" to ")?;
        let (from, until) = (moment(from, now)?, moment(until, now)?);
        (from < until).then_some(Self::Between(from, until))
    }
}

fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let today = now.to_zoned(TimeZone::UTC).date();
    let at: civil::DateTime = match text.parse::<civil::DateTime>() {
        Ok(at) if text.contains('-') => at,
        _ => text
            .parse::<civil::Time>()
            .ok()?
            .on(today.year(), today.month(), today.day()),
    };
    at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

/// What is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Tells the answers to this wish from those to an earlier one.
    pub id: u64,
    /// Namespace.
    pub namespace: String,
    /// The pods.
    pub pods: Vec<String>,
    /// Only this container of each; nothing is all of them.
    pub container: Option<String>,
    /// Of the instance before the present one.
    pub previous: bool,
    /// Which time.
    pub range: Range,
    /// From the beginning, and not only the newest lines.
    pub whole: bool,
}

/// News of a log that is read.
#[derive(Debug, Serialize, Deserialize)]
pub enum News {
    /// It can be read; the containers that can be chosen.
    Begun(Vec<String>),
    /// Whole lines, each with its line feed.
    Lines(#[serde(with = "lines")] Vec<u8>),
    /// Everything that was written before is read; true when nothing older is kept there.
    Caught(bool),
    /// Nothing more is heard for this reason, or again.
    Trouble(Option<Problem>),
    /// No line will come any more.
    Over,
}

/// Lines in a recording: as text where they are text, else as numbers.
mod lines {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let written = match std::str::from_utf8(bytes) {
            Ok(text) => Written::Text(text.to_owned()),
            Err(_) => Written::Bytes(bytes.to_vec()),
        };
        written.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        Ok(match Written::deserialize(from)? {
            Written::Text(text) => text.into_bytes(),
            Written::Bytes(bytes) => bytes,
        })
    }
}

/// How far the reading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nothing has come yet.
    #[default]
    Asked,
    /// Older lines still come.
    Reads,
    /// New lines come as they are written.
    Follows,
    /// No line will come any more.
    Over,
}

/// The log that is read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What is read.
    pub wish: Wish,
    /// What has come.
    pub store: Store,
    /// The same from its beginning, while it comes: it takes the place of the other once it is whole.
    pub coming: Option<Store>,
    /// How far it is.
    pub stage: Stage,
    /// Why nothing is heard.
    pub trouble: Option<Problem>,
    /// Containers that can be chosen.
    pub containers: Vec<String>,
    /// Whether nothing older is kept there.
    pub complete: bool,
}

impl Reading {
    /// Begins to read something; what is there stays in sight until the new lines are whole.
    pub fn begin(&mut self, wish: Wish, keep: bool) {
        let id = self.wish.id + 1;
        self.coming = keep.then(Store::default);
        if !keep {
            self.store = Store::default();
            self.complete = false;
        }
        self.wish = Wish { id, ..wish };
        self.stage = Stage::Asked;
        self.trouble = None;
    }

    /// Takes news; false when they are of an earlier wish.
    pub fn hear(&mut self, id: u64, news: News) -> bool {
        if id != self.wish.id {
            return false;
        }
        match news {
            News::Begun(containers) => {
                self.containers = containers;
                self.stage = Stage::Reads;
            }
            News::Lines(lines) => self
                .coming
                .as_mut()
                .unwrap_or(&mut self.store)
                .push_all(&lines),
            News::Caught(complete) => {
                self.complete = complete;
                self.stage = Stage::Follows;
                self.swap();
            }
            News::Trouble(trouble) => self.trouble = trouble,
            News::Over => {
                self.stage = Stage::Over;
                self.swap();
            }
        }
        true
    }

    fn swap(&mut self) {
        if let Some(whole) = self.coming.take().filter(|whole| !whole.is_empty()) {
            self.store = whole;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_typed_as_times_of_today_or_with_dates() {
        let now = "2026-11-24T14:07:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let read = |text: &str| Range::read(text, now);
        assert_eq!(
            read("10:00 to 10:30:05"),
            Some(Range::Between(
                at("2026-11-24T10:00:00Z"),
                at("2026-11-24T10:30:05Z")
            ))
        );
        assert_eq!(
            read("2026-11-23 22:00 to 2026-11-24 06:00"),
            Some(Range::Between(
                at("2026-11-23T22:00:00Z"),
                at("2026-11-24T06:00:00Z")
            ))
        );
        for wrong in [
            "",
            "10:00",
            "10:30 to 10:00",
            "now to then",
            "25:00 to 26:00",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_in_sight_stays_until_the_whole_has_come() {
        let mut reading = Reading::default();
        reading.begin(Wish::default(), false);
        let lines = |text: &str| News::Lines(text.as_bytes().to_vec());
        assert!(reading.hear(1, lines("c\nd\n")));
        reading.begin(
            Wish {
                whole: true,
                ..Wish::default()
            },
            true,
        );
        assert!(!reading.hear(1, lines("late\n")), "of an earlier wish");
        reading.hear(2, lines("a\nb\n"));
        assert_eq!(reading.store.text(), b"c\nd\n");
        reading.hear(2, lines("c\nd\n"));
        reading.hear(2, News::Caught(true));
        assert_eq!(reading.store.text(), b"a\nb\nc\nd\n");
        reading.hear(2, lines("e\n"));
        assert_eq!(reading.store.len(), 5);
    }
}
