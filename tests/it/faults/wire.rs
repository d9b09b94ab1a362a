//! A wire between the program and the cluster that fails as its seed says: refusals, broken and half answers, ended watches.

use std::{
    collections::HashMap,
    convert::Infallible,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::TryStreamExt as _;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Bytes, Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

type Broken = Box<dyn std::error::Error + Send + Sync>;
type Body = BoxBody<Bytes, Broken>;

/// What may happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Refused with a status, and for 429 and 503 perhaps with the time to wait.
    Refused(u16, bool),
    /// Done by the server, and then the connection breaks before the answer.
    Lost,
    /// The connection breaks before the server hears of it.
    Reset,
    /// Half of the answer, then the connection breaks.
    Half,
    /// The answer takes a while.
    Slow,
    /// A watch ends with 410, or without a word.
    WatchEnds(bool),
    /// A watch stays open and nothing comes any more.
    WatchSilent,
    /// A watch breaks in the middle of its words after so many bytes.
    WatchCut(usize),
}

/// How often what happens. A request meets the same fault in every run of a seed: what it meets hangs on its words and
/// on how often it was made before, and not on the moment.
pub struct Faults {
    seed: u64,
    /// Of each hundred requests, so many meet a fault.
    percent: u32,
    made: HashMap<String, u64>,
}

impl Faults {
    pub fn of(seed: u64, percent: u32) -> Self {
        Self {
            seed,
            percent,
            made: HashMap::new(),
        }
    }

    fn next(&mut self, words: String, watch: bool) -> Option<Fault> {
        let mut hash = DefaultHasher::new();
        words.hash(&mut hash);
        let made = self.made.entry(words).or_default();
        *made += 1;
        (self.seed, *made).hash(&mut hash);
        let mut dice = StdRng::seed_from_u64(hash.finish());
        if !dice.random_ratio(self.percent, 100) {
            return None;
        }
        let told = dice.random_bool(0.3);
        if watch && dice.random_bool(0.7) {
            return Some(match dice.random_range(0..4) {
                0 | 1 => Fault::WatchEnds(told),
                2 => Fault::WatchSilent,
                _ => Fault::WatchCut(dice.random_range(0..3000)),
            });
        }
        Some(match dice.random_range(0..9) {
            0 | 1 => Fault::Refused(429, told),
            2 => Fault::Refused(503, told),
            3 => Fault::Refused(500, false),
            4 => Fault::Refused(409, false),
            5 => Fault::Lost,
            6 => Fault::Reset,
            7 => Fault::Half,
            _ => Fault::Slow,
        })
    }
}

struct State {
    faults: Mutex<Faults>,
    healed: AtomicBool,
    to: Mutex<String>,
}

/// A running wire.
pub struct Wire {
    url: String,
    state: Arc<State>,
}

impl Wire {
    pub async fn start(to: &str, faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            faults: Mutex::new(faults),
            healed: AtomicBool::new(false),
            to: Mutex::new(String::new()),
        });
        let wire = Self { url, state };
        wire.leads_to(to);
        let state = Arc::clone(&wire.state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    let service = service_fn(|request| pass(Arc::clone(&state), request));
                    // A broken connection is what this wire is for.
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
        });
        wire
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Where it leads from now on.
    pub fn leads_to(&self, url: &str) {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        address.clone_into(&mut self.state.to.lock().unwrap());
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        self.state.healed.store(true, Ordering::Relaxed);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.heal();
    }
}

async fn pass(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
    let watch = request
        .uri()
        .query()
        .is_some_and(|query| query.contains("watch=true"));
    let reads = request.method() == hyper::Method::GET;
    let fault = if state.healed.load(Ordering::Relaxed) {
        None
    } else {
        let words = format!("{} {} {watch}", request.method(), request.uri().path());
        state.faults.lock().unwrap().next(words, watch)
    };
    match fault {
        // Nobody conflicts with a reader.
        Some(Fault::Refused(409, _)) if reads => {}
        Some(Fault::Refused(status, told)) => return Ok(refusal(status, told)),
        Some(Fault::Reset) => return Err("reset".into()),
        Some(Fault::Slow) => tokio::time::sleep(Duration::from_millis(80)).await,
        _ => {}
    }
    let to = state.to.lock().unwrap().clone();
    let answer = forward(&to, request).await?;
    Ok(match fault {
        Some(Fault::Lost) => return Err("the answer was lost".into()),
        Some(Fault::Half) if !watch => half(answer).await?,
        Some(Fault::WatchEnds(told)) => ending(answer, told),
        Some(Fault::WatchSilent) => {
            answer.map(|_body| StreamBody::new(futures::stream::pending()).boxed())
        }
        Some(Fault::WatchCut(bytes)) => answer.map(|body| cut(body, bytes)),
        _ => answer.map(|body| body.map_err(Into::into).boxed()),
    })
}

async fn forward(to: &str, request: Request<Incoming>) -> Result<Response<Incoming>, Broken> {
    let stream = TcpStream::connect(to).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

fn whole(value: &Value) -> Body {
    let body = Full::new(Bytes::from(value.to_string()));
    body.map_err(|never: Infallible| match never {}).boxed()
}

fn refusal(status: u16, told: bool) -> Response<Body> {
    let reason = match status {
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        409 => "Conflict",
        _ => "InternalError",
    };
    let message = "the wire of the test refuses";
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
        "message": message, "code": status});
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    if told {
        response = response.header("retry-after", "1");
    }
    response.body(whole(&body)).unwrap()
}

/// The head, half of the body, and then nothing but a broken connection.
async fn half(answer: Response<Incoming>) -> Result<Response<Body>, Broken> {
    let (head, body) = answer.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let first = bytes.slice(..bytes.len() / 2);
    let frames = futures::stream::iter([
        Ok(Frame::data(first)),
        Err::<Frame<Bytes>, Broken>("broken in the middle".into()),
    ]);
    Ok(Response::from_parts(head, StreamBody::new(frames).boxed()))
}

/// The first bytes, and then nothing but a broken connection.
fn cut(body: Incoming, bytes: usize) -> Body {
    let mut left = bytes;
    let frames = body
        .into_data_stream()
        .map_err(Broken::from)
        .and_then(move |data| {
            let first = data.slice(..left.min(data.len()));
            let broken = left == 0;
            left -= first.len();
            std::future::ready(if broken {
                Err("broken in the middle of a watch".into())
            } else {
                Ok(Frame::data(first))
            })
        });
    StreamBody::new(frames).boxed()
}

/// A watch that ends soon: with the word that its version is too old, or without any word.
fn ending(answer: Response<Incoming>, told: bool) -> Response<Body> {
    let (head, _body) = answer.into_parts();
    let status = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": "too old resource version", "reason": "Expired", "code": 410}});
    let line = if told {
        format!("{status}\n")
    } else {
        String::new()
    };
    let frames = futures::stream::iter([Ok::<_, Broken>(Frame::data(Bytes::from(line)))]);
    let frames = frames.into_stream();
    Response::from_parts(head, StreamBody::new(frames).boxed())
}
