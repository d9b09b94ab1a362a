//! What a failed call to the Kubernetes API means, in words, and whether another try can help.

use std::{path::Path, time::Duration};

use http::StatusCode;
use serde_json::Value;

use crate::{
    plan::ObjectRef,
    problem::{Code, Problem},
    sys::{DoorError, Retry},
};

/// Longest message of a server that is repeated to a person.
const LONGEST_MESSAGE: usize = 600;

/// Longest pause that a server may ask for.
const LONGEST_AFTER: Duration = Duration::from_mins(1);

/// The kubeconfig cannot be used.
pub fn kubeconfig(file: Option<&Path>, error: &kube::config::KubeconfigError) -> DoorError {
    let name = file.map_or_else(
        || "the usual kubeconfig (KUBECONFIG or ~/.kube/config)".to_owned(),
        |file| file.display().to_string(),
    );
    let problem = Problem::new(
        Code::Kube01,
        format!("Could not use {name}."),
        "Copy /etc/kubernetes/admin.conf from the primary node to this computer and name it in cluster.kubeconfig, \
         or set cluster.context to a context that it holds.",
    );
    DoorError::lasting(problem.caused_by(error))
}

/// The address cannot be read.
pub fn address(url: &str, error: &http::uri::InvalidUri) -> DoorError {
    let problem = Problem::new(
        Code::Kube01,
        format!("The address `{url}` of the API cannot be read."),
        "Use an address such as https://kube-api.internal:6443.",
    );
    DoorError::lasting(problem.caused_by(error))
}

/// The client cannot be made from the configuration.
pub fn client(server: &str, error: &kube::Error) -> DoorError {
    let problem = Problem::new(
        Code::Kube01,
        format!("Could not prepare the connection to {server}."),
        "Check the certificates and keys that the kubeconfig names: kubectl --kubeconfig FILE version must work.",
    );
    DoorError::lasting(problem.caused_by(error))
}

/// No answer in time.
pub fn slow(server: &str, limit: Duration) -> DoorError {
    DoorError::passing(Problem::new(
        Code::Kube03,
        format!("{server} did not answer within {} s.", limit.as_secs()),
        "Check that the primary node is up and not out of memory: ssh to it, then `uptime` and `crictl ps | grep kube-apiserver`.",
    ))
}

/// The connection failed or broke.
pub fn transport(server: &str, error: &kube::Error) -> DoorError {
    let problem =
        |code, what: String, remedy: &str| Problem::new(code, what, remedy).caused_by(error);
    let words = chain(error);
    if words.contains("certificate") || words.contains("UnknownIssuer") {
        return DoorError::lasting(problem(
            Code::Kube02,
            format!("The certificate of {server} is not trusted."),
            "Use the kubeconfig of this very cluster: the certificate authority in it must be the one that signed the API's certificate.",
        ));
    }
    DoorError::passing(problem(
        Code::Kube03,
        format!("Could not reach the Kubernetes API at {server}."),
        "Check that the primary node is up, that its name resolves here, and that port 6443 is open: `nc -vz HOST 6443`.",
    ))
}

/// The answer is no JSON.
pub fn nonsense(server: &str, error: &serde_json::Error) -> DoorError {
    let problem = Problem::new(
        Code::Kube04,
        format!("{server} answered something that is not Kubernetes."),
        "Check the address in the kubeconfig: a proxy or another service answers there.",
    );
    DoorError::passing(problem.caused_by(error))
}

/// The server does not know the kind: its definition is not there yet.
pub fn unknown_kind(target: &ObjectRef) -> DoorError {
    DoorError::passing(Problem::new(
        Code::Kube05,
        format!(
            "The cluster does not know the kind {} of {} yet.",
            target.kind, target.api_version
        ),
        "The component that brings this kind comes first in the plan; run its step again (press r on it).",
    ))
}

/// The server answered with an error.
pub fn refused(
    server: &str,
    doing: &str,
    (status, after): (StatusCode, Option<Duration>),
    body: &Value,
) -> DoorError {
    let message = body.get("message").and_then(Value::as_str).unwrap_or("");
    let message: String = message.chars().take(LONGEST_MESSAGE).collect();
    let what = format!("Could not {doing}.");
    let problem = |code, remedy: &str| {
        let mut problem = Problem::new(code, what.clone(), remedy);
        for cause in causes(body) {
            problem = problem.because(cause);
        }
        if problem.causes.is_empty() {
            let cause = if message.is_empty() {
                status.to_string()
            } else {
                message.clone()
            };
            problem = problem.because(cause);
        }
        problem
    };
    if message.contains("failed calling webhook") || message.contains("failed to call webhook") {
        return DoorError::passing(problem(
            Code::Kube07,
            "The operator that checks such objects does not answer yet; the step tries again by itself. If it lasts, look at that operator's pods.",
        ));
    }
    by_status(
        status,
        (server, &message, retry_after(after, body)),
        &problem,
    )
}

fn by_status(
    status: StatusCode,
    (server, message, retry): (&str, &str, Retry),
    problem: &dyn Fn(Code, &str) -> Problem,
) -> DoorError {
    match status.as_u16() {
        401 => DoorError::lasting(problem(
            Code::Kube06,
            "The login in the kubeconfig is not valid any more. Copy a fresh /etc/kubernetes/admin.conf from the primary node.",
        )),
        403 if message.contains("is being terminated") => DoorError::passing(problem(
            Code::Kube08,
            "The namespace is being deleted; the step tries again once it is gone.",
        )),
        // An API server that has just started does not know its own roles for a moment.
        403 if message.contains("RBAC: ") && message.contains("not found") => {
            DoorError::passing(problem(
                Code::Kube06,
                "The API has just started and does not know this login's role yet; the step tries again by itself. If it lasts, the role is really gone: kubectl get clusterroles.",
            ))
        }
        403 => DoorError::lasting(problem(
            Code::Kube06,
            "This login may not do that. Use the administrator's kubeconfig of the primary node.",
        )),
        404 => DoorError::passing(problem(
            Code::Kube08,
            "Something it belongs to is not there yet, often its namespace. Run the step that makes it (press r on it).",
        )),
        409 => DoorError::passing(problem(
            Code::Kube08,
            "Something else changed it at the same moment; the step tries again by itself.",
        )),
        410 => DoorError::passing(problem(
            Code::Kube08,
            "The list was too old; it is read again by itself.",
        )),
        400 | 422 => DoorError::lasting(problem(
            Code::Kube09,
            "The cluster does not take this object as it is. If a setting of site.yaml is named above, correct it; otherwise report this with the log.",
        )),
        // So a real server words an apply of a field that the kind does not have.
        500 if message.contains("field not declared in schema") => DoorError::lasting(problem(
            Code::Kube09,
            "The cluster does not know this field of the object. Its definitions may be older than this program expects: run the step again that installs them, or report this with the log.",
        )),
        429 => DoorError {
            retry,
            problem: problem(
                Code::Kube10,
                "The API asked to slow down; the step goes on by itself.",
            ),
        },
        500..=599 => DoorError {
            retry,
            problem: problem(
                Code::Kube10,
                &format!(
                    "The API at {server} has a problem of its own. Look at the logs of kube-apiserver and etcd on the primary node if it lasts."
                ),
            ),
        },
        _ => DoorError::lasting(problem(
            Code::Kube08,
            "Read the server's words above; the log of this run holds the whole exchange.",
        )),
    }
}

/// The fields that the server names, one line each.
fn causes(body: &Value) -> Vec<String> {
    let causes = body.pointer("/details/causes").and_then(Value::as_array);
    causes
        .into_iter()
        .flatten()
        .map(|cause| {
            let text = |field| cause.get(field).and_then(Value::as_str).unwrap_or("");
            match text("field") {
                "" => text("message").to_owned(),
                field => format!("{field}: {}", text("message")),
            }
        })
        .filter(|line| !line.is_empty())
        .collect()
}

/// The longer of what the header and the body ask for.
fn retry_after(header: Option<Duration>, body: &Value) -> Retry {
    let seconds = body
        .pointer("/details/retryAfterSeconds")
        .and_then(Value::as_u64);
    match header.max(seconds.map(Duration::from_secs)) {
        Some(after) if !after.is_zero() => Retry::After(after.min(LONGEST_AFTER)),
        _ => Retry::Backoff,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        words.push_str(": ");
        words.push_str(&error.to_string());
        next = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_passes_by_itself_is_tried_again_and_the_rest_is_not() {
        for (status, message, code, passes) in [
            (401, "Unauthorized", Code::Kube06, false),
            (
                403,
                "nodes is forbidden: User \"x\" cannot list resource \"nodes\"",
                Code::Kube06,
                false,
            ),
            (
                403,
                "nodes is forbidden: User \"x\" cannot list resource \"nodes\": RBAC: [clusterrole.rbac.authorization.k8s.io \"cluster-admin\" not found]",
                Code::Kube06,
                true,
            ),
            (
                403,
                "unable to create new content in namespace a because it is being terminated",
                Code::Kube08,
                true,
            ),
            (404, "namespaces \"a\" not found", Code::Kube08, true),
            (409, "the object has been modified", Code::Kube08, true),
            (422, "spec.replicas: Invalid value", Code::Kube09, false),
            (
                500,
                "failed calling webhook \"a\": dial tcp: connection refused",
                Code::Kube07,
                true,
            ),
            (
                500,
                "failed to create typed patch object (/a; example.org/v1, Kind=A): .spec.b: field not declared in schema",
                Code::Kube09,
                false,
            ),
            (
                503,
                "the server is currently unable to handle the request",
                Code::Kube10,
                true,
            ),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = refused(
                "https://a:6443",
                "list nodes",
                (status, None),
                &json!({"message": message}),
            );
            assert_eq!(error.problem.code, code, "{message}");
            assert_eq!(error.retry != Retry::No, passes, "{message}");
        }
    }
}
