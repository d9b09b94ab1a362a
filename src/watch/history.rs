//! What began and what ended while it was watched: the findings of each picture held against those of the one before. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    facts::age,
    view::{ClusterView, TimelineRow},
};

/// Findings that are over and still known.
const MOST: usize = 500;

/// What comes again so soon had not ended.
const AGAIN: Duration = Duration::from_mins(1);

/// A finding by its code and what it is about.
type Key = (String, String);

/// The findings of this watch.
#[derive(Clone, Debug, Default)]
pub struct History {
    open: BTreeMap<Key, TimelineRow>,
    /// The newest at the end.
    over: VecDeque<(Key, TimelineRow)>,
}

impl History {
    /// Looks at the next picture.
    pub fn look(&mut self, view: &ClusterView) {
        let Some(now) = view.at.filter(|_| view.stale_since.is_none()) else {
            return;
        };
        let mut seen = BTreeSet::new();
        for finding in &view.findings {
            let key = (
                finding.problem.code.as_str().to_owned(),
                finding.about.clone(),
            );
            seen.insert(key.clone());
            let known = self.open.remove(&key).or_else(|| self.again(&key, now));
            let fresh = TimelineRow {
                at: finding.since.or(Some(now)),
                until: None,
                kind: "finding",
                what: finding.problem.what.clone(),
                about: finding.about.clone(),
                code: Some(finding.problem.code),
                health: finding.health,
            };
            let row = match known {
                // The first moment and the worst of it stay.
                Some(known) => TimelineRow {
                    at: known.at.min(fresh.at),
                    health: known.health.max(fresh.health),
                    ..fresh
                },
                None => fresh,
            };
            self.open.insert(key, row);
        }
        let ended: Vec<Key> = self
            .open
            .keys()
            .filter(|key| !seen.contains(*key))
            .cloned()
            .collect();
        for key in ended {
            if let Some(mut row) = self.open.remove(&key) {
                row.until = Some(now);
                self.over.push_back((key, row));
            }
        }
        while self.over.len() > MOST {
            self.over.pop_front();
        }
    }

    /// Gives what lasts the moment at which it began, which the objects may have forgotten.
    pub fn remember(&self, view: &mut ClusterView) {
        for finding in &mut view.findings {
            let key = (
                finding.problem.code.as_str().to_owned(),
                finding.about.clone(),
            );
            let known = self.open.get(&key).and_then(|row| row.at);
            // What never told a beginning is not given one: it may be older than this watch.
            finding.since = finding.since.map(|since| known.unwrap_or(since).min(since));
        }
    }

    /// A finding that ended a moment ago and is there again.
    fn again(&mut self, key: &Key, now: Timestamp) -> Option<TimelineRow> {
        let at = self.over.iter().rposition(|(known, row)| {
            known == key && age(row.until, now).is_some_and(|age| age <= AGAIN)
        })?;
        self.over.remove(at).map(|(_, row)| row)
    }

    /// Everything that began or ended, with the changes of the same picture, newest first.
    pub fn rows(&self, changes: Vec<TimelineRow>) -> Vec<TimelineRow> {
        let over = self.over.iter().map(|(_, row)| row);
        let mut rows: Vec<TimelineRow> = self.open.values().chain(over).cloned().collect();
        rows.extend(changes);
        rows.sort_by_key(|row| std::cmp::Reverse(row.until.max(row.at)));
        rows.truncate(MOST);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        problem::{Code, Problem},
        watch::view::{Finding, Health},
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn view(second: i64, findings: &[(&str, Health)]) -> ClusterView {
        let finding = |(about, health): &(&str, Health)| Finding {
            health: *health,
            problem: Problem::new(Code::Wait03, "It ends.", "Look."),
            about: (*about).to_owned(),
            since: None,
            services: Vec::new(),
            brings: Vec::new(),
            because_of: None,
        };
        ClusterView {
            at: Some(at(second)),
            findings: findings.iter().map(finding).collect(),
            ..ClusterView::default()
        }
    }

    fn told(history: &History) -> Vec<(String, Option<Timestamp>, Option<Timestamp>, Health)> {
        let rows = history.rows(Vec::new()).into_iter();
        rows.map(|row| (row.about, row.at, row.until, row.health))
            .collect()
    }

    #[test]
    fn what_begins_and_ends_is_kept_with_its_worst() {
        let mut history = History::default();
        history.look(&view(0, &[("a", Health::Warn)]));
        history.look(&view(10, &[("a", Health::Bad), ("b", Health::Warn)]));
        history.look(&view(20, &[("a", Health::Warn)]));
        assert_eq!(
            told(&history),
            [
                ("b".to_owned(), Some(at(10)), Some(at(20)), Health::Warn),
                ("a".to_owned(), Some(at(0)), None, Health::Bad),
            ]
        );
        // What flickers is one thing; what comes back later is another.
        history.look(&view(30, &[]));
        history.look(&view(60, &[("a", Health::Warn)]));
        let lasting = ("a".to_owned(), Some(at(0)), None, Health::Bad);
        assert!(told(&history).contains(&lasting) && told(&history).len() == 2);
        history.look(&view(100, &[]));
        history.look(&view(300, &[("a", Health::Warn)]));
        assert_eq!(told(&history).len(), 3);
    }

    #[test]
    fn nothing_ends_while_nothing_is_heard() {
        let mut history = History::default();
        history.look(&view(0, &[("a", Health::Bad)]));
        let mut stale = view(50, &[]);
        stale.stale_since = Some(at(10));
        history.look(&stale);
        history.look(&ClusterView::default());
        assert_eq!(
            told(&history),
            [("a".to_owned(), Some(at(0)), None, Health::Bad)]
        );
    }

    #[test]
    fn it_never_grows_beyond_its_limit() {
        let mut history = History::default();
        for second in 0..3000 {
            let name = format!("pod-{second}");
            history.look(&view(second * 100, &[(&name, Health::Warn)]));
        }
        assert_eq!(history.over.len(), MOST);
        assert_eq!(told(&history).len(), MOST);
        assert_eq!(told(&history)[0].0, "pod-2999");
    }
}
