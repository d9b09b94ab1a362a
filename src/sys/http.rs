//! One HTTP call with the answer it expects; certificates are verified, redirects are answers and not followed.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::{DoorError, Routes};
use crate::{
    plan::HttpCall,
    problem::{Code, Problem},
};

/// How long the whole call may take.
const LIMIT: Duration = Duration::from_secs(15);

/// How much of an answer is read.
const BODY: usize = 1024 * 1024;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Asks, and compares the answer.
///
/// # Errors
/// No answer, or another one than expected; asking again may help.
pub async fn expect(call: &HttpCall, routes: &Routes) -> Result<(), DoorError> {
    let fail = |cause: String| {
        let problem = Problem::new(
            Code::Http01,
            format!("{} {} did not answer as expected.", call.method, call.url),
            "Open the address from this computer (curl -v) and compare the answer with the cause.",
        );
        DoorError::passing(problem.because(cause))
    };
    let asked = tokio::time::timeout(LIMIT, ask(call, routes)).await;
    let (status, body) = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(fail(error.to_string())),
        Err(_elapsed) => return Err(fail(format!("no answer within {} s", LIMIT.as_secs()))),
    };
    if status != call.status {
        return Err(fail(format!(
            "the answer was {status}, expected {}",
            call.status
        )));
    }
    match &call.contains {
        Some(text) if !body.contains(text.as_str()) => {
            Err(fail(format!("the answer does not contain `{text}`")))
        }
        _ => Ok(()),
    }
}

async fn ask(call: &HttpCall, routes: &Routes) -> Result<(u16, String), Failure> {
    let address: Uri = call.url.parse()?;
    let host = address
        .host()
        .ok_or("the address names no host")?
        .to_owned();
    let secure = address.scheme_str() == Some("https");
    let port = address.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = match routes.to(&host, port) {
        Some(detour) => TcpStream::connect::<SocketAddr>(detour).await?,
        None => TcpStream::connect((host.as_str(), port)).await?,
    };
    let request = Request::builder()
        .method(call.method.as_str())
        .uri(address.path_and_query().map_or("/", |path| path.as_str()))
        .header(
            "host",
            address
                .authority()
                .map_or(host.as_str(), |name| name.as_str()),
        )
        .header("user-agent", "care-install")
        .body(Empty::<Bytes>::new())?;
    let response = if secure {
        let mut trust = RootCertStore::empty();
        trust.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let config = ClientConfig::builder()
            .with_root_certificates(trust)
            .with_no_client_auth();
        let name = ServerName::try_from(host)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        exchange(connector.connect(name, stream).await?, request).await?
    } else {
        exchange(stream, request).await?
    };
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), BODY).collect().await?;
    let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    Ok((status, text))
}

async fn exchange<S>(
    stream: S,
    request: Request<Empty<Bytes>>,
) -> Result<Response<Incoming>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer; an error of the connection shows in the answer.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender.send_request(request).await?)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    async fn answer(text: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _read = stream.read(&mut request).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
        });
        format!("http://{address}/ping?x=1")
    }

    fn call(url: String) -> HttpCall {
        HttpCall {
            method: "GET".to_owned(),
            url,
            status: 200,
            contains: Some("pong".to_owned()),
        }
    }

    #[tokio::test]
    async fn the_expected_answer_is_taken() {
        let url = answer("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npong").await;
        expect(&call(url), &Routes::default()).await.unwrap();
    }

    #[tokio::test]
    async fn another_answer_says_what_came() {
        let url = answer("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await;
        let error = expect(&call(url), &Routes::default()).await.unwrap_err();
        assert_eq!(error.problem.causes, ["the answer was 503, expected 200"]);
    }

    #[tokio::test]
    async fn a_connection_that_breaks_off_is_a_passing_error() {
        let url = answer("").await;
        let error = expect(&call(url), &Routes::default()).await.unwrap_err();
        assert_eq!(error.retry, crate::sys::Retry::Backoff);
    }
}
