//! Hosts a practice site: the cluster's API, the name server and the nodes, by one process for each folder until it is stopped.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Point, Scenario, ServeOptions, Serving, Speed, control, place, point, server::serve};
use crate::{
    plan::{Object, ObjectRef},
    problem::{Code, Problem},
    site::Site,
    sys::{
        Routes,
        daemon::{self, Lock},
        files::{self, Mode},
        kube::Kube,
    },
};

/// Held by the process that serves the folder.
const LOCK: &str = "cluster.lock";

/// How long a former process may take to end.
const HANDOVER: Duration = Duration::from_secs(5);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(50);

/// How a practice cluster is hosted for a site.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// The cluster's folder.
    pub folder: PathBuf,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// How fast its time passes.
    pub speed: Speed,
    /// It ends after this long without a client.
    pub idle_exit: Option<Duration>,
    /// Whose nodes and names are played.
    pub site: Arc<Site>,
    /// Where to write a kubeconfig.
    pub kubeconfig: Option<PathBuf>,
    /// What goes wrong; none leaves it as it is.
    pub scenario: Option<Scenario>,
}

/// A practice cluster that is hosted by this process.
#[derive(Debug)]
pub struct Hosted {
    /// Where it is.
    pub point: Point,
    /// Cancelled when it has ended; cancel it to end it.
    pub stop: CancellationToken,
    ended: CancellationToken,
}

impl Hosted {
    /// Waits until it has ended in good order: everything on disk, nobody led to it any more.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Serves until it is stopped, idle for too long, or this process is asked to end; then ends it in good order.
    ///
    /// # Errors
    /// The system does not tell when this process is asked to end.
    pub async fn until_ended(&self) -> Result<(), Problem> {
        tokio::select! {
            asked = daemon::asked_to_end() => {
                self.stop.cancel();
                self.ended().await;
                asked
            }
            () = self.ended() => Ok(()),
        }
    }
}

/// Serves API, name server and nodes of a practice site in this process until it is stopped.
///
/// # Errors
/// Another process serves this folder, or the ports or files cannot be used.
pub async fn host(options: HostOptions) -> Result<Hosted, Problem> {
    files::create_folder(&options.folder)?;
    let lock = lock(&options.folder).await?;
    let serving = serve(ServeOptions {
        dir: options.folder.clone(),
        port: options.port,
        speed: options.speed,
        idle_exit: options.idle_exit,
        world: world(&options.site),
        token: None,
    })
    .await?;
    let tasks = TaskTracker::new();
    let opened = open(&options, &serving, &tasks).await;
    let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
    let end = End {
        folder: options.folder,
        serving,
        tasks,
        lock,
    };
    match opened {
        Ok(point) => {
            tokio::spawn(end.when_asked(stop.clone(), ended.clone()));
            Ok(Hosted { point, stop, ended })
        }
        Err(problem) => {
            end.now().await;
            Err(problem)
        }
    }
}

/// Opens the site around the cluster, sets its scenario and tells others of it, in this order: who finds it finds it whole.
async fn open(
    options: &HostOptions,
    serving: &Serving,
    tasks: &TaskTracker,
) -> Result<Point, Problem> {
    let point = Point {
        url: serving.url.clone(),
        token: serving.token.clone(),
        routes: Routes {
            edge: serving.routes.edge,
            ..place::open(&options.site, &serving.stop, tasks).await?
        },
        speed: options.speed,
        pid: std::process::id(),
        began: serving.began,
        began_ours: Timestamp::now(),
    };
    if let Some(scenario) = options.scenario {
        let kube = Kube::connect(&point.source()).await?;
        set_scenario(&kube, scenario).await?;
    }
    if let Some(file) = &options.kubeconfig {
        write_kubeconfig(serving, file)?;
    }
    point.write(&options.folder)?;
    Ok(point)
}

/// What has to be brought to an end.
struct End {
    folder: PathBuf,
    serving: Serving,
    tasks: TaskTracker,
    /// Kept until nothing uses the folder any more.
    lock: Lock,
}

impl End {
    async fn when_asked(self, stop: CancellationToken, ended: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.serving.stop.cancelled() => {}
        }
        self.now().await;
        stop.cancel();
        ended.cancel();
    }

    async fn now(self) {
        if let Err(problem) = Point::remove(&self.folder) {
            // A point at which nobody answers is not believed, so it harms nobody.
            tracing::warn!(%problem, "the practice cluster's place stays written down");
        }
        self.serving.stop.cancel();
        self.serving.ended().await;
        self.tasks.close();
        self.tasks.wait().await;
        drop(self.lock);
    }
}

/// The lock of the folder; a process that is just ending is waited for.
async fn lock(folder: &Path) -> Result<Lock, Problem> {
    let began = Instant::now();
    loop {
        if let Some(lock) = daemon::try_lock(&folder.join(LOCK))? {
            return Ok(lock);
        }
        let living = point::find(folder).await;
        if living.is_some() || began.elapsed() >= HANDOVER {
            return Err(held(folder, living.or_else(|| Point::read(folder))));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn held(folder: &Path, holder: Option<Point>) -> Problem {
    let what = format!(
        "Another process serves the practice cluster in `{}` already.",
        folder.display()
    );
    match holder {
        Some(point) => Problem::new(
            Code::Reh01,
            what,
            format!(
                "Use that one, end it with `kill {}`, or choose another site with --site.",
                point.pid
            ),
        )
        .because(format!("process {} serves it at {}", point.pid, point.url)),
        None => Problem::new(
            Code::Reh01,
            what,
            format!(
                "Find it with `fuser {}` and end it, or choose another site with --site.",
                folder.join(LOCK).display()
            ),
        )
        .because("it holds the folder's lock and does not say where it serves"),
    }
}

/// What the cluster of a site begins with.
fn world(site: &Site) -> Vec<Value> {
    let nodes = site.nodes.all();
    let texts: Vec<(String, String)> = nodes
        .iter()
        .map(|(name, address)| (name.to_string(), address.to_string()))
        .collect();
    let machines: Vec<(&str, &str, &str)> = texts
        .iter()
        .zip(
            ["primary", "secondary"]
                .into_iter()
                .chain(std::iter::repeat("worker")),
        )
        .map(|((name, address), role)| (name.as_str(), address.as_str(), role))
        .collect();
    let mut objects = control::beginnings();
    objects.extend(control::nodes(&machines));
    objects
}

/// A kubeconfig over TLS: without it kubectl and helm do not show the token.
fn write_kubeconfig(serving: &Serving, file: &Path) -> Result<(), Problem> {
    let name = "practice";
    let authority = STANDARD.encode(&serving.authority);
    let value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {
            "server": serving.url.replacen("http://", "https://", 1),
            "certificate-authority-data": authority,
        }}],
        "users": [{"name": name, "user": {"token": serving.token.expose_secret()}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    });
    let text = serde_yaml::to_string(&value).map_err(|error| {
        let what = "The kubeconfig of the practice cluster could not be made.";
        Problem::new(Code::Bug01, what, "Report this.").caused_by(&error)
    })?;
    files::write_atomic(file, text.as_bytes(), Mode::Private)
}

/// Sets what goes wrong on a living practice cluster.
///
/// # Errors
/// The cluster cannot be reached or refuses.
pub async fn set_scenario(kube: &Kube, scenario: Scenario) -> Result<(), Problem> {
    let object = Object::from_value(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": control::SCENARIO, "namespace": "kube-system"},
        "data": {"name": scenario.name()},
    }));
    let object = object.map_err(|why| {
        let what = "The scenario of the practice cluster could not be put into words.";
        Problem::new(Code::Bug01, what, "Report this.").because(why)
    })?;
    kube.apply(&object).await?;
    Ok(())
}

/// Switches the machine of a node on or off.
///
/// # Errors
/// There is no such node, or the cluster cannot be reached.
pub async fn switch(kube: &Kube, node: &str, on: bool) -> Result<(), Problem> {
    let known = machines(kube).await?;
    if !known.iter().any(|(name, _)| name == node) {
        let names: Vec<String> = known.into_iter().map(|(name, _)| name).collect();
        let what = format!("The practice cluster has no machine `{node}`.");
        return Err(Problem::new(
            Code::Args01,
            what,
            format!("Its machines are: {}.", names.join(", ")),
        ));
    }
    let target = ObjectRef::new("v1", "Node", "", node);
    let word = (!on).then_some("off");
    let fields = json!({"metadata": {"annotations": {control::SWITCH: word}}});
    kube.change(&target, None, &fields).await?;
    Ok(())
}

/// The machines by their nodes, and whether each is switched on.
///
/// # Errors
/// The cluster cannot be reached.
pub async fn machines(kube: &Kube) -> Result<Vec<(String, bool)>, Problem> {
    let nodes = kube.list(&ObjectRef::new("v1", "Node", "", ""), "").await?;
    let of = |node: &Arc<Value>| {
        let name = node["metadata"]["name"].as_str()?.to_owned();
        Some((
            name,
            node["metadata"]["annotations"][control::SWITCH] != "off",
        ))
    };
    Ok(nodes.iter().filter_map(of).collect())
}

/// The scenario that a living practice cluster plays.
///
/// # Errors
/// The cluster cannot be reached.
pub async fn playing(kube: &Kube) -> Result<Scenario, Problem> {
    let map = ObjectRef::new("v1", "ConfigMap", "kube-system", control::SCENARIO);
    let map = kube.get(&map).await?;
    let name = control::played(map.as_ref());
    Ok(Scenario::parse(name).unwrap_or(Scenario::Healthy))
}
