//! The stand-in for operators that make workloads of their own: what a chart's ConfigMap lists comes once the rest runs. Pure.

use serde_json::Value;

use super::shape::holds;

/// Whether a Deployment has at least one pod that serves, for the newest wish.
pub fn serves(deployment: &Value) -> bool {
    holds(deployment, "Available") && deployment["status"]["availableReplicas"].as_u64() > Some(0)
}
