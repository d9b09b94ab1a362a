//! TLS for the practice cluster's port: kubectl and helm show a token to nobody without it. Its authority lives as long as the process.

use std::{sync::Arc, time::Duration};

use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::problem::{Code, Problem};

/// What the certificate is for.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// The first byte of a client that speaks TLS; no request in plain HTTP begins with it.
const HELLO: u8 = 0x16;

/// A connection as its client opened it.
pub enum Opened {
    /// Plain HTTP.
    Plain(TcpStream),
    /// HTTP in TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// The certificate and key of a port.
#[derive(Clone)]
pub struct Secure {
    /// The certificate as clients must know it, PEM.
    pub authority: String,
    acceptor: TlsAcceptor,
    /// How long a client may take for its first bytes.
    limit: Duration,
}

impl Secure {
    /// Makes a certificate for this process; a client has this long for its first bytes.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn new(limit: Duration) -> Result<Self, Problem> {
        let key = KeyPair::generate().map_err(|error| unmade(&error))?;
        let params = CertificateParams::new(NAMES.map(str::to_owned).to_vec());
        let certificate = params
            .and_then(|params| params.self_signed(&key))
            .map_err(|error| unmade(&error))?;
        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unmade(&error))?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], secret)
            .map_err(|error| unmade(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            authority: certificate.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            limit,
        })
    }

    /// Looks how the client begins and answers its TLS; nothing when it does not come that far.
    pub async fn open(&self, stream: TcpStream) -> Option<Opened> {
        let opening = async {
            let mut first = [0];
            stream.peek(&mut first).await.ok()?;
            if first == [HELLO] {
                let secure = self.acceptor.accept(stream).await.ok()?;
                Some(Opened::Tls(Box::new(secure)))
            } else {
                Some(Opened::Plain(stream))
            }
        };
        timeout(self.limit, opening).await.ok().flatten()
    }
}

fn unmade(error: &dyn std::error::Error) -> Problem {
    Problem::new(
        Code::Reh01,
        "The practice cluster's own certificate could not be made.",
        "Run the command on an ordinary Linux or macOS system.",
    )
    .caused_by(error)
}
