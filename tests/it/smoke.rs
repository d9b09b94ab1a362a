//! The proof from outside on a deployed practice site: whatever is taken away from the site is told by the request that meets it.

use care_install::{
    plan::{Object, ObjectRef, Plan, Proof},
    problem::{Code, Problem},
    sys::http,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    catalog::{decoded, full_plan},
    edge::proofs,
    rehearsal_deploy::{LIMIT, Practiced, deployed_once},
};

/// What the request of a step came to, when it is asked at the place of the plan's first address for it.
async fn asked(practiced: &Practiced, proof: &Proof) -> Result<u16, Problem> {
    let secret = practiced.kube.get(&proof.certificate).await.unwrap();
    let chain = http::chain(&decoded(&secret.unwrap()["data"]["tls.crt"])).unwrap();
    let routes = &practiced.serving.routes;
    let asked = http::prove(proof, &proof.at[0], &chain, routes).await;
    asked.map_err(|error| error.problem)
}

fn of<'p>(plan: &'p Plan, path: &str) -> &'p Proof {
    proofs(plan).find(|proof| proof.path == path).unwrap()
}

/// Asks until it is told so; the practice cluster needs a moment until a change has come through.
async fn until(practiced: &Practiced, proof: &Proof, code: Option<(Code, &str)>) {
    let looking = async {
        loop {
            let told = asked(practiced, proof).await;
            let as_wished = match (&told, code) {
                (Ok(_), None) => true,
                (Err(problem), Some((code, words))) => {
                    problem.code == code && problem.to_string().contains(words)
                }
                _ => false,
            };
            if as_wished {
                break;
            }
        }
    };
    let looked = timeout(LIMIT, looking).await;
    assert!(
        looked.is_ok(),
        "{code:?}: {:?}",
        asked(practiced, proof).await
    );
}

/// The object as it is, with something changed.
async fn change(practiced: &Practiced, target: &ObjectRef, turn: impl Fn(&mut Value)) {
    let mut value = practiced.kube.get(target).await.unwrap().unwrap();
    turn(&mut value);
    let object = Object::from_value(value).unwrap();
    practiced.kube.replace(&object).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_taken_away_is_told_with_its_name_its_address_and_what_was_answered() {
    let plan = full_plan();
    let (_folder, practiced) = deployed_once(plan.clone(), 250).await;
    let mut count = 0;
    for proof in proofs(&plan) {
        asked(&practiced, proof).await.unwrap();
        count += 1;
    }
    assert_eq!(count, 9);
    let (web, attack) = (of(&plan, "/"), proofs(&plan).last().unwrap());

    let ingress = ObjectRef::new("networking.k8s.io/v1", "Ingress", "care-fe", "care-web");
    let former = practiced.kube.get(&ingress).await.unwrap().unwrap();
    assert!(practiced.kube.delete(&ingress).await.unwrap());
    until(
        &practiced,
        web,
        Some((Code::Http03, "was answered with 404")),
    )
    .await;
    let again = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": former["spec"],
        "metadata": {"name": "care-web", "namespace": "care-fe"}});
    practiced
        .kube
        .apply(&Object::from_value(again).unwrap())
        .await
        .unwrap();
    until(&practiced, web, None).await;

    let none = |value: &mut Value| value["spec"]["replicas"] = 0.into();
    let programs = ObjectRef::new("apps/v1", "Deployment", "care-fe", "care-web");
    change(&practiced, &programs, none).await;
    until(
        &practiced,
        web,
        Some((Code::Http03, "was answered with 502")),
    )
    .await;

    let settings = ObjectRef::new("v1", "ConfigMap", "public-nginx", "waf");
    let looks = |value: &mut Value| {
        let engine = value["data"]["engine.conf"].as_str().unwrap();
        value["data"]["engine.conf"] = engine
            .replace("SecRuleEngine On", "SecRuleEngine DetectionOnly")
            .into();
    };
    change(&practiced, &settings, looks).await;
    until(
        &practiced,
        attack,
        Some((Code::Http04, "app.care.example.org at 10.0.0.12")),
    )
    .await;

    let console = ObjectRef::new("v1", "Secret", "rustfs", "lets-encrypt-cert");
    let stranger = rcgen::generate_simple_self_signed(["other.example.org".to_owned()]).unwrap();
    let own = practiced.kube.get(&console).await.unwrap().unwrap();
    let wanted = http::chain(&decoded(&own["data"]["tls.crt"])).unwrap();
    change(&practiced, &console, |value| {
        value["data"] = json!({"tls.crt": encoded(&stranger.cert.pem()), "tls.key": encoded(&stranger.signing_key.serialize_pem())});
    })
    .await;
    let proof = proofs(&plan)
        .find(|proof| proof.certificate == console)
        .unwrap();
    let shown = http::prove(proof, &proof.at[0], &wanted, &practiced.serving.routes).await;
    let problem = shown.unwrap_err().problem;
    assert_eq!(problem.code, Code::Http02, "{problem}");

    let firewall = ObjectRef::new("apps/v1", "Deployment", "public-nginx", "waf");
    change(&practiced, &firewall, none).await;
    until(
        &practiced,
        attack,
        Some((
            Code::Http01,
            "app.care.example.org at 10.0.0.12 (secondary)",
        )),
    )
    .await;
}

fn encoded(text: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}
