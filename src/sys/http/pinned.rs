//! A TLS client that takes one certificate and no other: the site's own, whole, in time, for this name.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::ring,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A client for a chain, the site's own certificate first.
pub(super) fn client(chain: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, Failure> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    // Whether browsers know its authorities was judged from the file; here it is compared with that.
    roots.add_parsable_certificates(chain.iter().cloned());
    let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = Pinned {
        chain: chain.to_vec(),
        usual: usual.build()?,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Asks for more than the usual verifier, and for all that it asks for.
#[derive(Debug)]
struct Pinned {
    chain: Vec<CertificateDer<'static>>,
    usual: Arc<WebPkiServerVerifier>,
}

/// Why the shown certificates are not the site's.
#[derive(Debug)]
struct NotOurs(String);

impl fmt::Display for NotOurs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for NotOurs {}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.chain.first() != Some(end_entity) {
            return Err(not_ours(format!("it shows {}", shown(end_entity))));
        }
        let mut rest = self.chain.iter().skip(1);
        let missing = rest.find(|one| !is_root(one) && !intermediates.contains(one));
        if let Some(missing) = missing {
            let what = format!("it does not send the chain: {} is missing", shown(missing));
            return Err(not_ours(what));
        }
        self.usual
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

fn not_ours(what: String) -> Error {
    let why = OtherError(Arc::new(NotOurs(what)));
    Error::InvalidCertificate(CertificateError::Other(why))
}

/// Whose certificate it is and until when, for a person.
fn shown(certificate: &CertificateDer<'_>) -> String {
    match X509Certificate::from_der(certificate) {
        Ok((_, read)) => format!(
            "the certificate of {}, valid until {}",
            read.subject(),
            read.validity().not_after
        ),
        Err(_unreadable) => "a certificate that cannot be read".to_owned(),
    }
}

/// Browsers have the roots themselves; a server may leave its own out.
fn is_root(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, read)| read.subject() == read.issuer())
}
