//! The certificates that secrets hold, read from the certificate itself. Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::Value;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, pem::Pem, prelude::FromDer as _,
};

use super::pods::newest;
use crate::watch::{
    facts::Facts,
    rules::{CERTIFICATE_LATE, CERTIFICATE_SOON},
    snapshot::{Kind, condition, holds, items, moment, name, namespace, text},
    view::{CertificateRow, Health},
};

/// Names that are listed in the details.
const NAMES: usize = 20;

/// What a certificate says of itself.
struct Said {
    names: Vec<String>,
    issuer: String,
    begins: Option<Timestamp>,
    ends: Option<Timestamp>,
}

/// The rows, the one that ends first first.
pub fn rows(facts: &Facts<'_>) -> Vec<CertificateRow> {
    let mut rows: Vec<CertificateRow> = facts
        .snapshot
        .all(Kind::Certificate)
        .map(|secret| row(secret, facts))
        .collect();
    rows.sort_by(|left, right| {
        let order = |row: &CertificateRow| (row.ends.is_none(), row.ends);
        order(left)
            .cmp(&order(right))
            .then_with(|| left.namespace.cmp(&right.namespace))
            .then_with(|| left.name.cmp(&right.name))
    });
    rows
}

fn row(secret: &Value, facts: &Facts<'_>) -> CertificateRow {
    let renewed_by = renewer(secret);
    let mut details = Vec::new();
    let said = read(secret);
    let (status, health) = match said.as_ref().and_then(|said| said.ends) {
        Some(ends) => state(ends, !renewed_by.is_empty(), facts.now),
        // What other programs keep in such a secret is theirs.
        None => ("unreadable", Health::Unknown),
    };
    let said = said.unwrap_or(Said {
        names: Vec::new(),
        issuer: String::new(),
        begins: None,
        ends: None,
    });
    if !said.names.is_empty() {
        let shown: Vec<&str> = said.names.iter().take(NAMES).map(String::as_str).collect();
        details.push(format!("valid for {}", shown.join(", ")));
    }
    for (word, at) in [("from", said.begins), ("until", said.ends)] {
        if let Some(at) = at {
            details.push(format!("{word} {}", moment(at)));
        }
    }
    if !said.issuer.is_empty() {
        details.push(format!("signed by {}", said.issuer));
    }
    details.extend(renewal(secret, &renewed_by, facts));
    CertificateRow {
        namespace: namespace(secret).to_owned(),
        name: name(secret).to_owned(),
        names: said.names.join(", "),
        status,
        health,
        ends: said.ends,
        issuer: said.issuer,
        renewed_by,
        details,
    }
}

/// The object that renews it: a Certificate of cert-manager, or whatever owns the secret.
fn renewer(secret: &Value) -> String {
    let note = "/metadata/annotations/cert-manager.io~1certificate-name";
    let issued = text(secret, note);
    if !issued.is_empty() {
        return format!("Certificate {issued}");
    }
    let owner = items(secret, "/metadata/ownerReferences").next();
    owner.map_or_else(String::new, |owner| {
        format!("{} {}", text(owner, "/kind"), text(owner, "/name"))
    })
}

fn state(ends: Timestamp, renewed: bool, now: Timestamp) -> (&'static str, Health) {
    let left = ends.duration_since(now);
    let warned = if renewed {
        CERTIFICATE_LATE
    } else {
        CERTIFICATE_SOON
    };
    if !left.is_positive() {
        ("ended", Health::Bad)
    } else if left.unsigned_abs() <= warned {
        ("ends soon", Health::Warn)
    } else {
        ("valid", Health::Good)
    }
}

/// Who renews it, and what they say.
fn renewal(secret: &Value, renewed_by: &str, facts: &Facts<'_>) -> Vec<String> {
    if renewed_by.is_empty() {
        return vec!["a person renews it: nobody does so by itself".to_owned()];
    }
    let mut lines = vec![format!("renewed by itself: {renewed_by}")];
    let issued = renewed_by
        .strip_prefix("Certificate ")
        .and_then(|issued| facts.snapshot.get(Kind::Issued, namespace(secret), issued));
    let Some(issued) = issued else {
        return lines;
    };
    if let Some(ready) = condition(issued, "Ready").filter(|_| !holds(issued, "Ready")) {
        lines.push(format!("not ready: {}", text(ready, "/message")));
    }
    if let Some(issuing) = condition(issued, "Issuing").filter(|_| holds(issued, "Issuing")) {
        lines.push(format!("is renewed now: {}", text(issuing, "/message")));
    }
    let next = text(issued, "/status/renewalTime");
    if let Ok(next) = next.parse() {
        lines.push(format!("renewed at {}", moment(next)));
    }
    lines.extend(newest(&facts.events("Certificate", issued)));
    lines
}

/// The host names that the certificate in a secret bears.
pub fn covered(secret: &Value) -> Option<Vec<String>> {
    read(secret).map(|said| said.names)
}

fn read(secret: &Value) -> Option<Said> {
    let bytes = STANDARD.decode(text(secret, "/data/tls.crt")).ok()?;
    let pem = Pem::iter_from_buffer(&bytes).next()?.ok()?;
    let (_, certificate) = X509Certificate::from_der(&pem.contents).ok()?;
    let validity = certificate.validity();
    let at = |second| Timestamp::from_second(second).ok();
    let mut names: Vec<String> = certificate
        .subject_alternative_name()
        .ok()
        .flatten()
        .into_iter()
        .flat_map(|found| &found.value.general_names)
        .filter_map(|one| match one {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        names.push(certificate.subject().to_string());
    }
    Some(Said {
        names,
        issuer: certificate.issuer().to_string(),
        begins: at(validity.not_before.timestamp()),
        ends: at(validity.not_after.timestamp()),
    })
}
