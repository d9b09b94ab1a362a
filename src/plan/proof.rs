//! A request from outside to one of the site's names, and the answer that proves it. Pure.

use core::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::ObjectRef;

/// A request to one of the site's names as a browser sends it, over TLS with the site's own certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The name, such as `app.care.example.org`.
    pub host: String,
    /// Path with its query, such as `/ping/`.
    pub path: String,
    /// Each place that answers for the name; every one is asked.
    pub at: Vec<Place>,
    /// What it must answer.
    pub expect: Expect,
    /// The Secret whose certificate it must show.
    pub certificate: ObjectRef,
    /// Where the program behind the name lives: there one looks when it does not answer.
    pub namespace: String,
}

impl Proof {
    /// The address as a person types it.
    pub fn url(&self) -> String {
        format!("https://{}{}", self.host, self.path)
    }
}

/// A place that answers for names: a machine, or an address of the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The machine's name, or which ingress it is.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
}

/// What the answer must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// The program answers, with one of these statuses.
    Answer(Vec<u16>),
    /// The firewall refuses it, with 403.
    Refused,
}

impl Expect {
    /// Whether an answer of this status proves it.
    pub fn is_met_by(&self, status: u16) -> bool {
        match self {
            Self::Answer(statuses) => statuses.contains(&status),
            Self::Refused => status == 403,
        }
    }
}
