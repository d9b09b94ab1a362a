//! The catalogue against a real API server: every object that would be sent is accepted as it is, strictly.

use std::{fs, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use care_install::{
    catalog::{
        Catalog,
        standin::{self, Makers},
    },
    plan::{self, Action, Object, Plan, Ready, Schema, Step},
    rehearsal::schema,
    site::{HOSTS, SecretName, Secrets, Site, SiteDraft, sample},
    sys::kube::{Kube, Source},
};
use secrecy::SecretString;
use serde::Deserialize as _;
use serde_json::Value;

use crate::{deploy_real::scene::far_schema, testbed::Testbed};

/// The plan of the sample site with made-up secrets.
pub fn sample_plan() -> Plan {
    sample_plan_with(&[])
}

/// The same with other answers.
pub fn sample_plan_with(answers: &[(&str, &str)]) -> Plan {
    let (mut draft, secrets) = sample_parts();
    for (id, text) in answers {
        draft.set(id, text);
    }
    let site = Site::try_from(&draft).unwrap();
    plan::build(&site, &secrets, &Catalog::load().unwrap()).unwrap()
}

/// The plan of the sample site with everything that a site may do without.
pub fn full_plan() -> Plan {
    full_plan_with(&[])
}

/// The same with other answers.
pub fn full_plan_with(answers: &[(&str, &str)]) -> Plan {
    let (mut draft, secrets) = sample_parts();
    for id in [
        "metrics",
        "monitoring",
        "registry",
        "opensearch",
        "metabase",
        "odoo",
    ] {
        draft.set(&format!("components.{id}"), "on");
    }
    let release = "SnomedCT_InternationalRF2_PRODUCTION_20261101T120000Z.zip";
    draft.set("components.snowstorm", "full");
    draft.set("components.snomed_file", release);
    for (id, text) in answers {
        draft.set(id, text);
    }
    let site = Site::try_from(&draft).unwrap();
    plan::build(&site, &secrets, &Catalog::load().unwrap()).unwrap()
}

/// A value of a Secret as the pod sees it.
pub fn decoded(data: &Value) -> Vec<u8> {
    STANDARD.decode(data.as_str().unwrap()).unwrap()
}

/// What makes a site build its images.
pub const OWN_IMAGES: [(&str, &str); 4] = [
    (
        "care.backend_source",
        "https://github.com/ohcnetwork/care.git#v25.40.0",
    ),
    (
        "care.plugs",
        "care_odoo=git+https://github.com/ohcnetwork/care_odoo_be.git@9a745cb",
    ),
    (
        "care.frontend_source",
        "https://github.com/ohcnetwork/care_fe.git#v25.40.0",
    ),
    (
        "components.odoo_addons",
        "https://github.com/ohcnetwork/odoo_connector.git#af7da2be",
    ),
];

/// The plan of a site with addresses, certificates and images of its own making, all of whose names are reached from outside.
pub fn addressed_plan() -> Plan {
    let [backend, plugs, frontend, addons] = OWN_IMAGES;
    full_plan_with(&[
        backend,
        plugs,
        frontend,
        addons,
        ("exposure.mode", "metallb"),
        ("exposure.pool", "10.0.0.40-10.0.0.49"),
        ("certificate.source", "acme"),
        ("certificate.acme_email", "it@example.org"),
        ("domains.public", &HOSTS.join(", ")),
    ])
}

/// The answers of the sample site, and made-up secrets.
pub fn sample_parts() -> (SiteDraft, Secrets) {
    let mut secrets = Secrets::new();
    secrets.generate_missing().unwrap();
    for &name in SecretName::ALL {
        if secrets.get(name).is_none() {
            secrets.set(name, SecretString::from("made-up"));
        }
    }
    let (chain, key) = certificate();
    secrets.set(SecretName::CertificateChain, SecretString::from(chain));
    secrets.set(SecretName::CertificateKey, SecretString::from(key));
    (sample(), secrets)
}

/// A certificate and its key; the API server checks that a TLS secret holds a pair that fits.
pub fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["*.care.example.org".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

async fn connect(bed: &Testbed) -> Kube {
    let source = Source::Kubeconfig {
        file: Some(bed.kubeconfig()),
        context: None,
    };
    Kube::connect(&source).await.unwrap()
}

#[tokio::test]
#[cfg_attr(not(has_go), ignore = "needs go, to build the control plane")]
async fn a_real_api_server_accepts_every_object_strictly() {
    let bed = Testbed::start();
    let kube = connect(&bed).await;
    for name in schema::crd_names() {
        let definition = Object::from_value(schema::crd(name).unwrap()).unwrap();
        kube.apply(&definition).await.unwrap();
    }
    bed.kubectl(&[
        "wait",
        "--for=condition=Established",
        "crd",
        "--all",
        "--timeout=90s",
    ]);
    let plans = [
        full_plan(),
        full_plan_with(&[("components.snowstorm", "lite")]),
        addressed_plan(),
    ];
    let other = |step: &&Step| step.component == "snowstorm-lite";
    let steps = plans[0]
        .steps
        .iter()
        .chain(plans[1].steps.iter().filter(other))
        .chain(&plans[2].steps);
    let mut objects: Vec<Object> = Vec::new();
    for step in steps {
        objects.extend(step.action.objects().into_iter().cloned());
        if let Action::Helm(release) = &step.action {
            objects.extend(standin::objects(release, Makers::ChartAndOperators));
            objects.extend(standin::objects(release, Makers::Chart));
        }
        objects.extend(step.ready.iter().filter_map(|ready| match ready {
            Ready::Accepts(object) => Some(object.clone()),
            _ => None,
        }));
    }
    let namespaces = objects
        .iter()
        .filter(|object| object.reference().kind == "Namespace");
    for namespace in namespaces {
        kube.apply(namespace).await.unwrap();
    }
    let mut refused = Vec::new();
    for object in &objects {
        if let Err(error) = kube.dry_run(object).await {
            refused.push(format!("{}: {}", object.reference(), error.problem));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(objects.len() > 160, "{}", objects.len());
}

#[test]
#[cfg_attr(not(has_go), ignore = "needs go, to build helm")]
fn only_charts_that_helm_cannot_take_with_their_schema_are_taken_without_it() {
    let bed = Testbed::start();
    let plan = addressed_plan();
    let mut without = Vec::new();
    for step in &plan.steps {
        let Action::Helm(release) = &step.action else {
            continue;
        };
        if release.schema == Schema::Checked {
            continue;
        }
        without.push(release.name.clone());
        let folder = bed.path(&format!("far-{}", release.name));
        let mut files = standin::chart(release);
        files.push(("values.schema.json".to_owned(), far_schema()));
        files.push(("our.yaml".to_owned(), release.values.to_string()));
        for (name, content) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let taken = |more: &[&str]| {
            let mut helm = Command::new(bed.helm());
            helm.args(["template", "--values"])
                .arg(folder.join("our.yaml"));
            helm.args(more).arg(&release.name).arg(&folder);
            helm.output().unwrap().status.success()
        };
        assert!(!taken(&[]), "{}", release.name);
        assert!(taken(&["--skip-schema-validation"]), "{}", release.name);
    }
    assert_eq!(without, ["private-nginx", "public-nginx"]);
}

#[test]
#[cfg_attr(not(has_go), ignore = "needs go, to build helm")]
fn helm_gives_back_every_object_of_a_stand_in_chart_as_it_was() {
    let bed = Testbed::start();
    let plan = addressed_plan();
    let mut charts = 0;
    for step in &plan.steps {
        let Action::Helm(release) = &step.action else {
            continue;
        };
        let folder = bed.path(&format!("chart-{}", release.name));
        for (name, content) in standin::chart(release) {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let made = Command::new(bed.helm())
            .args(["template", "--namespace", &release.namespace, &release.name])
            .arg(&folder)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let text = String::from_utf8(made.stdout).unwrap();
        let mut given: Vec<String> = serde_yaml::Deserializer::from_str(&text)
            .map(|document| Value::deserialize(document).unwrap())
            .filter(|value| !value.is_null())
            .map(|value| value.to_string())
            .collect();
        let objects = standin::objects(release, Makers::ChartAndOperators);
        let mut wanted: Vec<String> = objects
            .iter()
            .map(|object| object.value().to_string())
            .collect();
        given.sort();
        wanted.sort();
        assert_eq!(given, wanted, "{}", release.name);
        charts += 1;
    }
    assert_eq!(charts, 16);
}
