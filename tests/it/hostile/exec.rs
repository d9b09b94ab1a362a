//! Tricks with the upgrade to a WebSocket and with what is sent over it.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::peer::{LIMIT, Victim, code};

const EXEC: &str = "/api/v1/namespaces/default/pods/one/exec";

async fn with_pod() -> Victim {
    let victim = Victim::start().await;
    let node = json!({"metadata": {"name": "n", "labels": {}}, "status": {}}).to_string();
    assert_eq!(
        victim
            .status("POST", "/api/v1/nodes", node.as_bytes())
            .await,
        201
    );
    let pod = json!({"metadata": {"name": "one"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}});
    let pods = "/api/v1/namespaces/default/pods";
    assert_eq!(
        victim
            .status("POST", pods, pod.to_string().as_bytes())
            .await,
        201
    );
    let status = json!({"status": {"phase": "Running", "containerStatuses": [{"name": "c", "image": "i", "imageID": "", "ready": true,
        "restartCount": 0, "state": {"running": {"startedAt": "2026-11-24T10:00:00Z"}}}]}});
    let path = format!("{pods}/one/status");
    assert_eq!(
        victim
            .status("PATCH", &path, status.to_string().as_bytes())
            .await,
        200
    );
    victim
}

fn upgrade(victim: &Victim, query: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!(
        "GET {EXEC}?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n",
        victim.token
    );
    for (name, value) in headers {
        text += &[name, ": ", value, "\r\n"].concat();
    }
    (text + "\r\n").into_bytes()
}

fn good() -> Vec<(&'static str, &'static str)> {
    vec![
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Protocol", "v5.channel.k8s.io"),
    ]
}

fn frame(first: u8, content: &[u8]) -> Vec<u8> {
    let size = u16::try_from(content.len()).unwrap().to_be_bytes();
    // A mask of zeros hides nothing and is one all the same.
    [&[first, 0x80 | 0x7e][..], &size, &[0; 4], content].concat()
}

/// Begins a session and reads the answer to the upgrade.
async fn begin(victim: &Victim, query: &str) -> TcpStream {
    let mut stream = victim.connect().await;
    stream
        .write_all(&upgrade(victim, query, &good()))
        .await
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = timeout(LIMIT, stream.read_u8()).await.unwrap();
        head.push(byte.unwrap());
    }
    assert_eq!(code(&head), 101, "{}", String::from_utf8_lossy(&head));
    stream
}

async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    let read = timeout(LIMIT, stream.read_to_end(&mut heard)).await;
    read.expect("the session goes on").ok();
    heard
}

#[tokio::test]
async fn an_upgrade_with_tricks_is_refused_in_plain_http() {
    let victim = with_pod().await;
    let without = |name: &str| -> Vec<(&'static str, &'static str)> {
        good()
            .into_iter()
            .filter(|(known, _)| *known != name)
            .collect()
    };
    let with = |name: &'static str, value: &'static str| {
        let mut headers = without(name);
        headers.push((name, value));
        headers
    };
    let twice = [
        good(),
        vec![("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")],
    ]
    .concat();
    for headers in [
        without("Connection"),
        without("Upgrade"),
        without("Sec-WebSocket-Key"),
        without("Sec-WebSocket-Version"),
        without("Sec-WebSocket-Protocol"),
        with("Upgrade", "SPDY/3.1"),
        with("Upgrade", "h2c"),
        with("Sec-WebSocket-Key", "short"),
        with("Sec-WebSocket-Version", "8"),
        with("Sec-WebSocket-Protocol", "chat"),
        twice,
    ] {
        let headers = [headers.as_slice(), &[("Accept", "*/*")]].concat();
        let bytes = upgrade(&victim, "command=true&stdout=true", &headers);
        let mut stream = victim.connect().await;
        stream.write_all(&bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let heard = rest(stream).await;
        assert_eq!(
            code(&heard),
            400,
            "{headers:?}: {}",
            String::from_utf8_lossy(&heard)
        );
    }
    for (wanted, query) in [
        (400, ""),
        (400, "command=true&container=nobody"),
        (501, "command=tar"),
    ] {
        let mut stream = victim.connect().await;
        stream
            .write_all(&upgrade(&victim, query, &good()))
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(code(&rest(stream).await), wanted, "{query}");
    }
    let stranger = String::from_utf8(upgrade(&victim, "command=true", &good())).unwrap();
    let stranger = stranger.replace(&victim.token, "wrong");
    let mut stream = victim.connect().await;
    stream.write_all(stranger.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(code(&rest(stream).await), 401);
    victim.is_well().await;
}

#[tokio::test]
async fn a_session_that_breaks_the_rules_is_ended() {
    let victim = with_pod().await;
    let large = [&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    for bytes in [
        vec![0x82, 0x01, b'a'],
        frame(0xf2, b"\0a"),
        frame(0x80, b"\0a"),
        frame(0x82, b"\x09unknown channel"),
        large,
        [
            frame(0x02, b"\0"),
            frame(0x00, &vec![b'a'; 60_000]).repeat(3),
        ]
        .concat(),
    ] {
        let mut stream = begin(&victim, "command=cat&stdin=true&stdout=true").await;
        stream.write_all(&bytes).await.ok();
        let heard = rest(stream).await;
        // A close frame with the code 1002, and no status of a command.
        assert!(heard.ends_with(&[0x88, 2, 3, 0xea]), "{bytes:?}: {heard:?}");
    }
    victim.is_well().await;
}

#[tokio::test]
async fn input_without_end_to_a_reader_that_does_not_read_is_given_up() {
    let victim = with_pod().await;
    let mut stream = begin(&victim, "command=cat&stdin=true&stdout=true").await;
    let piece = frame(0x82, &[&[0][..], &vec![b'x'; 30_000]].concat());
    let sends = async { while stream.write_all(&piece).await.is_ok() {} };
    timeout(LIMIT, sends)
        .await
        .expect("the server reads for ever");
    let mut shell = begin(&victim, "command=sh&stdin=true&stdout=true").await;
    let sends = async { while shell.write_all(&piece).await.is_ok() {} };
    timeout(LIMIT, sends)
        .await
        .expect("the server reads a line without end");
    victim.is_well().await;
}

#[tokio::test]
async fn a_terminal_echoes_edits_and_ends_as_one_does() {
    let victim = with_pod().await;
    let mut stream = begin(&victim, "command=sh&stdin=true&stdout=true&tty=true").await;
    let ping = frame(0x89, b"there?");
    stream.write_all(&ping).await.unwrap();
    stream
        .write_all(&frame(0x82, b"\0hostnamx\x7fe\rexit 4\r"))
        .await
        .unwrap();
    let heard = rest(stream).await;
    let text = String::from_utf8_lossy(&heard);
    assert!(text.contains("one\r\n"), "{text:?}");
    assert!(text.contains("there?"), "{text:?}");
    assert!(text.contains("exit status 4"), "{text:?}");
    victim.is_well().await;
}
