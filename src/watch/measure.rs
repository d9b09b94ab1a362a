//! Asks what pods and nodes use, one question for each, and reads the answers into numbers.

use jiff::Timestamp;

use super::usage::{Amount, Heard, Reading, millicores, units};
use crate::sys::kube::{Kube, Measured, Measurements, Measures};

/// What came of asking once.
pub async fn ask(kube: &Kube) -> Heard {
    let (nodes, pods) = tokio::join!(
        kube.measured(Measures::Nodes),
        kube.measured(Measures::Pods)
    );
    match (nodes, pods) {
        (Ok(Measurements::These(nodes)), Ok(Measurements::These(pods))) => Heard::Measured {
            nodes: nodes.into_iter().filter_map(reading).collect(),
            pods: pods.into_iter().filter_map(reading).collect(),
        },
        (Err(error), _) | (_, Err(error)) => Heard::Refused(error.problem.what),
        (Ok(Measurements::NotReady), _) | (_, Ok(Measurements::NotReady)) => Heard::NotReady,
        (Ok(Measurements::Absent), _) | (_, Ok(Measurements::Absent)) => Heard::Absent,
    }
}

/// A measurement as numbers; one without a moment is none.
fn reading(measured: Measured) -> Option<Reading> {
    let at: Timestamp = measured.timestamp.parse().ok()?;
    let containers = measured
        .containers
        .into_iter()
        .map(|container| container.usage);
    let mut used = Amount::default();
    for one in measured.usage.into_iter().chain(containers) {
        used.cpu = used.cpu.saturating_add(millicores(&one.cpu));
        used.memory = used.memory.saturating_add(units(&one.memory));
    }
    Some(Reading {
        namespace: measured.metadata.namespace,
        name: measured.metadata.name,
        at,
        used,
    })
}
