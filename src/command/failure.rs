//! How a command fails: the problems to show and the exit code they mean. Pure.

use crate::{
    problem::{Code, Exit, Problem},
    sys::DoorError,
};

/// Why a command ended without doing what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to show, most important first.
    pub problems: Vec<Problem>,
    /// What it means for scripts.
    pub exit: Exit,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        vec![problem].into()
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        let exit = problems
            .iter()
            .map(|problem| exit(problem.code))
            .find(|exit| *exit != Exit::Problem);
        Self {
            problems,
            exit: exit.unwrap_or(Exit::Problem),
        }
    }
}

impl From<DoorError> for Failure {
    fn from(error: DoorError) -> Self {
        error.problem.into()
    }
}

/// Wrong arguments and a wrong site file are told apart from what an operator fixes elsewhere.
fn exit(code: Code) -> Exit {
    // A step, a scenario or a speed that is not known was typed as an argument.
    if matches!(code, Code::Run03 | Code::Reh03) {
        return Exit::Usage;
    }
    match code.as_str().split('-').next() {
        Some("ARG" | "SITE") => Exit::Usage,
        Some("BUG") => Exit::Bug,
        _ => Exit::Problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_follows_the_family_of_the_code() {
        let failure = |code| Failure::from(Problem::new(code, "x", "y")).exit;
        assert_eq!(failure(Code::Site01), Exit::Usage);
        assert_eq!(failure(Code::Args01), Exit::Usage);
        assert_eq!(failure(Code::Run03), Exit::Usage);
        assert_eq!(failure(Code::Reh03), Exit::Usage);
        assert_eq!(failure(Code::Host02), Exit::Problem);
        assert_eq!(failure(Code::Bug01), Exit::Bug);
    }
}
