//! Certificates that have ended or end soon, as the secrets hold them that ingresses and programs show. Pure.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::Value;
use x509_parser::{certificate::X509Certificate, pem::Pem, prelude::FromDer as _};

use super::{Found, some};
use crate::{
    problem::{Code, Problem},
    watch::{
        facts::Facts,
        snapshot::{Kind, items, moment, name, namespace, text},
        view::Health,
    },
};

/// A certificate that a person renews is told so long before its end.
pub const SOON: Duration = Duration::from_hours(21 * 24);

/// One that a program renews by itself: less left means that it does not.
pub const LATE: Duration = Duration::from_hours(3 * 24);

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
    found.collect()
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
    let found = Found::new(health, format!("Certificate {who}"), since, problem).ranked(1);
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
