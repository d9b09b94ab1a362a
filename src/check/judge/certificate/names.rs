//! Whether every host name of the site is covered, a wildcard standing for exactly one label. Pure.

use super::{Facts, first, names};
use crate::{
    check::{
        Verdict,
        judge::{fail, pass},
    },
    problem::{Code, Problem},
};

/// Whether one alternative name covers the host: itself, or a wildcard that stands for exactly one label.
pub fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        None => pattern == host,
        Some(domain) => host
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest == domain),
    }
}

/// Whether every host name of the site is covered.
pub fn covered(facts: &Facts) -> Verdict {
    first(facts, |certificate| {
        let patterns = names(certificate);
        let missing: Vec<&String> = facts
            .names
            .iter()
            .filter(|host| !patterns.iter().any(|pattern| covers(pattern, host)))
            .collect();
        let Some(one) = missing.first() else {
            return pass(format!(
                "{} names by {}",
                facts.names.len(),
                listed(&patterns)
            ));
        };
        let what = match missing.len() {
            1 => format!("The certificate does not cover {one}."),
            count => format!(
                "The certificate does not cover {count} host names of the site: {}.",
                listed(&missing)
            ),
        };
        let remedy = format!(
            "Get a certificate with {}, or change the host names in site.yaml. Its names: `openssl x509 -in {} -noout -ext subjectAltName`.",
            wanted(&missing),
            facts.chain_file
        );
        let mut problem = Problem::new(Code::Crt04, what, remedy);
        let deep = missing.iter().find_map(|host| {
            let pattern = patterns.iter().find(|pattern| is_too_deep(pattern, host))?;
            Some(format!(
                "{pattern} stands for one label, and {host} has more before the domain"
            ))
        });
        if let Some(deep) = deep {
            problem = problem.because(deep);
        }
        let seen = if patterns.is_empty() {
            problem = problem.because(
                "it has no alternative names at all, and browsers do not look at the common name",
            );
            "no alternative names".to_owned()
        } else {
            format!("only {}", listed(&patterns))
        };
        fail(seen, problem)
    })
}

fn is_too_deep(pattern: &str, host: &str) -> bool {
    pattern
        .strip_prefix('*')
        .is_some_and(|domain| host.ends_with(domain))
}

/// The names that would cover what is missing: one wildcard per domain.
fn wanted(missing: &[&String]) -> String {
    let mut wanted: Vec<String> = missing
        .iter()
        .filter_map(|host| {
            host.split_once('.')
                .map(|(_, domain)| format!("*.{domain}"))
        })
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    listed(&wanted)
}

/// Most names in one sentence.
const MOST: usize = 5;

fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let first: Vec<&str> = names.iter().take(MOST).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(MOST) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
