//! Whether a certificate serves this site: read, key, chain, names, use, dates, strength; one judgement each. Pure.

mod chain;
mod dates;
mod files;
mod names;
mod strength;

use jiff::Timestamp;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer as _,
};

use super::{fail, pass, pem::Wrong, skipped};
use crate::{
    check::Verdict,
    problem::{Code, Problem},
};

pub use chain::chain;
pub use dates::dates;
pub use files::{key, readable};
pub use names::covered;
pub use strength::strength;

/// What was found in the site's folder.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The chain file as the settings name it.
    pub chain_file: String,
    /// The key file as the settings name it.
    pub key_file: String,
    /// The certificates as DER, or why there are none.
    pub chain: Result<Vec<Vec<u8>>, Unread>,
    /// The public half of the key, or why there is none.
    pub key: Result<Vec<u8>, Unread>,
    /// Every host name of the site.
    pub names: Vec<String>,
    /// The authorities that this computer trusts; none when it has no say.
    pub trusted: Option<Vec<Vec<u8>>>,
    /// The time.
    pub now: Timestamp,
}

/// Why a file gave nothing.
#[derive(Clone, Debug)]
pub enum Unread {
    /// It could not be read.
    File(Problem),
    /// It holds something else.
    Holds(Wrong),
}

/// Why the other checks of the certificate are left out.
const NOT_READ: &str = "the certificate cannot be read";

/// Reads the certificates and gives the first to a judgement, or leaves it out.
fn first(facts: &Facts, judge: impl FnOnce(&X509Certificate<'_>) -> Verdict) -> Verdict {
    let der = facts.chain.iter().flatten().next();
    match der.and_then(|der| X509Certificate::from_der(der).ok()) {
        Some((_, certificate)) => judge(&certificate),
        None => skipped(NOT_READ),
    }
}

/// The certificate in a few words: its common name or first alternative name.
fn named(certificate: &X509Certificate<'_>) -> String {
    let common = certificate
        .subject()
        .iter_common_name()
        .find_map(|name| name.as_str().ok());
    match common {
        Some(name) => shown(name),
        None => names(certificate)
            .into_iter()
            .next()
            .unwrap_or_else(|| shown(&certificate.subject().to_string())),
    }
}

/// A text out of a certificate: printable and short.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// Which certificate of the file is meant, at the beginning of a sentence.
fn which(index: usize, certificate: &X509Certificate<'_>) -> String {
    match index {
        0 => "The certificate".to_owned(),
        _ => format!(
            "The chain's certificate {} ({})",
            index + 1,
            named(certificate)
        ),
    }
}

/// The alternative names of a certificate, lower case.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name();
    let Ok(Some(extension)) = extension else {
        return Vec::new();
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(shown(name).to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

/// Whether it may be used by a server.
pub fn usage(facts: &Facts) -> Verdict {
    first(facts, |certificate| {
        let file = &facts.chain_file;
        let look = format!(
            "`openssl x509 -in {file} -noout -ext keyUsage,extendedKeyUsage,basicConstraints`"
        );
        let wrong = |seen: &str, what: &str| {
            let remedy =
                format!("Order a certificate for TLS servers. See what this one is for: {look}.");
            fail(seen, Problem::new(Code::Crt05, what, remedy))
        };
        if let Ok(Some(extended)) = certificate.extended_key_usage()
            && !(extended.value.server_auth || extended.value.any)
        {
            return wrong(
                "not for servers",
                "The certificate is made for something else than a TLS server.",
            );
        }
        if let Ok(Some(plain)) = certificate.key_usage()
            && !(plain.value.digital_signature() || plain.value.key_encipherment())
        {
            return wrong(
                "may not sign",
                "The key usage of the certificate forbids what a TLS server does with it.",
            );
        }
        if certificate.is_ca() {
            let problem = Problem::new(
                Code::Crt05,
                "The certificate is that of an authority, not of a server.",
                format!(
                    "Put the site's own certificate first in {file}. See what this one is: {look}."
                ),
            );
            return fail("an authority's own", problem);
        }
        pass("TLS server")
    })
}

/// Where the authority offers its own certificate, as the certificate says; it stands in a line that people copy
/// into a terminal, so nothing that a shell would understand is taken.
fn authority_url(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate.extensions().iter().find_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else {
            return None;
        };
        access
            .accessdescs
            .iter()
            .find_map(|described| match &described.access_location {
                GeneralName::URI(url)
                    if described.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2" =>
                {
                    Some((*url).to_owned()).filter(|url| is_plain(url))
                }
                _ => None,
            })
    })
}

fn is_plain(url: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":/._-~%".contains(c);
    url.starts_with("http") && url.len() <= 200 && url.chars().all(plain)
}

#[cfg(test)]
mod tests;
