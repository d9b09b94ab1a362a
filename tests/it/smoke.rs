//! The proof from outside on a deployed practice site: whatever is taken away from the site is told by the request that meets it.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use care_install::{
    engine::{
        event::{Command, Done, Event, Outcome, StepState},
        run::{self, Chosen, Setting},
    },
    plan::{Action, Object, ObjectRef, Plan, Proof, Step, StepId},
    problem::{Code, Problem},
    sys::http,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    catalog::{decoded, full_plan},
    edge::proofs,
    rehearsal_deploy::{LIMIT, Practiced, deployed_once, doors, setting},
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

/// The proof of Care's pages, and a question that nobody answers, so that the run has no end of its own.
fn proof_and_question(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.steps
        .retain(|step| step.id.as_str() == "smoke/care-web");
    let proof = &mut plan.steps[0];
    proof.needs.clear();
    let question = Step {
        id: StepId::new("smoke", "question"),
        needs: vec![proof.id.clone()],
        action: Action::Confirm {
            question: "Go on?".to_owned(),
        },
        ..proof.clone()
    };
    plan.steps.push(question);
    plan
}

/// Runs it in the folder until this is heard of the proof, then stops.
async fn runs_until(practiced: &Practiced, plan: &Plan, folder: &Path, heard: fn(&Event) -> bool) {
    let setting = Setting {
        chosen: Chosen::default(),
        ..setting(folder)
    };
    let doors = doors(&practiced.kube, &practiced.serving.routes);
    let run = run::start(plan.clone(), doors, setting).unwrap();
    let mut events = run.subscribe();
    let hearing = async {
        while let Some(event) = events.recv().await {
            if heard(&event) {
                return;
            }
        }
        unreachable!("the run has ended before");
    };
    timeout(LIMIT, hearing).await.unwrap();
    run.commands().send(Command::StopNow).await.unwrap();
    assert_eq!(run.finished().await, Outcome::Stopped);
}

fn is_proved(event: &Event) -> bool {
    matches!(event, Event::Step { step, state: StepState::Done { how: Done::AlreadyThere }, .. }
        if step.as_str() == "smoke/care-web")
}

fn is_refuted(event: &Event) -> bool {
    matches!(event, Event::Retry { step, problem, .. }
        if step.as_str() == "smoke/care-web" && problem.code == Code::Http03)
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
    without_its_ingress(&practiced, &plan).await;
    without_its_pods(&practiced, &plan).await;
    with_another_certificate(&practiced, &plan).await;
    without_its_firewall(&practiced, &plan).await;
}

async fn without_its_ingress(practiced: &Practiced, plan: &Plan) {
    let web = of(plan, "/");
    let ingress = ObjectRef::new("networking.k8s.io/v1", "Ingress", "care-fe", "care-web");
    let former = practiced.kube.get(&ingress).await.unwrap().unwrap();
    let (asks, journal) = (proof_and_question(plan), tempfile::tempdir().unwrap());
    runs_until(practiced, &asks, journal.path(), is_proved).await;
    assert!(practiced.kube.delete(&ingress).await.unwrap());
    let gone = (Code::Http03, "was answered with 404");
    until(practiced, web, Some(gone)).await;
    // A run that is gone on with believes no proof of before.
    runs_until(practiced, &asks, journal.path(), is_refuted).await;
    let again = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": former["spec"],
        "metadata": {"name": "care-web", "namespace": "care-fe"}});
    let again = Object::from_value(again).unwrap();
    practiced.kube.apply(&again).await.unwrap();
    until(practiced, web, None).await;
}

fn nobody(workload: &mut Value) {
    workload["spec"]["replicas"] = 0.into();
}

async fn without_its_pods(practiced: &Practiced, plan: &Plan) {
    let programs = ObjectRef::new("apps/v1", "Deployment", "care-fe", "care-web");
    change(practiced, &programs, nobody).await;
    let gone = (Code::Http03, "was answered with 502");
    until(practiced, of(plan, "/"), Some(gone)).await;
}

async fn with_another_certificate(practiced: &Practiced, plan: &Plan) {
    let console = ObjectRef::new("v1", "Secret", "rustfs", "lets-encrypt-cert");
    let mut all = proofs(plan);
    let proof = all.find(|proof| proof.certificate == console).unwrap();
    let own = practiced.kube.get(&console).await.unwrap().unwrap();
    let wanted = http::chain(&decoded(&own["data"]["tls.crt"])).unwrap();
    let stranger = rcgen::generate_simple_self_signed(["other.example.org".to_owned()]).unwrap();
    change(practiced, &console, |value| {
        value["data"] = json!({
            "tls.crt": STANDARD.encode(stranger.cert.pem()),
            "tls.key": STANDARD.encode(stranger.signing_key.serialize_pem()),
        });
    })
    .await;
    let shown = http::prove(proof, &proof.at[0], &wanted, &practiced.serving.routes).await;
    let problem = shown.unwrap_err().problem;
    assert_eq!(problem.code, Code::Http02, "{problem}");
}

async fn without_its_firewall(practiced: &Practiced, plan: &Plan) {
    let attack = proofs(plan).last().unwrap();
    let settings = ObjectRef::new("v1", "ConfigMap", "public-nginx", "waf");
    change(practiced, &settings, |value| {
        let engine = value["data"]["engine.conf"].as_str().unwrap();
        let looks = engine.replace("SecRuleEngine On", "SecRuleEngine DetectionOnly");
        value["data"]["engine.conf"] = looks.into();
    })
    .await;
    let through = (Code::Http04, "app.care.example.org at 10.0.0.12");
    until(practiced, attack, Some(through)).await;
    let firewall = ObjectRef::new("apps/v1", "Deployment", "public-nginx", "waf");
    change(practiced, &firewall, nobody).await;
    let gone = (
        Code::Http01,
        "app.care.example.org at 10.0.0.12 (secondary)",
    );
    until(practiced, attack, Some(gone)).await;
}
