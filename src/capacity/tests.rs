//! Sums, places, and what a lost node leaves.

use serde_json::json;

use super::*;
use crate::{
    catalog::Catalog,
    plan::{Plan, build},
    site::{SecretName, Secrets, Site, SiteDraft, sample},
};

const GIB: u64 = 1024 * 1024 * 1024;

fn load(name: &str, shape: Shape, (milli, gib): (u64, u64), role: &str, is_bound: bool) -> Load {
    Load {
        name: name.to_owned(),
        shape,
        asks: Amount {
            milli,
            bytes: gib * GIB,
        },
        cpu_percent: 0,
        role: (!role.is_empty()).then(|| role.to_owned()),
        is_bound,
    }
}

fn pair() -> [Node; 2] {
    [
        Node::reference("one", "primary"),
        Node::reference("two", "secondary"),
    ]
}

fn plan(draft: &SiteDraft) -> Plan {
    let mut secrets = Secrets::new();
    for &name in SecretName::ALL {
        secrets.set(name, "x".into());
    }
    build(
        &Site::try_from(draft).unwrap(),
        &secrets,
        &Catalog::load().unwrap(),
    )
    .unwrap()
}

#[test]
fn quantities_are_read_as_kubernetes_writes_them() {
    for (text, wanted) in [
        (json!("100m"), Some(100_000)),
        (json!("1.5"), Some(1_500_000)),
        (json!(2), Some(2_000_000)),
        (json!("256Mi"), Some(268_435_456_000_000)),
        (json!("1k"), Some(1_000_000_000)),
        (json!("0.5Gi"), Some(536_870_912_000_000)),
        (json!("x"), None),
        (json!("1Xi"), None),
        (json!(""), None),
        (json!("99999999999999Gi"), None),
        (json!(null), None),
    ] {
        assert_eq!(amount(&text), wanted, "{text}");
    }
}

#[test]
fn copies_are_spread_and_each_goes_home_first() {
    let loads = [
        load("every", Shape::EveryNode, (100, 1), "", false),
        load("db", Shape::Copies(2), (500, 4), "", false),
        load("bound", Shape::Copies(1), (100, 10), "secondary", true),
        load("home", Shape::Copies(1), (100, 2), "secondary", false),
    ];
    let all = fits(&loads, &pair());
    let carried: Vec<u64> = all[0]
        .nodes
        .iter()
        .map(|node| node.asked.bytes / GIB)
        .collect();
    assert_eq!(carried, [5, 17]);
    assert!(all.iter().all(Fit::fits));
    let without: Vec<(&str, u64, &[String])> = all[1..]
        .iter()
        .map(|fit| {
            (
                fit.lost.as_deref().unwrap(),
                fit.nodes[0].asked.bytes / GIB,
                fit.waiting.as_slice(),
            )
        })
        .collect();
    assert_eq!(
        without,
        [("one", 21, &[][..]), ("two", 11, &["bound".to_owned()])]
    );
}

#[test]
fn what_finds_no_room_is_named_and_a_single_node_is_never_lost() {
    let loads = [
        load("a", Shape::Copies(2), (100, 20), "", false),
        load("b", Shape::Copies(1), (7_950, 1), "", false),
    ];
    let all = fits(&loads, &pair());
    assert_eq!(
        (all[0].homeless.as_slice(), all[0].fits()),
        (&["b".to_owned()][..], false)
    );
    let wanted = ["a".to_owned(), "b".to_owned()];
    assert_eq!(all[1].homeless, wanted);
    let alone = fits(&loads[..1], &pair()[..1]);
    assert_eq!((alone.len(), alone[0].homeless.len()), (1, 1));
    assert!(fits(&[], &[]).iter().all(Fit::fits));
}

#[test]
fn requests_are_those_of_all_containers_and_the_largest_first_step() {
    let object = |value: &Value| crate::plan::Object::from_value(value.clone()).unwrap();
    let asks = |cpu: &str, memory: &str| json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}});
    let limited = json!({"resources": {"limits": {"memory": "3Gi"}}});
    let deployment = object(&json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "n"},
        "spec": {"replicas": 3, "template": {"spec": {
            "nodeSelector": {"ohn/role": "primary"},
            "initContainers": [asks("2", "1Gi")], "containers": [asks("100m", "1Gi"), limited],
        }}},
    }));
    let mut plan = plan(&sample());
    plan.steps.truncate(1);
    plan.steps[0].action = crate::plan::Action::Apply(vec![deployment]);
    let found = loads(&plan);
    assert_eq!(
        found,
        [load(
            "Deployment n/a",
            Shape::Copies(3),
            (2_000, 4),
            "primary",
            true
        )]
    );
    assert_eq!(found[0].whole(&[]).bytes, 12 * GIB);
}

#[test]
fn an_entrance_that_is_bound_to_one_machine_asks_for_nothing_on_the_other() {
    let all = loads(&plan(&sample()));
    let entrance = all.iter().find(|load| load.name.contains("private-nginx"));
    let entrance = entrance.unwrap();
    let wanted = (Shape::Copies(1), Some("primary"), true);
    let found = (entrance.shape, entrance.role.as_deref(), entrance.is_bound);
    assert_eq!(found, wanted);
    let managers = all
        .iter()
        .find(|load| load.name.contains("longhorn-manager"));
    assert_eq!(managers.unwrap().shape, Shape::EveryNode);
}

#[test]
fn a_share_of_a_node_is_counted_on_each_by_what_it_has() {
    let all = loads(&plan(&sample()));
    let managers = all
        .iter()
        .find(|load| load.name.contains("instance-manager"));
    let managers = managers.unwrap().clone();
    let mut nodes = pair();
    nodes[1].room.milli = 4_000;
    let rooms = nodes.clone().map(|node| node.room);
    assert_eq!(managers.whole(&rooms).milli, 960 + 480);
    // Beside it, 7,100 thousandths have room on no node: neither on 8,000 nor on 4,000.
    let large = load("large", Shape::Copies(1), (7_100, 1), "", false);
    let fit = |loads: &[Load]| fits(loads, &nodes)[0].clone();
    assert!(fit(std::slice::from_ref(&large)).fits());
    let both = fit(&[managers, large]);
    assert_eq!(both.homeless, ["large"]);
    assert_eq!(both.nodes[1].asked.milli, 480);
}

#[test]
fn the_sample_site_fits_the_reference_pair_and_says_so() {
    let mut draft = sample();
    let small = loads(&plan(&draft));
    for name in [
        "Cluster database/care-db",
        "Deployment care-be/care",
        "Deployment database/valkey",
        "DaemonSet longhorn-system/longhorn-manager",
    ] {
        let found = small.iter().find(|load| load.name == name).expect(name);
        assert!(found.asks.bytes > 0, "{name}");
    }
    draft.set("components.monitoring", "on");
    let more = loads(&plan(&draft));
    let rooms = pair().map(|node| node.room);
    let (small_fits, more_fits) = (fits(&small, &pair()), fits(&more, &pair()));
    assert!(small_fits.iter().chain(&more_fits).all(Fit::fits));
    let (before, after) = (show::whole(&small, &rooms), show::whole(&more, &rooms));
    assert!(after.beyond(before).bytes > GIB, "{before:?} {after:?}");
    let choice = Choice {
        setting: "components.monitoring=on".to_owned(),
        more: after.beyond(before),
        fits: more_fits,
    };
    let little = [Node::read(&json!({
        "metadata": {"name": "little", "labels": {"ohn/role": "primary"}}, "status": {"allocatable": {"cpu": "1", "memory": "1Gi"}},
    })).unwrap()];
    let narrow = Choice {
        fits: fits(&more, &little),
        ..choice.clone()
    };
    let mut text = show::text("st-marys", (&small, &small_fits), &[choice, narrow]);
    text.push_str(&show::text(
        "st-marys",
        (&small, &fits(&small, &little)),
        &[],
    ));
    insta::assert_snapshot!(text);
    assert!(Node::read(&json!({"metadata": {"name": "new"}})).is_none());
}
