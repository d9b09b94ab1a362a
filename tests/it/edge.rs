//! An entrance of a site whose programs are only played: it shows the site's certificate, answers what is asked, and refuses
//! what looks like an attack.

use std::{net::SocketAddr, sync::Arc};

use care_install::{
    plan::{Action, Plan, Proof},
    sys::Routes,
};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use crate::catalog::{certificate, decoded};

/// The requests of a plan that prove the site.
pub fn proofs(plan: &Plan) -> impl Iterator<Item = &Proof> {
    plan.steps.iter().filter_map(|step| match &step.action {
        Action::Http(proof) => Some(&**proof),
        _ => None,
    })
}

/// Ways from every address that the plan asks to an entrance with the plan's own certificate.
pub fn routes(plan: &Plan) -> Routes {
    routes_of(plan, &pair(plan))
}

/// The certificate that the plan brings and its key; a new pair for a plan that orders its certificates.
pub fn pair(plan: &Plan) -> (Vec<u8>, Vec<u8>) {
    let objects = plan.steps.iter().flat_map(|step| step.action.objects());
    let mut brought = objects.filter(|object| {
        let target = object.reference();
        (target.kind.as_str(), target.name.as_str()) == ("Secret", "lets-encrypt-cert")
    });
    if let Some(data) = brought.next().map(|secret| &secret.value()["data"]) {
        return (decoded(&data["tls.crt"]), decoded(&data["tls.key"]));
    }
    let (chain, key) = certificate();
    (chain.into_bytes(), key.into_bytes())
}

/// The same with a certificate and its key.
pub fn routes_of(plan: &Plan, (chain, key): &(Vec<u8>, Vec<u8>)) -> Routes {
    let at = open(chain, key);
    Routes {
        connect: addresses(plan).map(|address| (address, at)).collect(),
        ..Routes::default()
    }
}

/// Every address that the plan asks, with its port.
pub fn addresses(plan: &Plan) -> impl Iterator<Item = String> {
    proofs(plan).flat_map(|proof| {
        proof
            .at
            .iter()
            .map(|place| format!("{}:443", place.address))
    })
}

/// Opens an entrance with a certificate; it ends with the runtime of the test.
pub fn open(chain: &[u8], key: &[u8]) -> SocketAddr {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.unwrap(), PrivateKeyDer::from_pem_slice(key).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(acceptor.clone(), stream));
        }
    });
    address
}

/// Whoever asks may break off at any time.
async fn answer(acceptor: TlsAcceptor, stream: tokio::net::TcpStream) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut request = [0; 4096];
    let read = stream.read(&mut request).await?;
    let line = String::from_utf8_lossy(&request[..read]).into_owned();
    let line = line.lines().next().unwrap_or_default();
    let status = if line.contains("%27%20OR%20") {
        403
    } else {
        200
    };
    let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.shutdown().await
}
