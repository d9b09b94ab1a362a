//! Looking for a text in a log: newest lines first and a piece at a time, so that keys are never kept waiting. Pure.

use std::collections::VecDeque;

use regex::bytes::{Regex, RegexBuilder};

use super::store::Store;

/// A search, as far as it has come.
#[derive(Clone, Debug)]
pub struct Search {
    text: String,
    pattern: Regex,
    /// Numbers of the lines found, in order.
    found: VecDeque<u64>,
    /// The lines that were looked at: from this one ...
    from: u64,
    /// ... to before this one.
    until: u64,
    /// The oldest line that there was at the last step.
    first: u64,
    /// The line after the newest at the last step.
    end: u64,
}

impl Search {
    /// Begins at the newest line; nothing when there is nothing to look for.
    pub fn begin(text: &str, store: &Store) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let pattern = RegexBuilder::new(&regex::escape(text))
            .case_insensitive(true)
            .build()
            .ok()?;
        Some(Self {
            text: text.to_owned(),
            pattern,
            found: VecDeque::new(),
            from: store.end(),
            until: store.end(),
            first: store.first(),
            end: store.end(),
        })
    }

    /// A search that is over.
    pub fn whole(text: &str, store: &Store) -> Option<Self> {
        let mut search = Self::begin(text, store)?;
        while search.goes_on() {
            search.step(store);
        }
        Some(search)
    }

    /// Whether it looks for this text.
    pub fn is_for(&self, text: &str) -> bool {
        self.text == text
    }

    /// Whether lines are left.
    pub fn goes_on(&self) -> bool {
        self.from > self.first || self.until < self.end
    }

    /// Takes notice of lines that have come, or were let go.
    pub fn notice(&mut self, store: &Store) {
        self.first = store.first();
        self.end = store.end();
        while self.found.front().is_some_and(|line| *line < self.first) {
            self.found.pop_front();
        }
        self.from = self.from.max(self.first);
        self.until = self.until.max(self.from);
    }

    /// Looks at one more piece: first at what is new, then at what is older.
    pub fn step(&mut self, store: &Store) {
        self.notice(store);
        if self.until < self.end {
            let Some(stretch) = store.stretch(self.until, self.end) else {
                return;
            };
            self.found.extend(stretch.found(&self.pattern));
            self.until = stretch.end();
        } else if self.from > self.first {
            let begin = store.piece_begin(self.from - 1).max(self.first);
            let Some(stretch) = store.stretch(begin, self.from) else {
                return;
            };
            for line in stretch.found(&self.pattern).into_iter().rev() {
                self.found.push_front(line);
            }
            self.from = begin;
        }
    }

    /// The lines found so far, in order.
    pub fn found(&self) -> &VecDeque<u64> {
        &self.found
    }

    /// How many percent of the lines were looked at.
    pub fn percent(&self) -> u64 {
        let all = (self.end - self.first).max(1);
        (self.until - self.from) * 100 / all
    }

    /// The newest line found before a line; the newest of all when there is none given.
    pub fn older(&self, line: u64) -> Option<u64> {
        let at = self.found.partition_point(|found| *found < line);
        self.found.get(at.checked_sub(1)?).copied()
    }

    /// The oldest line found after a line.
    pub fn newer(&self, line: u64) -> Option<u64> {
        let at = self.found.partition_point(|found| *found <= line);
        self.found.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_found_first_and_in_the_end_everything() {
        let mut store = Store::default();
        for number in 0..200_000_u32 {
            store.push(
                format!(
                    "line {number} {}",
                    if number % 1000 == 7 { "NEEDLE" } else { "hay" }
                )
                .as_bytes(),
            );
        }
        let mut search = Search::begin("needle", &store).unwrap();
        search.step(&store);
        assert_eq!(search.found().back(), Some(&199_007));
        assert!(search.goes_on());
        while search.goes_on() {
            search.step(&store);
        }
        let all: Vec<u64> = search.found().iter().copied().collect();
        let wanted: Vec<u64> = (0..200).map(|thousand| thousand * 1000 + 7).collect();
        assert_eq!(all, wanted);
        assert_eq!(
            (search.older(1007), search.newer(1007)),
            (Some(7), Some(2007))
        );
        assert_eq!((search.older(7), search.newer(199_007)), (None, None));
        // What comes later is found, too.
        store.push(b"one more needle");
        search.notice(&store);
        assert!(search.goes_on());
        search.step(&store);
        assert_eq!(search.found().back(), Some(&200_000));
        assert_eq!(search.percent(), 100);
    }

    #[test]
    fn nothing_is_found_across_two_lines_or_by_signs_of_patterns() {
        let store = Store::of(["abc", "def", "a.c", "cd"]);
        let lines = |text: &str| -> Vec<u64> {
            let found = Search::whole(text, &store);
            found.map_or_else(Vec::new, |search| search.found().iter().copied().collect())
        };
        assert_eq!(lines("cd"), [3]);
        assert_eq!(lines("a.c"), [2]);
        assert_eq!(lines("C"), [0, 2, 3]);
        assert_eq!(lines(""), Vec::<u64>::new());
    }

    #[test]
    fn bytes_that_are_no_text_are_searched_as_well() {
        let mut store = Store::default();
        store.push(b"\xff\xfe broken \x1b[31mError\x1b[0m \xc3");
        assert_eq!(Search::whole("error", &store).unwrap().found().len(), 1);
    }
}
