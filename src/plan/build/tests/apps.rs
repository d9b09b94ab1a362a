//! The programs beside Care: what is sent when a site switches them on, and that nothing of them is there when not.

use super::*;

/// Everything that a site may do without, switched on.
const EVERYTHING: &[(&str, &str)] = &[
    ("components.metrics", "on"),
    ("components.monitoring", "on"),
    ("components.registry", "on"),
    ("components.opensearch", "on"),
];

fn full() -> Plan {
    with(EVERYTHING)
}

/// What a Secret holds under a key.
fn held(plan: &Plan, secret: &str, key: &str) -> String {
    let text = object(plan, "Secret", secret)["data"][key].as_str();
    String::from_utf8(STANDARD.decode(text.unwrap()).unwrap()).unwrap()
}

#[test]
fn the_objects_of_what_a_site_may_do_without_are_as_reviewed() {
    let (plain, full) = (plan(), full());
    let known = |component: &Component| plain.components.iter().any(|one| one.id == component.id);
    let more = full.components.iter().filter(|component| !known(component));
    for component in more {
        insta::assert_snapshot!(component.id.as_str(), reviewed(&full, component));
    }
}

#[test]
fn every_image_of_what_a_site_may_do_without_is_pinned() {
    assert_pinned(&full());
}

#[test]
fn opensearch_knows_its_administrator_by_a_hash_and_trusts_its_own_certificates_only() {
    let plan = full();
    let users = held(&plan, "opensearch-admin", "internal_users.yml");
    let users: Value = serde_yaml::from_str(&users).unwrap();
    let password = held(&plan, "opensearch-admin", "password");
    let hash = users["admin"]["hash"].as_str().unwrap();
    assert!(bcrypt::verify(&password, hash).unwrap());
    let logins: Vec<&String> = users.as_object().unwrap().keys().collect();
    assert_eq!(logins, ["_meta", "admin"]);
    let steps = &plan.steps;
    let values = steps.iter().find_map(|step| match &step.action {
        Action::Helm(release) if release.name == "opensearch" => Some(&release.values),
        _ => None,
    });
    let settings = values.unwrap()["config"]["opensearch.yml"].as_str();
    let settings: Value = serde_yaml::from_str(settings.unwrap()).unwrap();
    let subject = &object(&plan, "Certificate", "opensearch-node")["spec"]["commonName"];
    assert_eq!(
        settings["plugins.security.nodes_dn"][0],
        format!("CN={}", subject.as_str().unwrap())
    );
}
