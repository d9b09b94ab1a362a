mod apps;
mod images;
mod proofs;
mod reach;

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::{
    plan::StepKind,
    site::{SecretName, sample},
};

/// A secret that would be seen wherever it leaks.
const CANARY: &str = "canary8f3a";

fn site() -> Site {
    Site::try_from(&sample()).unwrap()
}

/// Every secret holds the canary.
fn canaries() -> Secrets {
    let mut secrets = Secrets::new();
    for &name in SecretName::ALL {
        let text = format!("{CANARY}{}", name.as_str().replace('-', ""));
        secrets.set(name, SecretString::from(text));
    }
    secrets
}

fn plan() -> Plan {
    build(&site(), &canaries(), &Catalog::load().unwrap()).unwrap_or_else(|all| panic!("{all:#?}"))
}

#[test]
fn every_step_stands_after_what_it_needs() {
    let plan = plan();
    let mut seen = BTreeSet::new();
    for step in &plan.steps {
        for need in &step.needs {
            assert!(seen.contains(need), "{} stands before {need}", step.id);
        }
        assert!(seen.insert(step.id.clone()), "{} is there twice", step.id);
        assert!(step.limit > step.usual, "{}", step.id);
    }
    assert_eq!(plan.components.len(), 15);
}

#[test]
fn a_secret_is_in_secrets_and_nowhere_else() {
    let plan = plan();
    let encoded: Vec<String> = canaries()
        .iter()
        .map(|(_, secret)| STANDARD.encode(secret.expose_secret()))
        .collect();
    let mut found = 0;
    for step in &plan.steps {
        if let Action::Helm(release) = &step.action {
            assert!(!release.values.to_string().contains(CANARY), "{}", step.id);
        }
        for object in step.action.objects() {
            let text = object.value().to_string();
            assert!(
                !text.contains(CANARY),
                "{} in {}",
                object.reference(),
                step.id
            );
            let holds = encoded.iter().any(|code| text.contains(code));
            assert!(
                !holds || object.reference().kind == "Secret",
                "{}",
                object.reference()
            );
            found += usize::from(holds);
            assert!(!object.masked().to_string().contains(CANARY));
        }
    }
    assert!(found > 8, "the secrets are sent");
    assert!(!format!("{plan:?}").contains(CANARY));
}

#[test]
fn the_same_site_gives_the_same_plan() {
    let text = |plan: &Plan| {
        let objects = plan.steps.iter().flat_map(|step| step.action.objects());
        objects
            .map(|object| object.value().to_string())
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(text(&plan()), text(&plan()));
}

#[test]
fn a_job_is_named_after_what_it_does() {
    let name = |plan: &Plan| {
        let job = plan
            .steps
            .iter()
            .find(|step| step.id.as_str() == "care-backend/migrate")
            .unwrap();
        job.action.objects().last().unwrap().reference().name
    };
    let first = name(&plan());
    assert!(first.starts_with("care-migrate-") && first.len() == "care-migrate-".len() + 8);
    let mut draft = sample();
    draft.set("care.backend_image", "ghcr.io/ohcnetwork/care:v25.41.0");
    let other = Site::try_from(&draft).unwrap();
    let other = build(&other, &canaries(), &Catalog::load().unwrap()).unwrap();
    assert_ne!(name(&other), first);
}

fn with(answers: &[(&str, &str)]) -> Plan {
    let mut draft = sample();
    for (id, text) in answers {
        draft.set(id, text);
    }
    let site = Site::try_from(&draft).unwrap_or_else(|all| panic!("{all:#?}"));
    build(&site, &canaries(), &Catalog::load().unwrap()).unwrap_or_else(|all| panic!("{all:#?}"))
}

fn object<'a>(plan: &'a Plan, kind: &str, name: &str) -> &'a Value {
    let objects = plan.steps.iter().flat_map(|step| step.action.objects());
    let mut chosen = objects.filter(|object| {
        let reference = object.reference();
        reference.kind == kind && reference.name == name
    });
    chosen.next().unwrap().value()
}

#[test]
fn what_people_type_stays_text_whatever_it_holds() {
    let name = r#"St. "Mary's": {{ 1 }} # - [a] & <b> \ end"#;
    let plan = with(&[
        ("site.display_name", name),
        ("care.email_user", name),
        ("care.sentry_dsn", name),
    ]);
    assert_eq!(
        object(&plan, "Cluster", "care-db")["spec"]["description"],
        format!("Databases of {name}")
    );
    let settings = &object(&plan, "ConfigMap", "care-settings")["data"];
    assert_eq!(settings["EMAIL_USER"], name);
    assert_eq!(settings["SENTRY_DSN"], name);
}

#[test]
fn what_reads_the_settings_is_rolled_out_again_when_they_change() {
    let at = "/spec/template/metadata/annotations/care-install~1settings";
    let before = plan();
    let after = with(&[("care.email_host", "mail.example.org")]);
    for name in ["care", "care-worker", "care-beat"] {
        let digest = |plan| object(plan, "Deployment", name).pointer(at).cloned();
        assert!(digest(&before).is_some(), "{name}");
        assert_ne!(digest(&before), digest(&after), "{name}");
    }
}

#[test]
fn the_buckets_are_made_again_when_their_script_changes_and_claims_have_the_size_of_the_site() {
    let run = |plan: &Plan| {
        let mut steps = plan.steps.iter();
        let step = steps
            .find(|step| step.id.as_str() == "rustfs/buckets")
            .unwrap();
        step.action.objects().last().unwrap().reference().name
    };
    let other = with(&[
        ("domains.care", "emr.care.example.org"),
        ("storage.object_size", "70Gi"),
    ]);
    assert_ne!(run(&plan()), run(&other));
    let mut releases = other.steps.iter().filter_map(|step| match &step.action {
        Action::Helm(release) if release.name == "rustfs" => Some(release),
        _ => None,
    });
    let release = releases.next().unwrap();
    assert_eq!(release.workloads[0].claims[0].size, "70Gi");
}

#[test]
fn the_images_that_the_site_chose_are_among_the_pins() {
    let plan = with(&[
        (
            "care.backend_image",
            "registry.care.example.org:5000/care:v1",
        ),
        ("care.frontend_image", "ghcr.io/ohcnetwork/care_fe:v2"),
    ]);
    let pin = |id: &str| {
        let mut all = plan.components.iter().filter(|one| one.id == id);
        all.next().unwrap().pins[0].clone()
    };
    assert_eq!(
        pin("care-backend").name,
        "registry.care.example.org:5000/care"
    );
    assert_eq!(pin("care-backend").version, "v1");
    assert_eq!(pin("care-frontend").name, "ghcr.io/ohcnetwork/care_fe");
    let digest = "sha256:00";
    assert_eq!(
        parts(&format!("a.b:5000/c@{digest}")),
        (
            "a.b:5000/c".to_owned(),
            String::new(),
            Some(digest.to_owned())
        )
    );
}

#[test]
fn public_names_are_told_where_they_come_in() {
    let notes = plan().notes;
    let names = "app.care.example.org, api.care.example.org, files.care.example.org";
    assert!(notes[0].contains(names) && notes[0].contains("10.0.0.12 (secondary)"));
}

#[test]
fn a_missing_secret_is_named() {
    let problems = build(&site(), &Secrets::new(), &Catalog::load().unwrap()).unwrap_err();
    let text: String = problems.iter().map(ToString::to_string).collect();
    assert!(
        text.contains("`valkey-password` is not in the vault"),
        "{text}"
    );
}

#[test]
fn every_kind_of_thing_is_waited_for() {
    let plan = plan();
    for step in &plan.steps {
        if step.action.kind() == StepKind::Helm {
            assert!(!step.ready.is_empty(), "{} waits for nothing", step.id);
        }
    }
    let cluster = plan
        .steps
        .iter()
        .find(|step| step.id.as_str() == "postgres/cluster")
        .unwrap();
    let target = ObjectRef::new("postgresql.cnpg.io/v1", "Cluster", "database", "care-db");
    assert_eq!(cluster.ready, [Ready::Object(target)]);
}

/// What a component would send, as it is read in a review.
fn shown(plan: &Plan, component: &str) -> String {
    let mut text = String::new();
    for step in plan.steps.iter().filter(|step| step.component == component) {
        let shown = match &step.action {
            Action::Helm(release) => {
                let head = format!(
                    "# helm {} {} {}\n",
                    release.name, release.chart, release.version
                );
                head + &serde_yaml::to_string(&release.values).unwrap()
            }
            action => action
                .objects()
                .iter()
                .map(|object| serde_yaml::to_string(&object.masked()).unwrap())
                .collect::<Vec<_>>()
                .join("---\n"),
        };
        text.push_str(&["## ", step.id.as_str(), "\n", &shown].concat());
    }
    text
}

#[test]
fn the_objects_of_each_component_are_as_reviewed() {
    let plan = plan();
    for component in &plan.components {
        let text = shown(&plan, &component.id);
        insta::assert_snapshot!(component.id.as_str(), text);
    }
}

#[test]
fn a_site_with_addresses_and_certificates_of_its_own_making_is_as_reviewed() {
    let mut draft = sample();
    for (id, text) in [
        ("exposure.mode", "metallb"),
        ("exposure.pool", "10.0.0.40-10.0.0.49"),
        ("certificate.source", "acme"),
        ("certificate.acme_email", "it@example.org"),
        ("certificate.dns_provider", "rfc2136"),
        ("certificate.dns_server", "10.0.0.2:53"),
        ("certificate.dns_account", "care-key"),
        ("certificate.dns_resolvers", "1.1.1.1, 9.9.9.9"),
        ("components.monitoring", "on"),
    ] {
        assert!(draft.set(id, text), "{id}");
    }
    let site = Site::try_from(&draft).unwrap();
    let plan = build(&site, &canaries(), &Catalog::load().unwrap()).unwrap();
    let parts = ["cert-manager", "acme", "metallb", "private-nginx"];
    let mut text = crate::plan::show::text(&plan);
    for part in parts {
        text.push_str(&shown(&plan, part));
    }
    // Of the firewall, the server: its settings are those of every site.
    let server = plan
        .steps
        .iter()
        .find(|step| step.id.as_str() == "waf/server");
    for object in server.unwrap().action.objects() {
        text.push_str("---\n");
        text.push_str(&serde_yaml::to_string(object.value()).unwrap());
    }
    insta::assert_snapshot!("a_site_of_its_own_making", text);
}

#[test]
fn new_machines_get_their_pod_network_before_anything_else_and_others_keep_theirs() {
    let plan = plan();
    assert!(plan.steps.iter().all(|step| step.component != "cilium"));
    let site = site().with("/cluster/origin", "new");
    let plan = build(&site, &canaries(), &Catalog::load().unwrap()).unwrap();
    assert_eq!(plan.steps[0].id.as_str(), "cilium/release");
    // Whatever is sent later comes after it, by way of what it needs.
    let mut after: BTreeSet<&StepId> = BTreeSet::from([&plan.steps[0].id]);
    for step in &plan.steps[1..] {
        let built = step.needs.iter().any(|need| after.contains(need));
        assert!(built, "{} does not wait for the network", step.id);
        after.insert(&step.id);
    }
    insta::assert_snapshot!("cilium", shown(&plan, "cilium"));
}

#[test]
fn no_two_certificates_are_ordered_for_the_same_names() {
    let mut draft = sample();
    draft.set("certificate.source", "acme");
    draft.set("certificate.acme_email", "it@example.org");
    let site = Site::try_from(&draft).unwrap();
    let plan = build(&site, &canaries(), &Catalog::load().unwrap()).unwrap();
    let objects = plan.steps.iter().flat_map(|step| step.action.objects());
    let certificates: Vec<&Value> = objects
        .map(Object::value)
        .filter(|value| value["kind"] == "Certificate")
        .collect();
    let mut sets = BTreeSet::new();
    for one in &certificates {
        let mut names: Vec<String> =
            serde_json::from_value(one["spec"]["dnsNames"].clone()).unwrap();
        names.sort();
        // The authority refuses a name beside the wildcard that covers it.
        let redundant = |name: &String| {
            let above = name.split_once('.').map(|(_, above)| format!("*.{above}"));
            !name.starts_with('*') && above.is_some_and(|above| names.contains(&above))
        };
        assert!(!names.iter().any(redundant), "{names:?}");
        assert!(sets.insert(names));
    }
    assert_eq!(certificates.len(), 5);
    // Every Ingress has one in its own namespace that covers its host.
    for step in &plan.steps {
        for object in step.action.objects() {
            if object.reference().kind != "Ingress" {
                continue;
            }
            let host = object.value()["spec"]["rules"][0]["host"].as_str().unwrap();
            let covered = certificates.iter().any(|one| {
                one["metadata"]["namespace"] == object.value()["metadata"]["namespace"]
                    && one["spec"]["dnsNames"]
                        .as_array()
                        .unwrap()
                        .contains(&host.into())
            });
            assert!(covered, "{host}");
        }
    }
}

#[test]
fn every_image_of_objects_and_workloads_is_pinned_and_so_is_every_chart() {
    assert_pinned(&plan());
}

/// Every image of a plan is among the pins of its component.
fn assert_pinned(plan: &Plan) {
    for step in &plan.steps {
        let mut component = plan
            .components
            .iter()
            .filter(|one| one.id == step.component);
        let pins = &component.next().unwrap().pins;
        for object in step.action.objects() {
            let mut images: Vec<&Value> = Vec::new();
            for list in ["containers", "initContainers"] {
                let at = format!("/spec/template/spec/{list}");
                let containers = object.value().pointer(&at).and_then(Value::as_array);
                images.extend(containers.into_iter().flatten().map(|one| &one["image"]));
            }
            images.extend(object.value().pointer("/spec/imageName"));
            for image in images.into_iter().filter_map(Value::as_str) {
                let (name, version, _) = parts(image);
                let pinned = pins
                    .iter()
                    .any(|pin| pin.name == name && pin.version == version);
                assert!(pinned, "{image} of {}", step.id);
            }
        }
        if let Action::Helm(release) = &step.action {
            let ending = release.chart.rsplit('/').next().unwrap();
            let pinned = pins.iter().any(|pin| {
                pin.kind == "chart" && pin.version == release.version && pin.name.ends_with(ending)
            });
            assert!(pinned, "{} of {}", release.chart, step.id);
            for workload in &release.workloads {
                let (name, version, _) = parts(&workload.image);
                let pinned = pins
                    .iter()
                    .any(|pin| pin.name == name && pin.version == version);
                assert!(pinned, "{} of {}", workload.image, step.id);
            }
        }
    }
}

/// The steps that the metrics server, the monitoring and the registry bring along.
const MORE: [&str; 13] = [
    "metrics-server/release",
    "monitoring/secrets",
    "monitoring/loki",
    "monitoring/prometheus",
    "monitoring/rules",
    "monitoring/alloy",
    "zot/settings",
    "zot/release",
    "zot/ingress",
    "zot/trust",
    "images/care-web",
    "smoke/grafana",
    "smoke/registry",
];

#[test]
fn what_a_site_switches_on_is_in_its_plan_with_its_values_and_nothing_else_changes() {
    let with = |switches: &[(&str, &str)]| {
        let mut draft = sample();
        for (id, text) in switches {
            draft.set(id, text);
        }
        build(
            &Site::try_from(&draft).unwrap(),
            &canaries(),
            &Catalog::load().unwrap(),
        )
        .unwrap()
    };
    let ids = |plan: &Plan| -> Vec<String> {
        plan.steps.iter().map(|step| step.id.to_string()).collect()
    };
    let plain = with(&[]);
    let full = with(&[
        ("components.metrics", "on"),
        ("components.monitoring", "on"),
        ("components.registry", "on"),
        ("components.metrics_size", "10Gi"),
        ("components.logs_days", "7"),
    ]);
    let more: Vec<String> = ids(&full)
        .into_iter()
        .filter(|id| !ids(&plain).contains(id))
        .collect();
    assert_eq!(more, MORE);
    let release = |id: &str| {
        let step = full.steps.iter().find(|step| step.id.to_string() == id);
        match &step.unwrap().action {
            Action::Helm(release) => release.clone(),
            other => panic!("{other:?}"),
        }
    };
    let spec = &release("monitoring/prometheus").values["prometheus"]["prometheusSpec"];
    assert_eq!(spec["retentionSize"], "8704MiB");
    assert_eq!(
        release("monitoring/loki").values["loki"]["limits_config"]["retention_period"],
        "168h"
    );
    let same: Vec<_> = plain
        .steps
        .iter()
        .filter(|step| step.component != "namespaces" && step.component != "certificate")
        .map(|step| (step.id.to_string(), step.action.clone()))
        .collect();
    for (id, action) in same {
        let other = full.steps.iter().find(|step| step.id.to_string() == id);
        assert_eq!(
            other.unwrap().action.objects().len(),
            action.objects().len(),
            "{id}"
        );
    }
}

#[test]
fn the_registry_knows_its_password_by_a_hash_that_stays_the_same() {
    let mut draft = sample();
    draft.set("components.registry", "on");
    let secrets = canaries();
    let site = Site::try_from(&draft).unwrap();
    let line = || {
        let plan = build(&site, &secrets, &Catalog::load().unwrap()).unwrap();
        let step = plan
            .steps
            .iter()
            .find(|step| step.id.to_string() == "zot/settings");
        let objects: Vec<_> = step
            .unwrap()
            .action
            .objects()
            .into_iter()
            .cloned()
            .collect();
        let secret = objects
            .iter()
            .find(|object| object.reference().kind == "Secret")
            .unwrap();
        let data = secret.value()["data"]["htpasswd"]
            .as_str()
            .unwrap()
            .to_owned();
        String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()
    };
    let first = line();
    assert_eq!(line(), first);
    let hash = first.strip_prefix("care:").unwrap();
    let password = secrets
        .get(SecretName::ZotPassword)
        .unwrap()
        .expose_secret();
    assert!(bcrypt::verify(password, hash).unwrap());
    assert!(!first.contains(password));
}
