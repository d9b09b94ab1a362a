//! A private key that was pasted into a terminal without bracketed paste comes as keys, letter by letter: it is found among
//! them, so that nothing of it is recorded. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::{Input, Key};

/// What stands in place of a letter of a key; no key of any screen.
const STAR: char = '*';

/// The frame of a block.
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The most letters of the heading of a block.
const HEADING: usize = 80;

/// No private key has more letters.
const LARGEST: usize = 64 << 10;

/// Nobody pastes with such pauses: what is typed then is typed by a person.
const PAUSE_SECONDS: i64 = 10;

/// So many letters of a line of a key are known again wherever they stand.
const PART: usize = 12;

/// So many letters of it are known again at the end of a line that is typed just now.
const START: usize = 4;

/// Takes notice of what is typed.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// The last letters, up to a heading.
    tail: String,
    /// Letters since the heading, while the block of a key goes on.
    inside: Option<usize>,
    /// The lines of keys that were typed: the world repeats what stands in a field.
    lines: Vec<String>,
    now: Option<Timestamp>,
    /// When the last letter came.
    last: Option<Timestamp>,
}

impl Typed {
    /// The input without what is secret in it; nothing when it may be recorded as it is.
    pub fn hide(&mut self, input: &Input) -> Option<Input> {
        match input {
            Input::Tick(now) => {
                self.now = Some(*now);
                self.rest();
                None
            }
            Input::Key(Key::Char(letter)) => self.letter(*letter),
            // The end of a line, as terminals send it.
            Input::Key(Key::Enter | Key::Ctrl('j' | 'm')) => {
                self.line_end();
                None
            }
            Input::Paste(text) if self.inside.is_some() => {
                let letters = text
                    .chars()
                    .map(|letter| if letter.is_control() { letter } else { STAR });
                Some(Input::Paste(letters.collect()))
            }
            _ => None,
        }
    }

    /// A block that was cut off ends once nothing has been typed for a while.
    fn rest(&mut self) {
        let Some(now) = self.now else { return };
        // What was typed before the first tick was typed just now.
        let then = *self.last.get_or_insert(now);
        if now.as_second() - then.as_second() >= PAUSE_SECONDS {
            self.inside = None;
        }
    }

    fn letter(&mut self, letter: char) -> Option<Input> {
        self.last = self.now;
        self.tail.push(letter);
        let begun = self.inside;
        match &mut self.inside {
            Some(letters) => {
                *letters += 1;
                if *letters > LARGEST || is_frame(&self.tail, END) {
                    self.inside = None;
                    self.tail.clear();
                } else if let Some(line) = self.lines.last_mut() {
                    line.push(letter);
                }
            }
            None if is_frame(&self.tail, BEGIN) => {
                self.inside = Some(0);
                self.lines.push(String::new());
                self.tail.clear();
            }
            None => {}
        }
        let over = self.tail.chars().count().saturating_sub(HEADING);
        self.tail = self.tail.chars().skip(over).collect();
        begun.map(|_| Input::Key(Key::Char(STAR)))
    }

    fn line_end(&mut self) {
        self.tail.clear();
        if self.inside.is_some() && self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    /// Whether a key was typed, so that what the world says may repeat it.
    pub fn any(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Stars in place of each text that repeats a line of a key.
    pub fn hide_in(&self, value: &mut Value) {
        match value {
            Value::String(text) if self.repeats(text) => {
                *text = text.chars().map(|_| STAR).collect();
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.hide_in(field)),
            _ => {}
        }
    }

    /// Whether it holds a part of such a line, or ends with the beginning of one that is typed just now.
    fn repeats(&self, text: &str) -> bool {
        self.lines.iter().any(|line| {
            let letters: Vec<char> = line.chars().collect();
            let part = PART.min(letters.len());
            let text_of = |part: &[char]| part.iter().collect::<String>();
            part >= START
                && (letters
                    .windows(part)
                    .any(|part| text.contains(&text_of(part)))
                    || (START..part)
                        .filter_map(|until| letters.get(..until))
                        .any(|begin| text.ends_with(&text_of(begin))))
        })
    }
}

/// Whether the letters end with the heading of a private key, or with its last line.
fn is_frame(tail: &str, begins: &str) -> bool {
    let Some((_, label)) = tail
        .strip_suffix(DASHES)
        .and_then(|rest| rest.rsplit_once(begins))
    else {
        return false;
    };
    label.contains("PRIVATE KEY")
}
