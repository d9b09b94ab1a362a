//! A wire that is slower than loopback: every byte arrives some time after it was sent, and none waits for another.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// Pieces on their way in one direction.
const ON_THE_WAY: usize = 1024;

/// Leads to this address; what passes takes this long in each direction. It ends with its runtime.
pub async fn start(upstream: SocketAddr, each_way: Duration) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let far = TcpStream::connect(upstream).await.unwrap();
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let (from_near, to_near) = near.into_split();
            let (from_far, to_far) = far.into_split();
            tokio::spawn(pass(from_near, to_far, each_way));
            tokio::spawn(pass(from_far, to_near, each_way));
        }
    });
    address
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin + Send + 'static,
    each_way: Duration,
) {
    let (sent, mut arrives) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
    tokio::spawn(async move {
        while let Some((at, bytes)) = arrives.recv().await {
            sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        to.shutdown().await.ok();
    });
    let mut piece = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut piece).await {
        let bytes = piece[..count].to_vec();
        if count == 0 || sent.send((Instant::now() + each_way, bytes)).await.is_err() {
            return;
        }
    }
}
