//! The practice site around its cluster, on loopback: the name server and the SSH port of each node; it decides nothing.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::names::{self, Zone};
use crate::{
    problem::{Code, Problem},
    site::Site,
    sys::Routes,
};

/// What an SSH server of the nodes' system says first.
const BANNER: &[u8] = b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13\r\n";

/// The SSH port of nodes for which the site names none.
const SSH_PORT: u16 = 22;

/// Connections that are served at one time, for each port.
const AT_ONCE: usize = 64;

/// How long one connection may last.
const LIMIT: Duration = Duration::from_secs(10);

/// A pause after an error of the system, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// The longest question; longer ones are cut and so not understood.
const QUESTION: usize = 4096;

/// How often a pair of equal UDP and TCP ports is looked for.
const TRIES: u32 = 16;

/// Opens the name server and the nodes of a site; they close with the token.
///
/// # Errors
/// No port of 127.0.0.1 can be used.
pub async fn open(
    site: &Site,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<Routes, Problem> {
    let zone = Arc::new(Zone::of(site));
    let (packets, streams) = pair().await?;
    let dns = packets.local_addr().map_err(|error| closed(&error))?;
    let serving = serve_packets(packets, Arc::clone(&zone));
    let token = stop.clone();
    tasks.spawn(async move { token.run_until_cancelled(serving).await });
    let answer = move |stream| questions(stream, Arc::clone(&zone));
    let token = stop.clone();
    tasks.spawn(async move { token.run_until_cancelled(accept(streams, answer)).await });
    let mut connect = BTreeMap::new();
    for (address, port) in ssh_ports(site) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(|error| closed(&error))?;
        let local = listener.local_addr().map_err(|error| closed(&error))?;
        connect.insert(format!("{address}:{port}"), local);
        let token = stop.clone();
        tasks.spawn(async move { token.run_until_cancelled(accept(listener, greet)).await });
    }
    Ok(Routes {
        dns: Some(dns),
        connect,
        edge: None,
    })
}

fn closed(error: &std::io::Error) -> Problem {
    Problem::new(
        Code::Reh01,
        "The name server and the nodes of the practice site cannot be served on 127.0.0.1.",
        "Check that this computer has its loopback network (ip address show lo) and free ports, then start again.",
    )
    .caused_by(error)
}

fn ssh_ports(site: &Site) -> impl Iterator<Item = (Ipv4Addr, u16)> {
    let nodes = &site.nodes;
    let both = [&nodes.primary, &nodes.secondary].map(|node| (node.address, node.ssh_port));
    let workers = nodes.workers.iter();
    both.into_iter()
        .chain(workers.map(|worker| (worker.address, SSH_PORT)))
}

/// A name server answers on one port, over UDP and TCP.
async fn pair() -> Result<(UdpSocket, TcpListener), Problem> {
    let mut tries = 0;
    loop {
        let packets = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let packets = packets.map_err(|error| closed(&error))?;
        let local = packets.local_addr().map_err(|error| closed(&error))?;
        tries += 1;
        match TcpListener::bind(local).await {
            Ok(streams) => return Ok((packets, streams)),
            Err(error) if tries == TRIES => return Err(closed(&error)),
            // Another program has the TCP port of this number.
            Err(_taken) => {}
        }
    }
}

async fn serve_packets(socket: UdpSocket, zone: Arc<Zone>) {
    let mut packet = vec![0; QUESTION];
    loop {
        // An error tells of a former answer that did not reach its asker.
        let Ok((length, from)) = socket.recv_from(&mut packet).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let question = packet.get(..length).unwrap_or_default();
        if let Some(reply) = names::answer(&zone, question) {
            // Who asked may be gone; UDP promises nothing.
            socket.send_to(&reply, from).await.ok();
        }
    }
}

/// Serves connections, each with its own task and a limit.
async fn accept<F, S>(listener: TcpListener, serve: F)
where
    F: Fn(TcpStream) -> S,
    S: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let serving = serve(stream);
        tokio::spawn(async move {
            // A client that breaks off or is slow loses its connection, nothing else.
            timeout(LIMIT, serving).await.ok();
            drop(place);
        });
    }
}

/// Says who it is and listens until the client goes: nobody can log in to a practice node.
async fn greet(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(BANNER).await?;
    let mut heard = [0; 256];
    while stream.read(&mut heard).await? > 0 {}
    Ok(())
}

/// Questions over TCP: each with its length before it.
async fn questions(mut stream: TcpStream, zone: Arc<Zone>) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut asked = vec![0; usize::from(length)];
        stream.read_exact(&mut asked).await?;
        let Some(reply) = names::answer(&zone, &asked) else {
            return Ok(());
        };
        let length = u16::try_from(reply.len()).map_err(std::io::Error::other)?;
        let framed = [&length.to_be_bytes()[..], &reply].concat();
        stream.write_all(&framed).await?;
    }
}
