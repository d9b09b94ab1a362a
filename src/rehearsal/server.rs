//! The practice cluster on loopback: HTTP in, requests to the cluster, answers out; nobody without the token is heard.

mod body;
mod exec;
mod following;
mod frames;
mod guests;
mod patient;
mod reply;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::mpsc,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    answer::Failure,
    call::{Call, Method, Place, Query},
    clock::{Clock, Speed},
    cluster::Cluster,
    control::measured,
    declined, discovery,
    driver::Driver,
    edge,
    flaky::{Flaky, Met},
    hub::{Hub, Keeper},
    openapi, pace,
    persist::Journal,
    secure::{Opened, Secure},
    store::Store,
    swagger,
    table::Form,
    watching,
    world::{kind_key, reference},
};
use crate::{
    problem::{Code, Problem},
    sys::{Routes, files},
};
use guests::{AtWork, Guests};
use patient::Patient;
use reply::{Body, Kept, json, respond, shape, text, typed};

/// Longest path with its query.
const LONGEST_PATH: usize = 16 * 1024;

/// Largest head of a request, and all that is read of a body before anybody wants it.
const LARGEST_HEAD: usize = 64 * 1024;

/// Headers of a request.
const MOST_HEADERS: usize = 100;

/// The pause after a connection that could not be accepted, such as for want of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The file that holds all objects.
const STATE: &str = "objects.log";

/// How long clients may take; who takes longer is let go.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the head of a request, the first bytes included; so long may a connection be silent between two.
    pub head: Duration,
    /// For the body.
    pub body: Duration,
    /// For taking any part of an answer.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_mins(1),
            body: Duration::from_secs(30),
            answer: Duration::from_secs(30),
        }
    }
}

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
    /// What answers for the addresses of the site.
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
    serve_with(options, Patience::default()).await
}

/// The same with another patience.
///
/// # Errors
/// The port is taken, or its file cannot be used.
pub async fn serve_with(options: ServeOptions, patience: Patience) -> Result<Serving, Problem> {
    serve_all(options, patience, Driver::new()).await
}

/// The same without controllers: nothing happens but what clients do, as on an API server alone.
///
/// # Errors
/// The port is taken, or its file cannot be used.
pub async fn serve_still(options: ServeOptions) -> Result<Serving, Problem> {
    serve_all(options, Patience::default(), Driver::default()).await
}

async fn serve_all(
    options: ServeOptions,
    patience: Patience,
    controllers: Driver,
) -> Result<Serving, Problem> {
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
    let secure = Secure::new(patience.head)?;
    let authority = secure.authority.clone();
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let keeper = Keeper {
        cluster: Cluster::new(store),
        journal,
        clock: Clock::new(options.speed, began),
        controllers,
    };
    let hub = Hub::start(keeper, stop.clone(), &tasks);
    let edge = edge::open(hub.clone(), &stop, &tasks).await?;
    let door = Door {
        hub,
        token: token.clone(),
        secure,
        flaky: Flaky::default(),
        bodies: body::Reader::new(patience.body),
        patience,
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
        routes: Routes {
            edge: Some(edge),
            ..Routes::default()
        },
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
    let mut guests = Guests::default();
    loop {
        let nobody = guests.is_empty();
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
            () = guests.left() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                // Small answers must not wait for each other.
                stream.set_nodelay(true).ok();
                let door = Arc::clone(&door);
                let patience = door.patience;
                let back = guests.welcome(stream, |stream, at_work| async move {
                    match door.secure.open(stream).await {
                        Some(Opened::Plain(stream)) => connection(stream, door, at_work).await,
                        Some(Opened::Tls(stream)) => connection(*stream, door, at_work).await,
                        None => {}
                    }
                });
                if let Some(stream) = back {
                    tokio::time::timeout(patience.answer, guests::turn_away(stream)).await.ok();
                }
            }
        }
    }
}

/// Answers the requests of one client, one after the other; a session that one of them begins comes last.
async fn connection<S>(stream: S, door: Arc<Door>, at_work: AtWork)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let patience = door.patience;
    let (later, mut begun) = mpsc::channel(1);
    let working = at_work.clone();
    let service = hyper::service::service_fn(move |mut request| {
        let (door, later, mark) = (Arc::clone(&door), later.clone(), working.mark());
        async move {
            match door.flaky.meet(&door.hub, &request).await {
                Met::Through => {}
                Met::Refused(response) => {
                    return Ok(response.map(|body| {
                        Kept::new(Full::new(body).boxed_unsync(), mark).boxed_unsync()
                    }));
                }
                // An error of the service ends the connection without an answer.
                Met::Broken => {
                    return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
                }
            }
            let upgrade = hyper::upgrade::on(&mut request);
            let (response, session) = door.answer(request).await;
            if let Some(session) = session {
                // There is room for the only one: after it the connection is HTTP no more.
                later.try_send((upgrade, session)).ok();
            }
            Ok(response.map(|body| Kept::new(body, mark).boxed_unsync()))
        }
    });
    let stream = TokioIo::new(Patient::new(stream, patience.answer));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .max_header_size(LARGEST_HEAD)
        .serve_connection(stream, service)
        .with_upgrades();
    // A client that breaks off ends its own connection and nothing else.
    connection.await.ok();
    let _mark = at_work.mark();
    if let Ok((upgrade, session)) = begun.try_recv()
        && let Ok(upgraded) = upgrade.await
    {
        exec::Session::run(session, upgraded).await;
    }
}

/// What every connection needs.
struct Door {
    hub: Hub,
    token: SecretString,
    secure: Secure,
    flaky: Flaky,
    bodies: body::Reader,
    patience: Patience,
}

/// An answer, and the session that begins after it.
type Answered = (Response<Body>, Option<exec::Session>);

impl Door {
    async fn answer(&self, request: Request<Incoming>) -> Answered {
        let _pending = self.hub.pending();
        match self.handle(request).await {
            Ok(answered) => answered,
            Err(failure) => (reply::refusal(&failure), None),
        }
    }

    /// Whether the client has shown the token, once.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let mut shown = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(shown), None) = (shown.next(), shown.next()) else {
            return false;
        };
        let Some(shown) = shown.as_bytes().strip_prefix(b"Bearer ") else {
            return false;
        };
        let token = self.token.expose_secret().as_bytes();
        // However much of it is right, it takes as long.
        let differences = shown.iter().zip(token).fold(0, |sum, (a, b)| sum | (a ^ b));
        shown.len() == token.len() && differences == 0
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Answered, Failure> {
        let path = request.uri().path().to_owned();
        if matches!(path.as_str(), "/healthz" | "/readyz" | "/livez") {
            return Ok((text("ok".to_owned()), None));
        }
        if !self.knows(request.headers()) {
            return Err(Failure::new(401, "Unauthorized", "Unauthorized"));
        }
        let asked = request.uri().query().unwrap_or("");
        if path.len() + asked.len() > LONGEST_PATH {
            let why = format!("the path of the request is longer than {LONGEST_PATH} bytes");
            return Err(Failure::new(414, "RequestURITooLong", why));
        }
        let query = Query::parse(asked);
        Place::check(&path)?;
        query.check()?;
        let accept = said(&request, header::ACCEPT);
        if request.method() == http::Method::GET
            && let Some(found) = self.described(&path, &accept).await?
        {
            return Ok((found, None));
        }
        if !acceptable(&accept) {
            return Err(Failure::bare(406, "NotAcceptable", NOT_ACCEPTABLE));
        }
        // Of what is read the same was asked above.
        if request.method() != http::Method::GET
            && let Some(nothing) = self.nowhere(&path).await?
        {
            return Ok((nothing, None));
        }
        let place = Place::parse(&path).filter(|place| !place.plural.is_empty());
        let place = place.ok_or_else(Failure::no_such_path)?;
        let method = method(request.method())?;
        if let Some(failure) = declined::declined(method, &place, &query) {
            return Err(failure);
        }
        let is_pod = place.group.is_empty() && place.plural == "pods";
        if is_pod && place.subresource == "exec" {
            let (response, session) = exec::begin(&self.hub, place, &query, &request).await?;
            return Ok((response, Some(session)));
        }
        let form = Form::of(&accept, &query);
        let answered = self.resource(request, method, (place, query, form)).await?;
        Ok((answered, None))
    }

    /// What is done to a resource.
    async fn resource(
        &self,
        request: Request<Incoming>,
        method: Method,
        (place, query, form): (Place, Query, Form),
    ) -> Result<Response<Body>, Failure> {
        let content = said(&request, header::CONTENT_TYPE);
        let agent = said(&request, header::USER_AGENT);
        let accept = said(&request, header::ACCEPT);
        let (parts, body) = request.into_parts();
        let (read, large) = self.bodies.read(&parts.headers, body).await?;
        let call = Call {
            method,
            place,
            query,
            body: read.value,
            broken: read.broken,
            twice: read.twice,
            content,
            agent,
        };
        let reads = call.method == Method::Get && call.place.subresource.is_empty();
        if reads && call.query.on("watch") && call.place.name.is_empty() {
            let lines = watching::begin(&self.hub, call, form).await?;
            let stream = StreamBody::new(lines);
            let body = stream.boxed_unsync();
            return Ok(typed(StatusCode::OK, "application/json", body));
        }
        if call.place.subresource == "log" && call.query.on("follow") {
            let lines = following::begin(&self.hub, call).await?;
            let stream = StreamBody::new(lines);
            return Ok(typed(StatusCode::OK, "text/plain", stream.boxed_unsync()));
        }
        let partial =
            reads && call.place.name.is_empty() && accept.contains("as=PartialObjectMetadata;");
        let form = if reads { form } else { Form::Whole };
        let (answer, kind, now) = self
            .ask(move |cluster, now| (cluster.perform(&call, now), cluster.kind(&call.place), now))
            .await?;
        drop(large);
        let answer = answer?;
        if let Some(kind) = kind.as_ref().filter(|_| partial) {
            return Err(Failure::no_partial(kind));
        }
        match (form, kind) {
            (Form::Whole, _) | (_, None) => Ok(shape(answer)),
            (form, Some(kind)) => Ok(shape(answer.in_form(form, &kind, now))),
        }
    }

    /// What is answered where no group is served.
    async fn nowhere(&self, path: &str) -> Result<Option<Response<Body>>, Failure> {
        let asked = path.to_owned();
        let known = self
            .ask(move |cluster, _| cluster.registry.leads_to(&asked))
            .await?;
        Ok((!known).then(no_page))
    }

    /// What is said about the server itself: OpenAPI and discovery.
    async fn described(&self, path: &str, accept: &str) -> Result<Option<Response<Body>>, Failure> {
        let (registry, measured) = self
            .ask(|cluster, _| {
                (
                    Arc::clone(&cluster.registry),
                    measured::deployed(&cluster.store),
                )
            })
            .await?;
        if path.starts_with("/openapi/") {
            let found = openapi::answer(&registry, path).ok_or_else(Failure::no_such_path)?;
            if accept.contains(swagger::ASKED) && found.get("swagger").is_some() {
                let bytes = Bytes::from(swagger::document(&found));
                return Ok(Some(respond(StatusCode::OK, swagger::ANSWERED, bytes)));
            }
            return Ok(Some(json(StatusCode::OK, &found)));
        }
        let Some(found) = discovery::answer((&registry, measured), path, accept) else {
            let nowhere = !registry.leads_to(path);
            return Ok(nowhere.then(no_page));
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
        self.hub.ask(question).await.ok_or_else(Failure::stopped)
    }
}

/// What is answered to a path that is no path.
fn no_page() -> Response<Body> {
    let words = Bytes::from("404 page not found\n");
    respond(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", words)
}

/// What a client hears that wants another form than there is.
const NOT_ACCEPTABLE: &str = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
                              application/vnd.kubernetes.protobuf";

/// Whether one of the forms that a client accepts can be had; protobuf is answered with JSON, as clients allow.
fn acceptable(accept: &str) -> bool {
    let known = [
        "*/*",
        "application/*",
        "application/json",
        "application/yaml",
        "protobuf",
    ];
    accept.is_empty() || known.iter().any(|known| accept.contains(known))
}

/// A header as text; empty when it is not there or is none.
fn said(request: &Request<Incoming>, name: header::HeaderName) -> String {
    let value = request.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
        .to_owned()
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
