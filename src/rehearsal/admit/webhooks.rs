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
    Webhook {
        group: "metallb.io",
        name: "{kind}validationwebhook.metallb.io",
        namespace: "metallb-system",
        service: "metallb-webhook-service",
        path: "443/validate-metallb-io-v1beta1-{kind}?timeout=10s",
        workload: ("Deployment.apps", "metallb-controller"),
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ask;
    use crate::rehearsal::{
        kinds::{Kind, Registry},
        schema,
        store::Store,
    };

    fn kind(store: &Store, group: &str, plural: &str) -> Kind {
        let registry = Registry::of(store);
        let found = ["v1", "v1beta2"]
            .iter()
            .find_map(|version| registry.find(group, version, plural));
        (**found.unwrap()).clone()
    }

    fn add(store: &mut Store, value: Value) {
        let now = "2026-11-24T06:00:00Z".parse().unwrap();
        store.create(value, now).unwrap();
    }

    fn workload(kind: &str, namespace: &str, name: &str, status: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace},
            "status": status})
    }

    /// What the API says about an object of the kind while the workload has this status.
    fn said((group, plural): (&str, &str), workload: Value) -> String {
        let mut store = Store::default();
        add(
            &mut store,
            schema::crd(&format!("{plural}.{group}")).unwrap(),
        );
        add(&mut store, workload);
        let kind = kind(&store, group, plural);
        ask(&store, &kind).map_or_else(|failure| failure.message, |()| String::new())
    }

    #[test]
    fn a_webhook_without_a_ready_pod_refuses_in_the_servers_words() {
        let of = ("postgresql.cnpg.io", "clusters");
        let operator =
            |status: Value| workload("Deployment", "cnpg-system", "cnpg-cloudnative-pg", &status);
        assert_eq!(
            said(of, operator(json!({}))),
            "Internal error occurred: failed calling webhook \"mcluster.cnpg.io\": failed to call webhook: Post \
             \"https://cnpg-webhook-service.cnpg-system.svc:443/mutate-postgresql-cnpg-io-v1-cluster?timeout=10s\": \
             no endpoints available for service \"cnpg-webhook-service\""
        );
        assert_eq!(said(of, operator(json!({"readyReplicas": 1}))), "");
        let of = ("longhorn.io", "recurringjobs");
        let managers =
            |status: Value| workload("DaemonSet", "longhorn-system", "longhorn-manager", &status);
        assert!(said(of, managers(json!({"numberReady": 0}))).contains("validator.longhorn.io"));
        assert_eq!(said(of, managers(json!({"numberReady": 1}))), "");
    }

    #[test]
    fn a_webhook_that_nobody_installed_is_not_asked() {
        let other = workload("Deployment", "default", "other", &json!({}));
        assert_eq!(said(("cert-manager.io", "issuers"), other), "");
    }

    #[test]
    fn a_webhook_is_not_trusted_before_its_authority_is_handed_out() {
        let mut store = Store::default();
        add(&mut store, schema::crd("issuers.cert-manager.io").unwrap());
        let ready = json!({"readyReplicas": 1});
        add(
            &mut store,
            workload("Deployment", "cert-manager", "cert-manager-webhook", &ready),
        );
        add(
            &mut store,
            workload(
                "Deployment",
                "cert-manager",
                "cert-manager-cainjector",
                &json!({}),
            ),
        );
        let kind = kind(&store, "cert-manager.io", "issuers");
        let failure = ask(&store, &kind).unwrap_err();
        assert_eq!((failure.code, failure.reason), (500, "InternalError"));
        assert!(
            failure
                .message
                .ends_with("certificate signed by unknown authority")
        );
    }
}
