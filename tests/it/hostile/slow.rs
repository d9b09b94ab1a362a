//! Clients that take their time, or take everything: heads and bodies that never end, readers that do not read, crowds.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{
    MAPS,
    peer::{LIMIT, PATIENCE, Victim, code},
};

/// Everything that comes until the server ends the connection, or that it is still open after a while.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    let read = timeout(LIMIT, stream.read_to_end(&mut heard)).await;
    read.expect("the server leaves it open").ok();
    heard
}

/// Sends a byte from time to time until the server has had enough.
async fn drip(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    let mut piece = [0; 4096];
    for byte in bytes.iter().cycle() {
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        match timeout(PATIENCE / 10, stream.read(&mut piece)).await {
            Err(_quiet) => {}
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(count)) => heard.extend_from_slice(&piece[..count]),
        }
    }
    heard
}

#[tokio::test]
async fn heads_and_bodies_that_come_too_slowly_are_given_up() {
    let victim = Victim::start().await;
    let heads = async {
        let mut stream = victim.connect().await;
        stream
            .write_all(b"GET /api HTTP/1.1\r\nHost: x\r\n")
            .await
            .unwrap();
        drip(&mut stream, b"Slow: x\r\n").await
    };
    let silent = async {
        let mut stream = victim.connect().await;
        rest(&mut stream).await
    };
    let hello = async {
        let mut stream = victim.connect().await;
        stream.write_all(&[0x16, 3, 1]).await.unwrap();
        rest(&mut stream).await
    };
    let bodies = async {
        let mut stream = victim.connect().await;
        let head = String::from_utf8(victim.request(
            "POST",
            MAPS,
            ("Content-Type: application/json\r\n", b""),
        ))
        .unwrap();
        let head = head.replace("Content-Length: 0", "Content-Length: 1000000");
        stream.write_all(head.as_bytes()).await.unwrap();
        drip(&mut stream, b" ").await
    };
    let all = async { tokio::join!(heads, silent, hello, bodies) };
    let (head, silent, hello, body) = Box::pin(timeout(LIMIT, all)).await.unwrap();
    assert!(head.is_empty() && silent.is_empty(), "{head:?} {silent:?}");
    assert!(!hello.starts_with(b"HTTP"), "{hello:?}");
    assert_eq!(code(&body), 408, "{}", String::from_utf8_lossy(&body));
    victim.is_well().await;
}

#[tokio::test]
async fn a_body_without_end_and_one_that_is_shorter_than_it_said_are_refused() {
    let victim = Victim::start().await;
    let head = String::from_utf8(victim.request(
        "POST",
        MAPS,
        ("Content-Type: application/json\r\n", b""),
    ))
    .unwrap();
    let endless = head.replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let piece = [
        b"10000\r\n".as_slice(),
        vec![b' '; 0x10000].as_slice(),
        b"\r\n",
    ]
    .concat();
    let (mut from, mut to) = victim.connect().await.into_split();
    let sends = async {
        to.write_all(endless.as_bytes()).await.unwrap();
        // Forever, if the server let it.
        while to.write_all(&piece).await.is_ok() {}
    };
    let reads = async {
        let mut reply = vec![0; 12];
        from.read_exact(&mut reply).await.unwrap();
        reply
    };
    // The answer comes before the connection breaks, and is read whichever is seen first.
    let both = async { tokio::join!(reads, sends).0 };
    let reply = timeout(LIMIT, both).await.unwrap();
    assert_eq!(reply, b"HTTP/1.1 413");

    let huge = head.replace("Content-Length: 0", "Content-Length: 99999999999");
    let mut stream = victim.connect().await;
    stream.write_all(huge.as_bytes()).await.unwrap();
    assert_eq!(code(&rest(&mut stream).await), 413);

    let short = head.replace("Content-Length: 0", "Content-Length: 50") + "{}";
    let mut stream = victim.connect().await;
    stream.write_all(short.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let reply = rest(&mut stream).await;
    assert!(
        matches!(code(&reply), 0 | 400),
        "{}",
        String::from_utf8_lossy(&reply)
    );
    victim.is_well().await;
}

#[tokio::test]
async fn many_large_bodies_at_once_are_asked_to_come_later() {
    let victim = Victim::start().await;
    let body = vec![b' '; 2_900_000];
    let whole = victim.request("POST", MAPS, ("Content-Type: application/json\r\n", &body));
    let head = whole.len() - body.len();
    let mut streams = Vec::new();
    for _ in 0..40 {
        let mut stream = victim.connect().await;
        // All but the last byte: whoever has a place among the large ones keeps it for now.
        let sent = stream.write_all(&whole[..head + body.len() - 1]);
        timeout(LIMIT, sent).await.unwrap().ok();
        streams.push(stream);
    }
    let mut codes = Vec::new();
    for mut stream in streams {
        codes.push(code(&rest(&mut stream).await));
    }
    // The others ran out of time, or broke off before they could read that they were too many.
    assert!(codes.contains(&408), "{codes:?}");
    assert!(
        codes.iter().all(|code| matches!(code, 0 | 408 | 429)),
        "{codes:?}"
    );
    assert!(
        codes.iter().filter(|code| **code == 408).count() <= 16,
        "{codes:?}"
    );
    victim.is_well().await;
}

#[tokio::test]
async fn readers_that_do_not_read_are_left_behind() {
    let victim = Victim::start().await;
    let text = "x".repeat(200_000);
    for turn in 0..20 {
        let map =
            json!({"metadata": {"name": format!("m{turn}")}, "data": {"a": text}}).to_string();
        assert_eq!(victim.status("POST", MAPS, map.as_bytes()).await, 201);
    }
    let mut streams = Vec::new();
    for turn in 0..60 {
        let path = match turn % 3 {
            0 => MAPS.to_owned(),
            1 => format!("{MAPS}?watch=true"),
            _ => format!(
                "{MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
            ),
        };
        let mut stream = victim.connect().await;
        stream
            .write_all(&victim.request("GET", &path, ("", b"")))
            .await
            .unwrap();
        streams.push(stream);
    }
    for turn in 0..100 {
        let change = json!({"data": {"b": turn.to_string()}}).to_string();
        let path = format!("{MAPS}/m{}", turn % 20);
        assert_eq!(victim.status("PATCH", &path, change.as_bytes()).await, 200);
    }
    // All of them are let go, so that nothing is kept for them.
    let few = async {
        while victim.open_files() > 60 {
            victim.is_well().await;
        }
    };
    timeout(LIMIT, few).await.expect("the server keeps them");
    victim.is_well().await;
}

#[tokio::test]
async fn a_crowd_of_idle_connections_keeps_nobody_out() {
    let victim = Victim::start().await;
    let mut crowd = Vec::new();
    for turn in 0..2000 {
        let Ok(mut stream) = TcpStream::connect(victim.address).await else {
            continue;
        };
        if turn % 2 == 0 {
            stream.write_all(b"GET /").await.ok();
        }
        crowd.push(stream);
        if turn % 200 == 0 {
            victim.is_well().await;
        }
    }
    assert!(
        victim.open_files() < 700,
        "{} files are open",
        victim.open_files()
    );
    victim.is_well().await;
}
