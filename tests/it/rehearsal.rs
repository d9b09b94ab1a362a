//! The practice cluster over HTTP, with the same client as a real one.

use std::{path::Path, time::Duration};

use care_install::{
    plan::{Object, ObjectRef},
    problem::Code,
    rehearsal::{self, ServeOptions, Serving, Speed, schema},
    sys::kube::{Applied, Kube, Source},
};
use secrecy::SecretString;
use serde_json::{Value, json};

async fn serve(folder: &Path) -> Serving {
    let options = ServeOptions {
        dir: folder.to_path_buf(),
        port: 0,
        speed: Speed::Max,
        idle_exit: None,
        world: vec![namespace("care-be"), namespace("default")],
        token: None,
    };
    rehearsal::serve(options).await.unwrap()
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

async fn client(serving: &Serving) -> Kube {
    let source = Source::Endpoint {
        url: serving.url.clone(),
        token: serving.token.clone(),
    };
    Kube::connect(&source).await.unwrap()
}

fn map(name: &str, value: &str) -> Object {
    let value = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "care-be", "labels": {"part": value}}, "data": {"key": value}});
    Object::from_value(value).unwrap()
}

fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn an_object_applied_twice_is_changed_once() {
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path()).await;
    let kube = client(&serving).await;
    assert!(kube.version().await.unwrap().starts_with("v1.36"));
    let object = map("settings", "one");
    assert_eq!(kube.apply(&object).await.unwrap(), Applied::Created);
    let first = kube.get(&object.reference()).await.unwrap().unwrap();
    assert_eq!(kube.apply(&object).await.unwrap(), Applied::Unchanged);
    let second = kube.get(&object.reference()).await.unwrap().unwrap();
    assert_eq!(version(&first), version(&second));
    assert_eq!(
        kube.apply(&map("settings", "two")).await.unwrap(),
        Applied::Changed
    );
    kube.dry_run(&map("other", "x")).await.unwrap();
    assert!(
        kube.get(&map("other", "x").reference())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_list_takes_what_the_selector_wants() {
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path()).await;
    let kube = client(&serving).await;
    for (name, part) in [("a", "web"), ("b", "web"), ("c", "worker")] {
        kube.apply(&map(name, part)).await.unwrap();
    }
    let of = ObjectRef::new("v1", "ConfigMap", "care-be", "");
    assert_eq!(kube.list(&of, "part=web").await.unwrap().len(), 2);
    assert_eq!(kube.list(&of, "part!=web,part").await.unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_without_the_token_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path()).await;
    let source = Source::Endpoint {
        url: serving.url.clone(),
        token: SecretString::from("guess"),
    };
    let kube = Kube::connect(&source).await.unwrap();
    let error = kube.apply(&map("a", "b")).await.unwrap_err();
    assert_eq!(error.problem.code, Code::Kube06);
}

#[tokio::test]
async fn a_watch_sees_what_comes_changes_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path()).await;
    let kube = client(&serving).await;
    let feed = kube.feed();
    let of = ObjectRef::new("v1", "ConfigMap", "care-be", "");
    let mut watch = feed.watch(&of).await.unwrap();
    kube.apply(&map("a", "one")).await.unwrap();
    let seen = |watch: &care_install::sys::feed::Watch, value: &str| {
        let objects = watch.objects();
        let found = objects.get("care-be/a");
        found.is_some_and(|object| object["data"]["key"] == value)
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, async {
        while !seen(&watch, "one") {
            watch.changed().await;
        }
        kube.apply(&map("a", "two")).await.unwrap();
        while !seen(&watch, "two") {
            watch.changed().await;
        }
        assert!(kube.delete(&map("a", "").reference()).await.unwrap());
        while watch.objects().contains_key("care-be/a") {
            watch.changed().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_definition_makes_its_kind_served() {
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path()).await;
    let kube = client(&serving).await;
    let issuer = json!({"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer",
        "metadata": {"name": "self"}, "spec": {"selfSigned": {}}});
    let issuer = Object::from_value(issuer).unwrap();
    let error = kube.apply(&issuer).await.unwrap_err();
    assert_eq!(error.problem.code, Code::Kube05);
    for name in schema::crd_names() {
        let definition = Object::from_value(schema::crd(name).unwrap()).unwrap();
        kube.apply(&definition).await.unwrap();
    }
    assert_eq!(kube.apply(&issuer).await.unwrap(), Applied::Created);
    let wrong = json!({"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer",
        "metadata": {"name": "self"}, "spec": {"selfSinged": {}}});
    let error = kube
        .apply(&Object::from_value(wrong).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.problem.code, Code::Kube09);
}

#[tokio::test]
async fn a_restarted_cluster_holds_everything_and_its_revisions_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path()).await;
    let kube = client(&serving).await;
    kube.apply(&map("a", "one")).await.unwrap();
    let before = kube.get(&map("a", "").reference()).await.unwrap().unwrap();
    serving.stop.cancel();
    let again = serve(folder.path()).await;
    let kube = client(&again).await;
    let after = kube.get(&map("a", "").reference()).await.unwrap().unwrap();
    assert_eq!(before, after);
    kube.apply(&map("b", "two")).await.unwrap();
    let next = kube.get(&map("b", "").reference()).await.unwrap().unwrap();
    let number = |object: &Value| version(object).parse::<u64>().unwrap();
    assert!(number(&next) > number(&after));
}

#[tokio::test]
async fn a_deleted_owner_takes_what_it_owns_along() {
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path()).await;
    let kube = client(&serving).await;
    kube.apply(&map("owner", "one")).await.unwrap();
    let owner = kube
        .get(&map("owner", "").reference())
        .await
        .unwrap()
        .unwrap();
    let mut child = map("owned", "two").value().clone();
    child["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner",
        "uid": owner["metadata"]["uid"]}]);
    kube.apply(&Object::from_value(child).unwrap())
        .await
        .unwrap();
    let feed = kube.feed();
    let of = ObjectRef::new("v1", "ConfigMap", "care-be", "");
    let mut watch = feed.watch(&of).await.unwrap();
    kube.delete(&map("owner", "").reference()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), async {
        while watch.objects().contains_key("care-be/owned") {
            watch.changed().await;
        }
    })
    .await
    .unwrap();
}
