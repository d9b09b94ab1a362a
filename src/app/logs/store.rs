//! The text of a log, kept in large pieces: bounded, only growing at its end, each line found at once. Pure.

use std::{collections::VecDeque, sync::Arc};

/// Bytes of a piece.
const PIECE: usize = 1 << 20;

/// Most bytes of text that are kept; of a longer log the oldest lines are let go.
pub const MOST_BYTES: usize = 128 << 20;

/// Most bytes of one line that are kept.
pub const LONGEST_LINE: usize = 64 << 10;

/// Whole lines one after the other, without the signs between them.
#[derive(Clone, Debug, Default)]
struct Piece {
    bytes: Vec<u8>,
    /// Where each line ends.
    ends: Vec<u32>,
}

impl Piece {
    fn line(&self, at: usize) -> Option<&[u8]> {
        let end = usize::try_from(*self.ends.get(at)?).ok()?;
        let begin = match at.checked_sub(1) {
            Some(before) => usize::try_from(*self.ends.get(before)?).ok()?,
            None => 0,
        };
        self.bytes.get(begin..end)
    }

    fn take(&mut self, line: &[u8]) {
        let kept = line.get(..LONGEST_LINE).unwrap_or(line);
        self.bytes.extend_from_slice(kept);
        // A piece is closed long before this could not be counted.
        self.ends
            .push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }
}

/// A piece that is full, with the number of its first line.
#[derive(Clone, Debug)]
struct Full {
    first: u64,
    piece: Arc<Piece>,
}

/// The text of a log. Lines are counted from 0 and keep their number when older ones are let go.
#[derive(Clone, Debug, Default)]
pub struct Store {
    full: VecDeque<Full>,
    full_bytes: usize,
    last: Piece,
    /// Number of the first line in the last piece.
    last_first: u64,
}

impl Store {
    /// A text of these lines.
    pub fn of<'l>(lines: impl IntoIterator<Item = &'l str>) -> Self {
        let mut store = Self::default();
        for line in lines {
            store.push(line.as_bytes());
        }
        store
    }

    /// Adds a line at the end.
    pub fn push(&mut self, line: &[u8]) {
        self.last.take(line);
        if self.last.bytes.len() + self.last.ends.len() >= PIECE {
            self.close();
        }
    }

    /// Adds whole lines that end with a line feed each.
    pub fn push_all(&mut self, lines: &[u8]) {
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', lines) {
            self.push(lines.get(begin..end).unwrap_or_default());
            begin = end + 1;
        }
        if let Some(rest) = lines.get(begin..).filter(|rest| !rest.is_empty()) {
            self.push(rest);
        }
    }

    fn close(&mut self) {
        let piece = std::mem::take(&mut self.last);
        let first = self.last_first;
        self.last_first += piece.ends.len() as u64;
        self.full_bytes += piece.bytes.len();
        self.full.push_back(Full {
            first,
            piece: Arc::new(piece),
        });
        while self.full_bytes > MOST_BYTES {
            let Some(gone) = self.full.pop_front() else {
                return;
            };
            self.full_bytes -= gone.piece.bytes.len();
        }
    }

    /// Number of the oldest line that is kept.
    pub fn first(&self) -> u64 {
        self.full.front().map_or(self.last_first, |full| full.first)
    }

    /// Number of the line that comes next.
    pub fn end(&self) -> u64 {
        self.last_first + self.last.ends.len() as u64
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        usize::try_from(self.end() - self.first()).unwrap_or(usize::MAX)
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.end() == self.first()
    }

    /// Bytes of text that are kept.
    pub fn bytes(&self) -> usize {
        self.full_bytes + self.last.bytes.len()
    }

    /// The line with a number.
    pub fn line(&self, number: u64) -> Option<&[u8]> {
        let (first, piece) = self.piece(number)?;
        piece.line(usize::try_from(number - first).ok()?)
    }

    /// The piece that holds a line, with the number of its first line.
    fn piece(&self, number: u64) -> Option<(u64, &Piece)> {
        if number >= self.last_first {
            return Some((self.last_first, &self.last));
        }
        let after = self.full.partition_point(|full| full.first <= number);
        let full = self.full.get(after.checked_sub(1)?)?;
        Some((full.first, &full.piece))
    }

    /// The lines of the piece that holds a line, as far as they lie below `until`: the number of the first of them,
    /// their bytes, and where each ends in these.
    pub(super) fn stretch(&self, number: u64, until: u64) -> Option<Stretch<'_>> {
        let (first, piece) = self.piece(number)?;
        let from = usize::try_from(number - first).ok()?;
        let count = usize::try_from(until - first).ok()?.min(piece.ends.len());
        Some(Stretch {
            first,
            from,
            count,
            piece,
        })
    }

    /// Number of the first line of the piece that holds a line.
    pub(super) fn piece_begin(&self, number: u64) -> u64 {
        self.piece(number).map_or(number, |(first, _)| first)
    }

    /// The whole text, for a file.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.bytes() + self.len());
        let pieces = self.full.iter().map(|full| &*full.piece);
        for piece in pieces.chain(std::iter::once(&self.last)) {
            for at in 0..piece.ends.len() {
                text.extend_from_slice(piece.line(at).unwrap_or_default());
                text.push(b'\n');
            }
        }
        text
    }
}

/// Some lines of one piece.
pub(super) struct Stretch<'s> {
    first: u64,
    from: usize,
    count: usize,
    piece: &'s Piece,
}

impl Stretch<'_> {
    /// Number of the line after them.
    pub(super) fn end(&self) -> u64 {
        self.first + self.count as u64
    }

    /// Numbers of the lines that a pattern is found in, in order.
    pub(super) fn found(&self, pattern: &regex::bytes::Regex) -> Vec<u64> {
        let place = |line: usize| match line.checked_sub(1) {
            Some(before) => self.piece.ends.get(before).copied().unwrap_or(u32::MAX) as usize,
            None => 0,
        };
        let bytes = self
            .piece
            .bytes
            .get(..place(self.count))
            .unwrap_or_default();
        let mut found = Vec::new();
        let mut at = place(self.from);
        while let Some(hit) = pattern.find_at(bytes, at) {
            let line = self
                .piece
                .ends
                .partition_point(|end| (*end as usize) <= hit.start());
            let end = place(line + 1);
            // What begins in one line and ends in the next is found in neither.
            if hit.end() <= end {
                found.push(self.first + line as u64);
                at = end;
            } else {
                at = hit.start() + 1;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers_and_the_oldest_are_let_go() {
        let mut store = Store::default();
        let line = vec![b'x'; 1000];
        let count = u64::try_from(MOST_BYTES / 1000 * 2).unwrap();
        for number in 0..count {
            let mut line = line.clone();
            line.extend(number.to_string().bytes());
            store.push(&line);
        }
        assert!(store.bytes() <= MOST_BYTES + PIECE + 2000);
        assert_eq!(store.end(), count);
        assert!(store.first() > 0 && store.line(store.first() - 1).is_none());
        for number in [store.first(), store.first() + 12_345, count - 1] {
            let line = store.line(number).unwrap();
            assert!(line.ends_with(number.to_string().as_bytes()));
        }
        assert!(store.line(count).is_none());
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut store = Store::default();
        store.push(&vec![b'a'; LONGEST_LINE * 3]);
        store.push(b"next");
        assert_eq!(store.line(0).unwrap().len(), LONGEST_LINE);
        assert_eq!(store.line(1).unwrap(), b"next");
    }

    #[test]
    fn the_text_of_a_file_is_what_was_taken() {
        let mut store = Store::default();
        store.push_all(b"a\n\nb \xff\nc");
        assert_eq!(store.len(), 4);
        assert_eq!(store.text(), b"a\n\nb \xff\nc\n");
    }
}
