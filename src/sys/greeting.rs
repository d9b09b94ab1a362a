//! The door to a server of which only the first word is wanted: it connects, opens TLS with this computer's trust, and says
//! nothing; it never logs in.

use std::{io, sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::tls;
use crate::problem::{Code, Problem};

/// How long each of connecting and TLS may take.
const LIMIT: Duration = Duration::from_secs(3);

/// How a server was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeted {
    /// It took the connection; nothing protects it.
    Open,
    /// TLS was opened, and this computer trusts its certificate.
    Trusted,
}

impl Greeted {
    /// In a few words.
    pub fn words(self) -> String {
        match self {
            Self::Open => "answers; the connection is not encrypted".to_owned(),
            Self::Trusted => "answers over TLS; its certificate is trusted here".to_owned(),
        }
    }
}

/// Meets the server of an address such as `https://s3.example.org:9000`.
///
/// # Errors
/// What stands in the way: the name, the port, or its certificate.
pub async fn greet(address: &str) -> Result<Greeted, Problem> {
    let (secure, rest) = match address.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, address.strip_prefix("http://").unwrap_or(address)),
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or_default()),
        None => (rest, if secure { 443 } else { 80 }),
    };
    let stream = match timeout(LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(unheard(host, port).caused_by(&error)),
        Err(_elapsed) => {
            let late = format!("no answer within {} s", LIMIT.as_secs());
            return Err(unheard(host, port).because(late));
        }
    };
    if !secure {
        return Ok(Greeted::Open);
    }
    let opened = async {
        let config = config().map_err(io::Error::other)?;
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await
    };
    match timeout(LIMIT, opened).await {
        Ok(Ok(_stream)) => Ok(Greeted::Trusted),
        Ok(Err(error)) => Err(strange(host, port).caused_by(&error)),
        Err(_elapsed) => {
            let late = format!("no answer within {} s", LIMIT.as_secs());
            Err(strange(host, port).because(late))
        }
    }
}

/// TLS with the authorities of this computer.
fn config() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(tls::trusted().into_iter().map(CertificateDer::from));
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn unheard(host: &str, port: u16) -> Problem {
    Problem::new(
        Code::Http01,
        format!("Nobody answers at {host} port {port}."),
        format!("Check the address, and the way there from this computer: `nc -v {host} {port}`."),
    )
}

fn strange(host: &str, port: u16) -> Problem {
    Problem::new(
        Code::Http02,
        format!("{host} port {port} answers, and TLS with it does not open."),
        format!(
            "Look at what it shows: `openssl s_client -connect {host}:{port} -servername {host}`. If it speaks no TLS, write http:// in front."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{io::AsyncWriteExt as _, net::TcpListener};

    #[tokio::test]
    async fn a_port_that_answers_is_told_from_one_that_does_not_and_from_one_without_tls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = tokio::spawn(async move {
            let (open, _) = listener.accept().await.unwrap();
            let (mut plain, _) = listener.accept().await.unwrap();
            plain.write_all(b"HTTP/1.1 400 no\r\n\r\n").await.unwrap();
            drop((open, plain, listener));
        });
        let address = format!("127.0.0.1:{port}");
        let greeted = greet(&format!("http://{address}")).await;
        assert_eq!(greeted.unwrap(), Greeted::Open);
        let problem = greet(&format!("https://{address}")).await.unwrap_err();
        assert!(
            problem.what.contains("TLS with it does not open"),
            "{problem}"
        );
        serve.await.unwrap();
        let problem = greet(&format!("http://{address}")).await.unwrap_err();
        assert!(problem.what.contains("Nobody answers"), "{problem}");
        assert!(!problem.causes.is_empty());
    }
}
