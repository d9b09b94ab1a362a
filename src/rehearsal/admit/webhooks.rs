//! The operators' webhooks: while an operator does not serve, the API refuses the objects it would check. Pure.

use serde_json::{Value, json};

use crate::rehearsal::{answer::Failure, kinds::Kind, store::Store};

/// A webhook as its operator registers it.
#[derive(Clone, Copy, Debug)]
struct Webhook {
    /// The group whose objects it checks.
    group: &'static str,
    /// Its name before the group's own: `{kind}` stands for the kind.
    name: &'static str,
    namespace: &'static str,
    service: &'static str,
    /// Port and path.
    path: &'static str,
    /// Kind and name of the workload that answers.
    workload: (&'static str, &'static str),
    /// The Deployment that tells the API whom to trust, where it is another.
    trust: Option<&'static str>,
}

const WEBHOOKS: &[Webhook] = &[
    Webhook {
        group: "cert-manager.io",
        name: "webhook.cert-manager.io",
        namespace: "cert-manager",
        service: "cert-manager-webhook",
        path: "443/validate?timeout=30s",
        workload: ("Deployment.apps", "cert-manager-webhook"),
        trust: Some("cert-manager-cainjector"),
    },
    Webhook {
        group: "postgresql.cnpg.io",
        name: "m{kind}.cnpg.io",
        namespace: "cnpg-system",
        service: "cnpg-webhook-service",
        path: "443/mutate-postgresql-cnpg-io-v1-{kind}?timeout=10s",
        workload: ("Deployment.apps", "cnpg-cloudnative-pg"),
        trust: None,
    },
    Webhook {
        group: "longhorn.io",
        name: "validator.longhorn.io",
        namespace: "longhorn-system",
        service: "longhorn-admission-webhook",
        path: "9502/v1/webhook/validation?timeout=10s",
        workload: ("DaemonSet.apps", "longhorn-manager"),
        trust: None,
    },
];

/// Asks the webhook that checks objects of this kind. One whose operator is not installed is not registered.
///
/// # Errors
/// 500 as a real server says it when the webhook does not answer.
pub fn ask(store: &Store, kind: &Kind) -> Result<(), Failure> {
    let Some(hook) = WEBHOOKS.iter().find(|hook| hook.group == kind.group) else {
        return Ok(());
    };
    let (of, workload) = hook.workload;
    let Some(workload) = store.get(of, hook.namespace, workload) else {
        return Ok(());
    };
    if !answers(workload) {
        let why = format!("no endpoints available for service \"{}\"", hook.service);
        return Err(unanswered(hook, kind, &why));
    }
    let trusted = hook.trust.is_none_or(|injector| {
        store
            .get("Deployment.apps", hook.namespace, injector)
            .is_none_or(|injector| answers(injector))
    });
    if trusted {
        return Ok(());
    }
    let why = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    Err(unanswered(hook, kind, why))
}

/// Whether a workload has a pod that is ready.
fn answers(workload: &Value) -> bool {
    ["readyReplicas", "numberReady"]
        .iter()
        .any(|field| workload["status"][*field].as_u64() > Some(0))
}

fn unanswered(hook: &Webhook, kind: &Kind, why: &str) -> Failure {
    let lower = kind.kind.to_lowercase();
    let name = hook.name.replace("{kind}", &lower);
    let path = hook.path.replace("{kind}", &lower);
    let cause = format!(
        "failed calling webhook \"{name}\": failed to call webhook: Post \"https://{}.{}.svc:{path}\": {why}",
        hook.service, hook.namespace
    );
    let mut failure = Failure::new(
        500,
        "InternalError",
        format!("Internal error occurred: {cause}"),
    );
    failure.details = json!({"causes": [{"message": cause}]});
    failure
}
