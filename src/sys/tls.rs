//! The door to this computer's trust store; it judges no certificate.

/// The authorities that this computer trusts, as DER; none when it has no trust store that can be read.
pub fn trusted() -> Vec<Vec<u8>> {
    rustls_native_certs::load_native_certs()
        .certs
        .into_iter()
        .map(|certificate| certificate.to_vec())
        .collect()
}
