//! Where names and addresses lead when the world is a practice cluster; in life it holds at most the tunnels that a person named.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::{Deserialize, Serialize};

/// Detours to the practice cluster's own name server and nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routes {
    /// The name server that answers for every name server of the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<SocketAddr>,
    /// `host:port` to the address that really answers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub connect: BTreeMap<String, SocketAddr>,
    /// What answers for all other addresses of the site; it is told which one is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<SocketAddr>,
}

impl Routes {
    /// The address to connect to, when there is a detour.
    pub fn to(&self, host: &str, port: u16) -> Option<SocketAddr> {
        self.connect.get(&format!("{host}:{port}")).copied()
    }

    /// Whether the world around the cluster is played.
    pub fn are_played(&self) -> bool {
        self.dns.is_some()
    }
}
