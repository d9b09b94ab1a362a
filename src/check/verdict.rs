//! What a set of verdicts means for the deploy. Pure.

use super::{CheckResult, Verdict, Waiver};

/// The failures that no waiver covers: each one blocks the deploy.
pub fn blocking<'a>(results: &'a [CheckResult], waivers: &[Waiver]) -> Vec<&'a CheckResult> {
    results
        .iter()
        .filter(|result| matches!(result.verdict, Verdict::Fail { .. }))
        .filter(|result| !waivers.iter().any(|waiver| waiver.id == result.id))
        .collect()
}
