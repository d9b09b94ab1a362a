//! What pods and nodes use, as columns, as words and as a small history. Pure.

use jiff::{SignedDuration, Timestamp};

use super::{
    row::{By, Row},
    tab::Col,
};
use crate::{
    app::words::{Tone, Words, about, since},
    watch::usage::{Amount, FRESH, State, Track, Usage},
};

/// Signs of a history from empty to full; where only ASCII is shown they are the digits 1 to 8.
pub const SIGNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Columns of a history.
const COLUMNS: usize = 30;

/// With fewer samples there is no history yet.
const FEW: usize = 3;

/// What a column tells of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Processor.
    Cpu,
    /// Of the processor that a pod asks for, or a node has.
    CpuShare,
    /// Memory.
    Memory,
    /// Of the memory that a pod may have, or a node has.
    MemoryShare,
}

impl Figure {
    /// What a column tells of use; nothing when it tells of something else.
    pub fn of(col: Col) -> Option<Self> {
        match col {
            Col::CpuUse => Some(Self::Cpu),
            Col::CpuShare => Some(Self::CpuShare),
            Col::MemoryUse => Some(Self::Memory),
            Col::MemoryShare => Some(Self::MemoryShare),
            _ => None,
        }
    }
}

fn track<'u>(row: Row<'_>, usage: &'u Usage) -> Option<&'u Track> {
    match row {
        Row::Pod(row) => usage.pod(&row.namespace, &row.name),
        Row::Node(row) => usage.node(&row.name),
        _ => None,
    }
}

/// Of what a share is told.
fn whole(row: Row<'_>) -> Amount {
    match row {
        Row::Pod(row) => Amount {
            cpu: row.asks.request.cpu,
            memory: row.asks.limit.memory,
        },
        Row::Node(row) => row.room,
        _ => Amount::default(),
    }
}

/// A use now, as a number to sort by; shares in thousandths.
pub fn figure(row: Row<'_>, figure: Figure, by: By<'_>) -> Option<u64> {
    let used = track(row, by.usage)?.now(by.now)?;
    let whole = whole(row);
    let share = |used: u64, whole: u64| used.saturating_mul(1000).checked_div(whole);
    match figure {
        Figure::Cpu => Some(used.cpu),
        Figure::Memory => Some(used.memory),
        Figure::CpuShare => share(used.cpu, whole.cpu),
        Figure::MemoryShare => share(used.memory, whole.memory),
    }
}

/// What a column of use says.
pub fn cell(row: Row<'_>, of: Figure, by: By<'_>) -> String {
    let Some(number) = figure(row, of, by) else {
        return "-".to_owned();
    };
    match of {
        Figure::Cpu if number < 1000 => format!("{number}m"),
        Figure::Cpu => tenths(number, 1000),
        Figure::Memory => size(number).replace([' ', 'B'], ""),
        Figure::CpuShare | Figure::MemoryShare => format!("{}%", (number + 5) / 10),
    }
}

/// A number in units of `one`, with a tenth while it is small: `1.2`, `12`.
fn tenths(number: u64, one: u64) -> String {
    let tenths = (u128::from(number) * 10 + u128::from(one / 2)) / u128::from(one.max(1));
    match (tenths / 10, tenths % 10) {
        (whole, 0) => whole.to_string(),
        (whole @ 0..=9, tenth) => format!("{whole}.{tenth}"),
        (whole, tenth) => (whole + u128::from(tenth >= 5)).to_string(),
    }
}

/// Bytes as people read them: `412 MiB`, `1.2 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let fits = |(_, shift): &&(&str, u32)| bytes >> shift > 0;
    match UNITS.iter().find(fits) {
        Some((unit, shift)) => format!("{} {unit}", tenths(bytes, 1 << shift)),
        None => format!("{bytes} B"),
    }
}

/// Cores as people read them: `0.12`, `2.5`.
fn cores(milli: u64) -> String {
    // Three digits behind the point only where two would say nothing.
    let milli = match milli {
        100.. => (milli + 5) / 10 * 10,
        few => few,
    };
    match milli {
        0..1000 => {
            let text = format!("0.{milli:03}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            text.to_owned()
        }
        _ => tenths(milli, 1000),
    }
}

/// How the measurements stand when something is to be said about that: once, above a list.
pub fn note(by: By<'_>) -> Option<String> {
    let span = |then: Timestamp| about(since(then, by.now));
    let old = by
        .usage
        .newest()
        .filter(|newest| by.now.duration_since(*newest) > FRESH)
        .map(|newest| format!("usage as of {} ago", span(newest)));
    match by.usage.state() {
        State::Unasked => None,
        State::Coming => old,
        State::Absent => Some("usage is not known: no metrics server".to_owned()),
        State::NotReady(at) => Some(match old {
            Some(old) => format!("{old}: the metrics server is not ready"),
            None => format!("the metrics server is not ready for {}", span(*at)),
        }),
        State::Refused(_, why) => Some(match old {
            Some(old) => format!("{old}: {why}"),
            None => format!("usage is not known: {why}"),
        }),
    }
}

/// What is used by a pod or a node, with its history, in lines.
pub fn lines(row: Row<'_>, by: By<'_>) -> Vec<Words> {
    let measured =
        matches!(row, Row::Node(_)) || matches!(row, Row::Pod(pod) if pod.status == "Running");
    let Some(track) = track(row, by.usage) else {
        let words = if measured { unknown(by) } else { None };
        return words
            .map(|text| Words::new(Tone::Dim, text))
            .into_iter()
            .collect();
    };
    let Some((at, used)) = track.last() else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    let aged = by.now.duration_since(at) > FRESH;
    if aged {
        let text = format!("usage as of {} ago:", about(since(at, by.now)));
        lines.push(Words::new(Tone::Warn, text));
    }
    let highest = |of: fn(Amount) -> u64| track.uses().map(of).max().unwrap_or(0);
    let span = track.spans();
    let (memory, cpu) = bounds(row);
    lines.extend(course(
        format!("memory {}{}", size(used.memory), memory.said(size)),
        &Course {
            uses: track.uses().map(|used| used.memory).collect(),
            highest: highest(|used| used.memory),
            full: memory.limit(),
            span,
        },
        size,
    ));
    lines.extend(course(
        format!("CPU {} cores{}", cores(used.cpu), cpu.said(cores)),
        &Course {
            uses: track.uses().map(|used| used.cpu).collect(),
            highest: highest(|used| used.cpu),
            full: cpu.limit(),
            span,
        },
        cores,
    ));
    if aged {
        return lines.into_iter().map(dimmed).collect();
    }
    lines
}

fn dimmed(words: Words) -> Words {
    match words.tone {
        Tone::Plain => Words {
            tone: Tone::Dim,
            ..words
        },
        _ => words,
    }
}

/// Why nothing is known of a use.
fn unknown(by: By<'_>) -> Option<String> {
    let what = "What it uses is not known";
    match by.usage.state() {
        State::Unasked => None,
        State::Coming => Some("What it uses has not been measured yet.".to_owned()),
        State::Absent => Some(format!(
            "{what}: this cluster has no metrics server. The settings can switch it on (components.metrics)."
        )),
        State::NotReady(at) => Some(format!(
            "{what}: the metrics server is not ready, for {}.",
            about(since(*at, by.now))
        )),
        State::Refused(_, why) => Some(format!("{what}: {why}")),
    }
}

/// What a use is held against.
#[derive(Clone, Copy)]
enum Bound {
    /// It ends there.
    Limit(u64),
    /// So much is kept free for it.
    Asked(u64),
    /// Nothing.
    None,
}

impl Bound {
    fn of(request: u64, limit: u64) -> Self {
        match (request, limit) {
            (0, 0) => Self::None,
            (request, 0) => Self::Asked(request),
            (_, limit) => Self::Limit(limit),
        }
    }

    fn limit(self) -> Option<u64> {
        match self {
            Self::Limit(limit) => Some(limit),
            Self::Asked(_) | Self::None => None,
        }
    }

    fn said(self, words: fn(u64) -> String) -> String {
        match self {
            Self::Limit(limit) => format!(" of {}", words(limit)),
            Self::Asked(asked) => format!(", no limit, asks for {}", words(asked)),
            Self::None => ", no limit".to_owned(),
        }
    }
}

/// Against what memory and processor of a row are held.
fn bounds(row: Row<'_>) -> (Bound, Bound) {
    match row {
        Row::Pod(row) => (
            Bound::of(row.asks.request.memory, row.asks.limit.memory),
            Bound::of(row.asks.request.cpu, row.asks.limit.cpu),
        ),
        Row::Node(row) => (Bound::of(0, row.room.memory), Bound::of(0, row.room.cpu)),
        _ => (Bound::None, Bound::None),
    }
}

/// How a use went.
struct Course {
    uses: Vec<u64>,
    highest: u64,
    full: Option<u64>,
    span: Option<SignedDuration>,
}

/// A use in words, and below it how it went.
fn course(mut text: String, of: &Course, words: fn(u64) -> String) -> Vec<Words> {
    let span = of
        .span
        .and_then(|span| std::time::Duration::try_from(span).ok());
    if let Some(span) = span {
        let highest = words(of.highest);
        text = format!("{text}; highest {highest} in the last {}", about(span));
    }
    let mut lines = vec![Words::new(Tone::Plain, text)];
    let full = of.full.unwrap_or(of.highest);
    if of.uses.len() >= FEW && full > 0 {
        let [.., most] = SIGNS;
        let drawn = history(&of.uses, full);
        lines.push(Words::new(Tone::Plain, format!("{drawn}  {most} is {}", words(full))).moved(2));
    }
    lines
}

/// A history in signs, the oldest first; of samples that share a sign the highest counts.
pub fn history(uses: &[u64], full: u64) -> String {
    let together = uses.len().div_ceil(COLUMNS).max(1);
    let most = SIGNS.len() as u64;
    uses.chunks(together)
        .map(|part| {
            let highest = part.iter().copied().max().unwrap_or(0);
            let level = highest
                .saturating_mul(most)
                .div_ceil(full.max(1))
                .clamp(1, most);
            let at = usize::try_from(level - 1).unwrap_or(0);
            SIGNS.get(at).copied().unwrap_or(' ')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_with_units_and_as_short_as_they_can() {
        for (bytes, said) in [
            (0, "0 B"),
            (900, "900 B"),
            (1 << 20, "1 MiB"),
            (412 << 20, "412 MiB"),
            (1_288_490_189, "1.2 GiB"),
            (64 << 30, "64 GiB"),
            (3 << 40, "3 TiB"),
        ] {
            assert_eq!(size(bytes), said);
        }
        for (milli, said) in [
            (0, "0"),
            (5, "0.005"),
            (120, "0.12"),
            (381, "0.38"),
            (999, "1"),
            (1000, "1"),
            (2460, "2.5"),
            (12_600, "13"),
        ] {
            assert_eq!(cores(milli), said);
        }
    }

    #[test]
    fn a_history_is_as_high_as_its_share_of_the_whole_and_never_wider_than_its_columns() {
        assert_eq!(history(&[0, 1, 50, 51, 100, 200], 100), "▁▁▄▅██");
        assert_eq!(history(&[5], 0), "█");
        for count in [1, 30, 31, 60, 61] {
            assert!(
                history(&vec![1; count], 1).chars().count() <= COLUMNS,
                "{count}"
            );
        }
        // A peak is not lost when samples share a sign.
        let mut uses = vec![10; 60];
        uses[31] = 100;
        assert_eq!(history(&uses, 100).matches('█').count(), 1);
    }
}
