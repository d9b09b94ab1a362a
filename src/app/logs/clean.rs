//! A line of a log as it may be shown: no command to the terminal, nothing that is no text. Pure.

/// The line from a column on, as long as so many columns need; tabs are spread, and of a line that was overwritten
/// by its program the last state stands.
pub fn clean(line: &[u8], columns: usize) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let written = line.rsplit(|byte| *byte == b'\r').next().unwrap_or(line);
    // Four bytes are the longest letter; commands to the terminal are passed over, so a little more is looked at.
    let looked = columns.saturating_mul(4).saturating_add(4096);
    let text = String::from_utf8_lossy(written.get(..looked).unwrap_or(written));
    let mut shown = String::new();
    let mut letters = text.chars();
    let mut count = 0;
    while let Some(letter) = letters.next() {
        if count >= columns {
            break;
        }
        match letter {
            '\u{1b}' => skip(&mut letters),
            '\u{9b}' => control(&mut letters),
            '\t' => {
                let wide = 8 - count % 8;
                shown.push_str(&" ".repeat(wide));
                count += wide;
            }
            letter if letter.is_control() || is_hidden(letter) => {}
            letter => {
                shown.push(letter);
                count += 1;
            }
        }
    }
    shown
}

/// Signs that change the direction of writing, or take no room at all: they could make a line read as another.
fn is_hidden(letter: char) -> bool {
    matches!(letter,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Passes over what follows an escape.
fn skip(letters: &mut std::str::Chars<'_>) {
    match letters.next() {
        Some('[') => control(letters),
        // A title, a link, a clipboard: until its end.
        Some(']' | 'P' | '_' | '^' | 'X') => {
            let mut before = ' ';
            for letter in letters.by_ref() {
                if letter == '\u{7}' || (before == '\u{1b}' && letter == '\\') {
                    return;
                }
                before = letter;
            }
        }
        Some('(' | ')' | '#' | '%') => {
            letters.next();
        }
        _ => {}
    }
}

/// Passes over a command with numbers, to the letter that ends it.
fn control(letters: &mut std::str::Chars<'_>) {
    for letter in letters.by_ref() {
        if ('@'..='~').contains(&letter) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_program_writes_commands_the_terminal() {
        for (line, shown) in [
            (&b"plain"[..], "plain"),
            (b"\x1b[31;1mred\x1b[0m end", "red end"),
            (b"\x1b]0;title\x07after", "after"),
            (b"\x1b]52;c;aGFjaw==\x1b\\after", "after"),
            (b"\x1b(Bx\x1bcy", "xy"),
            (b"a\tb", "a       b"),
            (b"10 %\r50 %\r100 %\r", "100 %"),
            (b"bad \xff\xfe end", "bad \u{fffd}\u{fffd} end"),
            (b"a\x00\x08\x7fb", "ab"),
            ("a\u{202e}b\u{9b}31mc".as_bytes(), "abc"),
            (b"\x1b[31", ""),
        ] {
            assert_eq!(clean(line, 80), shown);
        }
    }

    #[test]
    fn of_a_long_line_only_what_is_shown_is_looked_at() {
        let long = "long ".repeat(100_000);
        assert_eq!(clean(long.as_bytes(), 7), "long lo");
        let wide = "東".repeat(10_000);
        assert_eq!(clean(wide.as_bytes(), 5).chars().count(), 5);
    }
}
