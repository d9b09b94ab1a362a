//! The literal part of HCL, as variable files use it: attributes with texts, numbers, lists, maps and heredocs. What is more
//! than that is passed over to its end and named with its line, so that the rest is read all the same. Pure.

/// Lists and maps within each other.
const DEEPEST: usize = 32;

/// Characters of what was not understood that are shown.
const SHOWN: usize = 40;

/// What stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A variable with its value.
    Variable {
        /// Where it begins, counted from 1.
        line: usize,
        /// Its name.
        name: String,
        /// Its value.
        value: Value,
    },
    /// Something else.
    Unclear {
        /// Where it begins.
        line: usize,
        /// Its name, or how it begins.
        text: String,
        /// What it is.
        why: String,
    },
}

/// A literal value; numbers stay as they were written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// Such as `1.30`.
    Number(String),
    /// A text, escapes resolved.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A map: each entry with its line.
    Map(Vec<(usize, String, Value)>),
}

impl Value {
    /// As one text; nothing for what has parts or is nothing.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.trim().to_owned()),
            Self::Number(text) => Some(text.clone()),
            Self::Bool(yes) => Some(yes.to_string()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// Reads everything that stands in a file.
pub fn read(text: &str) -> Vec<Entry> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut reader = Reader {
        letters: text.chars().collect(),
        at: 0,
        line: 1,
    };
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        if let Err(why) = reader.skip_space(true) {
            let line = reader.line;
            entries.push(unclear(line, "/*", why));
        }
        if reader.peek().is_none() {
            return entries;
        }
        let entry = reader.entry();
        let again = match &entry {
            Entry::Variable { name, .. } => entries
                .iter()
                .any(|known| matches!(known, Entry::Variable { name: other, .. } if other == name)),
            Entry::Unclear { .. } => false,
        };
        match entry {
            Entry::Variable { line, name, .. } if again => {
                entries.push(unclear(
                    line,
                    &name,
                    "it stands twice; the first one was read",
                ));
            }
            entry => entries.push(entry),
        }
    }
}

fn unclear(line: usize, text: &str, why: &str) -> Entry {
    Entry::Unclear {
        line,
        text: text.to_owned(),
        why: why.to_owned(),
    }
}

/// Why something is not a literal.
type Unread = &'static str;

struct Reader {
    letters: Vec<char>,
    at: usize,
    line: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn looks(&self, word: &str) -> bool {
        word.chars()
            .enumerate()
            .all(|(place, letter)| self.letters.get(self.at + place) == Some(&letter))
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        if letter == '\n' {
            self.line += 1;
        }
        Some(letter)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.looks(word);
        if found {
            for _ in word.chars() {
                self.next();
            }
        }
        found
    }

    fn take_while(&mut self, is: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(letter) = self.peek().filter(|letter| is(*letter)) {
            taken.push(letter);
            self.next();
        }
        taken
    }

    /// Passes over blanks and comments, and over line ends where they mean nothing.
    fn skip_space(&mut self, lines: bool) -> Result<(), Unread> {
        loop {
            if self.looks("#") || self.looks("//") {
                self.take_while(|letter| letter != '\n');
            } else if self.take("/*") {
                while !self.take("*/") {
                    self.next().ok_or("a comment that does not end")?;
                }
            } else if self
                .peek()
                .is_some_and(|letter| letter.is_whitespace() && (lines || letter != '\n'))
            {
                self.next();
            } else {
                return Ok(());
            }
        }
    }

    fn entry(&mut self) -> Entry {
        let (line, start) = (self.line, self.at);
        let name = self.take_while(is_name);
        let value = self.attribute(&name);
        match value {
            Ok(value) => Entry::Variable { line, name, value },
            Err(why) => {
                self.at = start;
                self.line = line;
                self.skip_entry();
                let text = if name.is_empty() {
                    let rest = self.letters.get(start..self.at).unwrap_or_default();
                    rest.iter()
                        .take_while(|letter| **letter != '\n')
                        .take(SHOWN)
                        .collect()
                } else {
                    name
                };
                unclear(line, text.trim(), why)
            }
        }
    }

    fn attribute(&mut self, name: &str) -> Result<Value, Unread> {
        if name.is_empty() || name.starts_with(|letter: char| letter.is_ascii_digit()) {
            return Err("it is no NAME = VALUE");
        }
        self.skip_space(false)?;
        if self.looks("{") || self.looks("\"") {
            return Err("a block, which a file of variables does not have");
        }
        if !self.take("=") {
            return Err("it is no NAME = VALUE");
        }
        self.skip_space(false)?;
        let value = self.value(0)?;
        self.skip_space(false)?;
        match self.peek() {
            None | Some('\n') => Ok(value),
            Some(_) => Err("an expression; only plain values are read"),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Unread> {
        if depth > DEEPEST {
            return Err("lists and maps within each other, deeper than is read");
        }
        match self.peek() {
            Some('"') => self.quoted().map(Value::Text),
            Some('[') => self.list(depth),
            Some('{') => self.map(depth),
            Some('<') if self.looks("<<") => self.heredoc().map(Value::Text),
            Some(letter) if letter.is_ascii_digit() || letter == '-' => self.number(),
            Some(_) => match self.take_while(is_name).as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                "null" => Ok(Value::Null),
                _ => Err("an expression; only plain values are read"),
            },
            None => Err("it has no value"),
        }
    }

    fn number(&mut self) -> Result<Value, Unread> {
        let text =
            self.take_while(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && !text.contains(['n', 'N', 'y', 'Y']) => {
                Ok(Value::Number(text))
            }
            _ => Err("an expression; only plain values are read"),
        }
    }

    fn quoted(&mut self) -> Result<String, Unread> {
        let mut text = String::new();
        self.next();
        loop {
            if self.begins_template(&mut text) {
                return Err("a text with a template in it");
            }
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                None | Some('\n') => return Err("a text that does not end in its line"),
                Some(letter) => text.push(letter),
            }
        }
    }

    /// Whether a template begins here; one that is escaped is text.
    fn begins_template(&mut self, text: &mut String) -> bool {
        for mark in ["${", "%{"] {
            let escaped = format!("{}{mark}", mark.chars().next().unwrap_or_default());
            if self.take(&escaped) {
                text.push_str(mark);
                return self.begins_template(text);
            }
            if self.looks(mark) {
                return true;
            }
        }
        false
    }

    fn escaped(&mut self) -> Result<char, Unread> {
        const WRONG: Unread = "a text with an escape that HCL does not have";
        let digits = match self.next() {
            Some('n') => return Ok('\n'),
            Some('r') => return Ok('\r'),
            Some('t') => return Ok('\t'),
            Some(letter @ ('"' | '\\')) => return Ok(letter),
            Some('u') => 4,
            Some('U') => 8,
            _ => return Err(WRONG),
        };
        let mut number: u32 = 0;
        for _ in 0..digits {
            let digit = self.next().and_then(|letter| letter.to_digit(16));
            number = number.checked_mul(16).ok_or(WRONG)? + digit.ok_or(WRONG)?;
        }
        char::from_u32(number).ok_or(WRONG)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Unread> {
        self.next();
        let mut items = Vec::new();
        loop {
            self.skip_space(true)?;
            if self.take("]") {
                return Ok(Value::List(items));
            }
            items.push(self.value(depth + 1)?);
            self.skip_space(true)?;
            if !self.take(",") && !self.looks("]") {
                return Err("a list with more than plain values");
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Unread> {
        self.next();
        let mut entries = Vec::new();
        loop {
            self.skip_space(true)?;
            if self.take("}") {
                return Ok(Value::Map(entries));
            }
            let line = self.line;
            let key = match self.peek() {
                Some('"') => self.quoted()?,
                _ => self.take_while(is_name),
            };
            self.skip_space(false)?;
            if key.is_empty() || !(self.take("=") || self.take(":")) {
                return Err("a map with more than plain names and values");
            }
            self.skip_space(false)?;
            let value = self.value(depth + 1)?;
            entries.push((line, key, value));
            self.skip_space(false)?;
            if !self.take(",") && !self.looks("}") && !self.looks("\n") {
                return Err("a map with more than plain names and values");
            }
        }
    }

    fn heredoc(&mut self) -> Result<String, Unread> {
        self.take("<<");
        let flush = self.take("-");
        let mark = self.take_while(is_name);
        self.skip_blanks();
        if mark.is_empty() || !self.take("\n") {
            return Err("an expression; only plain values are read");
        }
        let mut lines = Vec::new();
        loop {
            let mut text = String::new();
            if self.peek().is_none() {
                return Err("a text of several lines that does not end");
            }
            while self.peek().is_some_and(|letter| letter != '\n') {
                if self.begins_template(&mut text) {
                    return Err("a text with a template in it");
                }
                match self.peek() {
                    Some('\n') | None => {}
                    Some(letter) => {
                        text.push(letter);
                        self.next();
                    }
                }
            }
            if text.trim() == mark {
                // The line's end ends the attribute.
                return Ok(joined(&lines, flush));
            }
            self.next();
            lines.push(text);
        }
    }

    fn skip_blanks(&mut self) {
        self.take_while(|letter| letter == ' ' || letter == '\t');
    }

    /// Passes over what is no literal: to the end of its line, and of what is open there.
    fn skip_entry(&mut self) {
        let mut open = 0_usize;
        loop {
            if self.looks("#") || self.looks("//") {
                self.take_while(|letter| letter != '\n');
            } else if self.looks("/*") {
                if self.skip_space(false).is_err() {
                    return;
                }
            } else if self.looks("<<") {
                let start = (self.at, self.line);
                if self.skip_heredoc().is_none() {
                    (self.at, self.line) = start;
                    self.take("<<");
                }
            } else if self.looks("\"") {
                self.skip_quoted();
            } else {
                match self.peek() {
                    None => return,
                    Some('\n') if open == 0 => return,
                    Some('{' | '[' | '(') => open += 1,
                    Some('}' | ']' | ')') => open = open.saturating_sub(1),
                    Some(_) => {}
                }
                self.next();
            }
        }
    }

    fn skip_quoted(&mut self) {
        self.next();
        while let Some(letter) = self.peek() {
            if letter == '\n' {
                return;
            }
            self.next();
            match letter {
                '"' => return,
                '\\' => {
                    self.next();
                }
                _ => {}
            }
        }
    }

    fn skip_heredoc(&mut self) -> Option<()> {
        self.take("<<");
        self.take("-");
        let mark = self.take_while(is_name);
        self.skip_blanks();
        if mark.is_empty() || !self.take("\n") {
            return None;
        }
        loop {
            let text = self.take_while(|letter| letter != '\n');
            if text.trim() == mark {
                return Some(());
            }
            self.next()?;
        }
    }
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '-'
}

/// The lines of a heredoc, without what all of them are indented by when that was asked for.
fn joined(lines: &[String], flush: bool) -> String {
    let indent = |line: &String| {
        line.chars()
            .take_while(|letter| *letter == ' ' || *letter == '\t')
            .count()
    };
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let least = if flush {
        filled.map(indent).min().unwrap_or_default()
    } else {
        0
    };
    let mut text = String::new();
    for line in lines {
        text.extend(line.chars().skip(least.min(indent(line))));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(value: &Value) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(yes) => yes.to_string(),
            Value::Number(text) => text.clone(),
            Value::Text(text) => format!("{text:?}"),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(shown).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Map(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(line, key, value)| format!("{key}@{line}: {}", shown(value)))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    fn told(text: &str) -> Vec<String> {
        let entries = read(text).into_iter();
        let told = entries.map(|entry| match entry {
            Entry::Variable { line, name, value } => format!("{line} {name} = {}", shown(&value)),
            Entry::Unclear { line, text, why } => format!("{line} ?{text}: {why}"),
        });
        told.collect()
    }

    #[test]
    fn every_kind_of_literal_is_read() {
        let text = "\u{feff}# a comment\r\na = \"x\\n\\\"\\u00e9\\\\\" // more\nb=-1.50 /* in\nbetween */\n\
            c = [1, \"two\", # three\n  true,\n]\nd = {\n  one = 1\n  \"two words\" : null, three = { x = [] }\n}\n\
            e = <<EOF\n  kept\n$${x} %%{y}\nEOF\nf = <<-END\n    one\n      two\n\n    END\n  g_1-x = 1.30\nh = {}";
        let wanted = [
            r#"2 a = "x\n\"é\\""#,
            "3 b = -1.50",
            r#"5 c = [1, "two", true]"#,
            "8 d = {one@9: 1, two words@10: null, three@10: {x@10: []}}",
            r#"12 e = "  kept\n${x} %{y}\n""#,
            r#"16 f = "one\n  two\n\n""#,
            "21 g_1-x = 1.30",
            "22 h = {}",
        ];
        assert_eq!(told(text), wanted);
    }

    #[test]
    fn what_is_no_literal_is_passed_over_to_its_end_and_named_with_its_line() {
        let text = "a = var.b\nb = \"${path.module}/x\"\nc = merge({\n  x = 1\n}, {\n})\nd = 1 + 2\nvariable \"e\" {\n  type = string\n}\n\
            f = true ? <<A\n}\nA\n : 1\ng = [for x in [1] : x]\nh = \"no end\ni = 1\ni = 2\n= 3\n\"j\" = 4\nk\nl = <<EOF\n${x}\nEOF\nm = 1\nn = (1)\no = .5\np = 0x1\n\
            q = inf\nr = \"\\q\"\ns = 7";
        let expression = "an expression; only plain values are read";
        let wanted = [
            format!("1 ?a: {expression}"),
            "2 ?b: a text with a template in it".to_owned(),
            format!("3 ?c: {expression}"),
            format!("7 ?d: {expression}"),
            "8 ?variable: a block, which a file of variables does not have".to_owned(),
            format!("11 ?f: {expression}"),
            "14 ?:: it is no NAME = VALUE".to_owned(),
        ];
        let found = told(text);
        assert_eq!(found[..6], wanted[..6]);
        let rest: Vec<&str> = found[7..].iter().map(String::as_str).collect();
        assert_eq!(
            rest,
            [
                format!("15 ?g: {expression}").as_str(),
                "16 ?h: a text that does not end in its line",
                "17 i = 1",
                "18 ?i: it stands twice; the first one was read",
                "19 ?= 3: it is no NAME = VALUE",
                "20 ?\"j\" = 4: it is no NAME = VALUE",
                "21 ?k: it is no NAME = VALUE",
                "22 ?l: a text with a template in it",
                "25 m = 1",
                format!("26 ?n: {expression}").as_str(),
                format!("27 ?o: {expression}").as_str(),
                format!("28 ?p: {expression}").as_str(),
                format!("29 ?q: {expression}").as_str(),
                "30 ?r: a text with an escape that HCL does not have",
                "31 s = 7",
            ]
        );
    }

    #[test]
    fn what_does_not_end_is_told_and_ends_the_reading() {
        for text in [
            "a = [1",
            "a = {",
            "a = <<E\nx",
            "a = \"x",
            "a =",
            "/* x",
            "a = /*",
            "a = [[[[",
            "a = {b = \"",
            "{",
            "a = <<",
        ] {
            assert!(!told(text).is_empty(), "{text}");
        }
        let deep = format!("a = {}\nb = 1", "[".repeat(100_000));
        assert!(told(&deep)[0].contains("deeper"), "{:?}", told(&deep));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_or_loop(text in "[a-c=\"{}\\[\\]<\\-#/*$%,:\n \\\\EOF1]{0,80}") {
            read(&text);
        }
    }
}
