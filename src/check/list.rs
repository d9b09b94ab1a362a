//! The closed list of checks: code, family, title; no check is told under another name than here. Pure.

use super::Family;
use crate::problem::Code;

/// One kind of check.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// Its code.
    pub code: Code,
    /// Its family.
    pub family: Family,
    /// What is checked, short enough for a list.
    pub title: &'static str,
    /// Codes of doors that its failure may carry instead, for `--only`.
    pub also: &'static [Code],
}

impl Check {
    /// Whether it is meant by `--only`.
    pub fn is_meant(&self, only: Option<Code>) -> bool {
        only.is_none_or(|only| only == self.code || self.also.contains(&only))
    }
}

const fn check(code: Code, family: Family, title: &'static str) -> Check {
    Check {
        code,
        family,
        title,
        also: &[],
    }
}

/// Codes of a file that gives nothing.
const FILES: &[Code] = &[Code::File01, Code::File03, Code::File04];

/// Codes of an API that gives nothing.
const API: &[Code] = &[
    Code::Kube01,
    Code::Kube02,
    Code::Kube03,
    Code::Kube04,
    Code::Kube06,
    Code::Kube10,
];

pub const SSH: Check = check(Code::Ssh01, Family::Ssh, "SSH answers");
pub const NAME_SERVER: Check = check(Code::Dns01, Family::Dns, "name server");
pub const NAME: Check = check(Code::Dns02, Family::Dns, "name");
pub const WILDCARD: Check = check(Code::Dns03, Family::Dns, "wildcard");
pub const SEARCH: Check = check(Code::Dns04, Family::Dns, "search domain");
pub const READABLE: Check = Check {
    also: FILES,
    ..check(Code::Crt01, Family::Certificate, "certificate is readable")
};
pub const KEY: Check = Check {
    also: FILES,
    ..check(Code::Crt02, Family::Certificate, "key fits")
};
pub const CHAIN: Check = check(Code::Crt03, Family::Certificate, "chain is complete");
pub const COVERED: Check = check(Code::Crt04, Family::Certificate, "names are covered");
pub const USAGE: Check = check(Code::Crt05, Family::Certificate, "made for servers");
pub const DATES: Check = check(Code::Crt06, Family::Certificate, "valid now");
pub const STRENGTH: Check = check(Code::Crt07, Family::Certificate, "strong enough");
pub const ANSWERS: Check = Check {
    also: API,
    ..check(Code::K8s01, Family::Cluster, "cluster answers")
};
pub const VERSION: Check = check(Code::K8s02, Family::Cluster, "version fits");
pub const PRESENT: Check = check(Code::K8s03, Family::Cluster, "node is there");
pub const READY: Check = check(Code::K8s04, Family::Cluster, "node takes pods");
pub const ROLE: Check = check(Code::K8s05, Family::Cluster, "node has its role");
pub const HELM: Check = Check {
    also: &[Code::Helm02],
    ..check(Code::Helm01, Family::Workstation, "helm is there")
};
