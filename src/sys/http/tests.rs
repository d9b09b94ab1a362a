//! Requests to an entrance that speaks TLS, and what is said of every way in which it can be wrong.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::PrivateKeyDer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::plan::ObjectRef;

const HOST: &str = "app.care.example.org";

fn made(name: &str) -> CertifiedKey<rcgen::KeyPair> {
    generate_simple_self_signed([name.to_owned()]).unwrap()
}

/// An entrance with this certificate that answers each request with this status; nothing ends the connection instead.
async fn entrance(own: &CertifiedKey<rcgen::KeyPair>, status: Option<u16>) -> Routes {
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = [0; 2048];
            let read = stream.read(&mut request).await.unwrap();
            let text = String::from_utf8_lossy(&request[..read]).into_owned();
            assert!(text.starts_with("GET /ping/?x=1 HTTP/1.1\r\n"), "{text}");
            assert!(text.contains(&format!("host: {HOST}\r\n")), "{text}");
            if let Some(status) = status {
                let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
            }
            stream.shutdown().await.ok();
        }
    });
    leading_to(address)
}

fn leading_to(address: SocketAddr) -> Routes {
    let mut routes = Routes::default();
    routes.connect.insert("10.0.0.12:443".to_owned(), address);
    routes
}

fn proof(expect: Expect) -> Proof {
    Proof {
        host: HOST.to_owned(),
        path: "/ping/?x=1".to_owned(),
        at: Vec::new(),
        expect,
        certificate: ObjectRef::new("v1", "Secret", "public-nginx", "lets-encrypt-cert"),
        namespace: "care-fe".to_owned(),
    }
}

fn secondary() -> Place {
    Place {
        name: "secondary".to_owned(),
        address: Ipv4Addr::new(10, 0, 0, 12),
    }
}

async fn asked(
    expect: Expect,
    own: &CertifiedKey<rcgen::KeyPair>,
    routes: &Routes,
) -> Result<u16, Problem> {
    let chain = chain(own.cert.pem().as_bytes()).unwrap();
    let asked = prove(&proof(expect), &secondary(), &chain, routes).await;
    asked.map_err(|error| {
        assert_eq!(error.retry, crate::sys::Retry::Backoff);
        error.problem
    })
}

#[tokio::test]
async fn the_expected_answer_proves_it_and_a_refusal_is_proved_by_403() {
    let own = made(HOST);
    let routes = entrance(&own, Some(200)).await;
    let answers = Expect::Answer(vec![200, 401]);
    assert_eq!(asked(answers, &own, &routes).await.unwrap(), 200);
    let routes = entrance(&own, Some(403)).await;
    assert_eq!(asked(Expect::Refused, &own, &routes).await.unwrap(), 403);
}

#[tokio::test]
async fn every_other_answer_says_which_name_which_address_and_which_status() {
    let own = made(HOST);
    for (status, code, words) in [
        (404, Code::Http03, "No Ingress leads this name"),
        (502, Code::Http03, "get pods,endpointslices -n care-fe"),
        (403, Code::Http03, "names the rule"),
        (500, Code::Http03, "read its log in care-fe"),
    ] {
        let routes = entrance(&own, Some(status)).await;
        let problem = asked(Expect::Answer(vec![200]), &own, &routes).await;
        let problem = problem.unwrap_err();
        assert_eq!(problem.code, code);
        let what = format!("{HOST} at 10.0.0.12 (secondary) answers with {status}.");
        assert_eq!(problem.what, what);
        assert!(problem.remedy.contains(words), "{problem}");
        let cause = format!("GET /ping/?x=1 was answered with {status}, expected 200");
        assert_eq!(problem.causes, [cause]);
    }
}

#[tokio::test]
async fn an_attack_that_is_answered_is_told_as_such() {
    let own = made(HOST);
    let routes = entrance(&own, Some(200)).await;
    let problem = asked(Expect::Refused, &own, &routes).await.unwrap_err();
    assert_eq!(problem.code, Code::Http04);
    assert!(problem.what.contains("was answered with 200"), "{problem}");
}

#[tokio::test]
async fn another_certificate_is_described_and_one_of_another_name_is_refused() {
    let own = made(HOST);
    let routes = entrance(&made("proxy.example.org"), Some(200)).await;
    let wanted = Expect::Answer(vec![200]);
    let problem = asked(wanted.clone(), &own, &routes).await.unwrap_err();
    assert_eq!(problem.code, Code::Http02);
    let causes = problem.causes.join("\n");
    assert!(
        causes.contains("it shows the certificate of CN="),
        "{causes}"
    );
    // It is the site's own, and does not cover the name.
    let narrow = made("other.care.example.org");
    let routes = entrance(&narrow, Some(200)).await;
    let problem = asked(wanted, &narrow, &routes).await.unwrap_err();
    assert_eq!(problem.code, Code::Http02);
    assert!(
        problem.causes.join("\n").contains("not valid for name"),
        "{problem}"
    );
}

#[tokio::test]
async fn nobody_there_and_no_answer_are_told_apart_from_a_wrong_one() {
    let own = made(HOST);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let wanted = Expect::Answer(vec![200]);
    let problem = asked(wanted.clone(), &own, &leading_to(address)).await;
    let problem = problem.unwrap_err();
    assert_eq!(problem.code, Code::Http01);
    assert!(problem.what.starts_with("Nobody answers for"), "{problem}");
    let routes = entrance(&own, None).await;
    let problem = asked(wanted, &own, &routes).await.unwrap_err();
    assert_eq!(problem.code, Code::Http01);
    assert!(problem.what.contains("and does not answer"), "{problem}");
}

#[test]
fn a_chain_that_is_none_is_refused() {
    assert!(chain(b"").is_err());
    assert!(chain(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----").is_err());
}
