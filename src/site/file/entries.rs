//! YAML as a flat list of entries, each with its path and its place; aliases and deep nesting are refused. Pure.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use crate::problem::{Code, Problem};

/// A place in the text; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// One leaf of the tree.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The names above it and its own.
    pub path: Vec<String>,
    /// Where each of these names stands.
    pub keys: Vec<Place>,
    /// Where its value stands.
    pub value: Place,
    /// The value.
    pub found: Found,
}

impl Entry {
    /// Where the name at a depth stands; the outermost has depth 0.
    pub fn key(&self, depth: usize) -> Place {
        self.keys.get(depth).copied().unwrap_or(self.value)
    }

    /// Where its own name stands.
    pub fn own_key(&self) -> Place {
        self.keys.last().copied().unwrap_or(self.value)
    }
}

/// A value as it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing, `~` or `null`.
    Nothing,
    /// A text or a number.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
    /// A list that holds something else than texts.
    MixedList,
    /// A section without names.
    EmptySection,
}

impl Found {
    /// What it is, in words.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Nothing => "empty",
            Self::Text(_) => "a single value",
            Self::List(_) => "a list",
            Self::MixedList => "a list of sections or lists",
            Self::EmptySection => "a section",
        }
    }
}

type Placed = (Place, Problem);

/// A site file is three levels deep; what is much deeper is something else.
const DEEPEST: usize = 8;

/// Reads the entries in the order of the lines, and what cannot be read. It stops at the first error of syntax.
pub fn read(text: &str) -> (Vec<Entry>, Vec<Placed>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        entries: Vec::new(),
        problems: Vec::new(),
    };
    if let Err(stop) = reader.stream() {
        reader.problems.push(stop);
    }
    (reader.entries, reader.problems)
}

struct Reader<'text> {
    parser: Parser<'text, StrInput<'text>>,
    entries: Vec<Entry>,
    problems: Vec<Placed>,
}

fn start(span: Span) -> Place {
    Place {
        line: span.start.line().max(1),
        column: span.start.col() + 1,
    }
}

impl<'text> Reader<'text> {
    fn next(&mut self) -> Result<(Event<'text>, Place), Placed> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, start(span))),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, Place { line: 1, column: 1 })),
        }
    }

    fn stream(&mut self) -> Result<(), Placed> {
        let mut documents = 0;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), place) => {
                    documents += 1;
                    if documents > 1 {
                        self.problems.push((place, one_document()));
                        return Ok(());
                    }
                }
                (Event::MappingStart(..), _) => self.map(&mut Vec::new(), &mut Vec::new())?,
                (Event::Scalar(text, style, ..), _) if is_nothing(&text, style) => {}
                (Event::Scalar(..) | Event::SequenceStart(..) | Event::Alias(_), place) => {
                    return Err((place, not_a_site_file()));
                }
                _ => {}
            }
        }
    }

    fn map(&mut self, path: &mut Vec<String>, keys: &mut Vec<Place>) -> Result<(), Placed> {
        let mut seen: BTreeMap<String, Place> = BTreeMap::new();
        loop {
            let (name, key) = match self.next()? {
                (Event::MappingEnd | Event::StreamEnd, _) => return Ok(()),
                (Event::Scalar(text, ..), place) => (text.into_owned(), place),
                (event, place) => {
                    self.skip(&event)?;
                    let value = self.next()?.0;
                    self.skip(&value)?;
                    self.problems.push((place, key_is_no_word()));
                    continue;
                }
            };
            let before = self.entries.len();
            path.push(name.clone());
            keys.push(key);
            self.value(path, keys)?;
            path.pop();
            keys.pop();
            if let Some(first) = seen.get(&name) {
                self.entries.truncate(before);
                self.problems.push((key, twice(&name, *first)));
            }
            seen.entry(name).or_insert(key);
        }
    }

    fn value(&mut self, path: &mut Vec<String>, keys: &mut Vec<Place>) -> Result<(), Placed> {
        let (event, value) = self.next()?;
        let found = match event {
            Event::Scalar(text, style, ..) if is_nothing(&text, style) => Found::Nothing,
            Event::Scalar(text, ..) => Found::Text(text.into_owned()),
            Event::SequenceStart(..) => self.list()?,
            Event::MappingStart(..) if path.len() >= DEEPEST => return Err((value, too_deep())),
            Event::MappingStart(..) => {
                let before = self.entries.len();
                self.map(path, keys)?;
                if self.entries.len() > before {
                    return Ok(());
                }
                Found::EmptySection
            }
            Event::Alias(_) => {
                self.problems.push((value, alias()));
                return Ok(());
            }
            _ => Found::Nothing,
        };
        self.entries.push(Entry {
            path: path.clone(),
            keys: keys.clone(),
            value,
            found,
        });
        Ok(())
    }

    fn list(&mut self) -> Result<Found, Placed> {
        let mut items = Vec::new();
        let mut mixed = false;
        loop {
            match self.next()?.0 {
                Event::SequenceEnd | Event::StreamEnd => break,
                Event::Scalar(text, ..) => items.push(text.into_owned()),
                event => {
                    mixed = true;
                    self.skip(&event)?;
                }
            }
        }
        Ok(if mixed {
            Found::MixedList
        } else {
            Found::List(items)
        })
    }

    /// Reads past a node whose first event was already read.
    fn skip(&mut self, first: &Event<'_>) -> Result<(), Placed> {
        let mut depth = usize::from(matches!(
            first,
            Event::MappingStart(..) | Event::SequenceStart(..)
        ));
        while depth > 0 {
            match self.next()?.0 {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth -= 1,
                Event::StreamEnd => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_nothing(text: &str, style: ScalarStyle) -> bool {
    style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn syntax(error: &ScanError) -> Placed {
    let place = Place {
        line: error.marker().line().max(1),
        column: error.marker().col() + 1,
    };
    let problem = Problem::new(
        Code::Site10,
        "The text cannot be understood from here on.",
        "Look at this line and the one above: spaces for indentation (no tabs), a space after each colon, quotes that are closed.",
    );
    (place, problem.because(error.info()))
}

fn one_document() -> Problem {
    Problem::new(
        Code::Site10,
        "A second document begins here.",
        "Remove the line `---` and what follows: one file describes one site.",
    )
}

fn not_a_site_file() -> Problem {
    Problem::new(
        Code::Site10,
        "This is not a site file.",
        "A site file consists of names with values, beginning with `schema: 1`. See templates/site.example.yaml.",
    )
}

fn too_deep() -> Problem {
    Problem::new(
        Code::Site10,
        "The nesting is too deep for a site file.",
        "Compare the file with templates/site.example.yaml.",
    )
}

fn key_is_no_word() -> Problem {
    Problem::new(
        Code::Site12,
        "A name must be a word, and this is a list or a section.",
        "Remove it.",
    )
}

fn alias() -> Problem {
    Problem::new(
        Code::Site12,
        "References with * are not understood here.",
        "Write the value itself.",
    )
}

fn twice(name: &str, first: Place) -> Problem {
    Problem::new(
        Code::Site16,
        format!(
            "`{}` stands here for the second time.",
            super::super::draft::shown(name)
        ),
        "Keep one of the two.",
    )
    .because(format!("the first one is in line {}", first.line))
}
