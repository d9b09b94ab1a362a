//! The world around the checks: ports that speak, a name server, a certificate made here.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record, RecordType, rdata::A},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UdpSocket},
    sync::oneshot,
};

/// A port that says this to everyone and keeps the connection.
pub async fn port(says: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Whoever asked may be gone.
            stream.write_all(says.as_bytes()).await.ok();
            open.push(stream);
        }
    });
    address
}

/// A port on which nothing listens.
pub async fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// A port that says nothing, and tells when it was called and when the caller left.
pub async fn silent_port() -> (SocketAddr, oneshot::Receiver<()>, oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (called, was_called) = oneshot::channel();
    let (left, has_left) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        called.send(()).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.ok();
        left.send(()).unwrap();
    });
    (address, was_called, has_left)
}

/// What a name server says about a name.
#[derive(Clone, Copy)]
pub enum Says {
    Addresses(&'static [[u8; 4]]),
    NoName,
    ServFail,
    Nothing,
}

/// A name server that answers as it is told.
pub async fn name_server(says: fn(&str) -> Says) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        loop {
            let (count, from) = socket.recv_from(&mut packet).await.unwrap();
            let asked = Message::from_vec(&packet[..count]).unwrap();
            if let Some(reply) = reply(&asked, says) {
                let bytes = reply.to_vec().unwrap();
                socket.send_to(&bytes, from).await.unwrap();
            }
        }
    });
    address
}

fn reply(asked: &Message, says: fn(&str) -> Says) -> Option<Message> {
    let query = asked.queries[0].clone();
    let mut reply = Message::response(asked.metadata.id, asked.metadata.op_code);
    reply.metadata.recursion_available = true;
    reply.add_query(query.clone());
    match says(query.name().to_string().trim_end_matches('.')) {
        Says::Nothing => return None,
        Says::NoName => reply.metadata.response_code = ResponseCode::NXDomain,
        Says::ServFail => reply.metadata.response_code = ResponseCode::ServFail,
        Says::Addresses(addresses) if query.query_type() == RecordType::A => {
            for address in addresses {
                let data = RData::A(A(Ipv4Addr::from(*address)));
                reply.add_answer(Record::from_rdata(query.name().clone(), 60, data));
            }
        }
        Says::Addresses(_) => {}
    }
    Some(reply)
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

/// Puts `fullchain.pem` and `privkey.pem` for this name, valid through 2026, into the folder.
pub fn certificate(folder: &Path, name: &str) {
    let root =
        CertifiedIssuer::self_signed(authority("Test Root"), KeyPair::generate().unwrap()).unwrap();
    let middle = CertifiedIssuer::signed_by(
        authority("Test Middle"),
        KeyPair::generate().unwrap(),
        &root,
    )
    .unwrap();
    let mut site = CertificateParams::new(vec![name.to_owned()]).unwrap();
    site.not_before = date_time_ymd(2026, 1, 1);
    site.not_after = date_time_ymd(2027, 1, 1);
    let key = KeyPair::generate().unwrap();
    let leaf = site.signed_by(&key, &middle).unwrap();
    std::fs::write(folder.join("fullchain.pem"), leaf.pem() + &middle.pem()).unwrap();
    std::fs::write(folder.join("privkey.pem"), key.serialize_pem()).unwrap();
}
