//! The programs beside Care: what is sent when a site switches them on, and that nothing of them is there when not.

use super::*;

/// Everything that a site may do without, switched on.
const EVERYTHING: &[(&str, &str)] = &[
    ("components.metrics", "on"),
    ("components.monitoring", "on"),
    ("components.registry", "on"),
    ("components.opensearch", "on"),
    ("components.metabase", "on"),
    ("components.odoo", "on"),
    ("components.snowstorm", "full"),
    ("components.snomed_file", RELEASE),
];

const RELEASE: &str = "snomed/SnomedCT_InternationalRF2_PRODUCTION_20261101T120000Z.zip";

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
        insta::assert_snapshot!(component.id.as_str(), shown(&full, &component.id));
    }
    let lite = lite();
    insta::assert_snapshot!("snowstorm-lite", shown(&lite, "snowstorm-lite"));
}

fn lite() -> Plan {
    with(&[
        ("components.snowstorm", "lite"),
        ("components.snomed_file", RELEASE),
    ])
}

#[test]
fn every_image_of_what_a_site_may_do_without_is_pinned() {
    assert_pinned(&full());
    assert_pinned(&lite());
}

#[test]
fn what_the_catalogue_says_that_a_chart_asks_for_is_in_its_values() {
    let plan = full();
    let mut seen = 0;
    for step in &plan.steps {
        let Action::Helm(release) = &step.action else {
            continue;
        };
        let asked = requests(&release.values);
        for workload in &release.workloads {
            if workload.cpu.is_none() && workload.memory.is_none() {
                continue;
            }
            let said = (workload.cpu.as_deref(), workload.memory.as_deref());
            assert!(asked.contains(&said), "{} of {}", workload.name, step.id);
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// Processor time and memory of every `requests` in a release's values.
fn requests(values: &Value) -> Vec<(Option<&str>, Option<&str>)> {
    let map = values.as_object().into_iter().flatten();
    let list = values.as_array().into_iter().flatten();
    let mut found: Vec<_> = map
        .map(|(_, below)| below)
        .chain(list)
        .flat_map(requests)
        .collect();
    if let Some(asked) = values.get("requests") {
        found.push((asked["cpu"].as_str(), asked["memory"].as_str()));
    }
    found
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

/// The steps that a step waits for, directly or through others.
fn before(plan: &Plan, id: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![id.to_owned()];
    while let Some(next) = left.pop() {
        let step = plan.steps.iter().find(|step| step.id.as_str() == next);
        for need in &step.unwrap().needs {
            if found.insert(need.to_string()) {
                left.push(need.to_string());
            }
        }
    }
    found
}

#[test]
fn metabase_is_reached_by_nobody_before_its_first_set_up_is_closed() {
    let plan = full();
    assert!(before(&plan, "metabase/ingress").contains("metabase/setup"));
    assert!(before(&plan, "metabase/setup").contains("metabase/reader"));
    assert!(before(&plan, "metabase/reader").contains("care-backend/migrate"));
    let policy = &object(&plan, "NetworkPolicy", "metabase")["spec"];
    let setup = object(&plan, "Deployment", "metabase");
    let labels = &setup["spec"]["template"]["metadata"]["labels"];
    assert_eq!(policy["podSelector"]["matchLabels"], *labels);
}

#[test]
fn roles_and_databases_are_there_for_what_is_switched_on_only() {
    let roles = |plan: &Plan| -> Vec<String> {
        let all = &object(plan, "Cluster", "care-db")["spec"]["managed"]["roles"];
        let names = all.as_array().unwrap().iter();
        names
            .map(|role| role["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let databases = |plan: &Plan| {
        let objects = plan.steps.iter().flat_map(|step| step.action.objects());
        let all = objects.map(Object::reference);
        all.filter(|one| one.kind == "Database")
            .map(|one| one.name)
            .collect::<Vec<_>>()
    };
    let secrets = |plan: &Plan| {
        let objects = plan.steps.iter().flat_map(|step| step.action.objects());
        let all = objects.map(Object::reference);
        all.filter(|one| one.kind == "Secret" && one.name.starts_with("pg-role-"))
            .map(|one| one.name)
            .collect::<Vec<_>>()
    };
    let plain = plan();
    assert_eq!(roles(&plain), ["counts"]);
    assert!(databases(&plain).is_empty());
    assert_eq!(secrets(&plain), ["pg-role-care", "pg-role-counts"]);
    let billing = with(&[("components.odoo", "on")]);
    assert_eq!(roles(&billing), ["odoo", "counts"]);
    assert_eq!(databases(&billing), ["odoo"]);
    let reports = with(&[("components.metabase", "on")]);
    assert_eq!(roles(&reports), ["metabase", "reports", "counts"]);
    assert_eq!(databases(&reports), ["metabase"]);
    for role in roles(&reports) {
        assert!(secrets(&reports).contains(&format!("pg-role-{role}")));
    }
}

#[test]
fn care_is_told_of_odoo_only_where_there_is_one() {
    let told = |plan: &Plan| {
        let settings = object(plan, "ConfigMap", "care-settings")["data"].clone();
        let secrets = object(plan, "Secret", "care-secrets")["data"].clone();
        let names = |value: &Value| {
            let all = value.as_object().unwrap().keys();
            all.filter(|name| name.starts_with("CARE_ODOO"))
                .cloned()
                .collect::<Vec<_>>()
        };
        [names(&settings), names(&secrets)].concat()
    };
    assert!(told(&plan()).is_empty());
    let full = full();
    assert_eq!(
        told(&full),
        [
            "CARE_ODOO_PROTOCOL",
            "CARE_ODOO_HOST",
            "CARE_ODOO_PORT",
            "CARE_ODOO_DATABASE",
            "CARE_ODOO_USERNAME",
            "CARE_ODOO_PASSWORD"
        ]
    );
    // The login that Care uses is the one that Odoo is given.
    assert_eq!(
        held(&full, "care-secrets", "CARE_ODOO_PASSWORD"),
        held(&full, "odoo-logins", "care")
    );
    // Care is there for the patients: it never waits for the billing.
    let waits = before(&full, "care-backend/web");
    assert!(waits.iter().all(|id| !id.starts_with("odoo/")));
}

#[test]
fn odoo_shows_no_list_of_databases_and_takes_its_websocket_on_a_port_of_its_own() {
    let plan = full();
    let settings = held(&plan, "odoo-settings", "odoo.conf");
    for line in [
        "list_db = False",
        "proxy_mode = True",
        "dbfilter = ^odoo$",
        "gevent_port = 8072",
    ] {
        assert!(settings.lines().any(|one| one == line), "{line}");
    }
    let ingress = object(&plan, "Ingress", "odoo");
    let paths = &ingress["spec"]["rules"][0]["http"]["paths"];
    assert_eq!(paths[0]["path"], "/websocket");
    let service = &paths[0]["backend"]["service"];
    assert_eq!(
        ingress["metadata"]["annotations"]["nginx.org/websocket-services"],
        service["name"]
    );
    assert_eq!(service["port"]["number"], 8072);
    assert_eq!(ingress["spec"]["ingressClassName"], "private-nginx");
    // Nobody meets the password that every new Odoo has.
    assert!(before(&plan, "odoo/server").contains("odoo/prepare"));
}

#[test]
fn both_snowstorms_answer_where_care_asks_and_neither_can_be_changed() {
    for (plan, server) in [(full(), "snowstorm"), (lite(), "snowstorm-lite")] {
        let address =
            &object(&plan, "ConfigMap", "care-settings")["data"]["SNOWSTORM_DEPLOYMENT_URL"];
        assert_eq!(address, "http://snowstorm.snowstorm.svc:8080/fhir");
        let service = object(&plan, "Service", "snowstorm");
        assert_eq!(service["metadata"]["namespace"], "snowstorm");
        assert_eq!(service["spec"]["ports"][0]["port"], 8080);
        let pod = &object(&plan, "Deployment", server)["spec"]["template"];
        assert_eq!(
            service["spec"]["selector"]["app.kubernetes.io/name"],
            pod["metadata"]["labels"]["app.kubernetes.io/name"]
        );
        let policy = &object(&plan, "NetworkPolicy", server)["spec"];
        assert_eq!(
            policy["podSelector"]["matchLabels"]["app.kubernetes.io/name"],
            server
        );
        // Care is there for the patients while a release is loaded for an hour.
        let waits = before(&plan, "care-backend/web");
        assert!(waits.iter().all(|id| !id.starts_with("snowstorm")));
    }
    let full = full();
    let arguments = &object(&full, "Deployment", "snowstorm")["spec"]["template"]["spec"]["containers"]
        [0]["args"];
    let arguments: Vec<&str> = arguments
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(arguments.contains(&"--snowstorm.rest-api.readonly=true"));
    let prefix = "--elasticsearch.index.prefix=sct-900000000000207008-20261101-";
    assert!(arguments.contains(&prefix), "{arguments:?}");
    assert!(before(&full, "snowstorm/server").contains("snowstorm/load"));
}

#[test]
fn another_release_is_loaded_by_another_job_beside_the_one_in_use() {
    let next = "snomed/SnomedCT_InternationalRF2_PRODUCTION_20270501T120000Z.zip";
    let job = |plan: &Plan| {
        let step = plan
            .steps
            .iter()
            .find(|step| step.id.as_str() == "snowstorm/load");
        let objects = step.unwrap().action.objects();
        let job = objects.last().unwrap();
        (job.reference().name, job.value().to_string())
    };
    let (now, later) = (
        job(&full()),
        job(&with(
            &[EVERYTHING, &[("components.snomed_file", next)]].concat(),
        )),
    );
    assert_ne!(now.0, later.0);
    assert!(now.1.contains("sct-900000000000207008-20261101-"));
    assert!(later.1.contains("sct-900000000000207008-20270501-"));
}
