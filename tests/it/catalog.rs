//! The catalogue against a real API server: every object that would be sent is accepted as it is, strictly.

use care_install::{
    catalog::{
        Catalog,
        standin::{self, Makers},
    },
    plan::{self, Action, Object, Plan, Ready},
    rehearsal::schema,
    site::{SecretName, Secrets, Site, sample},
    sys::kube::{Kube, Source},
};
use secrecy::SecretString;

use crate::testbed::Testbed;

/// The plan of the sample site with made-up secrets.
pub fn sample_plan() -> Plan {
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
    let site = Site::try_from(&sample()).unwrap();
    plan::build(&site, &secrets, &Catalog::load().unwrap()).unwrap()
}

/// The API server checks that a TLS secret holds a pair that fits.
fn certificate() -> (String, String) {
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
    let plan = sample_plan();
    let mut objects: Vec<Object> = Vec::new();
    for step in &plan.steps {
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
    assert!(objects.len() > 80, "{}", objects.len());
}
