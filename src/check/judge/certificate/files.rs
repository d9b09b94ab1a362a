//! Whether the two files hold a certificate and its key, and what they hold instead. Pure.

use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use super::{Facts, Unread, first, named};
use crate::{
    check::{
        Verdict,
        judge::{fail, pass, pem::Wrong},
    },
    problem::{Code, Problem},
};

/// Whether the chain file holds certificates.
pub fn readable(facts: &Facts) -> Verdict {
    let file = &facts.chain_file;
    let wrong = |seen: &str, what: String, remedy: String| {
        fail(seen, Problem::new(Code::Crt01, what, remedy))
    };
    let ders = match &facts.chain {
        Ok(ders) => ders,
        Err(Unread::File(problem)) => return fail("not read", problem.clone()),
        Err(Unread::Holds(Wrong::Binary)) => {
            return wrong(
                "not PEM",
                format!("The certificate chain {file} is in a binary form and not PEM."),
                format!(
                    "Convert it: `openssl x509 -inform der -in {file} -out new-chain.pem`, or, if it is a pfx, `openssl pkcs12 -in {file} -nokeys -out new-chain.pem`; then name the new file in `certificate.chain_file`."
                ),
            );
        }
        Err(Unread::Holds(Wrong::Key | Wrong::Encrypted)) => {
            return wrong(
                "holds a key",
                format!("The certificate chain {file} holds a private key and no certificate."),
                "Name the certificate in `certificate.chain_file` and the key in `certificate.key_file` of site.yaml; they may be swapped.".to_owned(),
            );
        }
        Err(Unread::Holds(Wrong::Broken(how))) => {
            let problem = Problem::new(
                Code::Crt01,
                format!("The certificate chain {file} is damaged."),
                format!("Copy the file again and look: `openssl x509 -in {file} -noout -text`."),
            );
            return fail("damaged", problem.because(how));
        }
        Err(Unread::Holds(_)) => {
            return wrong(
                "no certificate in it",
                format!("The file {file} holds no certificate."),
                format!(
                    "It must hold blocks that begin with -----BEGIN CERTIFICATE-----: `grep -c BEGIN {file}` counts them."
                ),
            );
        }
    };
    for (index, der) in ders.iter().enumerate() {
        if let Err(error) = X509Certificate::from_der(der) {
            let what = format!("Certificate {} of {file} cannot be understood.", index + 1);
            let remedy =
                format!("Copy the file again and look: `openssl x509 -in {file} -noout -text`.");
            return fail(
                "damaged",
                Problem::new(Code::Crt01, what, remedy).because(error.to_string()),
            );
        }
    }
    first(facts, |certificate| pass(named(certificate)))
}

/// Whether the key file holds the key of the certificate.
pub fn key(facts: &Facts) -> Verdict {
    let (file, chain) = (&facts.key_file, &facts.chain_file);
    let wrong = |seen: &str, what: String, remedy: String| {
        fail(seen, Problem::new(Code::Crt02, what, remedy))
    };
    let public = match &facts.key {
        Ok(public) => public,
        Err(Unread::File(problem)) => return fail("not read", problem.clone()),
        Err(Unread::Holds(Wrong::Encrypted)) => {
            return wrong(
                "has a passphrase",
                format!("The key {file} is locked with a passphrase, which no server can type."),
                format!(
                    "Take it off: `openssl pkey -in {file} -out new-key.pem && chmod 600 new-key.pem`; then name the new file in `certificate.key_file`."
                ),
            );
        }
        Err(Unread::Holds(Wrong::Certificate)) => {
            return wrong(
                "holds a certificate",
                format!("The key file {file} holds a certificate and no key."),
                "Name the certificate in `certificate.chain_file` and the key in `certificate.key_file` of site.yaml; they may be swapped.".to_owned(),
            );
        }
        Err(Unread::Holds(Wrong::Binary)) => {
            return wrong(
                "not PEM",
                format!("The key {file} is in a binary form and not PEM."),
                format!(
                    "Convert it: `openssl pkey -inform der -in {file} -out new-key.pem && chmod 600 new-key.pem`; then name the new file in `certificate.key_file`."
                ),
            );
        }
        Err(Unread::Holds(Wrong::Kind(how))) => {
            let problem = Problem::new(
                Code::Crt02,
                format!("The key {file} is of a kind that cannot be used."),
                "Make a new one and have the certificate signed anew: `openssl ecparam -name prime256v1 -genkey -noout -out new-key.pem`.",
            );
            return fail("not a usable kind", problem.because(how));
        }
        Err(Unread::Holds(_)) => {
            return wrong(
                "no key in it",
                format!("The file {file} holds no private key that can be read."),
                format!("Copy it again and look: `openssl pkey -in {file} -noout -check`."),
            );
        }
    };
    first(facts, |certificate| {
        if certificate.public_key().raw == public.as_slice() {
            return pass("fits the certificate");
        }
        wrong(
            "of another certificate",
            format!("The key {file} does not belong to the certificate {chain}."),
            format!(
                "Put the key and the certificate of the same order in place; these two must print the same: `openssl x509 -in {chain} -noout -pubkey` and `openssl pkey -in {file} -pubout`."
            ),
        )
    })
}
