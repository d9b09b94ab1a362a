//! Fields that somebody else has set: what people set is taken back and told, what another program keeps is asked about.

use std::path::Path;

use care_install::{
    engine::{
        event::{Event, Outcome, StepState},
        run::{self, Chosen, Setting},
    },
    plan::StepId,
    problem::{Code, Problem},
};
use http::Request;
use kube::{Client, Config};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    catalog::sample_plan,
    rehearsal_deploy::{LIMIT, Practiced, doors, serve, setting},
};

/// The step that makes the namespaces, and a field that it sets.
const STEP: &str = "namespaces/namespaces";
const PATH: &str = "/api/v1/namespaces/cert-manager";
const LABEL: &str = "app.kubernetes.io/part-of";

/// Writes the label in another's name.
async fn set_label(practiced: &Practiced, manager: &str, value: &str) {
    let mut config = Config::new(practiced.serving.url.parse().unwrap());
    config.auth_info.token = Some(practiced.serving.token.expose_secret().to_owned().into());
    config.proxy_url = None;
    let client = Client::try_from(config).unwrap();
    let body = json!({"metadata": {"labels": {LABEL: value}}}).to_string();
    let request = Request::patch(format!("{PATH}?fieldManager={manager}"))
        .header("content-type", "application/merge-patch+json")
        .body(body.into_bytes())
        .unwrap();
    let _changed: Value = client.request(request).await.unwrap();
}

async fn label(practiced: &Practiced) -> String {
    let of = care_install::plan::ObjectRef::new("v1", "Namespace", "", "cert-manager");
    let there = practiced.kube.get(&of).await.unwrap().unwrap();
    there["metadata"]["labels"][LABEL]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Runs the step alone; its log, and what it failed with.
async fn run_step(practiced: &Practiced, folder: &Path) -> (Outcome, Vec<String>, Option<Problem>) {
    let setting = Setting {
        chosen: Chosen {
            only: Some(StepId::from_text(STEP)),
            ..Chosen::default()
        },
        ..setting(folder)
    };
    let doors = doors(&practiced.kube, &practiced.serving.routes);
    let run = run::start(sample_plan(), doors, setting).unwrap();
    let mut events = run.subscribe();
    let (mut log, mut failed) = (Vec::new(), None);
    let hear = async {
        while let Some(event) = events.recv().await {
            match event {
                Event::Log { line, .. } => log.push(line),
                Event::Step {
                    state: StepState::Failed { problem },
                    ..
                } => failed = Some(problem),
                _ => {}
            }
        }
    };
    timeout(LIMIT, hear).await.unwrap();
    (run.finished().await, log, failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_set_is_taken_back_and_told_and_what_a_program_keeps_is_left_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let (outcome, log, _) = run_step(&practiced, folder.path()).await;
    assert_eq!(outcome, Outcome::Done, "{log:#?}");

    set_label(&practiced, "kubectl-label", "mine").await;
    assert_eq!(label(&practiced).await, "mine");
    let (outcome, log, failed) = run_step(&practiced, folder.path()).await;
    assert_eq!(outcome, Outcome::Done, "{failed:?}");
    assert_eq!(label(&practiced).await, "care");
    let told = format!("{LABEL} was set by kubectl-label and is as the site says again");
    assert!(log.iter().any(|line| line.contains(&told)), "{log:#?}");

    set_label(&practiced, "argocd-controller", "theirs").await;
    let (outcome, _, failed) = run_step(&practiced, folder.path()).await;
    assert_eq!(outcome, Outcome::Failed);
    let problem = failed.unwrap();
    assert_eq!(problem.code, Code::Kube11, "{problem}");
    assert!(problem.what.contains("Namespace cert-manager"), "{problem}");
    assert!(problem.what.contains("argocd-controller"), "{problem}");
    assert!(problem.causes[0].contains(LABEL), "{problem}");
    assert!(problem.remedy.contains("--force-conflicts"), "{problem}");
    assert_eq!(label(&practiced).await, "theirs");
}
