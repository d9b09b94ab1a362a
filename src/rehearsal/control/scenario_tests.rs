//! Tests of the failing image pull.

use serde_json::json;

use super::testing::{Bed, workload};

fn scenario(bed: &mut Bed, name: &str) {
    bed.add(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": super::SCENARIO, "namespace": "kube-system"},
        "data": {"name": name},
    }));
}

fn backend(bed: &mut Bed) {
    let mut care = workload("Deployment", "care", 1);
    care["spec"]["template"]["spec"]["containers"][0]["image"] =
        "registry.example.org/care_be:v25.40.0".into();
    bed.add(care).add(workload("Deployment", "other", 1));
}

fn waiting(bed: &Bed) -> String {
    let pods = bed.list("Pod", "default");
    let pod = pods
        .iter()
        .find(|pod| pod["metadata"]["labels"]["app.kubernetes.io/name"] == "care");
    pod.map_or_else(String::new, |pod| {
        let state = &pod["status"]["containerStatuses"][0]["state"];
        state["waiting"]["reason"].as_str().unwrap_or("").to_owned()
    })
}

#[test]
fn a_missing_image_is_tried_again_with_growing_pauses_and_works_once_it_is_there() {
    let mut bed = Bed::new();
    scenario(&mut bed, "image-pull-fails");
    backend(&mut bed);
    let mut seen: Vec<(String, String)> = Vec::new();
    bed.watch(150, |bed| {
        let now = waiting(bed);
        if seen.last().is_none_or(|(last, _)| *last != now) {
            seen.push((now, bed.now.to_string()));
        }
    });
    let reasons: Vec<&str> = seen.iter().map(|(reason, _)| reason.as_str()).collect();
    let wanted = [
        "",
        "ContainerCreating",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImagePull",
        "ImagePullBackOff",
    ];
    assert_eq!(reasons, wanted);
    let tries: Vec<&str> = seen
        .iter()
        .filter(|(reason, _)| reason == "ErrImagePull")
        .map(|(_, at)| at.as_str())
        .collect();
    let wanted = [
        "2026-11-24T06:00:03Z",
        "2026-11-24T06:00:13Z",
        "2026-11-24T06:00:33Z",
        "2026-11-24T06:01:13Z",
    ];
    assert_eq!(tries, wanted);
    let words = "rpc error: code = NotFound desc = failed to pull and unpack image \"registry.example.org/care_be:v25.40.0\": failed to resolve reference \"registry.example.org/care_be:v25.40.0\": registry.example.org/care_be:v25.40.0: not found";
    let failed = bed.events("Failed");
    assert!(
        failed.iter().any(|message| message.ends_with(words)),
        "{failed:?}"
    );
    assert_eq!(
        bed.events("BackOff"),
        ["Back-off pulling image \"registry.example.org/care_be:v25.40.0\""]
    );
    assert!(super::shape::holds(
        bed.get("Deployment.apps", "default", "other"),
        "Available"
    ));

    bed.change("ConfigMap", "kube-system", super::SCENARIO, |map| {
        map["data"]["name"] = "healthy".into();
    });
    bed.run(2);
    assert_eq!(
        waiting(&bed),
        "ImagePullBackOff",
        "only the next try succeeds"
    );
    bed.settle();
    assert_eq!(waiting(&bed), "");
    assert!(super::shape::holds(
        bed.get("Deployment.apps", "default", "care"),
        "Available"
    ));
}

#[test]
fn a_missing_image_lets_the_clock_rest_and_still_recovers_much_later() {
    let mut bed = Bed::new();
    scenario(&mut bed, "image-pull-fails");
    backend(&mut bed);
    bed.settle();
    assert_eq!(waiting(&bed), "ImagePullBackOff");
    bed.change("ConfigMap", "kube-system", super::SCENARIO, |map| {
        map["data"]["name"] = "healthy".into();
    });
    bed.run(301);
    assert_eq!(waiting(&bed), "");
    bed.settle();
    assert!(super::shape::holds(
        bed.get("Deployment.apps", "default", "care"),
        "Available"
    ));
}
