//! Copies stand before everything of what is upgraded, and their names follow from the upgrade.

use std::collections::BTreeSet;

use super::*;
use crate::{
    catalog::Catalog,
    plan::build,
    site::{SecretName, Secrets, Site, sample},
};

fn plan() -> Plan {
    let mut secrets = Secrets::new();
    for &name in SecretName::ALL {
        secrets.set(name, "made-up".into());
    }
    build(
        &Site::try_from(&sample()).unwrap(),
        &secrets,
        &Catalog::load().unwrap(),
    )
    .unwrap()
}

fn upgrade(component: &str, at: &str) -> Upgrade {
    Upgrade {
        component: component.to_owned(),
        what: "chart x".to_owned(),
        from: "1.0.0".to_owned(),
        to: "1.0.1".to_owned(),
        at: at.to_owned(),
    }
}

fn copy(of: Copied, upgrades: &[Upgrade]) -> Copy {
    Copy {
        of,
        upgrades: upgrades.to_vec(),
        attempt: 1,
    }
}

fn volume() -> Copied {
    Copied::Volume {
        claim: "rustfs-data".to_owned(),
        volume: "pvc-1".to_owned(),
    }
}

#[test]
fn nothing_of_what_is_upgraded_begins_before_its_copies_and_the_rest_does_not_wait() {
    let upgrades = [upgrade("cnpg", "1"), upgrade("rustfs", "3")];
    let copies = [
        copy(Copied::Database(Database::first()), &upgrades[..1]),
        copy(volume(), &upgrades[1..]),
    ];
    let before = plan();
    let after = secured(before.clone(), &upgrades, &copies);
    assert_eq!(
        after
            .steps
            .iter()
            .take(3)
            .map(|step| step.id.as_str())
            .collect::<Vec<_>>(),
        [
            "before/database",
            "before/rustfs-data-snapshot",
            "before/rustfs-data"
        ]
    );
    let mut seen = BTreeSet::new();
    for step in &after.steps {
        assert!(
            step.needs.iter().all(|need| seen.contains(need)),
            "{}",
            step.id
        );
        seen.insert(step.id.clone());
        let needs = |name: &str| step.needs.contains(&StepId::from_text(name));
        assert_eq!(
            needs("before/database"),
            step.component == "cnpg",
            "{}",
            step.id
        );
        let rustfs = step.component == "rustfs";
        assert_eq!(needs("before/rustfs-data"), rustfs, "{}", step.id);
    }
    // The stages have moved by the one in front.
    for (old, new) in before.steps.iter().zip(&after.steps[3..]) {
        assert_eq!(
            before.stages[old.stage], after.stages[new.stage],
            "{}",
            old.id
        );
    }
    assert_eq!(
        after.notes[before.notes.len()..],
        [
            "This upgrades cnpg: chart x 1.0.0 becomes 1.0.1; a copy is made first.",
            "This upgrades rustfs: chart x 1.0.0 becomes 1.0.1; a copy is made first.",
        ]
    );
    let text: Vec<String> = after.steps[..3]
        .iter()
        .flat_map(|step| step.action.objects())
        .map(|object| serde_yaml::to_string(object.value()).unwrap())
        .collect();
    insta::assert_snapshot!(text.join("---\n"));
}

#[test]
fn a_plan_that_upgrades_nothing_stays_as_it_is() {
    let before = plan();
    let after = secured(before.clone(), &[], &[]);
    assert_eq!(after.steps.len(), before.steps.len());
    assert_eq!(after.notes, before.notes);
    assert_eq!(after.stages, before.stages);
}

#[test]
fn a_copy_is_found_again_by_its_upgrade_and_the_next_upgrade_has_one_of_its_own() {
    let name = |at: &str, attempt: u32| {
        let mut copy = copy(volume(), &[upgrade("rustfs", at)]);
        copy.attempt = attempt;
        copy.reference().name
    };
    assert_eq!(name("3", 1), name("3", 1));
    assert_ne!(name("3", 1), name("4", 1));
    assert_ne!(name("3", 1), name("3", 2));
    assert!(name("3", 1).starts_with("rustfs-data-before-"));
}

#[test]
fn failed_copies_are_known_and_images_are_found_where_they_stand() {
    for (status, failed) in [
        (json!({"phase": "failed"}), true),
        (json!({"phase": "completed"}), false),
        (json!({"state": "Error", "error": "x"}), true),
        (json!({"state": "InProgress"}), false),
        (json!({"readyToUse": false, "error": "x"}), true),
        (json!({}), false),
    ] {
        assert_eq!(has_failed(&json!({ "status": status })), failed, "{status}");
    }
    let object = json!({"spec": {"imageName": "a:1", "template": {"spec": {
        "initContainers": [{"name": "wait", "image": "b:1"}], "containers": [{"name": "web", "image": "c:1"}],
    }}}});
    let found: Vec<(String, String)> = images(&object).into_iter().collect();
    let pair = |what: &str, image: &str| (what.to_owned(), image.to_owned());
    assert_eq!(
        found,
        [
            pair("image", "a:1"),
            pair("image of wait", "b:1"),
            pair("image of web", "c:1")
        ]
    );
    let values = json!({"image": {"rustfs": {"repository": "r", "tag": 1.5}}, "replicas": 2, "list": [{"tag": "x"}]});
    let found: Vec<(String, String)> = images_of_values(&values).into_iter().collect();
    assert_eq!(
        found,
        [
            pair("image.rustfs.repository", "r"),
            pair("image.rustfs.tag", "1.5")
        ]
    );
}

#[test]
fn without_the_cluster_the_plan_says_what_it_can_of_copies_and_what_it_cannot() {
    let plan = plan();
    let harms = |id: &str| id == "postgres";
    let unknown = foreseen(&plan, None, harms).unwrap();
    assert!(
        unknown.starts_with("No whole run is remembered here"),
        "{unknown}"
    );
    assert_eq!(foreseen(&plan, Some(&plan.components), harms), None);
    let mut last = plan.components.clone();
    for one in last
        .iter_mut()
        .filter(|one| one.id == "postgres" || one.id == "valkey")
    {
        one.pins[0].version = "0.0.1".to_owned();
    }
    let known = foreseen(&plan, Some(&last), harms).unwrap();
    assert!(
        known.contains("PostgreSQL") && !known.contains("Valkey"),
        "{known}"
    );
    assert_eq!(foreseen(&plan, None, |_| false), None);
    // A component that the last run did not have is no upgrade.
    last.retain(|one| one.id != "postgres");
    assert_eq!(foreseen(&plan, Some(&last), harms), None);
}
