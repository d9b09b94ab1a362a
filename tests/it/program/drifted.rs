//! `plan --diff` and `drift` on the practice cluster: nothing while nothing was changed, then just what hands have changed.

use care_install::rehearsal;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{LIMIT, REHEARSE, Running, Site, terminal::Terminal};
use crate::{
    catalog::sample_plan,
    drifting::{assert_differences, assert_drift, hands, patch, replicas},
};

const DIFF: &[&str] = &["plan", "--diff", "--rehearsal"];
const DRIFT: &[&str] = &["drift", "--rehearsal"];

async fn served(site: &Site) -> Running {
    let kubeconfig = site.named("kubeconfig");
    let served = site.start(&[
        "rehearse",
        "--serve",
        "--speed",
        "max",
        "--kubeconfig",
        &kubeconfig,
    ]);
    let found = async { while rehearsal::find(&site.cluster()).await.is_none() {} };
    timeout(LIMIT, found).await.unwrap();
    served
}

fn json(arguments: &[&'static str]) -> Vec<&'static str> {
    [arguments, &["--json"]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(has_go),
    ignore = "needs the `go` command to build kubectl and helm"
)]
async fn a_fresh_practice_cluster_differs_in_nothing_and_then_in_just_what_hands_have_changed() {
    let site = Site::new();
    let _served = served(&site).await;
    site.run(REHEARSE).await.exits(0);
    let before = site.listing();
    let ran = site.run(DIFF).await.exits(0);
    assert!(
        ran.out.starts_with("No difference: practice cluster of "),
        "{ran}"
    );
    let ran = site.run(DRIFT).await.exits(0);
    assert!(ran.out.contains("nobody has changed anything"), "{ran}");
    let last = site.run(&json(DRIFT)).await.exits(0).json();
    assert_eq!(
        (&last[0]["event"], &last[0]["count"]),
        (&"drifts".into(), &0.into())
    );

    let (folder, kubeconfig) = (site.beside("hands"), site.beside("kubeconfig"));
    let plan = sample_plan();
    let wanted = replicas(&plan);
    let changed = hands(&folder, &kubeconfig);
    let hand = tokio::task::spawn_blocking(move || {
        changed.change_four_things(&plan);
        changed
    });
    let hand = hand.await.unwrap();
    assert_drift(&site.run(&json(DRIFT)).await.exits(4).json(), wanted);
    assert_differences(&site.run(&json(DIFF)).await.exits(0).json(), wanted);
    let told = site.run(DRIFT).await.exits(4).out + &site.run(DIFF).await.exits(0).out;
    for words in [
        "4 things were changed",
        "ConfigMap care-be/care-settings was changed  (step care-backend/settings)",
        ".data.USE_SMS: \"False\" -> \"True\"",
        "by kubectl-edit, update, at ",
        "by kubectl, update of scale, at ",
        " (event: Scaled up replica set care-",
        "Service care-be/care is missing  (step care-backend/web)",
        "the cluster does not tell who took it away, nor when",
        "by Helm, update, revision 2, at ",
        "A deploy would change 4 things in practice cluster of ",
        "   + Service care-be/care\n",
        ".values.note: \"by-hand\" -> nothing",
    ] {
        assert!(told.contains(words), "{words:?} is not in {told}");
    }
    let only = |name: &String| {
        !name.contains("/cluster/") && !name.starts_with("hands") && name != "kubeconfig"
    };
    let after = site.listing();
    for (name, bytes) in before.iter().filter(|(name, _)| only(name)) {
        assert_eq!(after.get(name), Some(bytes), "looking changed {name}");
    }

    // A deploy puts it all back, and then nobody is blamed any more.
    let deploy = ["rehearse", "--yes", "--json"];
    site.run(&deploy).await.exits(0);
    let ran = site.run(DIFF).await.exits(0);
    assert!(ran.out.starts_with("No difference: "), "{ran}");
    let ran = site.run(DRIFT).await.exits(0);
    assert!(ran.out.contains("nobody has changed anything"), "{ran}");

    others_are_told(&site, hand).await;
}

/// What people add is told as drift and left alone by a deploy; a program that keeps a field stops it.
async fn others_are_told(site: &Site, hand: crate::drifting::Hands) {
    let hand = tokio::task::spawn_blocking(move || {
        hand.run(
            "kubectl",
            "-n care-be label configmap care-settings ward=three",
        );
        hand.run(
            "kubectl",
            "-n care-be patch deployment care-worker --field-manager=autoscaler -p {\"spec\":{\"replicas\":4}}",
        );
    });
    hand.await.unwrap();
    let lines = site.run(&json(DRIFT)).await.exits(4).json();
    let field = |line: &Value| {
        let field = &line["fields"][0];
        json!([
            field["field"],
            field["was"],
            field["is"],
            field["by"]["manager"]
        ])
    };
    let mut found: Vec<Value> = lines
        .iter()
        .filter(|line| line["event"] == "drift")
        .map(field)
        .collect();
    found.sort_by_key(Value::to_string);
    assert_eq!(
        found[0],
        json!([".metadata.labels.ward", null, "three", "kubectl-label"])
    );
    assert_eq!(
        (found.len(), &found[1][0], &found[1][3]),
        (2, &json!(".spec.replicas"), &json!("autoscaler"))
    );
    let lines = site.run(&json(DIFF)).await.exits(1).json();
    assert_eq!((lines.len(), &lines[0]["deploy"]), (2, &json!("stops")));
    assert_eq!(lines[0]["problem"]["code"], "KUBE-11");
    let ran = site.run(DIFF).await.exits(1);
    assert!(ran.out.contains("would stop at one of them"), "{ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_screen_of_the_plan_shows_the_difference_to_what_is_there() {
    let site = Site::new();
    site.run(REHEARSE).await.exits(0);
    let point = rehearsal::find(&site.cluster()).await.unwrap();
    let data = json!({"data": {"USE_SMS": "True"}});
    let path = "/api/v1/namespaces/care-be/configmaps/care-settings";
    patch(&point, path, &data).await;
    let mut screen = Terminal::start(site.command(&["rehearse", "--speed", "max"]));
    screen.press("o", "screens").await;
    screen.choose("Plan").await;
    screen.send("\r");
    screen.press("d", "compare").await;
    let shown = |text: &str| text.contains("USE_SMS: \"True\" -> \"False\"");
    let text = screen.until("the difference", shown).await;
    assert!(text.contains("Difference to what is there"), "{text}");
    screen.send("\u{1b}");
    screen.press("q", "leave").await;
    assert_eq!(screen.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_was_never_deployed_and_a_cluster_that_is_not_there_are_told_apart() {
    let site = Site::prepared().await;
    let ran = site.run(DIFF).await.exits(0);
    assert!(ran.out.contains("   + Namespace care-be"), "{ran}");
    assert!(
        ran.out.contains("   + Helm release database/valkey"),
        "{ran}"
    );
    let ran = site.run(DRIFT).await.exits(0);
    assert!(ran.out.starts_with("This folder remembers no run"), "{ran}");
    // Nothing leads to the real cluster of this site.
    for arguments in [
        &["plan", "--diff", "--json"][..],
        &["drift", "--json"],
        &["capacity", "--live", "--json"],
    ] {
        let lines = site.run(arguments).await.exits(1).json();
        assert_eq!(lines[0]["problem"]["code"], "KUBE-01", "{lines:?}");
    }
    let ran = site.run(&["drift", "--since", "yesterday"]).await.exits(2);
    assert!(ran.err.contains("--since"), "{ran}");
}
