//! The door to the Kubernetes API: objects as JSON values, server-side apply, one manager; it waits for nothing.

mod apply;
mod discover;
mod hand;
mod logs;
mod marks;
mod measured;
mod only;
mod pace;
mod query;
mod words;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{DoorError, Retry, calls, feed::Feed};
use crate::plan::{Object, ObjectRef};
pub use apply::{Applied, Clash, Trial};
use discover::Discovery;
pub use hand::{Evicted, Leaving, leaving};
pub use logs::{Asked, Line, LogLines};
pub use marks::Marks;
pub use measured::{Measured, Measurements, Measures};
pub use only::Only;
use pace::Pace;
use query::encoded;

pub use crate::compare::owners::MANAGER;

/// How long one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// How long the words of a refusal may take once its status has come.
const REFUSAL_LIMIT: Duration = Duration::from_secs(2);

/// How long opening a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Tries of one request while the server is overloaded or the connection breaks; after them the step tells it.
const TRIES: u32 = 5;

/// First pause between two of them; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A server that asks for a longer pause is not waited for in silence: the step tells it.
const QUIET_PAUSE: Duration = Duration::from_secs(3);

/// Objects per page of a list.
const PAGE: u32 = 500;

/// Where the API is and who asks.
#[derive(Clone, Debug)]
pub enum Source {
    /// A kubeconfig; none means `KUBECONFIG` or `~/.kube/config`.
    Kubeconfig {
        /// The file.
        file: Option<PathBuf>,
        /// The context; none means the current one.
        context: Option<String>,
    },
    /// An address with a bearer token: the practice cluster.
    Endpoint {
        /// Such as `http://127.0.0.1:6443`.
        url: String,
        /// The token.
        token: SecretString,
    },
}

/// A connection to a cluster; clones share it.
#[derive(Clone)]
pub struct Kube {
    client: Client,
    /// Asks once and gives every answer at once, also the refusal of a budget, which looks like an overload.
    once: Client,
    server: Arc<str>,
    source: Arc<Source>,
    discovery: Arc<Discovery>,
    pace: Arc<Pace>,
}

impl std::fmt::Debug for Kube {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Kube({})", self.server)
    }
}

/// An answer with its status and its body as JSON.
struct Answer {
    status: StatusCode,
    body: Value,
    /// How long the server asks to wait.
    after: Option<Duration>,
}

impl Kube {
    /// Reads the configuration and makes a client; it does not connect yet.
    ///
    /// # Errors
    /// The kubeconfig is missing or wrong.
    pub async fn connect(source: &Source) -> Result<Self, DoorError> {
        let mut config = match source {
            Source::Kubeconfig { file, context } => {
                let options = KubeConfigOptions {
                    context: context.clone(),
                    ..KubeConfigOptions::default()
                };
                let config = match file {
                    Some(file) => match Kubeconfig::read_from(file) {
                        Ok(read) => Config::from_custom_kubeconfig(read, &options).await,
                        Err(error) => Err(error),
                    },
                    None => Config::from_kubeconfig(&options).await,
                };
                config.map_err(|error| words::kubeconfig(file.as_deref(), &error))?
            }
            Source::Endpoint { url, token } => {
                let address = url.parse().map_err(|error| words::address(url, &error))?;
                let mut config = Config::new(address);
                config.auth_info.token = Some(token.expose_secret().to_owned().into());
                // The practice cluster is on loopback: a proxy of the hospital has no business there.
                config.proxy_url = None;
                config
            }
        };
        config.connect_timeout = Some(CONNECT_LIMIT);
        config.read_timeout = None;
        let server: Arc<str> = config.cluster_url.to_string().trim_end_matches('/').into();
        let made =
            |config| Client::try_from(config).map_err(|error| words::client(&server, &error));
        let client = made(config.clone())?;
        config.default_retry = false;
        Ok(Self {
            client,
            once: made(config)?,
            server,
            source: Arc::new(source.clone()),
            discovery: Arc::default(),
            pace: Arc::default(),
        })
    }

    /// The address of the API.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Where the configuration came from, for commands that need their own copy.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// A feed of watches over this connection.
    pub fn feed(&self) -> Feed {
        Feed::new(self.clone())
    }

    /// The server's version, such as `v1.36.3`.
    ///
    /// # Errors
    /// The API cannot be reached or refuses.
    pub async fn version(&self) -> Result<String, DoorError> {
        let answer = self.ask(Method::GET, "/version", None).await?;
        let answer = self.good(answer, "ask for the version")?;
        let text = answer.get("gitVersion").and_then(Value::as_str);
        Ok(text.unwrap_or("unknown").to_owned())
    }

    /// Makes the object; nothing when it is there already.
    ///
    /// # Errors
    /// The server refuses or cannot be reached.
    pub async fn create(&self, object: &Object) -> Result<Option<Value>, DoorError> {
        let target = object.reference();
        let Some(collection) = self.known(&target).await? else {
            return Err(words::unknown_kind(&target));
        };
        let query = format!("{collection}?fieldManager={MANAGER}");
        let answer = self.ask(Method::POST, &query, Some(object)).await?;
        self.unless_conflict(answer, &format!("make {target}"))
    }

    /// Replaces the object; nothing when it has been written since the version that the new one names.
    ///
    /// # Errors
    /// The server refuses or cannot be reached.
    pub async fn replace(&self, object: &Object) -> Result<Option<Value>, DoorError> {
        let target = object.reference();
        let query = format!("{}?fieldManager={MANAGER}", self.path(&target).await?);
        let answer = self.ask(Method::PUT, &query, Some(object)).await?;
        self.unless_conflict(answer, &format!("replace {target}"))
    }

    fn unless_conflict(&self, answer: Answer, doing: &str) -> Result<Option<Value>, DoorError> {
        if answer.status == StatusCode::CONFLICT {
            return Ok(None);
        }
        self.good(answer, doing).map(Some)
    }

    /// Asks the server whether it would take the object: schema, admission and webhooks run, nothing is kept.
    /// Gives the object as it would be.
    ///
    /// # Errors
    /// The server would refuse it or cannot be reached.
    pub async fn dry_run(&self, object: &Object) -> Result<Value, DoorError> {
        let target = object.reference();
        let path = self.path(&target).await?;
        let query =
            format!("{path}?fieldManager={MANAGER}&force=true&fieldValidation=Strict&dryRun=All");
        let answer = self.ask(Method::PATCH, &query, Some(object)).await?;
        self.good(answer, &format!("try {target} in a dry run"))
    }

    /// The object, or nothing when it is not there (or its kind is not known yet).
    ///
    /// # Errors
    /// The server refuses or cannot be reached.
    pub async fn get(&self, target: &ObjectRef) -> Result<Option<Value>, DoorError> {
        let Some(collection) = self.known(target).await? else {
            return Ok(None);
        };
        let path = format!("{collection}/{}", target.name);
        let answer = self.ask(Method::GET, &path, None).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.good(answer, &format!("read {target}")).map(Some)
    }

    /// Whether the server knows the kind.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    pub async fn serves(&self, of: &ObjectRef) -> Result<bool, DoorError> {
        Ok(self.known(of).await?.is_some())
    }

    /// Every object of the kind in the namespace (or in all) that carries the labels.
    ///
    /// # Errors
    /// The server refuses or cannot be reached.
    pub async fn list(&self, of: &ObjectRef, selector: &str) -> Result<Vec<Arc<Value>>, DoorError> {
        self.list_only(of, selector, Only::All).await
    }

    /// The same for a part of the kind.
    ///
    /// # Errors
    /// The server refuses or cannot be reached.
    pub async fn list_only(
        &self,
        of: &ObjectRef,
        selector: &str,
        only: Only,
    ) -> Result<Vec<Arc<Value>>, DoorError> {
        let Some(collection) = self.known(of).await? else {
            return Ok(Vec::new());
        };
        let mut items = Vec::new();
        let mut token = String::new();
        loop {
            let path = format!(
                "{collection}?limit={PAGE}&labelSelector={}&continue={}{}",
                encoded(selector),
                encoded(&token),
                only.query()
            );
            let answer = self.ask(Method::GET, &path, None).await?;
            let mut body = self.good(answer, &format!("list {} objects", of.kind))?;
            if let Some(Value::Array(page)) = body.get_mut("items").map(Value::take) {
                items.extend(page.into_iter().map(|item| only.kept(only.whole(item, of))));
            }
            match body.pointer("/metadata/continue").and_then(Value::as_str) {
                Some(next) if !next.is_empty() => next.clone_into(&mut token),
                _ => return Ok(items),
            }
        }
    }

    /// Deletes the object with everything it owns; true when it was there.
    ///
    /// # Errors
    /// The server refuses or cannot be reached.
    pub async fn delete(&self, target: &ObjectRef) -> Result<bool, DoorError> {
        let Some(collection) = self.known(target).await? else {
            return Ok(false);
        };
        let path = format!("{collection}/{}?propagationPolicy=Background", target.name);
        let answer = self.ask(Method::DELETE, &path, None).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        self.good(answer, &format!("delete {target}")).map(|_| true)
    }

    /// The last lines that a container wrote.
    ///
    /// # Errors
    /// The pod is not there, has not started, or the server cannot be reached.
    pub async fn logs(
        &self,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
        tail: u32,
    ) -> Result<Vec<String>, DoorError> {
        let container = container.map_or_else(String::new, |name| format!("&container={name}"));
        let path =
            format!("/api/v1/namespaces/{namespace}/pods/{pod}/log?tailLines={tail}{container}");
        let asked = request(&Method::GET, &path, None);
        let (status, bytes, after) = self.raw(asked).await?;
        let text = String::from_utf8_lossy(&bytes);
        if status.is_success() {
            return Ok(text.lines().map(str::to_owned).collect());
        }
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Err(words::refused(
            &self.server,
            &format!("read the log of pod {namespace}/{pod}"),
            (status, after),
            &body,
        ))
    }

    /// Opens a watch: lines of JSON until the server ends it.
    pub(super) async fn watch(
        &self,
        collection: &str,
        version: &str,
        only: Only,
    ) -> Result<Body, DoorError> {
        let path = format!(
            "{collection}?watch=true&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion={version}{}",
            only.query()
        );
        self.stream(&path, "watch").await
    }

    /// Opens an answer that goes on until the server ends it; `doing` says in a refusal what was tried.
    pub(super) async fn stream(&self, path: &str, doing: &str) -> Result<Body, DoorError> {
        let send = self.client.send(request(&Method::GET, path, None));
        let response = tokio::time::timeout(REQUEST_LIMIT, send)
            .await
            .map_err(|_elapsed| words::slow(&self.server, REQUEST_LIMIT))?
            .map_err(|error| words::transport(&self.server, &error))?;
        let status = response.status();
        let after = retry_after(response.headers());
        if status.is_success() {
            return Ok(response.into_body());
        }
        // Its status says enough, should its words never come.
        let words = tokio::time::timeout(REFUSAL_LIMIT, collect(response.into_body()));
        let bytes = words.await.unwrap_or_default();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Err(words::refused(&self.server, doing, (status, after), &body))
    }

    /// Lists a collection with the version at which a watch goes on.
    pub(super) async fn list_at(
        &self,
        collection: &str,
        of: &ObjectRef,
        only: Only,
    ) -> Result<(Vec<Arc<Value>>, String), DoorError> {
        let doing = format!("list {} objects", of.kind);
        // Pods are so many that all at once would take a multiple of the memory that is kept of them.
        let first = match only {
            Only::PodsInShort => format!("?limit={PAGE}"),
            _ => "?resourceVersion=0".to_owned(),
        };
        let (mut items, mut version) = (Vec::new(), None);
        let mut token = String::new();
        loop {
            let next = match token.as_str() {
                "" => String::new(),
                token => format!("&continue={}", encoded(token)),
            };
            let path = format!("{collection}{first}{next}{}", only.query());
            let answer = self.ask(Method::GET, &path, None).await?;
            let mut body = self.good(answer, &doing)?;
            let text = |name: &str| body["metadata"][name].as_str().map(str::to_owned);
            // What changes while the pages are read comes after the first of them.
            version = version.or_else(|| text("resourceVersion"));
            let next = text("continue").unwrap_or_default();
            if let Some(Value::Array(page)) = body.get_mut("items").map(Value::take) {
                items.extend(page.into_iter().map(|item| only.kept(only.whole(item, of))));
            }
            if next.is_empty() {
                return Ok((items, version.unwrap_or_else(|| "0".to_owned())));
            }
            token = next;
        }
    }

    /// The path of the kind's collection; nothing when the server does not know the kind.
    pub(super) async fn known(&self, target: &ObjectRef) -> Result<Option<String>, DoorError> {
        let group = match target.group() {
            "" => format!("/api/{}", target.version()),
            group => format!("/apis/{group}/{}", target.version()),
        };
        let mut found = self.discovery.find(target);
        if found.is_none() {
            let answer = self.ask(Method::GET, &group, None).await?;
            if answer.status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            let doing = format!("ask for the kinds of {}", target.api_version);
            let body = self.good(answer, &doing)?;
            self.discovery.learn(&target.api_version, &body);
            found = self.discovery.find(target);
        }
        Ok(
            found.map(|resource| match (&target.namespace, resource.namespaced) {
                (Some(namespace), true) => {
                    format!("{group}/namespaces/{namespace}/{}", resource.plural)
                }
                _ => format!("{group}/{}", resource.plural),
            }),
        )
    }

    async fn path(&self, target: &ObjectRef) -> Result<String, DoorError> {
        match self.known(target).await? {
            Some(collection) => Ok(format!("{collection}/{}", target.name)),
            None => Err(words::unknown_kind(target)),
        }
    }

    /// Asks, and asks again while the server is overloaded or the connection breaks: every request of ours may be repeated.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        object: Option<&Object>,
    ) -> Result<Answer, DoorError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.once(&method, path, object).await {
                Ok(answer) if !passes(&answer) => return Ok(answer),
                // Whoever asks next waits with us for the time that the server named.
                Ok(answer) if answer.after.is_some_and(|after| after > QUIET_PAUSE) => {
                    return Ok(answer);
                }
                Err(error) if error.retry == Retry::No || error == self.slow() => {
                    return Err(error);
                }
                Ok(_) | Err(_) => {}
            }
            // Not all at the same moment.
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            pause *= 2;
        }
        self.once(&method, path, object).await
    }

    async fn once(
        &self,
        method: &Method,
        path: &str,
        object: Option<&Object>,
    ) -> Result<Answer, DoorError> {
        let (status, bytes, after) = self.raw(request(method, path, object)).await?;
        match serde_json::from_slice(&bytes) {
            Ok(body) => Ok(Answer {
                status,
                body,
                after,
            }),
            Err(_) if !status.is_success() => Ok(Answer {
                status,
                body: Value::Null,
                after,
            }),
            Err(error) => Err(words::nonsense(&self.server, &error)),
        }
    }

    fn slow(&self) -> DoorError {
        words::slow(&self.server, REQUEST_LIMIT)
    }

    async fn raw(
        &self,
        asked: Request<Body>,
    ) -> Result<(StatusCode, Vec<u8>, Option<Duration>), DoorError> {
        let place = self.pace.enter().await;
        let (method, path) = (asked.method().clone(), asked.uri().to_string());
        let began = Instant::now();
        let whole = async {
            let response = self.client.send(asked).await?;
            let status = response.status();
            let after = retry_after(response.headers());
            let bytes = response.into_body().collect().await?.to_bytes();
            Ok::<_, kube::Error>((status, bytes.to_vec(), after))
        };
        let answer = tokio::time::timeout(REQUEST_LIMIT, whole).await;
        drop(place);
        let status = match &answer {
            Ok(Ok((status, ..))) => Some(status.as_u16()),
            _ => None,
        };
        calls::tell(method.as_str(), &path, (status, began.elapsed()));
        match &answer {
            Ok(Ok((StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _, after))) => {
                self.pace.too_much(*after);
            }
            Err(_elapsed) => self.pace.too_much(None),
            Ok(Ok(_)) => self.pace.well(),
            Ok(Err(_)) => {}
        }
        answer
            .map_err(|_elapsed| self.slow())?
            .map_err(|error| words::transport(&self.server, &error))
    }

    fn good(&self, answer: Answer, doing: &str) -> Result<Value, DoorError> {
        if answer.status.is_success() {
            Ok(answer.body)
        } else {
            Err(words::refused(
                &self.server,
                doing,
                (answer.status, answer.after),
                &answer.body,
            ))
        }
    }
}

/// Whether the server may answer otherwise in a moment. A webhook that does not answer is told by the step.
fn passes(answer: &Answer) -> bool {
    let message = answer.body.get("message").and_then(Value::as_str);
    let webhook = message.is_some_and(|message| message.contains("webhook"));
    matches!(answer.status.as_u16(), 429 | 500 | 502..=504) && !webhook
}

/// The pause that the server asks for, in seconds; a date in its place is not used by Kubernetes.
fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

fn request(method: &Method, path: &str, object: Option<&Object>) -> Request<Body> {
    let body = object.map_or_else(Vec::new, |object| object.value().to_string().into_bytes());
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = method.clone();
    // Our own paths and names that were checked: they parse.
    if let Ok(address) = path.parse() {
        *request.uri_mut() = address;
    }
    let headers = request.headers_mut();
    headers.insert(
        http::header::ACCEPT,
        http::HeaderValue::from_static("application/json"),
    );
    if object.is_some() {
        let media = if *method == Method::PATCH {
            "application/apply-patch+yaml"
        } else {
            "application/json"
        };
        let media = http::HeaderValue::from_static(media);
        headers.insert(http::header::CONTENT_TYPE, media);
    }
    request
}

async fn collect(body: Body) -> Vec<u8> {
    body.collect()
        .await
        .map(|all| all.to_bytes().to_vec())
        .unwrap_or_default()
}
