//! What a cluster has against what the plan says, by object and field, and who made it so; secrets never get in here. Pure.

mod difference;
mod drift;
mod mask;
pub mod owners;
pub mod path;
pub mod show;

pub use difference::{Becomes, Difference, Revision, What, of_release, of_trial};
pub use drift::{By, Change, Drift, Field, Since, added, of_object, of_revision};
pub use mask::Mask;

use std::fmt;

use serde::{Serialize, Serializer};

use crate::plan::ObjectRef;

/// What a difference is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// An object.
    Object(ObjectRef),
    /// A Helm release.
    Release {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(target) => target.fmt(out),
            Self::Release { namespace, name } => write!(out, "Helm release {namespace}/{name}"),
        }
    }
}

/// A value as it may be shown: where something secret was, there are only stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// There is nothing.
    Absent,
    /// This.
    Value(serde_json::Value),
    /// Something that nobody is shown.
    Secret,
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent => serializer.serialize_none(),
            Self::Value(value) => value.serialize(serializer),
            Self::Secret => serializer.serialize_str(mask::STARS),
        }
    }
}

#[cfg(test)]
mod tests;
