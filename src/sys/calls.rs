//! What is asked of the API while a step works, told to whoever listens in the same task; nothing is kept, nothing waits for it.

use std::time::Duration;

use tokio::sync::mpsc;

tokio::task_local! {
    static LISTENER: mpsc::Sender<Call>;
}

/// One call as it is shown: a path holds names and never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Such as `PATCH deployments care-be/care`, with what is special about it.
    pub asked: String,
    /// The status, or nothing when there was no answer.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Duration,
}

/// Does the work and tells its calls; a listener that does not keep up misses some.
pub async fn listened<T>(to: mpsc::Sender<Call>, work: impl Future<Output = T>) -> T {
    LISTENER.scope(to, work).await
}

/// Tells a call, if somebody listens.
pub(super) fn tell(method: &str, path: &str, (status, took): (Option<u16>, Duration)) {
    let told = LISTENER.try_with(|to| {
        let asked = shown(method, path);
        to.try_send(Call {
            asked,
            status,
            took,
        })
        .is_ok()
    });
    // Nobody listens, or it does not keep up: the call itself is done.
    told.ok();
}

/// A request in the words of the API: verb, kind, namespace and name.
fn shown(method: &str, path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (["api", _, of_group @ ..] | ["apis", _, _, of_group @ ..]) = parts.as_slice() else {
        return format!("{method} {path}");
    };
    let target = match of_group {
        [] => return format!("{method} {path}"),
        ["namespaces", namespace, kind] => format!("{kind} in {namespace}"),
        ["namespaces", namespace, kind, name] => format!("{kind} {namespace}/{name}"),
        ["namespaces", namespace, kind, name, part @ ..] => {
            format!("{kind} {namespace}/{name} {}", part.join("/"))
        }
        [kind, rest @ ..] => format!("{kind} {}", rest.join("/")),
    };
    let trial = if query.contains("dryRun=All") {
        " (dry run)"
    } else {
        ""
    };
    format!("{method} {}{trial}", target.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_by_verb_kind_and_name() {
        let check = |path: &str, said: &str| assert_eq!(shown("GET", path), said);
        check(
            "/api/v1/namespaces/database/secrets/a?fieldManager=x",
            "GET secrets database/a",
        );
        check(
            "/apis/apps/v1/namespaces/care-be/deployments?limit=5",
            "GET deployments in care-be",
        );
        check("/api/v1/nodes/primary", "GET nodes primary");
        check("/api/v1/namespaces/care-be", "GET namespaces care-be");
        check("/apis/apps/v1", "GET /apis/apps/v1");
        check("/version", "GET /version");
        check(
            "/api/v1/namespaces/a/pods/b/eviction?dryRun=All",
            "GET pods a/b eviction (dry run)",
        );
    }

    #[tokio::test]
    async fn only_who_listens_in_the_same_task_hears() {
        let (to, mut heard) = mpsc::channel(4);
        let call = || tell("GET", "/version", (Some(200), Duration::ZERO));
        call();
        listened(to, async { call() }).await;
        assert_eq!(heard.recv().await.unwrap().asked, "GET /version");
        assert_eq!(heard.recv().await, None);
    }
}
