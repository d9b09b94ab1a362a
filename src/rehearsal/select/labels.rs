//! Reads the selectors of labels, and complains of them, as a server does. Pure.

use super::Label;
use crate::rehearsal::meta_check;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(&'static str),
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Sign(sign) => sign,
            Self::End => "",
        }
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self, Self::Sign(other) if *other == sign)
    }
}

const SIGNS: &[&str] = &["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            found.push(Token::Sign(sign));
            rest = rest.strip_prefix(*sign).unwrap_or_default().trim_start();
            continue;
        }
        let end = rest
            .find(|c: char| c.is_whitespace() || "=!(),><".contains(c))
            .unwrap_or(rest.len());
        let (word, more) = rest.split_at_checked(end).unwrap_or((rest, ""));
        found.push(Token::Word(word.to_owned()));
        rest = more.trim_start();
    }
    found
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
}

impl Reader {
    fn look(&self) -> Token {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End)
    }

    fn take(&mut self) -> Token {
        let token = self.look();
        self.at += 1;
        token
    }
}

/// Reads a selector; an empty one chooses everything.
pub(super) fn read(text: &str) -> Result<Vec<Label>, String> {
    let mut reader = Reader {
        tokens: tokens(text),
        at: 0,
    };
    let mut labels = Vec::new();
    loop {
        match reader.look() {
            Token::End => return Ok(labels),
            token if token.is("!") || matches!(token, Token::Word(_)) => {
                let label = requirement(&mut reader);
                labels.push(label.map_err(|why| format!("unable to parse requirement: {why}"))?);
                match reader.take() {
                    Token::End => return Ok(labels),
                    token if token.is(",") => {
                        let next = reader.look();
                        if !next.is("!") && !matches!(next, Token::Word(_)) {
                            let next = next.text();
                            return Err(format!("found '{next}', expected: identifier after ','"));
                        }
                    }
                    token => {
                        let text = token.text();
                        return Err(format!("found '{text}', expected: ',' or 'end of string'"));
                    }
                }
            }
            token => {
                let text = token.text();
                return Err(format!(
                    "found '{text}', expected: !, identifier, or 'end of string'"
                ));
            }
        }
    }
}

fn requirement(reader: &mut Reader) -> Result<Label, String> {
    let absent = reader.look().is("!");
    if absent {
        reader.take();
    }
    let Token::Word(name) = reader.take() else {
        return Err("found '', expected: identifier".to_owned());
    };
    if let Some(why) = meta_check::qualified(&name).into_iter().next() {
        return Err(format!("<nil>: Invalid value: \"{name}\": {why}"));
    }
    if absent {
        return Ok(Label::Absent(name));
    }
    match reader.look() {
        Token::End => return Ok(Label::Exists(name)),
        token if token.is(",") => return Ok(Label::Exists(name)),
        _ => {}
    }
    let operator = reader.take();
    let label = match operator.text() {
        "in" => Label::In(name, many(reader)?),
        "notin" => Label::NotIn(name, many(reader)?),
        "=" | "==" => Label::In(name, vec![one(reader)?]),
        "!=" => Label::NotIn(name, vec![one(reader)?]),
        ">" | "gt" => Label::Above(name, number(reader)?),
        "<" | "lt" => Label::Below(name, number(reader)?),
        other => {
            return Err(format!(
                "found '{other}', expected: in, notin, =, ==, !=, gt, lt"
            ));
        }
    };
    Ok(label)
}

fn one(reader: &mut Reader) -> Result<String, String> {
    match reader.look() {
        Token::End => Ok(String::new()),
        token if token.is(",") => Ok(String::new()),
        Token::Word(word) => {
            reader.take();
            match meta_check::label_value(&word) {
                None => Ok(word),
                Some(why) => Err(format!("values[0][]: Invalid value: \"{word}\": {why}")),
            }
        }
        Token::Sign(sign) => Err(format!("found '{sign}', expected: identifier")),
    }
}

fn number(reader: &mut Reader) -> Result<i64, String> {
    let text = one(reader)?;
    text.parse().map_err(|_not| {
        format!("values[0]: Invalid value: \"{text}\": for 'Gt', 'Lt' operators, the value must be an integer")
    })
}

fn many(reader: &mut Reader) -> Result<Vec<String>, String> {
    let open = reader.take();
    if !open.is("(") {
        return Err(format!("found '{}' expected: '('", open.text()));
    }
    let mut values = Vec::new();
    loop {
        match reader.take() {
            Token::Word(word) => values.push(word),
            token if token.is(")") => return Ok(values),
            token if token.is(",") => {}
            token => {
                return Err(format!(
                    "found '{}', expected: ',', or identifier",
                    token.text()
                ));
            }
        }
    }
}
