//! What a person does by hand: small changes of one field, and pods that are asked to leave; under a name of its own.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use http::{HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use kube::client::Body;
use serde_json::{Value, json};

use super::{Answer, Kube, REQUEST_LIMIT, collect, request, retry_after, words};
use crate::{
    compare::owners::BY_HAND,
    plan::ObjectRef,
    sys::{DoorError, calls},
};

/// The pods that have to leave a node, by namespace and name, with their identity; and those that nobody would make anew.
pub type Leaving = (BTreeMap<(String, String), String>, Vec<String>);

/// Finds them among all pods.
pub fn leaving(pods: &[Arc<Value>], node: &str) -> Leaving {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (mut all, mut alone) = (BTreeMap::new(), Vec::new());
    for pod in pods.iter().filter(|pod| pod["spec"]["nodeName"] == node) {
        let ended = ["Succeeded", "Failed"].contains(&text(&pod["status"]["phase"]).as_str());
        let mirror = pod["metadata"]["annotations"].get("kubernetes.io/config.mirror");
        let owner = text(&pod["metadata"]["ownerReferences"][0]["kind"]);
        let place = (
            text(&pod["metadata"]["namespace"]),
            text(&pod["metadata"]["name"]),
        );
        match owner.as_str() {
            _ if ended || mirror.is_some() => {}
            "DaemonSet" | "Node" => {}
            "" => alone.push(format!("{}/{}", place.0, place.1)),
            _ => {
                all.insert(place, text(&pod["metadata"]["uid"]));
            }
        }
    }
    (all, alone)
}

/// What became of a pod that was asked to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evicted {
    /// It leaves.
    Leaves,
    /// It is not there any more.
    Gone,
    /// A budget does not allow it now.
    Refused(String),
}

impl Kube {
    /// Changes some fields of an object, or of a part of it such as `scale`; fields that are null are taken away.
    ///
    /// # Errors
    /// The server refuses or cannot be reached.
    pub async fn change(
        &self,
        target: &ObjectRef,
        part: Option<&str>,
        fields: &Value,
    ) -> Result<Value, DoorError> {
        let path = self.path(target).await?;
        let part = part.map_or_else(String::new, |part| format!("/{part}"));
        let path = format!("{path}{part}?fieldManager={BY_HAND}");
        let answer = self
            .send(
                &Method::PATCH,
                &path,
                fields,
                "application/merge-patch+json",
            )
            .await?;
        self.good(answer, &format!("change {target}"))
    }

    /// Makes an object by hand.
    ///
    /// # Errors
    /// The server refuses, also because there is one of that name, or cannot be reached.
    pub async fn make(&self, of: &ObjectRef, object: &Value) -> Result<Value, DoorError> {
        let Some(collection) = self.known(of).await? else {
            return Err(words::unknown_kind(of));
        };
        let path = format!("{collection}?fieldManager={BY_HAND}");
        let answer = self
            .send(&Method::POST, &path, object, "application/json")
            .await?;
        self.good(answer, &format!("make {of}"))
    }

    /// Asks a pod to leave its node, as budgets allow.
    ///
    /// # Errors
    /// The server refuses for another reason or cannot be reached.
    pub async fn evict(&self, namespace: &str, pod: &str) -> Result<Evicted, DoorError> {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
        let body = json!({"apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace}});
        let answer = self
            .send(&Method::POST, &path, &body, "application/json")
            .await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(Evicted::Gone),
            StatusCode::TOO_MANY_REQUESTS => {
                let causes = answer.body.pointer("/details/causes/0/message");
                let message = causes.or_else(|| answer.body.get("message"));
                let message = message.and_then(Value::as_str).unwrap_or_default();
                Ok(Evicted::Refused(message.to_owned()))
            }
            _ => {
                let doing = format!("let pod {namespace}/{pod} leave");
                self.good(answer, &doing).map(|_| Evicted::Leaves)
            }
        }
    }

    /// Asks once: what a person does is not done twice because an answer was lost.
    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: &Value,
        media: &'static str,
    ) -> Result<Answer, DoorError> {
        let mut asked = request(method, path, None);
        asked
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(media));
        *asked.body_mut() = Body::from(body.to_string().into_bytes());
        let began = Instant::now();
        // Not by the pace of the other questions: a budget's refusal has the status of an overload and is none.
        let response = tokio::time::timeout(REQUEST_LIMIT, self.once.send(asked))
            .await
            .map_err(|_elapsed| words::slow(&self.server, REQUEST_LIMIT))?
            .map_err(|error| words::transport(&self.server, &error))?;
        let status = response.status();
        calls::tell(
            method.as_str(),
            path,
            (Some(status.as_u16()), began.elapsed()),
        );
        let after = retry_after(response.headers());
        let bytes = collect(response.into_body()).await;
        Ok(Answer {
            status,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            after,
        })
    }
}
