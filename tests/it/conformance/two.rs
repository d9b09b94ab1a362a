//! A real API server and the practice cluster side by side, both without controllers or both with them.

use std::{path::PathBuf, sync::Arc};

use care_install::rehearsal::{self, ServeOptions, Serving, Speed};
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::testbed::Testbed;

/// One of the two.
#[derive(Clone)]
pub struct Side {
    pub name: &'static str,
    client: Client,
}

/// Both; they end with this.
pub struct Two {
    pub real: Side,
    pub practice: Side,
    serving: Serving,
    _folder: TempDir,
    _bed: Testbed,
}

/// A request as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: String,
    pub path: String,
    pub content: String,
    pub accept: String,
    pub body: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub code: u16,
    pub content: String,
    pub warnings: Vec<String>,
    pub body: Value,
}

/// With controllers, or the API alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Still,
    Moving,
}

impl Two {
    pub async fn start(life: Life) -> Self {
        let bed = tokio::task::spawn_blocking(move || match life {
            Life::Still => Testbed::start_still(),
            Life::Moving => Testbed::start(),
        });
        let bed = bed.await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = ServeOptions {
            dir: folder.path().to_path_buf(),
            port: 0,
            speed: Speed::Max,
            idle_exit: None,
            world: vec![
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}),
            ],
            token: None,
        };
        let serving = match life {
            Life::Still => rehearsal::serve_still(options).await,
            Life::Moving => rehearsal::serve(options).await,
        };
        let serving = serving.unwrap();
        let file: PathBuf = bed.kubeconfig();
        let config = Kubeconfig::read_from(file).unwrap();
        let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await;
        let mut own = Config::new(serving.url.parse().unwrap());
        own.auth_info.token = Some(serving.token.expose_secret().to_owned().into());
        let side = |name, mut config: Config| {
            config.read_timeout = None;
            // Every refusal is looked at, also one that asks to come again.
            config.default_retry = false;
            Side {
                name,
                client: Client::try_from(config).unwrap(),
            }
        };
        Self {
            real: side("real", config.unwrap()),
            practice: side("practice", own),
            serving,
            _folder: folder,
            _bed: bed,
        }
    }

    /// Makes the same object on both.
    pub async fn make(&self, path: &str, object: &Value) {
        for side in [&self.real, &self.practice] {
            let reply = side.send(&Sent::post(path, object)).await;
            assert!(
                matches!(reply.code, 200 | 201 | 409),
                "{} {path}: {reply:?}",
                side.name
            );
        }
    }

    /// Makes the definitions that the program knows and waits until both serve them.
    pub async fn define(&self, names: &[&str]) {
        const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        for name in names {
            let crd = rehearsal::schema::crd(name).unwrap();
            self.make(CRDS, &crd).await;
            let (plural, group) = name.split_once('.').unwrap();
            let version = crd["spec"]["versions"]
                .as_array()
                .unwrap()
                .iter()
                .find(|version| version["storage"] == true)
                .unwrap();
            let version = version["name"].as_str().unwrap();
            let path = format!("/apis/{group}/{version}/{plural}");
            for side in [&self.real, &self.practice] {
                side.until(&Sent::get(&path), |reply| reply.code == 200)
                    .await;
            }
        }
    }

    pub async fn end(self) {
        self.serving.stop.cancel();
        self.serving.ended().await;
    }
}

/// How long something that will be is looked for.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(20);

impl Side {
    /// Sends a request and reads the whole answer.
    pub async fn send(&self, sent: &Sent) -> Reply {
        let response = self.open(sent).await;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = |name| {
            let found: &http::HeaderMap = &head.headers;
            found
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or("")
                .to_owned()
        };
        let warnings = head.headers.get_all(header::WARNING).iter();
        Reply {
            code: head.status.as_u16(),
            content: text(header::CONTENT_TYPE),
            warnings: warnings
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect(),
            body: serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into()),
        }
    }

    /// Sends a request and gives the answer with its body unread.
    pub async fn open(&self, sent: &Sent) -> Response<Body> {
        let mut request = Request::builder()
            .method(sent.method.as_str())
            .uri(&sent.path)
            .header(header::USER_AGENT, "conformance/1");
        for (name, value) in [
            (header::CONTENT_TYPE, &sent.content),
            (header::ACCEPT, &sent.accept),
        ] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let request = request
            .body(Body::from(sent.body.clone().into_bytes()))
            .unwrap();
        self.client.send(request).await.unwrap()
    }

    /// Asks until the answer is as it will be; gives the last one when it never is.
    pub async fn until(&self, sent: &Sent, done: impl Fn(&Reply) -> bool) -> Reply {
        let began = tokio::time::Instant::now();
        loop {
            let reply = self.send(sent).await;
            if done(&reply) || began.elapsed() > LIMIT {
                return reply;
            }
        }
    }
}

impl Sent {
    pub fn get(path: &str) -> Self {
        Self {
            method: "GET".into(),
            path: path.into(),
            content: String::new(),
            accept: "application/json".into(),
            body: String::new(),
        }
    }

    pub fn post(path: &str, object: &Value) -> Self {
        Self {
            method: "POST".into(),
            content: "application/json".into(),
            body: object.to_string(),
            ..Self::get(path)
        }
    }

    pub fn patch(path: &str, kind: &str, body: &Value) -> Self {
        Self {
            method: "PATCH".into(),
            content: media(kind).into(),
            body: body.to_string(),
            ..Self::get(path)
        }
    }

    pub fn put(path: &str, object: &Value) -> Self {
        Self {
            method: "PUT".into(),
            ..Self::post(path, object)
        }
    }
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if !self.content.is_empty() && self.content != "application/json" {
            write!(f, " ({})", self.content)?;
        }
        if !self.body.is_empty() {
            write!(f, " {}", self.body)?;
        }
        Ok(())
    }
}

/// The media type that a short word stands for; other words are media types themselves.
pub fn media(word: &str) -> &str {
    match word {
        "json" => "application/json",
        "yaml" => "application/yaml",
        "merge" => "application/merge-patch+json",
        "strategic" => "application/strategic-merge-patch+json",
        "patch" => "application/json-patch+json",
        "apply" => "application/apply-patch+yaml",
        "table" => "application/json;as=Table;v=v1;g=meta.k8s.io",
        "partial" => "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        "partials" => "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
        "aggregated" => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        other => other,
    }
}

/// Runs the same work for many namespaces, a few at a time.
pub async fn side_by_side<T, F, W>(work: Vec<T>, at_once: usize, run: F) -> Vec<String>
where
    F: Fn(T) -> W,
    W: Future<Output = Vec<String>> + Send + 'static,
    T: Send + 'static,
{
    let gate = Arc::new(tokio::sync::Semaphore::new(at_once));
    let mut running = Vec::new();
    for item in work {
        let permit = Arc::clone(&gate).acquire_owned().await.unwrap();
        let one = run(item);
        running.push(tokio::spawn(async move {
            let found = one.await;
            drop(permit);
            found
        }));
    }
    let mut found = Vec::new();
    for one in running {
        found.extend(one.await.unwrap());
    }
    found
}
