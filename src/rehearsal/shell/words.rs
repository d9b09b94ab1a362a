//! Splits a line into commands and words as a shell does; what the practice shell cannot do is refused by name. Pure.

use std::collections::BTreeMap;

/// How a command hangs on the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// `;` or the first one.
    Then,
    /// `&&`
    And,
    /// `||`
    Or,
}

impl Join {
    /// Whether the command runs after one that ended so.
    pub fn goes_on(self, code: u8) -> bool {
        match self {
            Self::Then => true,
            Self::And => code == 0,
            Self::Or => code != 0,
        }
    }
}

/// A command with its words.
pub type Command = (Join, Vec<String>);

/// Reads a line.
///
/// # Errors
/// What this shell does not do, or a quote that does not end.
pub fn commands(text: &str, variables: &BTreeMap<String, String>) -> Result<Vec<Command>, String> {
    let mut found = Vec::new();
    let mut line = Line {
        letters: text.chars().peekable(),
        variables,
    };
    let mut join = Join::Then;
    loop {
        let (words, next) = line.command()?;
        if !words.is_empty() {
            found.push((join, words));
        }
        match next {
            Some(next) => join = next,
            None => return Ok(found),
        }
    }
}

struct Line<'a> {
    letters: std::iter::Peekable<std::str::Chars<'a>>,
    variables: &'a BTreeMap<String, String>,
}

impl Line<'_> {
    /// The words up to the next join.
    fn command(&mut self) -> Result<(Vec<String>, Option<Join>), String> {
        let (mut words, mut word) = (Vec::new(), None::<String>);
        while let Some(letter) = self.letters.next() {
            match letter {
                ' ' | '\t' | '\r' => words.extend(word.take()),
                ';' | '\n' => return Ok((ended(words, word), Some(Join::Then))),
                '&' | '|' => {
                    if self.letters.next_if_eq(&letter).is_none() {
                        return Err(cannot(letter));
                    }
                    let join = if letter == '&' { Join::And } else { Join::Or };
                    return Ok((ended(words, word), Some(join)));
                }
                '<' | '>' | '`' | '(' | ')' => return Err(cannot(letter)),
                '#' if word.is_none() => {
                    while self.letters.next_if(|letter| *letter != '\n').is_some() {}
                }
                '\'' => {
                    let quoted = self.quoted('\'')?;
                    word.get_or_insert_default().push_str(&quoted);
                }
                '"' => {
                    let quoted = self.quoted('"')?;
                    word.get_or_insert_default().push_str(&quoted);
                }
                '\\' => word.get_or_insert_default().extend(self.letters.next()),
                '$' => {
                    let value = self.variable()?;
                    word.get_or_insert_default().push_str(&value);
                }
                other => word.get_or_insert_default().push(other),
            }
        }
        Ok((ended(words, word), None))
    }

    fn quoted(&mut self, end: char) -> Result<String, String> {
        let mut text = String::new();
        while let Some(letter) = self.letters.next() {
            match letter {
                letter if letter == end => return Ok(text),
                '\\' if end == '"' => text.extend(self.letters.next()),
                '$' if end == '"' => text.push_str(&self.variable()?),
                '`' if end == '"' => return Err(cannot('`')),
                other => text.push(other),
            }
        }
        Err(format!("the quote {end} does not end"))
    }

    fn variable(&mut self) -> Result<String, String> {
        if self.letters.peek() == Some(&'(') {
            return Err("the practice shell does not know $(...)".to_owned());
        }
        let braced = self.letters.next_if_eq(&'{').is_some();
        let mut name = String::new();
        let part = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
        while let Some(letter) = self.letters.next_if(part) {
            name.push(letter);
        }
        if braced && self.letters.next_if_eq(&'}').is_none() {
            return Err("the practice shell knows of ${...} only a plain name".to_owned());
        }
        if name.is_empty() {
            return Ok("$".to_owned());
        }
        Ok(self.variables.get(&name).cloned().unwrap_or_default())
    }
}

fn ended(mut words: Vec<String>, word: Option<String>) -> Vec<String> {
    words.extend(word);
    words
}

fn cannot(letter: char) -> String {
    format!("the practice shell does not know {letter}: it runs simple commands, joined by ; && ||")
}
