//! The sample site on the practice cluster: the whole catalogue becomes ready as it does in life, and waits as it does in life.

use std::{collections::BTreeMap, path::Path, time::Duration};

use care_install::{
    catalog::standin::{self, Makers},
    engine::{
        event::{Done, Event, Outcome, Reason, StepState},
        run::{self, Chosen, RunHandle, Setting},
    },
    plan::{Action, JobRun, Object, ObjectRef, Plan, Ready},
    problem::Code,
    rehearsal::{self, ServeOptions, Serving, Speed, control, schema},
    site::{Site, sample},
    sys::{
        Doors, Retry, Routes,
        clock::Clock,
        helm::{Helm, Practice},
        kube::{Kube, Source},
    },
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::catalog::{addressed_plan, full_plan, sample_plan, sample_plan_with};

/// How long a whole run may take here: the practice clock jumps, so minutes mean that something never became ready.
pub const LIMIT: Duration = Duration::from_mins(2);

pub struct Practiced {
    pub serving: Serving,
    pub kube: Kube,
}

pub async fn serve(folder: &Path) -> Practiced {
    serve_with(folder, None, Speed::Max).await
}

/// The same for those who show this token.
pub async fn serve_for(folder: &Path, token: Option<SecretString>) -> Practiced {
    serve_with(folder, token, Speed::Max).await
}

/// A practice cluster whose time passes at a speed.
pub async fn serve_at(folder: &Path, speed: Speed) -> Practiced {
    serve_with(folder, None, speed).await
}

async fn serve_with(folder: &Path, token: Option<SecretString>, speed: Speed) -> Practiced {
    let site = Site::try_from(&sample()).unwrap();
    let machines: Vec<(String, String, &str)> = [
        (&site.nodes.primary, "primary"),
        (&site.nodes.secondary, "secondary"),
    ]
    .into_iter()
    .map(|(node, role)| (node.name.to_string(), node.address.to_string(), role))
    .collect();
    let machines: Vec<(&str, &str, &str)> = machines
        .iter()
        .map(|(name, address, role)| (name.as_str(), address.as_str(), *role))
        .collect();
    let mut world = control::beginnings();
    world.extend(control::nodes(&machines));
    let options = ServeOptions {
        dir: folder.join("cluster"),
        port: 0,
        speed,
        idle_exit: None,
        world,
        token,
    };
    let serving = rehearsal::serve(options).await.unwrap();
    let source = Source::Endpoint {
        url: serving.url.clone(),
        token: serving.token.clone(),
    };
    let kube = Kube::connect(&source).await.unwrap();
    Practiced { serving, kube }
}

/// The doors to a practice cluster.
pub fn doors(kube: &Kube, routes: &Routes) -> Doors {
    Doors {
        kube: kube.clone(),
        feed: kube.feed(),
        helm: Helm::Practice(Practice {
            objects: |release| standin::objects(release, Makers::Chart),
            definition: schema::crd,
        }),
        clock: Clock::real(),
        routes: routes.clone(),
    }
}

/// A run of every step that remembers in this folder.
pub fn setting(folder: &Path) -> Setting {
    Setting {
        journal: folder.join("journal.jsonl"),
        // Its address changes with every start; the cluster does not.
        cluster: "practice cluster".to_owned(),
        rehearsal: true,
        chosen: Chosen {
            yes: true,
            ..Chosen::default()
        },
        clock: Clock::real(),
        hold: None,
    }
}

pub fn start(practiced: &Practiced, plan: Plan, folder: &Path) -> RunHandle {
    let doors = doors(&practiced.kube, &practiced.serving.routes);
    run::start(plan, doors, setting(folder)).unwrap()
}

/// The outcome and the last state of every step.
pub async fn ended(run: &RunHandle) -> (Outcome, BTreeMap<String, StepState>) {
    let mut events = run.subscribe();
    let mut states = BTreeMap::new();
    let all = async {
        while let Some(event) = events.recv().await {
            if let Event::Step { step, state, .. } = event {
                states.insert(step.to_string(), state);
            }
        }
        run.finished().await
    };
    let outcome = tokio::time::timeout(LIMIT, all).await;
    states.retain(|_, state| outcome.is_ok() || !state.is_end());
    assert!(outcome.is_ok(), "these steps have not ended: {states:#?}");
    let outcome = outcome.unwrap();
    (outcome, states)
}

/// Every object's revision, by kind, namespace and name.
async fn revisions(kube: &Kube) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let kinds = [
        ("v1", "Pod"),
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("v1", "Service"),
        ("v1", "Node"),
        ("v1", "Event"),
        ("v1", "Namespace"),
        ("v1", "PersistentVolume"),
        ("v1", "PersistentVolumeClaim"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "ReplicaSet"),
        ("batch/v1", "Job"),
        ("networking.k8s.io/v1", "Ingress"),
        ("storage.k8s.io/v1", "StorageClass"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("longhorn.io/v1beta2", "Node"),
        ("longhorn.io/v1beta2", "Volume"),
        ("longhorn.io/v1beta2", "Setting"),
        ("longhorn.io/v1beta2", "BackupTarget"),
        ("longhorn.io/v1beta2", "RecurringJob"),
        ("postgresql.cnpg.io/v1", "Cluster"),
        ("postgresql.cnpg.io/v1", "Database"),
        ("postgresql.cnpg.io/v1", "Backup"),
        ("postgresql.cnpg.io/v1", "ScheduledBackup"),
        ("barmancloud.cnpg.io/v1", "ObjectStore"),
        ("monitoring.coreos.com/v1", "PodMonitor"),
    ];
    for (version, kind) in kinds {
        for object in kube
            .list(&ObjectRef::new(version, kind, "", ""), "")
            .await
            .unwrap()
        {
            let text = |pointer| {
                object
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or("")
            };
            let key = format!(
                "{kind}.{version} {}/{}",
                text("/metadata/namespace"),
                text("/metadata/name")
            );
            found.insert(key, text("/metadata/resourceVersion").to_owned());
        }
    }
    found
}

/// The revisions once nothing changes any more: a first backup may end after the last step.
async fn at_rest(kube: &Kube) -> BTreeMap<String, String> {
    let rest = async {
        let mut last = revisions(kube).await;
        loop {
            let next = revisions(kube).await;
            if next == last {
                return next;
            }
            last = next;
        }
    };
    tokio::time::timeout(LIMIT, rest).await.unwrap()
}

pub fn scenario(name: &str) -> Object {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": control::SCENARIO, "namespace": "kube-system"}, "data": {"name": name}});
    Object::from_value(map).unwrap()
}

fn already() -> StepState {
    StepState::Done {
        how: Done::AlreadyThere,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_site_is_deployed_and_neither_a_second_run_nor_a_restart_changes_anything() {
    drop(deployed_once(sample_plan(), 200).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_with_everything_switched_on_is_deployed_and_a_second_run_changes_nothing() {
    drop(deployed_once(full_plan(), 250).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_with_the_small_terminology_server_is_deployed_and_a_second_run_changes_nothing() {
    let release = "SnomedCT_InternationalRF2_PRODUCTION_20261101T120000Z.zip";
    let answers = [
        ("components.snowstorm", "lite"),
        ("components.snomed_file", release),
    ];
    drop(deployed_once(sample_plan_with(&answers), 200).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_orders_its_certificates_has_its_two_addresses_and_a_second_run_changes_nothing()
 {
    let (_folder, practiced) = deployed_once(addressed_plan(), 250).await;
    for (namespace, name, address) in [
        ("private-nginx", "private-nginx-controller", "10.0.0.40"),
        ("public-nginx", "waf", "10.0.0.41"),
    ] {
        let target = ObjectRef::new("v1", "Service", namespace, name);
        let service = practiced.kube.get(&target).await.unwrap().unwrap();
        let given = service.pointer("/status/loadBalancer/ingress/0/ip");
        assert_eq!(given.and_then(Value::as_str), Some(address), "{service}");
    }
    let target = ObjectRef::new("v1", "Secret", "public-nginx", "lets-encrypt-cert");
    assert!(practiced.kube.get(&target).await.unwrap().is_some());
}

/// A practice cluster on which the plan is deployed, and was once more without changing anything.
pub async fn deployed_once(plan: Plan, least: usize) -> (tempfile::TempDir, Practiced) {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let (outcome, states) = ended(&start(&practiced, plan.clone(), folder.path())).await;
    assert_eq!(outcome, Outcome::Done, "{states:#?}");
    let before = at_rest(&practiced.kube).await;
    assert!(before.len() > least, "{}", before.len());
    // Without its journal, so that the cluster alone is asked what is there.
    let again = tempfile::tempdir().unwrap();
    let (outcome, states) = ended(&start(&practiced, plan, again.path())).await;
    assert_eq!(outcome, Outcome::Done, "{states:#?}");
    let changed: Vec<_> = states
        .iter()
        .filter(|(_, state)| **state != already())
        .collect();
    assert!(changed.is_empty(), "{changed:#?}");
    assert_eq!(before, revisions(&practiced.kube).await);
    // Nor does a cluster that is started again find anything to do.
    practiced.serving.stop.cancel();
    let practiced = serve(folder.path()).await;
    assert_eq!(before, at_rest(&practiced.kube).await);
    (folder, practiced)
}

/// Waits until a step says that an image cannot be pulled.
async fn refused_image(run: &RunHandle) -> Reason {
    let mut events = run.subscribe();
    let found = async {
        while let Some(event) = events.recv().await {
            let Event::Waiting { waiting, .. } = event else {
                continue;
            };
            let code = |reason: &Reason| reason.code == Some(Code::Wait02);
            if let Some(reason) = waiting.reasons.into_iter().find(code) {
                return Some(reason);
            }
        }
        None
    };
    let found = tokio::time::timeout(LIMIT, found).await.unwrap();
    found.expect("the run ended without a word about the image")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_pulled_is_named_and_the_run_goes_on_once_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let kube = &practiced.kube;
    kube.apply(&scenario("image-pull-fails")).await.unwrap();
    let run = start(&practiced, sample_plan(), folder.path());
    let reason = refused_image(&run).await;
    let image = "ghcr.io/ohcnetwork/care:v25.40.0";
    assert!(reason.sentence.starts_with("pod care-"), "{reason:?}");
    assert!(reason.sentence.contains(image), "{reason:?}");
    assert!(reason.sentence.contains("not found"), "{reason:?}");
    assert!(reason.remedy.is_some_and(|remedy| !remedy.is_empty()));
    kube.apply(&scenario("healthy")).await.unwrap();
    let (outcome, states) = ended(&run).await;
    assert_eq!(outcome, Outcome::Done, "{states:#?}");
}

/// An object that the webhook of cert-manager checks.
fn issuer() -> Object {
    let issuer = json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
        "metadata": {"name": "self", "namespace": "default"}, "spec": {"selfSigned": {}}});
    Object::from_value(issuer).unwrap()
}

/// A webhook's Deployment whose pods run on nodes of this role.
fn webhook(role: &str) -> Object {
    let labels = json!({"app": "webhook"});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "cert-manager-webhook", "namespace": "cert-manager"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "nodeSelector": {"ohn/role": role}, "containers": [{"name": "webhook", "image": "example.org/webhook:1"}]}}}});
    Object::from_value(deployment).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_refused_until_its_operators_webhook_serves() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let kube = &practiced.kube;
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cert-manager"}});
    let definition = schema::crd("issuers.cert-manager.io").unwrap();
    for value in [namespace, definition] {
        kube.apply(&Object::from_value(value).unwrap())
            .await
            .unwrap();
    }
    kube.apply(&webhook("nobody")).await.unwrap();
    let error = kube.apply(&issuer()).await.unwrap_err();
    assert_eq!(error.problem.code, Code::Kube07, "{}", error.problem);
    assert_ne!(error.retry, Retry::No);
    kube.apply(&webhook("primary")).await.unwrap();
    let accepted = async {
        let mut pods = kube
            .feed()
            .watch(&ObjectRef::new("v1", "Pod", "cert-manager", ""))
            .await
            .unwrap();
        while kube.dry_run(&issuer()).await.is_err() {
            pods.changed().await;
        }
    };
    tokio::time::timeout(LIMIT, accepted).await.unwrap();
    kube.apply(&issuer()).await.unwrap();
}

/// A plan of one job that tells how far it is, for as many seconds of practice.
fn one_job(seconds: u32) -> Plan {
    let mut plan = sample_plan();
    plan.steps
        .retain(|step| step.id.as_str() == "care-backend/migrate");
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "telling", "namespace": "default"},
        "spec": {"template": {
            "metadata": {"annotations": {"rehearsal.care-install/seconds": seconds.to_string()}},
            "spec": {"restartPolicy": "Never", "containers": [{
                "name": "work", "image": "example.org/work:1", "command": ["sh", "-c", "echo progress: 1 of 3"],
            }]},
        }},
    });
    let job = Object::from_value(job).unwrap();
    let step = &mut plan.steps[0];
    step.needs.clear();
    step.ready = vec![Ready::Object(job.reference())];
    step.action = Action::Job(JobRun {
        objects: Vec::new(),
        job,
    });
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_says_how_far_it_is_is_heard_while_it_works() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve_at(folder.path(), Speed::Times(10)).await;
    let run = start(&practiced, one_job(60), folder.path());
    let mut events = run.subscribe();
    let heard = async {
        while let Some(event) = events.recv().await {
            if let Event::Waiting { waiting, .. } = event
                && let Some(word) = waiting
                    .reasons
                    .iter()
                    .find(|one| one.sentence.starts_with("so far: "))
            {
                return Some(word.sentence.clone());
            }
        }
        None
    };
    let heard = tokio::time::timeout(LIMIT, heard).await.unwrap();
    assert_eq!(
        heard.as_deref(),
        Some("so far: practising; in life the numbers of the work stand here")
    );
    assert_eq!(ended(&run).await.0, Outcome::Done);
}
