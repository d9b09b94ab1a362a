//! What is done by hand, on a practice cluster that really does it.

use std::{collections::BTreeSet, sync::Arc};

use secrecy::SecretString;

use super::*;
use crate::{
    plan::Object,
    rehearsal::{self, ServeOptions, Serving, Speed, control},
    sys::kube::Source,
};

/// Longest wait for something.
const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn a_repeated_job_is_tied_to_nothing_of_the_first() {
    let labels = json!({"app": "rows", "controller-uid": "1", "batch.kubernetes.io/job-name": "a"});
    let job = json!({"kind": "Job", "metadata": {"name": "a", "namespace": "n", "uid": "1", "resourceVersion": "7"},
        "spec": {"selector": {"matchLabels": {"controller-uid": "1"}}, "completions": 1,
            "template": {"metadata": {"labels": labels}, "spec": {"containers": []}}},
        "status": {"succeeded": 1}});
    assert_eq!(
        repeated(&job, "b"),
        json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "b", "namespace": "n", "annotations": {"care-install/repeats": "a"}},
            "spec": {"completions": 1, "template": {"metadata": {"labels": {"app": "rows"}}, "spec": {"containers": []}}}})
    );
    let cron = json!({"kind": "CronJob", "metadata": {"name": "c", "namespace": "n", "uid": "9"},
        "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": []}}}}}});
    let made = repeated(&cron, "d");
    assert_eq!(made["metadata"]["ownerReferences"][0]["uid"], "9");
    assert_eq!(made["spec"], cron["spec"]["jobTemplate"]["spec"]);
}

#[test]
fn daemons_and_what_has_ended_stay_on_a_drained_node() {
    let pod = |name: &str, node: &str, owner: Value| {
        let mut pod = json!({"metadata": {"namespace": "n", "name": name, "uid": name}, "spec": {"nodeName": node}, "status": {}});
        pod["metadata"]["ownerReferences"] = owner;
        pod
    };
    let by = |kind: &str| json!([{"kind": kind, "name": "x"}]);
    let mut done = pod("done", "one", by("Job"));
    done["status"]["phase"] = "Succeeded".into();
    let pods = [
        pod("web", "one", by("ReplicaSet")),
        pod("other", "two", by("ReplicaSet")),
        pod("agent", "one", by("DaemonSet")),
        pod("static", "one", by("Node")),
        pod("bare", "one", json!([])),
        done,
    ];
    let (all, alone) = leaving(&pods.map(Arc::new), "one");
    let names: Vec<&str> = all.keys().map(|(_, name)| name.as_str()).collect();
    assert_eq!((names, alone), (vec!["web"], vec!["n/bare".to_owned()]));
}

struct Ground {
    kube: Kube,
    _serving: Serving,
    _folder: tempfile::TempDir,
}

impl Ground {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = control::beginnings();
        world.extend(control::nodes(&[
            ("primary", "10.0.0.11", "primary"),
            ("secondary", "10.0.0.12", "secondary"),
        ]));
        world.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "care"}}));
        let options = ServeOptions {
            dir: folder.path().to_path_buf(),
            port: 0,
            speed: Speed::Max,
            idle_exit: None,
            world,
            token: None,
        };
        let serving = rehearsal::serve(options).await.unwrap();
        let source = Source::Endpoint {
            url: serving.url.clone(),
            token: SecretString::from(serving.token.clone()),
        };
        Self {
            kube: Kube::connect(&source).await.unwrap(),
            _serving: serving,
            _folder: folder,
        }
    }

    async fn apply(&self, object: Value) {
        let object = Object::from_value(object).unwrap();
        self.kube.apply(&object).await.unwrap();
    }

    /// Does it, and gives what the screens are told at the end.
    async fn perform(&self, deed: Deed) -> Input {
        let (inputs, mut heard) = mpsc::channel(64);
        let now = Timestamp::now();
        let doing = perform(self.kube.clone(), (deed, now), inputs);
        let hear = async {
            let mut last = None;
            while let Some(input) = heard.recv().await {
                last = Some(input);
            }
            last.unwrap()
        };
        let all = async { tokio::join!(doing, hear).1 };
        tokio::time::timeout(LIMIT, all).await.unwrap()
    }

    /// Waits until the objects of a kind are as they shall be.
    async fn until(&self, of: &ObjectRef, what: &str, fits: impl Fn(&[&Value]) -> bool) {
        let mut watch = self.kube.feed().watch(of).await.unwrap();
        let waits = async {
            loop {
                let objects = watch.objects();
                let all: Vec<&Value> = objects.values().map(AsRef::as_ref).collect();
                if fits(&all) {
                    return;
                }
                watch.changed().await;
            }
        };
        let came = tokio::time::timeout(LIMIT, waits).await;
        assert!(came.is_ok(), "never seen: {what}: {:#?}", watch.objects());
    }

    async fn uids(&self) -> BTreeSet<String> {
        let pods = self.kube.list(&pods(), "").await.unwrap();
        let mine = pods
            .iter()
            .filter(|pod| pod["metadata"]["namespace"] == "care");
        mine.map(|pod| pod["metadata"]["uid"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn pods() -> ObjectRef {
    ObjectRef::new("v1", "Pod", "care", "")
}

fn web() -> Workload {
    Workload {
        kind: "Deployment".to_owned(),
        namespace: "care".to_owned(),
        name: "web".to_owned(),
    }
}

fn deployment(replicas: u32) -> Value {
    let labels = json!({"app.kubernetes.io/name": "web"});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "care"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "web", "image": "registry.example.org/web:1"}]}}}})
}

fn ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let ready = conditions.any(|one| one["type"] == "Ready" && one["status"] == "True");
    ready && pod["metadata"].get("deletionTimestamp").is_none()
}

fn told(input: &Input) -> &str {
    match input {
        Input::Notice(words) => words,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_workload_is_restarted_scaled_and_made_anew_pod_by_pod() {
    let ground = Ground::new().await;
    ground.apply(deployment(2)).await;
    let serve =
        |count: usize| move |all: &[&Value]| all.len() == count && all.iter().all(|pod| ready(pod));
    ground.until(&pods(), "two pods", serve(2)).await;
    let before = ground.uids().await;
    let input = ground.perform(Deed::Restart(web())).await;
    assert!(told(&input).contains("restarted"));
    let others = |all: &[&Value]| {
        let old = |pod: &&&Value| before.contains(pod["metadata"]["uid"].as_str().unwrap());
        all.len() == 2 && all.iter().all(|pod| ready(pod)) && all.iter().filter(old).count() == 0
    };
    ground.until(&pods(), "two other pods", others).await;
    ground
        .perform(Deed::Scale {
            workload: web(),
            to: 1,
        })
        .await;
    ground.until(&pods(), "one pod", serve(1)).await;
    let last = ground.kube.list(&pods(), "").await.unwrap().remove(0);
    let name = last["metadata"]["name"].as_str().unwrap().to_owned();
    let deed = Deed::DeletePod {
        namespace: "care".to_owned(),
        name: name.clone(),
        owner: Some("Deployment web".to_owned()),
    };
    ground.perform(deed).await;
    let another = move |all: &[&Value]| {
        all.len() == 1 && ready(all[0]) && all[0]["metadata"]["name"] != name.as_str()
    };
    ground.until(&pods(), "another pod", another).await;
    // A person did it, and the next deploy may take it back.
    let object = ground.kube.get(&workload(&web())).await.unwrap().unwrap();
    let who = crate::compare::owners::entries(&object);
    assert!(
        who.iter()
            .any(|entry| entry.manager == crate::compare::owners::BY_HAND
                && entry.subresource == "scale")
    );
    let refused = ground
        .perform(Deed::Restart(Workload {
            name: "other".to_owned(),
            ..web()
        }))
        .await;
    assert!(matches!(refused, Input::Problem(_)), "{refused:?}");
}

#[tokio::test]
async fn a_node_is_emptied_and_opened_again() {
    let ground = Ground::new().await;
    ground.apply(deployment(3)).await;
    let serve = |all: &[&Value]| all.len() == 3 && all.iter().all(|pod| ready(pod));
    ground.until(&pods(), "three pods", serve).await;
    let input = ground.perform(Deed::Drain("secondary".to_owned())).await;
    assert!(told(&input).contains("secondary is drained"));
    let moved =
        |all: &[&Value]| serve(all) && all.iter().all(|pod| pod["spec"]["nodeName"] == "primary");
    ground.until(&pods(), "all on the first", moved).await;
    let closed = ground.kube.get(&node("secondary")).await.unwrap().unwrap();
    assert_eq!(closed["spec"]["unschedulable"], true);
    ground.perform(Deed::Uncordon("secondary".to_owned())).await;
    let open = ground.kube.get(&node("secondary")).await.unwrap().unwrap();
    assert!(open["spec"].get("unschedulable").is_none(), "{open}");
}

#[tokio::test]
async fn a_job_does_its_work_again_under_another_name() {
    let ground = Ground::new().await;
    ground
        .apply(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "rows", "namespace": "care"},
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "rows", "image": "registry.example.org/rows:1"}]}}}}))
        .await;
    let jobs = ObjectRef::new("batch/v1", "Job", "care", "");
    let complete = |count: usize| {
        move |all: &[&Value]| {
            all.iter()
                .filter(|job| job["status"]["succeeded"] == 1)
                .count()
                == count
        }
    };
    ground.until(&jobs, "the job", complete(1)).await;
    let deed = Deed::RunAgain {
        kind: "Job",
        namespace: "care".to_owned(),
        name: "rows".to_owned(),
        new: "rows-again".to_owned(),
    };
    let input = ground.perform(deed).await;
    assert!(told(&input).contains("rows-again"));
    ground.until(&jobs, "both jobs", complete(2)).await;
}

#[tokio::test]
async fn a_budget_keeps_a_pod_on_its_node_and_opening_the_node_ends_the_drain() {
    let ground = Ground::new().await;
    ground.apply(deployment(2)).await;
    let labels = json!({"app.kubernetes.io/name": "web"});
    ground
        .apply(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "care"},
            "spec": {"minAvailable": 2, "selector": {"matchLabels": labels}}}))
        .await;
    let serve = |all: &[&Value]| all.len() == 2 && all.iter().all(|pod| ready(pod));
    ground.until(&pods(), "two pods", serve).await;
    let budget = ObjectRef::new("policy/v1", "PodDisruptionBudget", "care", "");
    let tight = |all: &[&Value]| {
        all.iter()
            .any(|one| one["status"]["disruptionsAllowed"] == 0)
    };
    ground.until(&budget, "a tight budget", tight).await;
    let place = ground.kube.list(&pods(), "").await.unwrap().remove(0);
    let place = place["spec"]["nodeName"].as_str().unwrap().to_owned();
    let (inputs, mut heard) = mpsc::channel(64);
    let deed = Deed::Drain(place.clone());
    let draining = tokio::spawn(perform(
        ground.kube.clone(),
        (deed, Timestamp::now()),
        inputs,
    ));
    let first = tokio::time::timeout(LIMIT, heard.recv())
        .await
        .unwrap()
        .unwrap();
    assert!(
        told(&first).contains("The disruption budget web needs 2"),
        "{first:?}"
    );
    // Other questions are not held back by that refusal.
    let before = ground.uids().await;
    assert_eq!(before.len(), 2);
    ground.perform(Deed::Uncordon(place)).await;
    let end = async {
        let mut last = None;
        while let Some(input) = heard.recv().await {
            last = Some(input);
        }
        last.unwrap()
    };
    let end = tokio::time::timeout(LIMIT, end).await.unwrap();
    assert!(
        matches!(&end, Input::Problem(problem) if problem.what.contains("opened again")),
        "{end:?}"
    );
    draining.await.unwrap();
    assert_eq!(ground.uids().await, before);
}
