//! The firewall against real peers: attacks are refused, and what clinicians, accountants and analysts do all day passes.

mod behind;
mod cases;
mod edge;

use std::collections::BTreeMap;

use care_install::{
    catalog::Catalog,
    plan::{self, Action, Plan, Proof},
    site::{HOSTS, Site},
    sys::http,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::catalog::sample_parts;
use cases::{ATTACKS, Case, ORDINARY};
use edge::{Edge, settings};

/// A site whose names are all reached from outside, with everything that has one.
fn open_plan() -> Plan {
    let (mut draft, secrets) = sample_parts();
    draft.set("domains.public", &HOSTS.join(", "));
    for id in ["monitoring", "registry", "odoo", "metabase"] {
        draft.set(&format!("components.{id}"), "on");
    }
    let site = Site::try_from(&draft).unwrap();
    plan::build(&site, &secrets, &Catalog::load().unwrap()).unwrap()
}

/// The largest body that the firewall takes for a host, by its settings.
fn limits(plan: &Plan) -> BTreeMap<String, String> {
    let settings = settings(plan);
    let mut limits = BTreeMap::new();
    let mut name = "";
    for line in settings["nginx.conf"].lines().map(str::trim) {
        if let Some(host) = line.strip_prefix("server_name ") {
            name = host.trim_end_matches(';');
        }
        if let Some(size) = line.strip_prefix("client_max_body_size ") {
            limits.insert(name.to_owned(), size.trim_end_matches(';').to_owned());
        }
    }
    limits
}

#[test]
fn a_body_has_the_same_limit_at_the_firewall_at_the_ingress_and_in_care() {
    let plan = open_plan();
    let limits = limits(&plan);
    assert_eq!(limits.len(), HOSTS.len());
    let objects = plan.steps.iter().flat_map(|step| step.action.objects());
    let values: Vec<&Value> = objects.map(plan::Object::value).collect();
    let releases = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Helm(release) if release.name == "public-nginx" => Some(&release.values),
        _ => None,
    });
    let ingress = releases.into_iter().next().unwrap();
    let usual = &ingress["controller"]["config"]["entries"]["client-max-body-size"];
    let mut seen = 0;
    for one in values.iter().filter(|value| value["kind"] == "Ingress") {
        assert_eq!(one["spec"]["ingressClassName"], "public-nginx", "{one}");
        let host = one["spec"]["rules"][0]["host"].as_str().unwrap();
        let own = &one["metadata"]["annotations"]["nginx.org/client-max-body-size"];
        let size = if own.is_null() { usual } else { own };
        assert_eq!(size.as_str().unwrap(), limits[host], "{host}");
        seen += 1;
    }
    assert_eq!(seen, 7);
    let care = values
        .iter()
        .find_map(|value| value["data"]["MAX_FILE_UPLOAD_SIZE"].as_str());
    assert_eq!(
        format!("{}m", care.unwrap()),
        limits["api.care.example.org"]
    );
    let engine = &settings(&plan)["engine.conf"];
    assert!(
        engine.contains("SecRequestBodyLimit 52428800\n"),
        "{engine}"
    );
}

/// Sends every case; gives back those that were answered otherwise than wished.
async fn wrong(edge: &Edge, cases: &[Case], wished: u16) -> Vec<String> {
    let mut wrong = Vec::new();
    for case in cases {
        let host = format!("{}.care.example.org", case.at);
        let answer = edge.ask(&host, &case.request(&host)).await;
        if answer.status != wished {
            wrong.push(format!("{}: {}", case.what, answer.status));
        }
    }
    wrong
}

/// What the deploy asks at its end is asked here of the real firewall.
#[tokio::test]
async fn the_proof_from_outside_holds_before_the_real_firewall() {
    if !edge::installed() {
        return;
    }
    let plan = open_plan();
    let edge = Edge::start(&plan);
    let (routes, chain) = (edge.routes(&plan), edge.chain());
    let mut seen = Vec::new();
    for proof in crate::edge::proofs(&plan) {
        let asked = http::prove(proof, &proof.at[0], &chain, &routes).await;
        seen.push(asked.unwrap());
    }
    assert_eq!(seen, [200, 200, 200, 200, 200, 200, 200, 200, 403]);
    // Only the attack did not come to the programs.
    assert_eq!(edge.behind.count(), 8);
    // A site may let in other names than Care's: there it is refused as well.
    let attack = crate::edge::proofs(&plan).last().unwrap();
    for proof in crate::edge::proofs(&plan) {
        let attack = Proof {
            host: proof.host.clone(),
            ..attack.clone()
        };
        let asked = http::prove(&attack, &proof.at[0], &chain, &routes).await;
        assert_eq!(asked.unwrap(), 403, "{}", proof.host);
    }
    assert_eq!(edge.behind.count(), 8);
}

#[tokio::test]
async fn attacks_are_refused_and_never_reach_the_program() {
    if !edge::installed() {
        return;
    }
    let edge = Edge::start(&open_plan());
    assert_eq!(wrong(&edge, ATTACKS, 403).await, Vec::<String>::new());
    assert_eq!(edge.behind.count(), 0);
    // The log names the rule and the request, and holds neither logins nor bodies.
    let log = edge.log();
    assert!(
        log.contains(r#""ruleId":"949110""#) && log.contains("sqlmap"),
        "{log}"
    );
    assert!(!log.contains("a.secret.login"), "{log}");
    let answer = edge
        .ask(
            "app.care.example.org",
            ATTACKS[0].request("app.care.example.org").as_slice(),
        )
        .await;
    let number = answer
        .head
        .lines()
        .find_map(|line| line.strip_prefix("X-Request-Number: "));
    assert!(
        edge.log()
            .contains(&format!(r#""unique_id":"{}""#, number.unwrap()))
    );
}

#[tokio::test]
async fn ordinary_requests_of_care_odoo_metabase_and_the_tools_pass() {
    if !edge::installed() {
        return;
    }
    let edge = Edge::start(&open_plan());
    assert_eq!(wrong(&edge, ORDINARY, 200).await, Vec::<String>::new());
    assert_eq!(edge.behind.count(), ORDINARY.len());
}

/// A body of so many bytes.
fn upload(method: &str, host: &str, path: &str, more: &str, bytes: usize) -> Vec<u8> {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {}\r\nAccept: */*\r\n{more}Content-Length: {bytes}\r\nConnection: close\r\n\r\n",
        cases::BROWSER
    )
    .into_bytes();
    request.resize(request.len() + bytes, b'x');
    request
}

#[tokio::test]
async fn fifty_megabytes_pass_and_a_byte_too_many_does_not() {
    const LIMIT: usize = 50 * 1024 * 1024;
    if !edge::installed() {
        return;
    }
    let edge = Edge::start(&open_plan());
    let (files, api) = ("files.care.example.org", "api.care.example.org");
    let object = "/care-fileupload/PATIENT/9b1/scan.dcm?X-Amz-Signature=0a1b";
    let plain = "Content-Type: application/dicom\r\n";
    let request = upload("PUT", files, object, plain, LIMIT);
    assert_eq!(edge.ask(files, &request).await.status, 200);
    assert_eq!(edge.behind.newest().unwrap().body, LIMIT);
    let request = upload("PUT", files, object, plain, LIMIT + 1);
    assert_eq!(edge.ask(files, &request).await.status, 413);
    // A file inside a request to Care, of somebody who is signed in; a stranger may send a little.
    let json = format!("Content-Type: application/json\r\n{}", cases::SIGNED_IN);
    let request = upload("POST", api, "/api/v1/files/upload-file/", &json, LIMIT);
    assert_eq!(edge.ask(api, &request).await.status, 200);
    let json = "Content-Type: application/json\r\n";
    let request = upload("POST", api, "/api/v1/files/upload-file/", json, 2_000_000);
    assert_eq!(edge.ask(api, &request).await.status, 413);
    assert_eq!(edge.behind.count(), 2);
}

#[tokio::test]
async fn a_body_that_does_not_say_how_long_it_is_is_held_to_the_same() {
    if !edge::installed() {
        return;
    }
    let edge = Edge::start(&open_plan());
    let host = "api.care.example.org";
    let piece = "x".repeat(65_536);
    for (signed_in, pieces, status) in [(false, 4, 413), (true, 4, 403), (true, 20, 413)] {
        let more = if signed_in { cases::SIGNED_IN } else { "" };
        let mut request = format!(
            "POST /api/v1/patient/ HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {}\r\nAccept: */*\r\n{more}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            cases::BROWSER
        );
        for _ in 0..pieces {
            request.extend(["10000\r\n", &piece, "\r\n"]);
        }
        request.push_str("0\r\n\r\n");
        let answer = edge.ask(host, request.as_bytes()).await;
        // What is short enough to be read is no JSON, and refused for that.
        assert_eq!(
            answer.status, status,
            "{signed_in} {pieces}: {}",
            answer.head
        );
    }
}

#[tokio::test]
async fn the_program_learns_the_clients_own_address_and_not_what_the_client_claims() {
    if !edge::installed() {
        return;
    }
    let edge = Edge::start(&open_plan());
    let host = "api.care.example.org";
    let claims = "X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Proto: http\r\n";
    let request = upload("GET", host, "/api/v1/users/getcurrentuser/", claims, 0);
    let answer = edge.ask(host, &request).await;
    assert_eq!(answer.status, 200);
    // The program's own shorter word about encryption is replaced by the firewall's.
    let told: Vec<&str> = answer
        .head
        .lines()
        .filter(|line| line.starts_with("Strict-Transport-Security"))
        .collect();
    assert_eq!(told, ["Strict-Transport-Security: max-age=2592000"]);
    let heard = edge.behind.newest().unwrap().head;
    for line in [
        format!("X-Forwarded-For: {}", edge::CLIENT),
        format!("X-Real-IP: {}", edge::CLIENT),
        "X-Forwarded-Proto: https".to_owned(),
        format!("X-Forwarded-Host: {host}"),
        format!("Host: {host}"),
    ] {
        assert!(heard.contains(&format!("{line}\r\n")), "{line}\n{heard}");
    }
    assert!(!heard.contains("6.6.6.6"), "{heard}");
}

#[tokio::test]
async fn a_websocket_passes_both_ways() {
    if !edge::installed() {
        return;
    }
    let edge = Edge::start(&open_plan());
    let host = "odoo.care.example.org";
    let mut stream = edge.connect(host).await.unwrap();
    let request = format!(
        "GET /websocket?version=18.0-7 HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {}\r\nAccept: */*\r\nOrigin: https://{host}\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: session_id=abc\r\n\r\n",
        cases::BROWSER
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101 "),
        "{}",
        String::from_utf8_lossy(&head)
    );
    stream.write_all(b"\x81\x05hello").await.unwrap();
    let mut back = [0; 7];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"\x81\x05hello");
}

#[tokio::test]
async fn names_of_nobody_see_no_certificate_and_a_renewed_one_is_shown_at_once() {
    if !edge::installed() {
        return;
    }
    let edge = Edge::start(&open_plan());
    assert!(edge.connect("other.care.example.org").await.is_err());
    let shown = async || {
        let stream = edge.connect("app.care.example.org").await.unwrap();
        let chain = stream.get_ref().1.peer_certificates().unwrap();
        chain[0].as_ref().to_vec()
    };
    let before = shown().await;
    let renewed = edge.new_certificate();
    assert_ne!(before, renewed);
    assert_eq!(shown().await, renewed);
    let answer = edge
        .ask_plainly(b"GET /login?next=1 HTTP/1.1\r\nHost: app.care.example.org\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(answer.status, 301);
    let place = "Location: https://app.care.example.org/login?next=1\r\n";
    assert!(answer.head.contains(place), "{}", answer.head);
    let answer = edge
        .ask_plainly(b"GET /healthz HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, &b"well\n"[..])
    );
}
