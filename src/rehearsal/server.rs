//! The practice cluster on loopback: HTTP in, requests to the cluster, answers out; nobody without the token is heard.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    answer::{Answer, Failure},
    call::{Call, Method, Place, Query},
    clock::{Clock, Speed},
    cluster::Cluster,
    discovery, driver,
    flaky::{Flaky, Met},
    hub::{Hub, Keeper},
    openapi, pace,
    persist::Journal,
    protobuf,
    secure::{Opened, Secure},
    store::Store,
    table::Form,
    watching,
    world::{kind_key, reference},
};
use crate::{
    problem::{Code, Problem},
    sys::{Routes, files},
};

/// Largest body of a request.
const LARGEST: usize = 16 * 1024 * 1024;

/// The file that holds all objects.
const STATE: &str = "objects.log";

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// How the practice cluster is served.
#[derive(Debug)]
pub struct ServeOptions {
    /// Keeps its objects.
    pub dir: PathBuf,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// How fast its time passes.
    pub speed: Speed,
    /// It ends after this long without an open connection.
    pub idle_exit: Option<Duration>,
    /// The objects that are there from the beginning; one that is missing later is made again, a node's address follows.
    pub world: Vec<Value>,
    /// The token; none makes a random one.
    pub token: Option<SecretString>,
}

/// A practice cluster that is served; it ends with `stop`.
#[derive(Debug)]
pub struct Serving {
    /// Such as `http://127.0.0.1:40123`.
    pub url: String,
    /// What clients must show.
    pub token: SecretString,
    /// Where the names of the site lead.
    pub routes: Routes,
    /// The certificate of the same port for clients that insist on TLS, PEM.
    pub authority: String,
    /// What its clock showed when it began.
    pub began: Timestamp,
    /// Cancelled when it has ended; cancel it to end it.
    pub stop: CancellationToken,
    tasks: TaskTracker,
}

impl Serving {
    /// Returns once it has ended and nothing of it uses its file any more.
    pub async fn ended(&self) {
        self.stop.cancelled().await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Serves the practice cluster in this process until it is stopped.
///
/// # Errors
/// The port is taken, or its file cannot be used.
pub async fn serve(options: ServeOptions) -> Result<Serving, Problem> {
    files::create_folder(&options.dir)?;
    let (mut journal, mut store, at) = Journal::open(&options.dir.join(STATE))?;
    let began = at.unwrap_or(Timestamp::UNIX_EPOCH).max(Timestamp::now());
    for object in options.world {
        begin(&mut store, object, began);
    }
    pace::forget(&mut store, began);
    journal.keep(&store, began)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| taken(options.port).caused_by(&error))?;
    let local = listener.local_addr();
    let local = local.map_err(|error| taken(options.port).caused_by(&error))?;
    let token = options.token.unwrap_or_else(random_token);
    let secure = Secure::new()?;
    let authority = secure.authority.clone();
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let keeper = Keeper {
        cluster: Cluster::new(store),
        journal,
        clock: Clock::new(options.speed, began),
        controllers: driver::turn,
    };
    let door = Door {
        hub: Hub::start(keeper, stop.clone(), &tasks),
        token: token.clone(),
        secure,
        flaky: Flaky::default(),
    };
    tasks.spawn(accept(
        listener,
        Arc::new(door),
        stop.clone(),
        options.idle_exit,
    ));
    Ok(Serving {
        url: format!("http://{local}"),
        token,
        routes: Routes::default(),
        authority,
        began,
        stop,
        tasks,
    })
}

/// Makes an object that must be there, unless it is; the address of a node follows the site.
fn begin(store: &mut Store, object: Value, now: Timestamp) {
    let target = reference(&object);
    let key = kind_key(&target.api_version, &target.kind);
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let Some(there) = store.get(&key, namespace, &target.name) else {
        // It is not there, so nothing can refuse it.
        store.create(object, now).ok();
        return;
    };
    let wanted = object.pointer("/status/addresses");
    if key == "Node" && there.pointer("/status/addresses") != wanted {
        let mut moved = (**there).clone();
        moved["status"]["addresses"] = wanted.cloned().unwrap_or_default();
        // It is there, and nobody else has the store yet.
        store.replace(moved, now).ok();
    }
}

fn taken(port: u16) -> Problem {
    Problem::new(
        Code::Reh01,
        format!("The practice cluster cannot be served on port {port} of 127.0.0.1."),
        "Choose another port, or leave it out to take a free one.",
    )
}

fn random_token() -> SecretString {
    let words: [u64; 4] = std::array::from_fn(|_| rand::random());
    let text = words.map(|word| format!("{word:016x}")).concat();
    SecretString::from(text)
}

/// Accepts connections until stopped, or until nobody has been there for a while.
async fn accept(
    listener: TcpListener,
    door: Arc<Door>,
    stop: CancellationToken,
    idle_exit: Option<Duration>,
) {
    let (present, mut count) = watch::channel(0_usize);
    let present = Arc::new(present);
    loop {
        let nobody = *count.borrow_and_update() == 0;
        let idle = async {
            match idle_exit.filter(|_| nobody) {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = idle => {
                stop.cancel();
                return;
            }
            _ = count.changed() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                // Small answers must not wait for each other.
                stream.set_nodelay(true).ok();
                let (door, present, stop) = (Arc::clone(&door), Arc::clone(&present), stop.clone());
                present.send_modify(|count| *count += 1);
                tokio::spawn(async move {
                    let connection = async {
                        match door.secure.open(stream).await {
                            Some(Opened::Plain(stream)) => connection(stream, &door).await,
                            Some(Opened::Tls(stream)) => connection(*stream, &door).await,
                            None => {}
                        }
                    };
                    stop.run_until_cancelled(connection).await;
                    present.send_modify(|count| *count -= 1);
                });
            }
        }
    }
}

/// Answers the requests of one client, one after the other.
async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, door: &Arc<Door>) {
    let service = hyper::service::service_fn(|request| {
        let door = Arc::clone(door);
        async move {
            match door.flaky.meet(&door.hub, &request).await {
                Met::Through => Ok(door.answer(request).await),
                Met::Refused(response) => Ok(response.map(|body| Full::new(body).boxed_unsync())),
                // An error of the service ends the connection without an answer.
                Met::Broken => Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
            }
        }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A client that breaks off ends its own connection and nothing else.
    connection.await.ok();
}

/// What every connection needs.
struct Door {
    hub: Hub,
    token: SecretString,
    secure: Secure,
    flaky: Flaky,
}

impl Door {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let _pending = self.hub.pending();
        match self.handle(request).await {
            Ok(response) => response,
            Err(failure) => {
                let code = StatusCode::from_u16(failure.code);
                json(
                    code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                    &failure.body(),
                )
            }
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Body>, Failure> {
        let path = request.uri().path().to_owned();
        if matches!(path.as_str(), "/healthz" | "/readyz" | "/livez") {
            return Ok(text("ok".to_owned()));
        }
        let head = |name| {
            let value = request.headers().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or("")
                .to_owned()
        };
        let shown = head(header::AUTHORIZATION);
        if shown.strip_prefix("Bearer ") != Some(self.token.expose_secret()) {
            return Err(Failure::new(401, "Unauthorized", "Unauthorized"));
        }
        let accept = head(header::ACCEPT);
        let (content, agent) = (head(header::CONTENT_TYPE), head(header::USER_AGENT));
        let query = Query::parse(request.uri().query().unwrap_or(""));
        if request.method() == http::Method::GET
            && let Some(found) = self.described(&path, &accept).await?
        {
            return Ok(found);
        }
        let place = Place::parse(&path).filter(|place| !place.plural.is_empty());
        let place = place.ok_or_else(Failure::no_such_path)?;
        let form = Form::of(&accept, &query);
        let call = Call {
            method: method(request.method())?,
            place,
            query,
            body: body(request, &content).await?,
            content,
            agent,
        };
        if call.method == Method::Get && call.query.on("watch") && call.place.subresource.is_empty()
        {
            let lines = watching::begin(&self.hub, call, form).await?;
            let stream = StreamBody::new(lines);
            return Ok(typed(
                StatusCode::OK,
                "application/json",
                stream.boxed_unsync(),
            ));
        }
        let reads = call.method == Method::Get && call.place.subresource.is_empty();
        let form = if reads { form } else { Form::Whole };
        let (answer, kind, now) = self
            .ask(move |cluster, now| (cluster.perform(&call, now), cluster.kind(&call.place), now))
            .await?;
        let answer = answer?;
        match (form, kind) {
            (Form::Whole, _) | (_, None) => Ok(shape(answer)),
            (form, Some(kind)) => Ok(shape(answer.in_form(form, &kind, now))),
        }
    }

    /// What is said about the server itself: OpenAPI and discovery.
    async fn described(&self, path: &str, accept: &str) -> Result<Option<Response<Body>>, Failure> {
        let registry = self.ask(|cluster, _| Arc::clone(&cluster.registry)).await?;
        if path.starts_with("/openapi/") {
            let found = openapi::answer(&registry, path).ok_or_else(Failure::no_such_path)?;
            return Ok(Some(json(StatusCode::OK, &found)));
        }
        let Some(found) = discovery::answer(&registry, path, accept) else {
            return Ok(None);
        };
        let aggregated =
            accept.contains("as=APIGroupDiscoveryList") && found["kind"] == "APIGroupDiscoveryList";
        let kind = if aggregated {
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        } else {
            "application/json"
        };
        let bytes = Bytes::from(found.to_string());
        Ok(Some(respond(StatusCode::OK, kind, bytes)))
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Cluster, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        self.hub.ask(question).await.ok_or_else(|| {
            Failure::new(
                503,
                "ServiceUnavailable",
                "the practice cluster has stopped",
            )
        })
    }
}

fn method(method: &http::Method) -> Result<Method, Failure> {
    match method.as_str() {
        "GET" => Ok(Method::Get),
        "POST" => Ok(Method::Post),
        "PUT" => Ok(Method::Put),
        "PATCH" => Ok(Method::Patch),
        "DELETE" => Ok(Method::Delete),
        _ => Err(Failure::not_allowed()),
    }
}

async fn body(request: Request<Incoming>, content: &str) -> Result<Value, Failure> {
    let read = Limited::new(request.into_body(), LARGEST).collect().await;
    let bytes = read
        .map_err(|error| Failure::new(413, "RequestEntityTooLarge", error.to_string()))?
        .to_bytes();
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    if content.contains("protobuf") {
        return protobuf::read(&bytes).map_err(|why| {
            Failure::bad_request(format!(
                "the body is not the protobuf of a known kind: {why}"
            ))
        });
    }
    let json: Result<Value, _> = serde_json::from_slice(&bytes);
    match json {
        Ok(value) => Ok(value),
        Err(_json) if content.contains("yaml") => serde_yaml::from_slice(&bytes)
            .map_err(|error| Failure::bad_request(format!("the body is not YAML: {error}"))),
        Err(error) => Err(Failure::bad_request(format!(
            "the body is not JSON: {error}"
        ))),
    }
}

fn shape(answer: Answer) -> Response<Body> {
    match answer {
        Answer::Object {
            code,
            object,
            warnings,
        } => {
            let code = StatusCode::from_u16(code).unwrap_or(StatusCode::OK);
            let mut response = json(code, &object);
            for warning in warnings {
                let shown = format!("299 - \"{}\"", warning.replace('"', "'"));
                if let Ok(value) = header::HeaderValue::from_str(&shown) {
                    response.headers_mut().append(header::WARNING, value);
                }
            }
            response
        }
        Answer::List(list) => json(StatusCode::OK, &list.body()),
        Answer::Json(value) => json(StatusCode::OK, &value),
        Answer::Text(lines) => text(lines),
    }
}

fn json(code: StatusCode, value: &Value) -> Response<Body> {
    respond(code, "application/json", Bytes::from(value.to_string()))
}

fn text(text: String) -> Response<Body> {
    respond(StatusCode::OK, "text/plain", Bytes::from(text))
}

fn respond(code: StatusCode, kind: &'static str, bytes: Bytes) -> Response<Body> {
    typed(code, kind, Full::new(bytes).boxed_unsync())
}

fn typed(code: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let value = header::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, value);
    response
}
