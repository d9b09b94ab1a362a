//! Whether keys and signatures are strong enough for browsers. Pure.

use x509_parser::{certificate::X509Certificate, prelude::FromDer as _, public_key::PublicKey};

use super::{Facts, NOT_READ, which};
use crate::{
    check::{
        Verdict,
        judge::{fail, pass, skipped},
    },
    problem::{Code, Problem},
};

/// Fewest bits of an RSA key.
const RSA_BITS: usize = 2048;

/// Whether its key and its signatures are strong enough for browsers.
pub fn strength(facts: &Facts) -> Verdict {
    let mut seen = Vec::new();
    for (index, der) in facts.chain.iter().flatten().enumerate() {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return skipped(NOT_READ);
        };
        let which = which(index, &certificate);
        let weak = |seen: String, what: String| {
            let problem = Problem::new(
                Code::Crt07,
                what,
                format!(
                    "Make a new key and order the certificate anew: `openssl req -new -newkey rsa:3072 -nodes -keyout new-key.pem -out site.csr -subj /CN={}`.",
                    facts.names.first().map_or("example.org", String::as_str)
                ),
            );
            fail(seen, problem)
        };
        match certificate.public_key().parsed() {
            Ok(PublicKey::RSA(key)) if key.key_size() < RSA_BITS => {
                let bits = key.key_size();
                return weak(
                    format!("RSA {bits}"),
                    format!("{which} has an RSA key of only {bits} bits."),
                );
            }
            Ok(PublicKey::RSA(key)) => seen.push(format!("RSA {}", key.key_size())),
            Ok(PublicKey::EC(point)) => seen.push(format!("EC {}", point.key_size())),
            Ok(PublicKey::Unknown(_)) if index == 0 => {
                return weak(
                    "a kind browsers do not know".to_owned(),
                    format!("{which} has a key of a kind that browsers do not know."),
                );
            }
            Ok(_) | Err(_) => seen.push("another kind".to_owned()),
        }
        let own = certificate.subject() == certificate.issuer();
        if let Some(hash) = weak_hash(&certificate).filter(|_| index == 0 || !own) {
            return weak(
                format!("signed with {hash}"),
                format!("{which} is signed with {hash}, which can be forged."),
            );
        }
    }
    if seen.is_empty() {
        return skipped(NOT_READ);
    }
    pass(seen.join(", "))
}

/// The name of a hash that is broken, if the signature uses one.
fn weak_hash(certificate: &X509Certificate<'_>) -> Option<&'static str> {
    let oid = certificate.signature_algorithm.algorithm.to_id_string();
    match oid.as_str() {
        "1.2.840.113549.1.1.2" | "1.2.840.113549.1.1.4" => Some("MD5"),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => {
            Some("SHA-1")
        }
        _ => None,
    }
}
