//! Certificates that have ended or end soon, as the secrets hold them that ingresses and programs show. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::Value;
use x509_parser::{certificate::X509Certificate, pem::Pem, prelude::FromDer as _};

use super::{Found, some};
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::Facts,
        rows::{self, pods::short},
        snapshot::{Kind, condition, holds, items, leaving, moment, name, namespace, text, time},
        view::Health,
    },
};

/// A certificate that a person renews is told so long before its end.
pub const SOON: Duration = Duration::from_hours(21 * 24);

/// One that a program renews by itself: less left means that it does not.
pub const LATE: Duration = Duration::from_hours(3 * 24);

/// An authority may take so long to issue one.
const ISSUING: Duration = Duration::from_mins(10);

/// Namespaces named in one cause.
const NAMES: usize = 8;

/// What the first certificate of a chain says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    ends: Timestamp,
    subject: String,
    secret: String,
    renewed: bool,
}

/// Findings about all certificates; one that several namespaces hold is told once.
pub fn findings(facts: &Facts<'_>) -> Vec<Found> {
    let mut held: BTreeMap<Said, Vec<String>> = BTreeMap::new();
    for secret in facts.snapshot.all(Kind::Certificate) {
        if let Some(said) = read(secret) {
            let places = held.entry(said).or_default();
            places.push(namespace(secret).to_owned());
        }
    }
    let found = held
        .iter()
        .filter_map(|(said, places)| one(said, places, facts));
    found
        .chain(uncovered(facts))
        .chain(not_issued(facts))
        .collect()
}

/// A certificate with the names that it should bear and does not.
#[derive(Default)]
struct Uncovered<'s> {
    hosts: BTreeSet<&'s str>,
    names: Vec<String>,
    places: Vec<String>,
}

/// Addresses whose certificate does not bear their name; one certificate is told once.
fn uncovered(facts: &Facts<'_>) -> Vec<Found> {
    let mut wrong: BTreeMap<&str, Uncovered<'_>> = BTreeMap::new();
    for ingress in facts.snapshot.all(Kind::Ingress) {
        for tls in items(ingress, "/spec/tls") {
            let secret = text(tls, "/secretName");
            let held = facts
                .snapshot
                .get(Kind::Certificate, namespace(ingress), secret);
            // One that has ended is told as that.
            let held = held.filter(|held| read(held).is_some_and(|said| said.ends > facts.now));
            let Some(names) = held.and_then(rows::certificates::covered) else {
                continue;
            };
            let hosts = items(tls, "/hosts").filter_map(Value::as_str);
            let bare: Vec<&str> = hosts.filter(|host| !covers(&names, host)).collect();
            if !bare.is_empty() {
                let known = wrong.entry(secret).or_default();
                known.hosts.extend(bare);
                known.names = names;
                known.places.push(namespace(ingress).to_owned());
            }
        }
    }
    let told = wrong.into_iter().map(|(secret, known)| {
        let names = known.names;
        let hosts: Vec<String> = known.hosts.into_iter().map(str::to_owned).collect();
        let problem = Problem::new(
            Code::Crt04,
            format!("The certificate {secret} does not cover {}: browsers refuse it there.", some(&hosts, NAMES)),
            "Get one that bears these names, put its files where the settings name them, then deploy again: the step certificate/secrets puts it everywhere.",
        )
        .because(format!("it bears {}", some(&names, NAMES)));
        let found = Found::new(Health::Bad, format!("Certificate {secret}"), None, problem);
        found.touching(&known.places).short(format!("certificate {secret} does not fit")).ranked(1)
    });
    told.collect()
}

/// Whether one of these names is that of the host; a star stands for one label.
fn covers(names: &[String], host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    names
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .any(|name| {
            let star = name.strip_prefix("*.");
            let rest = host.split_once('.').map_or("", |(_, rest)| rest);
            name == host || star.is_some_and(|domain| domain == rest)
        })
}

/// Certificates that cert-manager was asked for and does not get.
fn not_issued(facts: &Facts<'_>) -> Vec<Found> {
    let all = facts.snapshot.all(Kind::Issued);
    let waiting = all.filter_map(|issued| {
        let ready = condition(issued, "Ready").filter(|_| !holds(issued, "Ready"))?;
        let since = time(ready, "/lastTransitionTime");
        let (place, who) = (namespace(issued), name(issued));
        if leaving(issued) || !facts.lasts(since, ISSUING) {
            return None;
        }
        let mut problem = Problem::new(
            Code::Crt08,
            format!("The certificate {who} is not issued."),
            format!("kubectl -n {place} describe certificate {who} names the request, order and challenge that hold it up; the log of cert-manager holds the authority's words."),
        )
        .because(short(text(ready, "/message")));
        if let Some(issuing) = condition(issued, "Issuing") {
            problem = problem.because(short(text(issuing, "/message")));
        }
        // The one from before may still be good: then nobody is refused yet.
        let secret = text(issued, "/spec/secretName");
        let good = facts
            .snapshot
            .get(Kind::Certificate, place, secret)
            .and_then(read)
            .is_some_and(|said| said.ends > facts.now);
        let health = if good { Health::Warn } else { Health::Bad };
        let found = Found::new(health, format!("Certificate {place}/{who}"), since, problem);
        Some(found.within(place).short(format!("certificate {who} is not issued")).ranked(1))
    });
    waiting.collect()
}

/// Nothing when it cannot be read: the checks refuse such a file, and what other programs keep in such a secret is theirs.
fn read(secret: &Value) -> Option<Said> {
    let bytes = STANDARD.decode(text(secret, "/data/tls.crt")).ok()?;
    let pem = Pem::iter_from_buffer(&bytes).next()?.ok()?;
    let (_, certificate) = X509Certificate::from_der(&pem.contents).ok()?;
    let ends = certificate.validity().not_after.timestamp();
    let issuer = "/metadata/annotations/cert-manager.io~1certificate-name";
    Some(Said {
        ends: Timestamp::from_second(ends).ok()?,
        subject: certificate.subject().to_string(),
        secret: name(secret).to_owned(),
        renewed: !text(secret, issuer).is_empty()
            || items(secret, "/metadata/ownerReferences").next().is_some(),
    })
}

fn one(said: &Said, places: &[String], facts: &Facts<'_>) -> Option<Found> {
    let left = said.ends.duration_since(facts.now);
    let warned = if said.renewed { LATE } else { SOON };
    let ended = !left.is_positive();
    if !ended && left.unsigned_abs() > warned {
        return None;
    }
    let who = &said.secret;
    let what = if ended {
        format!("The certificate {who} has ended: browsers and programs refuse it.")
    } else {
        let days = left.as_hours() / 24;
        format!("The certificate {who} ends in {days} days.")
    };
    let remedy = if said.renewed {
        "Its operator renews it by itself and has not: read the log of cert-manager, or of the program that owns the secret (press l)."
    } else {
        "Get a new one from whoever issued it, put its files where the settings name them, then deploy again: the step certificate/secrets puts it everywhere."
    };
    let problem = Problem::new(Code::Crt06, what, remedy)
        .because(format!("{}, until {}", said.subject, moment(said.ends)))
        .because(format!("in {}", some(places, NAMES)));
    let health = if ended { Health::Bad } else { Health::Warn };
    let since = ended.then_some(said.ends);
    let found = Found::new(health, format!("Certificate {who}"), since, problem)
        .touching(places)
        .ranked(1);
    let found = found.short(if ended {
        "the certificate has ended"
    } else {
        "the certificate ends soon"
    });
    // One that the site shows everywhere concerns everybody.
    Some(match places {
        [place] => found.within(place),
        _ => found,
    })
}
