//! Clients that mean harm: whatever they send, the practice cluster answers clearly, stays within its memory and serves on.

mod bodies;
mod exec;
mod peer;
mod slow;

use std::{fmt::Write as _, fs};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use peer::{Victim, body, code};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn requests_that_are_none_are_refused() {
    let victim = Victim::start().await;
    let authorized = format!(
        "Host: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n",
        victim.token
    );
    let long = "a".repeat(100_000);
    for (wanted, request) in [
        (400, "\0\0\0\r\n\r\n".to_owned()),
        (400, "GET\r\n\r\n".to_owned()),
        (400, "GET / HTTP/9.9\r\n\r\n".to_owned()),
        // HTTP/2 without TLS: the connection is ended, as nothing of it could be answered.
        (0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        (
            400,
            format!("GET /api HTTP/1.1\r\n{authorized}Bad Header: x\r\n\r\n"),
        ),
        (
            400,
            format!("GET /api HTTP/1.1\r\n{authorized}Content-Length: -5\r\n\r\n"),
        ),
        (
            400,
            format!(
                "GET /api HTTP/1.1\r\n{authorized}Content-Length: 5\r\nContent-Length: 6\r\n\r\n"
            ),
        ),
        (400, format!("GET /ap\u{1}i HTTP/1.1\r\n{authorized}\r\n")),
        (
            431,
            format!("GET /api HTTP/1.1\r\n{authorized}Large: {long}\r\n\r\n"),
        ),
        (
            431,
            format!(
                "GET /api HTTP/1.1\r\n{authorized}{}\r\n",
                "Many: x\r\n".repeat(500)
            ),
        ),
        (
            414,
            format!(
                "GET /api?{} HTTP/1.1\r\n{authorized}\r\n",
                "a".repeat(20_000)
            ),
        ),
        (
            405,
            format!("BREW /api/v1/namespaces HTTP/1.1\r\n{authorized}\r\n"),
        ),
        (405, format!("OPTIONS {MAPS} HTTP/1.1\r\n{authorized}\r\n")),
        (
            400,
            format!(
                "POST {MAPS} HTTP/1.1\r\n{authorized}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n"
            ),
        ),
    ] {
        let reply = victim.send(request.as_bytes()).await;
        let shown: String = request.chars().take(80).collect();
        assert_eq!(
            code(&reply),
            wanted,
            "{shown:?}: {}",
            String::from_utf8_lossy(&reply)
        );
    }
    victim.is_well().await;
}

#[tokio::test]
async fn nobody_is_heard_without_the_very_token() {
    let victim = Victim::start().await;
    let token = victim.token.clone();
    let half: String = token.chars().take(token.len() / 2).collect();
    for shown in [
        String::new(),
        "Authorization: Bearer \r\n".to_owned(),
        format!("Authorization: {token}\r\n"),
        format!("Authorization: Basic {token}\r\n"),
        format!("Authorization: Bearer {half}\r\n"),
        format!("Authorization: Bearer {token}x\r\n"),
        format!("Authorization: Bearer {token} {token}\r\n"),
        format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"),
        format!("Authorization: Bearer wrong\r\nAuthorization: Bearer {token}\r\n"),
        format!("X-Authorization: Bearer {token}\r\nCookie: token={token}\r\n"),
    ] {
        for path in [
            "/api",
            "/api/v1/namespaces",
            "/openapi/v2",
            "/apis/apps/v1/deployments?watch=true",
            "/nowhere",
            "/../api",
        ] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{shown}\r\n");
            let reply = victim.send(request.as_bytes()).await;
            assert_eq!(code(&reply), 401, "{shown:?} {path}");
            assert_eq!(body(&reply)["reason"], "Unauthorized");
        }
    }
    let query = format!(
        "GET /api/v1/namespaces?access_token={token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(code(&victim.send(query.as_bytes()).await), 401);
    victim.is_well().await;
}

/// The kernel's list of sockets that listen: nothing but 127.0.0.1 has the port.
#[tokio::test]
async fn it_listens_on_loopback_only() {
    let victim = Victim::start().await;
    let port = format!(":{:04X}", victim.address.port());
    let all = ["/proc/net/tcp", "/proc/net/tcp6"]
        .map(|file| fs::read_to_string(file).unwrap_or_default());
    let listening: Vec<&str> = all
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let listens = words.get(3) == Some(&"0A");
            words.get(1).copied().filter(|_| listens)
        })
        .filter(|local| local.ends_with(&port))
        .collect();
    assert_eq!(listening, [format!("0100007F{port}")]);
}

#[tokio::test]
async fn paths_and_queries_with_tricks_lead_nowhere() {
    let victim = Victim::start().await;
    let deep = "/a".repeat(5000);
    for (wanted, path) in [
        (404, "/"),
        (404, "/etc/passwd"),
        (404, "/api/v1/../../etc/passwd"),
        (404, "/api/v1/%2e%2e/%2e%2e/etc/passwd"),
        (404, "/api//v1/namespaces"),
        (404, "/api/v1/namespaces/default/configmaps/../secrets"),
        (
            400,
            "/api/v1/namespaces/default/configmaps/%2e%2e%2fsecrets",
        ),
        (400, "/api/v1/namespaces/a%00b"),
        (400, "/api/v1/namespaces/%c3%28"),
        (404, "/api/v1/namespaces/default/configmaps/a/b/c/d"),
        (404, "/apis/nobody.example.org/v1/things"),
        (404, deep.as_str()),
        (400, "/api/v1/pods?labelSelector=a%20b%20c"),
        (400, "/api/v1/pods?labelSelector=a%20in%20(b"),
        (400, "/api/v1/pods?fieldSelector=spec.nothing%3Dx"),
        (400, "/api/v1/pods?fieldSelector=nonsense"),
        (400, "/api/v1/pods?limit=many"),
        (400, "/api/v1/pods?limit=99999999999999999999999"),
        (400, "/api/v1/pods?continue=nonsense"),
        (400, "/api/v1/pods?continue=WyJhIl0"),
        (400, "/api/v1/pods?resourceVersion=yesterday"),
        (500, "/api/v1/pods?watch=true&resourceVersion=-1"),
        (400, "/api/v1/pods?watch=true&timeoutSeconds=soon"),
        (200, "/api/v1/pods?limit=-1"),
        (200, "/api/v1/pods?&&&=&a=%zz&%=%"),
        (200, "/api/v1/pods?watch=true&timeoutSeconds=0"),
    ] {
        let reply = victim.send(&victim.request("GET", path, ("", b""))).await;
        assert_eq!(
            code(&reply),
            wanted,
            "{path}: {}",
            String::from_utf8_lossy(&reply)
        );
    }
    // A time that no clock holds ends nothing.
    let path = "/api/v1/pods?watch=true&timeoutSeconds=9223372036854775807";
    let mut endless = victim.connect().await;
    let request = victim.request("GET", path, ("", b""));
    tokio::io::AsyncWriteExt::write_all(&mut endless, &request)
        .await
        .unwrap();
    victim.is_well().await;
}

#[tokio::test]
async fn requests_sent_together_are_answered_in_their_order() {
    let victim = Victim::start().await;
    let head = format!("Host: x\r\nAuthorization: Bearer {}\r\n", victim.token);
    let mut all = String::new();
    for turn in 0..500 {
        let path = if turn % 2 == 0 {
            "/version"
        } else {
            "/api/v1/namespaces/nobody"
        };
        write!(all, "GET {path} HTTP/1.1\r\n{head}\r\n").unwrap();
    }
    write!(
        all,
        "GET /healthz HTTP/1.1\r\n{head}Connection: close\r\n\r\n"
    )
    .unwrap();
    let replies = String::from_utf8(victim.send(all.as_bytes()).await).unwrap();
    let codes: Vec<u16> = replies
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|part| part.get(..3).unwrap().parse().unwrap())
        .collect();
    let expected: Vec<u16> = (0..500)
        .map(|turn| if turn % 2 == 0 { 200 } else { 404 })
        .chain([200])
        .collect();
    assert_eq!(codes, expected);
    victim.is_well().await;
}

#[tokio::test]
async fn random_damage_to_requests_breaks_nothing() {
    let victim = Victim::start().await;
    let seed = rand::rng().random();
    println!("the seed is {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "r-"}, "data": {"a": "b"}}).to_string();
    let headers = "Content-Type: application/json\r\n";
    let whole = victim.request("POST", MAPS, (headers, map.as_bytes()));
    for _ in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..3) {
                0 => bytes[at] = random.random(),
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, random.random()),
            }
        }
        // An end is sent, so that a request that now wants more is over as well.
        let mut stream = victim.connect().await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes)
            .await
            .ok();
        tokio::io::AsyncWriteExt::shutdown(&mut stream).await.ok();
        let mut heard = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut heard);
        tokio::time::timeout(peer::LIMIT, read).await.unwrap().ok();
        assert!(
            !matches!(code(&heard), 500..),
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }
    victim.is_well().await;
}
