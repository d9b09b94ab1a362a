//! What helm writes, line by line: bounded, without control characters, whatever its bytes are; it never stops reading.

use std::collections::VecDeque;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    sync::mpsc,
};

/// Lines of the end that become causes.
const LAST_LINES: usize = 4;

/// Bytes of a line that are kept.
const LONGEST_LINE: usize = 2048;

/// Sends each line on and gives the last few.
///
/// A stream that is not read to its end would end helm in the middle of its work.
pub(super) async fn listen(
    stream: Option<impl AsyncRead + Unpin>,
    lines: &mpsc::Sender<String>,
) -> VecDeque<String> {
    let mut last = VecDeque::with_capacity(LAST_LINES);
    let Some(stream) = stream else { return last };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        let piece = match reader.fill_buf().await {
            Ok(piece) if !piece.is_empty() => piece,
            // Its end, or nothing more can be read.
            _ => break,
        };
        let end = piece.iter().position(|byte| *byte == b'\n');
        let text = piece.iter().take(end.unwrap_or(piece.len()));
        line.extend(text.take(LONGEST_LINE.saturating_sub(line.len())));
        let taken = end.map_or(piece.len(), |end| end + 1);
        reader.consume(taken);
        if end.is_some() {
            keep(&mut line, &mut last, lines).await;
        }
    }
    keep(&mut line, &mut last, lines).await;
    last
}

async fn keep(line: &mut Vec<u8>, last: &mut VecDeque<String>, lines: &mpsc::Sender<String>) {
    let text = clean(line);
    line.clear();
    if text.is_empty() {
        return;
    }
    if last.len() == LAST_LINES {
        last.pop_front();
    }
    last.push_back(text.clone());
    // Whoever listens may have gone.
    lines.send(text).await.ok();
}

/// Text that a terminal shows and does not obey.
pub(super) fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = text
        .chars()
        .map(|char| if char == '\t' { ' ' } else { char })
        .filter(|char| !char.is_control());
    shown.collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn heard(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
        let (lines, mut told) = mpsc::channel(64);
        let last = listen(Some(bytes), &lines).await;
        drop(lines);
        let mut all = Vec::new();
        while let Some(line) = told.recv().await {
            all.push(line);
        }
        (all, last.into())
    }

    #[tokio::test]
    async fn every_line_is_told_and_the_last_ones_are_kept() {
        let (all, last) = heard(b"1\n2\n\n3\r\n4\n5").await;
        assert_eq!(all, ["1", "2", "3", "4", "5"]);
        assert_eq!(last, ["2", "3", "4", "5"]);
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_and_words_for_a_terminal_do_no_harm() {
        let (all, _) = heard(b"\xff\xfe\n\x1b[2J\x1b]0;title\x07a\tb\nafter").await;
        assert_eq!(all, ["\u{fffd}\u{fffd}", "[2J]0;titlea b", "after"]);
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_cut() {
        let mut bytes = vec![b'x'; 1_000_000];
        bytes.extend(b"\nafter");
        let (all, _) = heard(&bytes).await;
        assert_eq!(all[0].len(), LONGEST_LINE);
        assert_eq!(all[1], "after");
    }
}
