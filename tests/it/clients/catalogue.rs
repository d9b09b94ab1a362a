//! Every kind of the deployed sample site, as kubectl lists and describes it.

use care_install::{
    engine::{event::Outcome, run},
    sys::kube::Kube,
};

use super::{Scene, said};
use crate::{
    catalog::sample_plan,
    rehearsal_deploy::{doors, ended, setting},
};

fn done(scene: &Scene, text: &str) -> Result<String, String> {
    let output = scene.client("kubectl", text).output().unwrap();
    let well = output.status.success();
    let said = said(output);
    if well {
        Ok(said)
    } else {
        Err(format!("kubectl {text}: {said}"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn kubectl_lists_and_describes_every_kind_of_the_deployed_catalogue() {
    let scene = Scene::new(&[]).await;
    let kube = Kube::connect(&scene.hosted.point.source()).await.unwrap();
    let doors = doors(&kube, &scene.hosted.point.routes);
    let run = run::start(sample_plan(), doors, setting(scene.path())).unwrap();
    let (outcome, states) = ended(&run).await;
    assert!(
        matches!(outcome, Outcome::Done | Outcome::DoneWithWarnings),
        "{states:#?}"
    );
    let (wrong, seen) = tokio::task::block_in_place(|| {
        let kinds = done(&scene, "api-resources --verbs=list -o name").unwrap();
        let (mut wrong, mut seen) = (Vec::new(), Vec::new());
        for kind in kinds.lines() {
            match done(&scene, &format!("get {kind} -A -o name")) {
                Ok(names) if names.contains('/') => seen.push(kind.to_owned()),
                Ok(_none) => continue,
                Err(why) => wrong.push(why),
            }
            for text in [
                format!("get {kind} -A -o wide"),
                format!("describe {kind} -A"),
            ] {
                match done(&scene, &text) {
                    Ok(said) if said.contains("Name:") || said.starts_with("NAME") => {}
                    Ok(said) => wrong.push(format!("kubectl {text} says: {said}")),
                    Err(why) => wrong.push(why),
                }
            }
        }
        (wrong, seen)
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} kinds: {}", seen.len(), seen.join(" "));
    for kind in [
        "pods",
        "nodes",
        "services",
        "persistentvolumeclaims",
        "persistentvolumes",
        "deployments.apps",
        "daemonsets.apps",
        "jobs.batch",
        "ingresses.networking.k8s.io",
        "clusters.postgresql.cnpg.io",
        "scheduledbackups.postgresql.cnpg.io",
        "volumes.longhorn.io",
        "objectstores.barmancloud.cnpg.io",
        "poddisruptionbudgets.policy",
    ] {
        assert!(
            seen.iter().any(|known| known == kind),
            "{kind} is not among {seen:?}"
        );
    }
    let rows = tokio::task::block_in_place(|| {
        let pods = "get pods -A -l cnpg.io/cluster -o jsonpath={.items[0].metadata.namespace}/{.items[0].metadata.name}";
        let found = done(&scene, pods).unwrap();
        let (namespace, name) = found.split_once('/').unwrap();
        let asked = format!(
            "-n {namespace} exec {name} -c postgres -- psql -tc 'select count(*) from users_user'"
        );
        done(&scene, &asked).unwrap()
    });
    assert!(rows.trim().parse::<u64>().is_ok(), "{rows}");
    scene.end().await;
}
