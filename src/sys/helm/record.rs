//! Helm's own memory of a release, as it stores it in a Secret of the cluster.

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::{
    compare::{self, owners},
    plan::{Object, ObjectRef, Release},
    sys::{DoorError, helm::Installed, kube::Kube},
};

/// Largest release that is read, unpacked.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Objects of a release that are looked for.
const MOST_OBJECTS: usize = 2000;

/// Questions to the API server at one time.
const AT_ONCE: usize = 16;

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

    /// What helm made and what must be there for good.
    fn objects(&self) -> Vec<ObjectRef> {
        let named = self.manifest().into_iter().filter_map(|value| {
            let object = Object::from_value(value).ok()?;
            Some(object.reference())
        });
        named.collect()
    }

    /// The same as whole objects, each in its namespace.
    fn manifest(&self) -> Vec<Value> {
        let text = |value: &Value, pointer: &str| {
            let found = value.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let manifest = text(&self.release, "/manifest");
        let home = text(&self.release, "/namespace");
        serde_yaml::Deserializer::from_str(&manifest)
            .take(MOST_OBJECTS)
            .filter_map(|document| Value::deserialize(document).ok())
            .filter(|object| !text(object, "/metadata/name").is_empty())
            .map(|mut object| {
                if text(&object, "/metadata/namespace").is_empty() {
                    object["metadata"]["namespace"] = home.clone().into();
                }
                object
            })
            .collect()
    }

    /// What can be compared with a plan.
    fn compared(&self, secret: &Value) -> compare::Revision {
        let text = |pointer| self.release.pointer(pointer).and_then(Value::as_str);
        compare::Revision {
            number: self.number,
            status: self.status.clone(),
            chart: text("/chart/metadata/name").unwrap_or_default().to_owned(),
            version: text("/chart/metadata/version")
                .unwrap_or_default()
                .to_owned(),
            values: self.release.get("config").cloned().unwrap_or_default(),
            objects: self.manifest(),
            by: owners::entries(secret),
        }
    }

    /// How long ago helm began it; a time that cannot be read, or that is yet to come, is long ago.
    pub(super) fn age(&self) -> Duration {
        let text = self.release.pointer("/info/last_deployed");
        let began = text.and_then(Value::as_str).map(str::parse::<Timestamp>);
        let began = began.and_then(Result::ok).unwrap_or(Timestamp::UNIX_EPOCH);
        Duration::try_from(Timestamp::now().duration_since(began)).unwrap_or(Duration::MAX)
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
    let all = revisions(kube, release).await?;
    Ok(all.into_iter().max_by_key(|revision| revision.number))
}

async fn revisions(kube: &Kube, release: &Release) -> Result<Vec<Revision>, DoorError> {
    let of = ObjectRef::new("v1", "Secret", &release.namespace, "");
    let selector = format!("owner=helm,name={}", release.name);
    let secrets = kube.list(&of, &selector).await?;
    Ok(secrets.iter().filter_map(|secret| read(secret)).collect())
}

/// What runs: the newest revision that was deployed, else the newest; an upgrade that failed has not replaced what ran before.
pub(super) async fn installed(
    kube: &Kube,
    release: &Release,
) -> Result<Option<Installed>, DoorError> {
    let mut all = revisions(kube, release).await?;
    all.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    let deployed = all.iter().find(|revision| revision.status == "deployed");
    Ok(deployed.or(all.first()).map(|revision| {
        let text = |pointer| {
            revision
                .release
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Installed {
            number: revision.number,
            chart: text("/chart/metadata/name"),
            version: text("/chart/metadata/version"),
            values: revision.release.get("config").cloned().unwrap_or_default(),
        }
    }))
}

/// Every revision that is remembered, the newest first, with who wrote it down.
pub(super) async fn history(
    kube: &Kube,
    release: &Release,
) -> Result<Vec<compare::Revision>, DoorError> {
    let mut all = revisions(kube, release).await?;
    all.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    let mut history = Vec::with_capacity(all.len());
    for revision in all {
        // A list leaves out who wrote what.
        let secret = kube.get(&revision.secret).await?.unwrap_or_default();
        history.push(revision.compared(&secret));
    }
    Ok(history)
}

/// What keeps a release from being taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is deployed just so, and everything it made is there.
    JustSo,
    /// It is not there, of another version, with other values, or failed.
    Different,
    /// It is deployed just so, and someone took this object away.
    Missing(ObjectRef),
}

/// Compares the newest revision, and what it made, with what is wanted.
pub(super) async fn standing(kube: &Kube, release: &Release) -> Result<Standing, DoorError> {
    match newest(kube, release).await? {
        Some(revision) if revision.status == "deployed" && revision.is(release) => {
            first_missing(kube, revision.objects()).await
        }
        _ => Ok(Standing::Different),
    }
}

/// Looks for every object but those that end by themselves: just so, or missing.
pub(super) async fn first_missing(
    kube: &Kube,
    targets: Vec<ObjectRef>,
) -> Result<Standing, DoorError> {
    let lasting = targets
        .into_iter()
        .filter(|target| !["Job", "Pod"].contains(&target.kind.as_str()));
    let asked: Vec<_> = lasting
        .map(|target| async move {
            let found = kube.get(&target).await?;
            Ok::<_, DoorError>(found.is_none().then_some(target))
        })
        .collect();
    let mut answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some(answer) = answers.next().await {
        if let Some(target) = answer? {
            return Ok(Standing::Missing(target));
        }
    }
    Ok(Standing::JustSo)
}

/// What a Secret of helm holds, unpacked.
fn unpack<T: serde::de::DeserializeOwned>(stored: &str) -> Option<T> {
    let stored = STANDARD.decode(stored).ok()?;
    let packed = STANDARD.decode(stored).ok()?;
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.as_slice())
        .take(LARGEST)
        .read_to_end(&mut unpacked)
        .ok()?;
    serde_json::from_slice(&unpacked).ok()
}

/// What a stored release is called; its values and objects are not even kept while it is read.
pub(in crate::sys) fn called(stored: &str) -> Option<Value> {
    #[derive(serde::Deserialize)]
    struct Stored {
        chart: Option<Chart>,
        info: Option<Info>,
    }
    #[derive(serde::Deserialize)]
    struct Chart {
        metadata: Option<Metadata>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        name: Option<String>,
        version: Option<String>,
        app_version: Option<String>,
    }
    #[derive(serde::Deserialize)]
    struct Info {
        description: Option<String>,
        last_deployed: Option<String>,
    }
    let stored: Stored = unpack(stored)?;
    let metadata = stored.chart.and_then(|chart| chart.metadata);
    let (name, version, app) = metadata.map_or((None, None, None), |metadata| {
        (metadata.name, metadata.version, metadata.app_version)
    });
    let info = stored.info;
    let (description, deployed) =
        info.map_or((None, None), |info| (info.description, info.last_deployed));
    Some(
        json!({"chart": name, "version": version, "app": app, "description": description, "deployed": deployed}),
    )
}

fn read(secret: &Value) -> Option<Revision> {
    let text = |pointer: &str| secret.pointer(pointer).and_then(Value::as_str);
    let release: Value = unpack(text("/data/release")?)?;
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

/// The Secret that helm would have written for this revision of the release.
pub(super) fn of(release: &Release, number: u64) -> Object {
    numbered(release, (number, "deployed"), "2026-01-01T00:00:00Z")
}

/// The first revision in another status, begun at another time.
#[cfg(test)]
pub(super) fn with_status(release: &Release, status: &str, began: &str) -> Object {
    numbered(release, (1, status), began)
}

fn numbered(release: &Release, (number, status): (u64, &str), began: &str) -> Object {
    let chart = release.chart.rsplit('/').next().unwrap_or(&release.chart);
    let content = json!({
        "name": release.name,
        "info": {
            "first_deployed": "2026-01-01T00:00:00Z",
            "last_deployed": began,
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
        "version": number,
        "namespace": release.namespace,
    });
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory cannot fail; an empty record would only lead to another install.
    packer.write_all(content.to_string().as_bytes()).ok();
    let bytes = packer.finish().unwrap_or_default();
    let data = STANDARD.encode(STANDARD.encode(bytes));
    let name = format!("sh.helm.release.v1.{}.v{number}", release.name);
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": name,
            "namespace": release.namespace,
            "labels": {"name": release.name, "owner": "helm", "status": status, "version": number.to_string()},
        },
        "data": {"release": data},
    });
    Object::from_value(secret.clone())
        .unwrap_or_else(|_field| unreachable!("the Secret above is whole: {secret}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Schema;

    fn release() -> Release {
        Release {
            name: "longhorn".to_owned(),
            namespace: "longhorn-system".to_owned(),
            chart: "oci://example.org/charts/longhorn".to_owned(),
            repository: None,
            version: "1.12.2".to_owned(),
            values: json!({"a": {"b": 1}}),
            workloads: Vec::new(),
            schema: Schema::Checked,
            crds: Vec::new(),
            besides: Vec::new(),
        }
    }

    #[test]
    fn a_written_record_is_read_back_as_this_release_and_no_other() {
        let revision = read(of(&release(), 1).value()).unwrap();
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
    fn the_objects_of_a_manifest_are_found_where_helm_put_them() {
        let mut revision = read(of(&release(), 1).value()).unwrap();
        revision.release["manifest"] = "---\n# Source: a\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ui}\n\
            ---\n# nothing\n---\napiVersion: v1\nkind: Service\nmetadata: {name: ui, namespace: other}\n"
            .into();
        let objects: Vec<String> = revision.objects().iter().map(ToString::to_string).collect();
        let wanted = ["Deployment longhorn-system/ui", "Service other/ui"];
        assert_eq!(objects, wanted);
        revision.release["manifest"] = "a: [\n---\n\t".into();
        assert!(revision.objects().is_empty());
    }

    #[test]
    fn a_record_that_is_none_is_passed_over() {
        let mut value = of(&release(), 1).value().clone();
        value["data"]["release"] = "bm90IGEgcmVsZWFzZQ==".into();
        assert!(read(&value).is_none());
    }
}
