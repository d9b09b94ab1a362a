//! A helm that waits for a hook of its chart: the step says which, and why it does not end.

use std::{fs, os::unix::fs::PermissionsExt as _};

use care_install::{
    engine::{
        event::{Command, Event, Outcome, Waiting},
        run::{self, Chosen, Setting},
    },
    plan::{Object, StepId},
    problem::Code,
    sys::{
        Doors,
        helm::{Helm, Place},
    },
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    catalog::sample_plan,
    rehearsal_deploy::{LIMIT, doors, serve, setting},
};

const STEP: &str = "cnpg/operator";

/// A helm that is of a fitting version and works for as long as it is let.
const HANGING: &str =
    "#!/bin/sh\nif [ \"$1\" = version ]; then echo v4.1.0; exit 0; fi\nexec sleep 600\n";

/// A hook whose pod fits no node, as helm makes it.
fn hook() -> [Value; 2] {
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cnpg-system"}});
    let job = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "upgrade-check", "namespace": "cnpg-system", "annotations": {"helm.sh/hook": "pre-upgrade"}},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "nodeSelector": {"no": "node"},
            "containers": [{"name": "check", "image": "example.org/check:1"}]}}}});
    [namespace, job]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_helm_waits_for_is_named_with_the_reason_why_it_does_not_end() {
    let folder = tempfile::tempdir().unwrap();
    let practiced = serve(folder.path()).await;
    let (program, charts) = (folder.path().join("helm"), folder.path().join("charts"));
    fs::write(&program, HANGING).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(charts.join("cloudnative-pg")).unwrap();
    let helm = Helm::find(Place {
        program: Some(program),
        charts: Some(charts),
        work: folder.path().join("work"),
    });
    let doors = Doors {
        helm: helm.await,
        ..doors(&practiced.kube, &practiced.serving.routes)
    };
    for value in hook() {
        let object = Object::from_value(value).unwrap();
        practiced.kube.apply(&object).await.unwrap();
    }
    let setting = Setting {
        chosen: Chosen {
            only: Some(StepId::from_text(STEP)),
            ..Chosen::default()
        },
        ..setting(folder.path())
    };
    let run = run::start(sample_plan(), doors, setting).unwrap();
    let mut events = run.subscribe();
    let told = async {
        while let Some(event) = events.recv().await {
            if let Event::Waiting { waiting, .. } = event
                && waiting.reasons.iter().any(|reason| reason.code.is_some())
            {
                return Some(waiting);
            }
        }
        None
    };
    let told: Option<Waiting> = timeout(LIMIT, told).await.unwrap();
    let waiting = told.expect("the run ended without a word about the hook");
    assert_eq!(
        waiting.target,
        "the chart's hook Job cnpg-system/upgrade-check to end"
    );
    let first = &waiting.reasons[0];
    assert_eq!(first.code, Some(Code::Wait05), "{waiting:#?}");
    run.commands().send(Command::StopNow).await.unwrap();
    assert_eq!(run.finished().await, Outcome::Stopped);
}
