//! Who may reach the databases and the object store: all who ask them by name in the plan, and nobody else; and who stays when
//! there is no room for all.

use super::*;
use crate::site::HOSTS;

/// Every text of the plan with the namespace that it is for; secrets as their programs read them.
fn texts(plan: &Plan) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for step in &plan.steps {
        if let Action::Helm(release) = &step.action {
            texts.push((release.namespace.clone(), release.values.to_string()));
        }
        for object in step.action.objects() {
            let space = object.reference().namespace.unwrap_or_default();
            let mut text = object.value().to_string();
            let data = object.value()["data"].as_object().into_iter().flatten();
            for (_, value) in data {
                let bytes = STANDARD.decode(value.as_str().unwrap_or_default());
                text.push_str(&String::from_utf8_lossy(&bytes.unwrap_or_default()));
            }
            texts.push((space, text));
        }
    }
    texts
}

/// The namespaces of those who name a service.
fn who_asks(plan: &Plan, service: &str) -> BTreeSet<String> {
    let texts = texts(plan).into_iter();
    texts
        .filter(|(_, text)| text.contains(service))
        .map(|(space, _)| space)
        .collect()
}

fn all<'p>(plan: &'p Plan, kind: &str) -> Vec<&'p Value> {
    let objects = plan.steps.iter().flat_map(|step| step.action.objects());
    let of_kind = objects.filter(|object| object.reference().kind == kind);
    of_kind.map(Object::value).collect()
}

/// The ingresses that lead to a port in a namespace.
fn who_leads(plan: &Plan, space: &str, port: u16) -> BTreeSet<String> {
    let ingresses = all(plan, "Ingress").into_iter();
    ingresses
        .filter(|one| one["metadata"]["namespace"] == space)
        .filter(|one| {
            one["spec"]
                .to_string()
                .contains(&format!("\"number\":{port}"))
        })
        .map(|one| one["spec"]["ingressClassName"].as_str().unwrap().to_owned())
        .collect()
}

/// The namespaces that are let in to a port of a namespace.
fn let_in(plan: &Plan, space: &str, port: u16) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for policy in all(plan, "NetworkPolicy") {
        if policy["metadata"]["namespace"] != space {
            continue;
        }
        assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress"]));
        assert_eq!(policy["spec"]["podSelector"], json!({}));
        for rule in policy["spec"]["ingress"].as_array().into_iter().flatten() {
            if rule["ports"] != json!([{"port": port, "protocol": "TCP"}]) {
                continue;
            }
            for from in rule["from"].as_array().unwrap() {
                let name = &from["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"];
                found.insert(name.as_str().unwrap_or(space).to_owned());
            }
        }
    }
    found
}

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn full() -> Vec<(&'static str, &'static str)> {
    let ids = [
        "components.metrics",
        "components.monitoring",
        "components.registry",
        "components.opensearch",
        "components.metabase",
        "components.odoo",
    ];
    let mut answers: Vec<_> = ids.into_iter().map(|id| (id, "on")).collect();
    answers.push(("components.snowstorm", "full"));
    let release = "SnomedCT_InternationalRF2_PRODUCTION_20261101T120000Z.zip";
    answers.push(("components.snomed_file", release));
    answers
}

fn check(plan: &Plan, numbers: &[&str]) {
    for space in ["database", "rustfs"] {
        let mut shut = all(plan, "NetworkPolicy").into_iter();
        let shut = shut.find(|one| {
            one["metadata"]["namespace"] == space && one["metadata"]["name"] == "nobody"
        });
        assert!(shut.unwrap()["spec"].get("ingress").is_none(), "{space}");
    }
    let mut wanted = who_asks(plan, "care-db-rw.database.svc");
    assert!(wanted.contains("care-be") && wanted.contains("database"));
    // It makes the roles, and no object of ours says so.
    wanted.insert("cnpg-system".to_owned());
    assert_eq!(let_in(plan, "database", 5432), wanted);
    assert_eq!(
        let_in(plan, "database", 8000),
        names(&["cnpg-system", "database"])
    );
    assert_eq!(let_in(plan, "database", 9187), names(numbers));
    assert_eq!(
        let_in(plan, "database", 6379),
        who_asks(plan, "valkey.database.svc")
    );
    let mut wanted = who_asks(plan, "rustfs-svc.rustfs.svc");
    wanted.extend(who_leads(plan, "rustfs", 9000));
    assert_eq!(let_in(plan, "rustfs", 9000), wanted);
    assert_eq!(
        let_in(plan, "rustfs", 9001),
        who_leads(plan, "rustfs", 9001)
    );
}

#[test]
fn all_who_ask_the_databases_and_the_object_store_are_let_in_and_nobody_else() {
    check(&with(&[]), &[]);
    check(&with(&full()), &["monitoring"]);
    let mut public: Vec<(&str, &str)> = full();
    let hosts = HOSTS.join(", ");
    public.push(("domains.public", &hosts));
    check(&with(&public), &["monitoring"]);
}

/// Every class that is named anywhere in a value.
fn classes(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "priorityClassName" {
                    found.extend(value.as_str().map(str::to_owned));
                }
                classes(value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| classes(value, found)),
        _ => {}
    }
}

#[test]
fn data_stays_before_what_clinicians_work_with_and_both_before_all_else() {
    let plan = with(&full());
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for step in &plan.steps {
        let mut found = BTreeSet::new();
        if let Action::Helm(release) = &step.action {
            classes(&release.values, &mut found);
        }
        for object in step.action.objects() {
            classes(object.value(), &mut found);
        }
        for class in found {
            named
                .entry(class)
                .or_default()
                .insert(step.component.clone());
        }
    }
    let carried = BTreeMap::from([
        (
            "care-data".to_owned(),
            names(&["cnpg", "postgres", "rustfs", "valkey"]),
        ),
        (
            "care-clinical".to_owned(),
            names(&[
                "care-backend",
                "care-frontend",
                "private-nginx",
                "public-nginx",
                "waf",
            ]),
        ),
    ]);
    assert_eq!(named, carried);
    let made = all(&plan, "PriorityClass");
    let value = |name: &str| {
        let class = made.iter().find(|one| one["metadata"]["name"] == name);
        class.unwrap()["value"].as_i64().unwrap()
    };
    assert!(value("care-data") > value("care-clinical") && value("care-clinical") > 0);
    assert!(made.iter().all(|one| one["globalDefault"] == false));
}
