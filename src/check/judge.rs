//! Facts to verdicts: what was seen is given, what it means is decided here and nowhere else. Pure.

pub mod certificate;
pub mod cluster;
pub mod dns;
pub mod pem;
pub mod ssh;

use super::Verdict;
use crate::problem::{Code, Problem};

fn pass(seen: impl Into<String>) -> Verdict {
    Verdict::Pass { seen: seen.into() }
}

fn warn(seen: impl Into<String>, problem: Problem) -> Verdict {
    Verdict::Warn {
        seen: seen.into(),
        problem,
    }
}

fn fail(seen: impl Into<String>, problem: Problem) -> Verdict {
    Verdict::Fail {
        seen: seen.into(),
        problem,
    }
}

/// Not looked at, and why.
pub fn skipped(reason: impl Into<String>) -> Verdict {
    Verdict::Skipped {
        reason: reason.into(),
    }
}

/// A failure that a door already put into words.
pub fn told(seen: &str, problem: Problem) -> Verdict {
    fail(seen, problem)
}

/// A check that did not come to an end; nothing is known, so it holds the deploy back.
pub fn out_of_time(code: Code, seconds: u64) -> Verdict {
    let problem = Problem::new(
        code,
        format!("The check had no answer within {seconds} s."),
        "Check the network between this computer and the place it concerns, then run the check again (press r on it).",
    );
    fail(format!("nothing within {seconds} s"), problem)
}

/// A check whose own task ended without an answer.
pub fn broken_off(code: Code) -> Verdict {
    let problem = Problem::new(
        code,
        "The check broke off: our mistake.",
        "Run the check again (press r on it), and report it with the log.",
    );
    fail("broke off", problem)
}

/// The words of every verdict, to be read like a letter.
#[cfg(test)]
pub fn letter(verdicts: &[Verdict]) -> String {
    let told = |verdict: &Verdict| match verdict {
        Verdict::Pass { seen } => format!("ok: {seen}\n"),
        Verdict::Warn { seen, problem } => format!("warn: {seen}\n{problem}\n"),
        Verdict::Fail { seen, problem } => format!("FAIL: {seen}\n{problem}\n"),
        Verdict::Skipped { reason } => format!("skipped: {reason}\n"),
    };
    verdicts.iter().map(told).collect::<Vec<_>>().join("\n")
}
