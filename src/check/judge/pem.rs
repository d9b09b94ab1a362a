//! PEM files of a certificate and of a key: what they hold, or what they hold instead. Pure; keys never leave it.

use rustls::crypto::ring::sign::any_supported_type;
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};
use x509_parser::pem::Pem;

/// What is in a file in the place of what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing at all.
    Empty,
    /// Binary DER or PKCS#12.
    Binary,
    /// Text without the blocks that are wanted.
    NoPem,
    /// A key where certificates belong.
    Key,
    /// Certificates where a key belongs.
    Certificate,
    /// A key with a passphrase.
    Encrypted,
    /// A block that is cut or changed; how it shows.
    Broken(String),
    /// A key of a kind that TLS servers do not use.
    Kind(String),
}

fn blocks(bytes: &[u8]) -> Result<Vec<Pem>, Wrong> {
    match bytes {
        [] => return Err(Wrong::Empty),
        // A sequence of ASN.1.
        [0x30, 0x80..=0x84, ..] => return Err(Wrong::Binary),
        _ => {}
    }
    if core::str::from_utf8(bytes).is_err() {
        return Err(Wrong::Binary);
    }
    let read: Result<Vec<Pem>, _> = Pem::iter_from_buffer(bytes).collect();
    match read {
        Ok(blocks) if blocks.is_empty() => Err(Wrong::NoPem),
        Ok(blocks) => Ok(blocks),
        Err(error) => Err(Wrong::Broken(error.to_string())),
    }
}

fn is_certificate(block: &Pem) -> bool {
    // The only label that every program of the cluster reads.
    block.label == "CERTIFICATE"
}

/// The certificates of a chain file as DER, in the order of the file.
///
/// # Errors
/// What the file holds instead.
pub fn certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Wrong> {
    let blocks = blocks(bytes)?;
    let key = blocks
        .iter()
        .any(|block| block.label.ends_with("PRIVATE KEY"));
    let found: Vec<Vec<u8>> = blocks
        .into_iter()
        .filter(is_certificate)
        .map(|block| block.contents)
        .collect();
    match (found.is_empty(), key) {
        (false, _) => Ok(found),
        (true, true) => Err(Wrong::Key),
        (true, false) => Err(Wrong::NoPem),
    }
}

/// The public half of the key in a key file, as it stands in a certificate.
///
/// # Errors
/// What the file holds instead.
pub fn public_half(bytes: &[u8]) -> Result<Vec<u8>, Wrong> {
    let text = String::from_utf8_lossy(bytes);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(Wrong::Encrypted);
    }
    let blocks = blocks(bytes)?;
    if !blocks
        .iter()
        .any(|block| block.label.ends_with("PRIVATE KEY"))
    {
        return Err(if blocks.iter().any(is_certificate) {
            Wrong::Certificate
        } else {
            Wrong::NoPem
        });
    }
    let key =
        PrivateKeyDer::from_pem_slice(bytes).map_err(|error| Wrong::Broken(error.to_string()))?;
    let signer = any_supported_type(&key).map_err(|error| Wrong::Kind(error.to_string()))?;
    match signer.public_key() {
        Some(public) => Ok(public.to_vec()),
        None => Err(Wrong::Kind("its public half cannot be told".to_owned())),
    }
}
