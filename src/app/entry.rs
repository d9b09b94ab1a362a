//! A line of text while it is typed. Pure.

use super::keys::Key;

/// The most characters one line takes.
const MOST: usize = 4000;

/// A text and the place of the cursor in it; what is typed may be secret, so it never prints.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entry {
    letters: Vec<char>,
    at: usize,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Entry({} letters, at {})", self.letters.len(), self.at)
    }
}

impl Entry {
    /// A line that already holds a text, with the cursor behind it.
    pub fn of(text: &str) -> Self {
        let letters: Vec<char> = text.chars().filter(|c| !c.is_control()).collect();
        Self {
            at: letters.len(),
            letters,
        }
    }

    /// The text.
    pub fn text(&self) -> String {
        self.letters.iter().collect()
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// How many characters stand before the cursor.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Puts the cursor behind so many characters.
    pub fn put_cursor(&mut self, at: usize) {
        self.at = at.min(self.letters.len());
    }

    /// How many characters there are.
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    /// Takes a key that belongs to typing; false when it means something else.
    pub fn take(&mut self, key: Key) -> bool {
        match key {
            Key::Char(letter) => self.insert(letter),
            Key::Backspace => {
                if self.at > 0 {
                    self.at -= 1;
                    self.letters.remove(self.at);
                }
            }
            Key::Delete => {
                if self.at < self.letters.len() {
                    self.letters.remove(self.at);
                }
            }
            Key::Left => self.at = self.at.saturating_sub(1),
            Key::Right => self.at = (self.at + 1).min(self.letters.len()),
            Key::Home | Key::Ctrl('a') => self.at = 0,
            Key::End => self.at = self.letters.len(),
            Key::Ctrl('u') => {
                self.letters.drain(..self.at);
                self.at = 0;
            }
            Key::Ctrl('w') => self.word_back(),
            _ => return false,
        }
        true
    }

    /// Takes a text that was pasted.
    pub fn paste(&mut self, text: &str) {
        for letter in text.trim_end_matches(['\r', '\n']).chars() {
            self.insert(letter);
        }
    }

    fn insert(&mut self, letter: char) {
        if !letter.is_control() && self.letters.len() < MOST {
            self.letters.insert(self.at, letter);
            self.at += 1;
        }
    }

    fn word_back(&mut self) {
        let before = self.letters.get(..self.at).unwrap_or_default();
        let end = before
            .iter()
            .rposition(|letter| !letter.is_whitespace())
            .map_or(0, |last| last + 1);
        let start = before
            .get(..end)
            .unwrap_or_default()
            .iter()
            .rposition(|letter| letter.is_whitespace())
            .map_or(0, |space| space + 1);
        self.letters.drain(start..self.at);
        self.at = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[Key]) -> (String, usize) {
        let mut entry = Entry::of("care api");
        for key in keys {
            entry.take(*key);
        }
        (entry.text(), entry.at())
    }

    #[test]
    fn a_line_is_edited_at_the_cursor() {
        assert_eq!(typed(&[Key::Backspace]), ("care ap".to_owned(), 7));
        assert_eq!(typed(&[Key::Home, Key::Delete]), ("are api".to_owned(), 0));
        assert_eq!(
            typed(&[Key::Left, Key::Char('x')]),
            ("care apxi".to_owned(), 8)
        );
        assert_eq!(typed(&[Key::Ctrl('w')]), ("care ".to_owned(), 5));
        assert_eq!(typed(&[Key::Ctrl('w'), Key::Ctrl('w')]), (String::new(), 0));
        assert_eq!(typed(&[Key::Left, Key::Ctrl('u')]), ("i".to_owned(), 0));
    }

    #[test]
    fn a_pasted_text_loses_its_line_ends_and_never_prints() {
        let mut entry = Entry::default();
        entry.paste("pass\u{1b}word\r\n");
        assert_eq!(entry.text(), "password");
        assert!(!format!("{entry:?}").contains("password"));
    }
}
