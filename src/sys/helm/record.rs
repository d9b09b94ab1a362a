//! Helm's own memory of a release, as it stores it in a Secret of the cluster.

use std::io::{Read as _, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};

use crate::{
    plan::{Object, ObjectRef, Release},
    sys::{DoorError, kube::Kube},
};

/// Largest release that is read, unpacked.
const LARGEST: u64 = 64 * 1024 * 1024;

/// A revision of a release.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    /// The Secret that holds it.
    pub secret: ObjectRef,
    /// Counted from 1.
    pub number: u64,
    /// `deployed`, `failed`, `pending-install`, `pending-upgrade`, `superseded` ...
    pub status: String,
    release: Value,
}

impl Revision {
    /// Whether this revision holds just the wanted chart and values.
    fn is(&self, release: &Release) -> bool {
        let text = |pointer| self.release.pointer(pointer).and_then(Value::as_str);
        let chart = release.chart.rsplit('/').next();
        let values = self.release.pointer("/config").cloned();
        let bare = |version: &str| version.trim_start_matches('v').to_owned();
        text("/chart/metadata/version").map(bare) == Some(bare(&release.version))
            && text("/chart/metadata/name") == chart
            && text("/namespace") == Some(&release.namespace)
            && same(&values.unwrap_or(Value::Null), &release.values)
    }

    /// Whether a helm process was at work on it when it was last heard of.
    pub(super) fn is_pending(&self) -> bool {
        self.status.starts_with("pending-") || self.status == "uninstalling"
    }
}

/// Helm keeps no values as null; an empty map is the same.
fn same(left: &Value, right: &Value) -> bool {
    let empty =
        |value: &Value| value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    left == right || (empty(left) && empty(right))
}

/// The newest revision, when there is one.
pub(super) async fn newest(kube: &Kube, release: &Release) -> Result<Option<Revision>, DoorError> {
    let of = ObjectRef::new("v1", "Secret", &release.namespace, "");
    let selector = format!("owner=helm,name={}", release.name);
    let secrets = kube.list(&of, &selector).await?;
    Ok(secrets
        .iter()
        .filter_map(|secret| read(secret))
        .max_by_key(|revision| revision.number))
}

/// Whether the newest revision is deployed and holds just what is wanted.
pub(super) async fn is_deployed(kube: &Kube, release: &Release) -> Result<bool, DoorError> {
    let newest = newest(kube, release).await?;
    Ok(newest.is_some_and(|revision| revision.status == "deployed" && revision.is(release)))
}

fn read(secret: &Value) -> Option<Revision> {
    let text = |pointer: &str| secret.pointer(pointer).and_then(Value::as_str);
    let stored = STANDARD.decode(text("/data/release")?).ok()?;
    let packed = STANDARD.decode(stored).ok()?;
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.as_slice())
        .take(LARGEST)
        .read_to_end(&mut unpacked)
        .ok()?;
    let release: Value = serde_json::from_slice(&unpacked).ok()?;
    Some(Revision {
        secret: ObjectRef::new(
            "v1",
            "Secret",
            text("/metadata/namespace")?,
            text("/metadata/name")?,
        ),
        number: release.get("version")?.as_u64()?,
        status: release.pointer("/info/status")?.as_str()?.to_owned(),
        release,
    })
}

/// The Secret that helm would have written for a first install of the release.
pub(super) fn of(release: &Release) -> Object {
    with_status(release, "deployed")
}

/// The same, when it is, or was, in another status.
pub(super) fn with_status(release: &Release, status: &str) -> Object {
    let chart = release.chart.rsplit('/').next().unwrap_or(&release.chart);
    let content = json!({
        "name": release.name,
        "info": {
            "first_deployed": "2026-01-01T00:00:00Z",
            "last_deployed": "2026-01-01T00:00:00Z",
            "deleted": "",
            "description": "Install complete",
            "status": status,
        },
        "chart": {
            "metadata": {"name": chart, "version": release.version, "apiVersion": "v2"},
            "lock": null, "templates": [], "values": {}, "schema": null, "files": [],
        },
        "config": release.values,
        "manifest": "",
        "version": 1,
        "namespace": release.namespace,
    });
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory cannot fail; an empty record would only lead to another install.
    packer.write_all(content.to_string().as_bytes()).ok();
    let bytes = packer.finish().unwrap_or_default();
    let data = STANDARD.encode(STANDARD.encode(bytes));
    let name = format!("sh.helm.release.v1.{}.v1", release.name);
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": name,
            "namespace": release.namespace,
            "labels": {"name": release.name, "owner": "helm", "status": status, "version": "1"},
        },
        "data": {"release": data},
    });
    Object::from_value(secret.clone())
        .unwrap_or_else(|_field| unreachable!("the Secret above is whole: {secret}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        Release {
            name: "longhorn".to_owned(),
            namespace: "longhorn-system".to_owned(),
            chart: "oci://example.org/charts/longhorn".to_owned(),
            repository: None,
            version: "1.12.2".to_owned(),
            values: json!({"a": {"b": 1}}),
            workloads: Vec::new(),
            crds: Vec::new(),
        }
    }

    #[test]
    fn a_written_record_is_read_back_as_this_release_and_no_other() {
        let revision = read(of(&release()).value()).unwrap();
        assert_eq!((revision.number, revision.status.as_str()), (1, "deployed"));
        assert!(revision.is(&release()) && !revision.is_pending());
        let mut other = release();
        other.values = json!({"a": {"b": 2}});
        assert!(!revision.is(&other));
        let mut other = release();
        other.version = "1.12.3".to_owned();
        assert!(!revision.is(&other));
    }

    #[test]
    fn a_record_that_is_none_is_passed_over() {
        let mut value = of(&release()).value().clone();
        value["data"]["release"] = "bm90IGEgcmVsZWFzZQ==".into();
        assert!(read(&value).is_none());
    }
}
