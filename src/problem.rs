//! What went wrong, in words a person can act on; it never decides what happens next.

mod code;

pub use code::Code;

use serde::{Deserialize, Serialize};

/// A failure as a person reads it: what happened, the chain of causes, and what to do.
///
/// The remedy is a field and not an option: a failure without advice is not finished.
/// No part of it may hold a secret, because problems are written to journals and logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The code that `care-install explain` knows and that can be read over a telephone.
    pub code: Code,
    /// One sentence, present or past tense, ending with a period.
    pub what: String,
    /// From the nearest cause to the root; fragments without a period.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do now, as an instruction.
    pub remedy: String,
}

impl Problem {
    /// A problem without causes; add them with [`Problem::because`].
    pub fn new(code: Code, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            causes: Vec::new(),
            remedy: remedy.into(),
        }
    }

    /// Adds the next deeper cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds an error and everything below it as causes.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let words = error.to_string();
            // Many libraries repeat their source in their own text; once is enough.
            if self.causes.last() != Some(&words) {
                self.causes.push(words);
            }
            next = error.source();
        }
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(out, "{}  [{}]", self.what, self.code)?;
        for cause in &self.causes {
            writeln!(out, "  caused by: {cause}")?;
        }
        write!(out, "To fix: {}", self.remedy)
    }
}

impl std::error::Error for Problem {}

/// How the program ends; the numbers are part of the contract with scripts and monitoring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for is done.
    Done = 0,
    /// Something an operator can fix.
    Problem = 1,
    /// Wrong arguments or a wrong site file.
    Usage = 2,
    /// Stopped; the same command goes on from there.
    Resumable = 3,
    /// Done, with warnings.
    Warnings = 4,
    /// Our own mistake.
    Bug = 70,
}
