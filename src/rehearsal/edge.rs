//! The site's entrances in practice: one port of loopback that answers for every address, with TLS, as the cluster's own
//! objects say. What is answered is decided in `edge/front`; here connections are carried.

mod front;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rustls::{
    ConfigBuilder, ServerConfig,
    crypto::ring,
    server::{Acceptor, ResolvesServerCertUsingSni, WantsServerCert},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::LazyConfigAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{hub::Hub, world::World};
use crate::problem::{Code, Problem};
use front::{Asked, Front, Pair, Reply};

/// Connections at one time.
const AT_ONCE: usize = 64;

/// How long a connection may last.
const LIMIT: Duration = Duration::from_secs(20);

/// A pause after an error of the system, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// The longest line that says which address is meant.
const LINE: usize = 108;

/// Opens the port; it closes with the token.
///
/// # Errors
/// No port of 127.0.0.1 can be used.
pub async fn open(
    hub: Hub,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<SocketAddr, Problem> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.map_err(|error| closed(&error))?;
    let local = listener.local_addr().map_err(|error| closed(&error))?;
    let token = stop.clone();
    tasks.spawn(async move { token.run_until_cancelled(accept(listener, hub)).await });
    Ok(local)
}

fn closed(error: &std::io::Error) -> Problem {
    Problem::new(
        Code::Reh01,
        "The entrances of the practice site cannot be served on 127.0.0.1.",
        "Check that this computer has its loopback network (ip address show lo) and free ports, then start again.",
    )
    .caused_by(error)
}

async fn accept(listener: TcpListener, hub: Hub) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let hub = hub.clone();
        tokio::spawn(async move {
            // A client that breaks off or is slow loses its connection, nothing else.
            timeout(LIMIT, serve(stream, hub)).await.ok();
            drop(place);
        });
    }
}

/// One connection: nobody there ends it at once, as a port on which nobody listens would.
async fn serve(mut stream: TcpStream, hub: Hub) -> Option<()> {
    let (address, port) = meant(&line(&mut stream).await?)?;
    // While somebody is answered, the practice clock does not jump.
    let _asking = hub.pending();
    let look = move |world: &World<'_>| front::front(world, address, port);
    let front = see(&hub, look).await??;
    if port != 443 {
        return talk(stream, hub, front, false).await;
    }
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream)
        .await
        .ok()?;
    let name = start.client_hello().server_name().map(str::to_owned)?;
    let of = front.clone();
    let pair = see(&hub, move |world| front::certificate(world, &of, &name)).await?;
    let config = pair.as_ref().and_then(shows).or_else(refuses)?;
    let secure = start.into_stream(config).await.ok()?;
    talk(secure, hub, front, true).await
}

async fn see<T: Send + 'static>(
    hub: &Hub,
    look: impl FnOnce(&World<'_>) -> T + Send + 'static,
) -> Option<T> {
    hub.ask(move |cluster, _| look(&World::new(&cluster.store)))
        .await
}

/// What the client says first: the line of the PROXY protocol.
async fn line(stream: &mut TcpStream) -> Option<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        if line.len() == LINE {
            return None;
        }
        line.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(line).ok()
}

/// The address and port that the client wants.
fn meant(line: &str) -> Option<(Ipv4Addr, u16)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["PROXY", "TCP4", _, address, _, port] = words.as_slice() else {
        return None;
    };
    Some((address.parse().ok()?, port.parse().ok()?))
}

/// TLS with a certificate and its key; nothing when they do not fit: no server would start with them.
fn shows(pair: &Pair) -> Option<Arc<ServerConfig>> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pair.chain).collect();
    let key = PrivateKeyDer::from_pem_slice(&pair.key).ok()?;
    let config = usual()?.with_single_cert(chain.ok()?, key).ok()?;
    Some(Arc::new(config))
}

/// TLS without any certificate: it tells the client that there is none for the name.
fn refuses() -> Option<Arc<ServerConfig>> {
    let none = Arc::new(ResolvesServerCertUsingSni::new());
    Some(Arc::new(usual()?.with_cert_resolver(none)))
}

fn usual() -> Option<ConfigBuilder<ServerConfig, WantsServerCert>> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().ok()?;
    Some(builder.with_no_client_auth())
}

/// Answers requests, one after the other.
async fn talk<S>(stream: S, hub: Hub, front: Front, secure: bool) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (hub, front) = (hub.clone(), front.clone());
        let asked = asked(&request, secure);
        async move {
            let reply = see(&hub, move |world| front::answer(world, &front, &asked)).await;
            let reply =
                reply.ok_or_else(|| std::io::Error::other("the practice cluster has ended"))?;
            respond(reply).map_err(std::io::Error::other)
        }
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok()
}

fn asked(request: &Request<Incoming>, secure: bool) -> Asked {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let target = request.uri().path_and_query();
    Asked {
        host: host.to_ascii_lowercase(),
        target: target.map_or("/", |target| target.as_str()).to_owned(),
        secure,
    }
}

fn respond(reply: Reply) -> Result<Response<Full<Bytes>>, http::Error> {
    let mut response = Response::builder()
        .status(reply.status)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8");
    if let Some(to) = reply.leads_to {
        response = response.header(header::LOCATION, to);
    }
    response.body(Full::new(Bytes::from(format!("{}\n", reply.words))))
}
