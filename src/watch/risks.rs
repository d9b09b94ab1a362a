//! What could be lost when every machine is switched off now, by what health finds; each is looked after by a step of that run. Pure.

use super::view::ClusterView;
use crate::{
    plan::{StepId, power::POWER},
    problem::{Code, Problem},
};

/// Something that is not as it should be before everything stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// What was found.
    pub problem: Problem,
    /// The steps that would wait for its cure: who accepts it, leaves them out.
    pub steps: Vec<StepId>,
}

/// What is found now, worst first.
pub fn of(view: &ClusterView) -> Vec<Risk> {
    let found = view.findings.iter().filter_map(|finding| {
        Some(Risk {
            steps: steps(finding.problem.code)?
                .iter()
                .map(|name| StepId::new(POWER, name))
                .collect(),
            problem: finding.problem.clone(),
        })
    });
    found.collect()
}

/// The steps that wait until what this code is about is cured; nothing for what loses no data.
fn steps(code: Code) -> Option<&'static [&'static str]> {
    match code {
        Code::Vol01 | Code::Vol02 | Code::Vol06 => Some(&["volumes"]),
        // An operator stops only a database that is whole; without it, PostgreSQL is ended with its volumes.
        Code::Pg01 => Some(&["database", "copied", "rest"]),
        Code::Pg02 | Code::Pg07 => Some(&["database", "rest"]),
        Code::Pg03 | Code::Pg04 | Code::Pg05 | Code::Pg06 => Some(&["copied"]),
        _ => None,
    }
}

/// Whether all of it was stopped by a run that switches every machine off.
pub fn rests(view: &ClusterView) -> bool {
    let mut found = view.findings.iter();
    found.any(|finding| finding.problem.code == Code::Pg09)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::view::{Finding, Health};

    fn finding(code: Code) -> Finding {
        Finding {
            health: Health::Warn,
            problem: Problem::new(code, "It is so.", "Do this."),
            about: "Volume a".to_owned(),
            since: None,
            services: Vec::new(),
            brings: Vec::new(),
            because_of: None,
        }
    }

    #[test]
    fn only_what_could_lose_data_is_a_risk_and_each_names_the_steps_that_wait_for_it() {
        let codes = [Code::Vol01, Code::Wait02, Code::Pg02, Code::Pg04];
        let view = ClusterView {
            findings: codes.map(finding).into(),
            ..ClusterView::default()
        };
        let steps: Vec<String> = of(&view)
            .iter()
            .map(|risk| {
                let steps: Vec<&str> = risk.steps.iter().map(StepId::as_str).collect();
                steps.join(" ")
            })
            .collect();
        assert_eq!(
            steps,
            ["power/volumes", "power/database power/rest", "power/copied"]
        );
        assert!(!rests(&view));
    }
}
