//! Where the plain and JSON faces write: standard output for results, standard error for problems.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::problem::Problem;

/// Writes a line of the result. A reader that went away (`| head`) is not an error.
pub fn line(text: &str) {
    writeln!(std::io::stdout().lock(), "{text}").ok();
}

/// Writes text exactly as it is.
pub fn text(text: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).ok();
    out.flush().ok();
}

/// Writes a value as one line of JSON.
pub fn json<T: Serialize>(value: &T) {
    if let Ok(text) = serde_json::to_string(value) {
        line(&text);
    }
}

/// Writes what a person should know beside the result.
pub fn note(text: &str) {
    writeln!(std::io::stderr().lock(), "{text}").ok();
}

/// Writes problems, an empty line between them.
pub fn problems(problems: &[Problem]) {
    if problems.is_empty() {
        return;
    }
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    note(&all.join("\n\n"));
}

/// True when a person can be asked: both ends are a terminal.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}
