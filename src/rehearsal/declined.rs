//! What the practice cluster does not do, said in a sentence that names what to use instead. Pure.

use super::{
    answer::Failure,
    call::{Method, Place, Query},
};

/// The refusal of a request for something that is not done here.
pub fn declined(method: Method, place: &Place, query: &Query) -> Option<Failure> {
    let instead = match (
        place.group.as_str(),
        place.plural.as_str(),
        place.subresource.as_str(),
    ) {
        ("autoscaling", "horizontalpodautoscalers", _) if method == Method::Post => {
            "the practice cluster has no autoscaler; set the number yourself with `kubectl scale deployment NAME --replicas=N`"
        }
        ("", "pods", "attach") => {
            "the practice cluster runs no containers to attach to; `kubectl logs -f POD` follows what one writes, `kubectl exec POD -- COMMAND` runs a simulated command"
        }
        ("", "pods", "portforward") => {
            "the practice cluster runs nothing that listens on a port; `kubectl get endpointslices` shows where a service leads, `kubectl logs POD` what a container wrote"
        }
        ("", "pods" | "services" | "nodes", "proxy") => {
            "the practice cluster runs nothing that answers behind a proxy; `kubectl describe` shows the state of the object"
        }
        ("", "pods", "ephemeralcontainers") => {
            "the practice cluster runs no containers to debug; use `kubectl exec POD -- COMMAND`, `kubectl logs POD` and `kubectl describe pod POD`"
        }
        ("", "pods", "exec") if copies(query) => {
            "the practice cluster keeps no files that could be copied; `kubectl exec POD -- cat FILE` shows those that config maps and secrets bring"
        }
        _ => return None,
    };
    Some(Failure::new(501, "NotImplemented", instead))
}

/// What `kubectl cp` runs in the container.
fn copies(query: &Query) -> bool {
    query.text("command") == "tar"
}
