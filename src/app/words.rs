//! Times in short words, and text cut into lines. Pure.

use std::time::Duration;

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How a line is meant; the theme makes a style of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary.
    #[default]
    Plain,
    /// A heading.
    Strong,
    /// Less important.
    Dim,
    /// Good.
    Good,
    /// At work.
    Busy,
    /// To look at.
    Warn,
    /// Wrong.
    Bad,
    /// What to do.
    Remedy,
}

/// A line, or a paragraph that is cut into lines where it is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// How it is meant.
    pub tone: Tone,
    /// Columns of white space before it, also before its further lines.
    pub indent: usize,
    /// Further columns before all lines but the first: the first so many columns of the text are a label.
    pub hang: usize,
    /// The text.
    pub text: String,
}

impl Words {
    /// A paragraph.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone,
            indent: 0,
            hang: 0,
            text: text.into(),
        }
    }

    /// The same, moved to the right.
    #[must_use]
    pub fn moved(mut self, indent: usize) -> Self {
        self.indent = indent;
        self
    }

    /// The same, with a label of so many columns at its beginning.
    #[must_use]
    pub fn labelled(mut self, columns: usize) -> Self {
        self.hang = columns;
        self
    }

    /// An empty line.
    pub fn empty() -> Self {
        Self::default()
    }
}

/// Days from which a duration is told in years, as kubectl does.
const YEARS: u64 = 8 * 365;

/// A duration for tables: `48s`, `4m12s`, `1h04m`, `3d`, `12y`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 86_400, seconds / 3600, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m{:02}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h{minutes:02}m"),
        (days, hours, _) if days < 10 && hours % 24 > 0 => format!("{days}d{}h", hours % 24),
        (days, ..) if days >= YEARS => format!("{}y", days / 365),
        (days, ..) => format!("{days}d"),
    }
}

/// A duration in a sentence: `40 s`, `26 min`, `1 h 3 min`, `28 days`, `12 years`.
pub fn about(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let minutes = (seconds + 30) / 60;
    match (seconds, minutes) {
        (0..=89, _) => format!("{seconds} s"),
        (_, 0..=59) => format!("{minutes} min"),
        (_, 0..=2879) => format!("{} h {} min", minutes / 60, minutes % 60),
        _ if minutes / 60 / 24 >= YEARS => format!("{} years", minutes / 60 / 24 / 365),
        _ => format!("{} days", minutes / 60 / 24),
    }
}

/// A number with its noun: `1 step`, `2 steps`.
pub fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

/// How long ago something was; nothing when it is in the future.
pub fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, cut to so many columns with the mark of an omission where something is missing.
pub fn fit(text: &str, columns: usize, more: &str) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(more.width());
    let mut out = String::new();
    let mut used = 0;
    for letter in text.chars() {
        let wide = letter.width().unwrap_or(0);
        if used + wide > room {
            break;
        }
        used += wide;
        out.push(letter);
        // Signs that belong together may be wider than each alone; then the last one goes too.
        if out.width() > room {
            out.pop();
            break;
        }
    }
    if columns >= more.width() {
        out.push_str(more);
    }
    out
}

/// Cuts a text into lines of at most so many columns, between words where possible.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            for piece in pieces(word, columns) {
                let gap = usize::from(!line.is_empty());
                if !line.is_empty() && line.width() + gap + piece.width() > columns {
                    lines.push(std::mem::take(&mut line));
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&piece);
            }
        }
        lines.push(line);
    }
    lines
}

/// A word, in pieces when it alone is wider than a line.
fn pieces(word: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for letter in word.chars() {
        let wide = letter.width().unwrap_or(0);
        if used + wide > columns {
            pieces.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(last) = pieces.last_mut() {
            last.push(letter);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short_and_sentences_are_readable() {
        let check = |seconds, short, long| {
            let duration = Duration::from_secs(seconds);
            assert_eq!(
                (span(duration).as_str(), about(duration).as_str()),
                (short, long)
            );
        };
        check(0, "0s", "0 s");
        check(48, "48s", "48 s");
        check(89, "1m29s", "89 s");
        check(252, "4m12s", "4 min");
        check(3_840, "1h04m", "1 h 4 min");
        check(90_000, "1d1h", "25 h 0 min");
        check(2_437_620, "28d", "28 days");
        check(2_919 * 86_400, "2919d", "2919 days");
        check(12 * 365 * 86_400, "12y", "12 years");
    }

    #[test]
    fn text_is_cut_between_words_and_long_words_are_cut_in_themselves() {
        assert_eq!(
            wrap("a pod waits for its volume", 10),
            ["a pod", "waits for", "its volume"]
        );
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("a\nb", 4), ["a", "b"]);
    }

    #[test]
    fn a_text_that_is_cut_says_so() {
        assert_eq!(fit("care-backend", 12, "…"), "care-backend");
        assert_eq!(fit("care-backend", 6, "…"), "care-…");
        assert_eq!(fit("東京東京", 5, "…"), "東京…");
        assert_eq!(fit("care", 0, "…"), "");
    }
}
