//! What the metrics server says that pods and nodes use: one question for each, asked once and not by the pace of the others.

use std::time::Instant;

use http::{Method, StatusCode};
use serde::Deserialize;

use super::{Kube, REQUEST_LIMIT, collect, request, retry_after, words};
use crate::sys::{DoorError, calls};

/// Where the measurements are.
const PATH: &str = "/apis/metrics.k8s.io/v1beta1";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measures {
    /// The machines.
    Nodes,
    /// The pods of all namespaces.
    Pods,
}

/// One measurement.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Measured {
    /// Whose.
    pub metadata: Named,
    /// When, as the server wrote it.
    #[serde(default)]
    pub timestamp: String,
    /// The use of a node.
    pub usage: Option<Use>,
    /// The uses of a pod's containers.
    #[serde(default)]
    pub containers: Vec<Container>,
}

/// Whose measurement it is.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Named {
    /// Name.
    pub name: String,
    /// Namespace; empty for nodes.
    #[serde(default)]
    pub namespace: String,
}

/// A container of a measured pod.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Container {
    /// What it uses.
    pub usage: Use,
}

/// Quantities, as the server wrote them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Use {
    /// Such as `153345678n`.
    #[serde(default)]
    pub cpu: String,
    /// Such as `421376Ki`.
    #[serde(default)]
    pub memory: String,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measurements {
    /// Measurements.
    These(Vec<Measured>),
    /// Nobody measures in this cluster.
    Absent,
    /// Whoever measures does not answer now.
    NotReady,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Measured>,
}

impl Kube {
    /// Asks what is used. Nothing but what is shown is read of the answer, which may tell of many thousand pods.
    ///
    /// # Errors
    /// The server refuses, says nonsense or cannot be reached.
    pub async fn measured(&self, what: Measures) -> Result<Measurements, DoorError> {
        let (path, doing) = match what {
            Measures::Nodes => (format!("{PATH}/nodes"), "read what the nodes use"),
            Measures::Pods => (format!("{PATH}/pods"), "read what the pods use"),
        };
        let began = Instant::now();
        // That nobody measures has the status of an overload and is none: the other questions must not wait for it.
        let asked = self.once.send(request(&Method::GET, &path, None));
        let whole = async {
            let response = asked.await?;
            let (status, after) = (response.status(), retry_after(response.headers()));
            Ok::<_, kube::Error>((status, after, collect(response.into_body()).await))
        };
        let (status, after, bytes) = tokio::time::timeout(REQUEST_LIMIT, whole)
            .await
            .map_err(|_elapsed| words::slow(&self.server, REQUEST_LIMIT))?
            .map_err(|error| words::transport(&self.server, &error))?;
        calls::tell("GET", &path, (Some(status.as_u16()), began.elapsed()));
        match status {
            StatusCode::NOT_FOUND => Ok(Measurements::Absent),
            StatusCode::SERVICE_UNAVAILABLE => Ok(Measurements::NotReady),
            status if status.is_success() => {
                let list: List = serde_json::from_slice(&bytes)
                    .map_err(|error| words::nonsense(&self.server, &error))?;
                Ok(Measurements::These(list.items))
            }
            status => {
                let body = serde_json::from_slice(&bytes).unwrap_or_default();
                Err(words::refused(&self.server, doing, (status, after), &body))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::{problem::Code, sys::kube::Source};

    /// What is said to the only question.
    async fn asked(status: &str, body: &str) -> Result<Measurements, DoorError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-type: application/json\r\nretry-after: 1\r\n\r\n{body}",
            body.len()
        );
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = String::new();
            while !question.ends_with("\r\n\r\n") {
                question.push(stream.read_u8().await.unwrap().into());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            // Whoever asked again would wait here for ever, or be refused.
            drop(listener);
            question
        });
        let token = SecretString::from("token");
        let kube = Kube::connect(&Source::Endpoint { url, token })
            .await
            .unwrap();
        let said = kube.measured(Measures::Pods).await;
        let question = serving.await.unwrap();
        assert!(
            question.starts_with("GET /apis/metrics.k8s.io/v1beta1/pods "),
            "{question}"
        );
        said
    }

    #[tokio::test]
    async fn measurements_are_read_and_what_else_is_said_is_left() {
        let body = r#"{"kind":"PodMetricsList","items":[{"metadata":{"name":"a","namespace":"b","labels":{"x":"y"}},
            "timestamp":"2026-11-24T06:00:00Z","window":"15s","containers":[{"name":"c","usage":{"cpu":"1500000n","memory":"20Mi"}}]}]}"#;
        let Ok(Measurements::These(all)) = asked("200 OK", body).await else {
            panic!()
        };
        assert_eq!(all.len(), 1);
        assert_eq!(
            (
                all[0].metadata.namespace.as_str(),
                all[0].metadata.name.as_str()
            ),
            ("b", "a")
        );
        assert_eq!(all[0].containers[0].usage.memory, "20Mi");
    }

    #[tokio::test]
    async fn nobody_measures_and_not_ready_are_answers_and_asked_for_once() {
        assert_eq!(
            asked("404 Not Found", "404 page not found").await,
            Ok(Measurements::Absent)
        );
        assert_eq!(
            asked("503 Service Unavailable", "").await,
            Ok(Measurements::NotReady)
        );
    }

    #[tokio::test]
    async fn a_refusal_and_nonsense_are_told() {
        let body = r#"{"kind":"Status","message":"pods.metrics.k8s.io is forbidden","reason":"Forbidden","code":403}"#;
        let refused = asked("403 Forbidden", body).await.unwrap_err().problem;
        assert!(refused.what.contains("what the pods use"), "{refused}");
        let nonsense = asked("200 OK", "<html>").await.unwrap_err().problem;
        assert_ne!(nonsense.code, Code::Bug01);
    }
}
