//! One request to a name of the site, at one place that answers for it, over TLS with just the site's certificate;
//! redirects are answers and not followed.

mod pinned;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{DoorError, Routes};
use crate::{
    plan::{Expect, Place, Proof},
    problem::{Code, Problem},
};

/// How long the whole request may take.
const LIMIT: Duration = Duration::from_secs(15);

/// Where browsers come in.
const PORT: u16 = 443;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where a request ended.
enum Ended {
    /// Nobody took the connection.
    Unheard(Failure),
    /// Whoever took it did not show the site's certificate.
    Stranger(Failure),
    /// The connection ended before an answer.
    Mute(Failure),
    /// It was answered with this status.
    Answered(u16),
}

/// The certificates of a chain in PEM, the site's own first.
///
/// # Errors
/// It holds none that can be read.
pub fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err("it holds no certificate".to_owned()),
        Ok(chain) => Ok(chain),
        Err(error) => Err(error.to_string()),
    }
}

/// Asks at one place; gives the status when it proves what it is to prove.
///
/// # Errors
/// Which name at which address did not answer as it must, and what that means; asking again may help.
pub async fn prove(
    proof: &Proof,
    place: &Place,
    chain: &[CertificateDer<'static>],
    routes: &Routes,
) -> Result<u16, DoorError> {
    let late = |_elapsed| Ended::Mute(format!("no answer within {} s", LIMIT.as_secs()).into());
    let asked = tokio::time::timeout(LIMIT, ask(proof, place.address, chain, routes)).await;
    let problem = match asked.unwrap_or_else(late) {
        Ended::Answered(status) if proof.expect.is_met_by(status) => return Ok(status),
        Ended::Answered(status) => other_answer(proof, place, status),
        Ended::Unheard(error) => unheard(proof, place).caused_by(&*error),
        Ended::Mute(error) => mute(proof, place).caused_by(&*error),
        Ended::Stranger(error) => stranger(proof, place).caused_by(&*error),
    };
    Err(DoorError::passing(problem))
}

async fn ask(
    proof: &Proof,
    address: Ipv4Addr,
    chain: &[CertificateDer<'static>],
    routes: &Routes,
) -> Ended {
    let stream = match connect(address, routes).await {
        Ok(stream) => stream,
        Err(error) => return Ended::Unheard(error.into()),
    };
    let secure = match open(&proof.host, stream, chain).await {
        Ok(secure) => secure,
        Err(error) => return error,
    };
    match exchange(proof, secure).await {
        Ok(response) => Ended::Answered(response.status().as_u16()),
        Err(error) => Ended::Mute(error),
    }
}

/// Connects to the address, or to what stands for it. One that stands for many is told first which of them is meant, as
/// one proxy tells another (the line of the PROXY protocol).
async fn connect(address: Ipv4Addr, routes: &Routes) -> std::io::Result<TcpStream> {
    if let Some(detour) = routes.to(&address.to_string(), PORT) {
        return TcpStream::connect(detour).await;
    }
    let Some(edge) = routes.edge else {
        return TcpStream::connect(SocketAddr::from((address, PORT))).await;
    };
    let mut stream = TcpStream::connect(edge).await?;
    let own = stream.local_addr()?;
    let line = format!(
        "PROXY TCP4 {} {address} {} {PORT}\r\n",
        own.ip(),
        own.port()
    );
    stream.write_all(line.as_bytes()).await?;
    Ok(stream)
}

/// TLS; a connection that ends before anything was shown had nobody behind it.
async fn open(
    host: &str,
    stream: TcpStream,
    chain: &[CertificateDer<'static>],
) -> Result<TlsStream<TcpStream>, Ended> {
    let stranger = |error: Failure| Ended::Stranger(error);
    let config = pinned::client(chain).map_err(stranger)?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| stranger(error.into()))?;
    let opened = TlsConnector::from(config).connect(name, stream).await;
    opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => stranger(error.into()),
        _ => Ended::Unheard(error.into()),
    })
}

async fn exchange(
    proof: &Proof,
    stream: TlsStream<TcpStream>,
) -> Result<Response<Incoming>, Failure> {
    let request = Request::builder()
        .uri(proof.path.as_str())
        .header("host", proof.host.as_str())
        .header("user-agent", "care-install")
        .header("accept", "*/*")
        .body(Empty::<Bytes>::new())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer; an error of the connection shows in the answer.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender.send_request(request).await?)
}

/// Name and address, as every sentence here has them.
fn at(proof: &Proof, place: &Place) -> String {
    format!("{} at {} ({})", proof.host, place.address, place.name)
}

fn unheard(proof: &Proof, place: &Place) -> Problem {
    Problem::new(
        Code::Http01,
        format!("Nobody answers for {} on port {PORT}.", at(proof, place)),
        "Look whether the pods of public-nginx and private-nginx are ready, and whether a firewall lies between this computer and \
         that address. Where only a tunnel leads there, name it with --through.",
    )
}

fn mute(proof: &Proof, place: &Place) -> Problem {
    Problem::new(
        Code::Http01,
        format!(
            "{} takes the connection and does not answer.",
            at(proof, place)
        ),
        format!(
            "Look at the log of the ingress (namespaces public-nginx and private-nginx) and at the pods in {}.",
            proof.namespace
        ),
    )
}

fn stranger(proof: &Proof, place: &Place) -> Problem {
    Problem::new(
        Code::Http02,
        format!("{} does not show the site's certificate.", at(proof, place)),
        format!(
            "Compare what it shows (openssl s_client -connect {}:{PORT} -servername {}) with the Secret {} in {}. Run the step \
             certificate/secrets again if that is an old one; something else that shows its own, such as a proxy, must let the \
             name through.",
            place.address,
            proof.host,
            proof.certificate.name,
            proof.certificate.namespace.as_deref().unwrap_or_default(),
        ),
    )
}

fn other_answer(proof: &Proof, place: &Place, status: u16) -> Problem {
    match &proof.expect {
        Expect::Refused => Problem::new(
            Code::Http04,
            format!(
                "An attack on {} was answered with {status} and not refused with 403.",
                at(proof, place)
            ),
            "Look whether the firewall refuses (SecRuleEngine On in the ConfigMap waf of public-nginx) and whether requests come \
             in through it. Run the steps waf/settings and waf/server again.",
        )
        .because(format!("GET {} was answered with {status}", proof.path)),
        Expect::Answer(statuses) => {
            let words: Vec<String> = statuses.iter().map(u16::to_string).collect();
            Problem::new(
                Code::Http03,
                format!("{} answers with {status}.", at(proof, place)),
                remedy(proof, status),
            )
            .because(format!(
                "GET {} was answered with {status}, expected {}",
                proof.path,
                words.join(" or ")
            ))
        }
    }
}

/// What an answer tells of the place where it came from.
fn remedy(proof: &Proof, status: u16) -> String {
    let space = &proof.namespace;
    match status {
        404 => format!(
            "No Ingress leads this name to a program: look with `kubectl get ingress -n {space}`, and run the step that makes it again."
        ),
        502..=504 => format!(
            "The way in is open and the program behind it is not there: look with `kubectl get pods,endpointslices -n {space}`. The \
             step is done once it answers."
        ),
        403 => "The firewall or the program refused an honest request: the log of the deployment public-nginx/waf names the rule. \
                Report it, so that an exclusion is made."
            .to_owned(),
        _ => format!(
            "The program itself answers so: read its log in {space}, and open {} from this computer.",
            proof.url()
        ),
    }
}

#[cfg(test)]
mod tests;
