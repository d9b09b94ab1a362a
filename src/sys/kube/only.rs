//! Which objects of a kind are asked for, and what of them is kept.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::{plan::ObjectRef, sys::helm};

/// The one entry of such a secret that is no secret.
const CERTIFICATE: &str = "tls.crt";

/// Which objects of a kind are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Only {
    /// All, whole.
    All,
    /// Pods; of each only what tells how it is, where it is, whose it is and what it asks for.
    PodsInShort,
    /// Secrets with a certificate; of their data only the certificate is kept, never the key.
    Certificates,
    /// Helm's memory of its releases; of each only what it is called is kept, no value and no object of it.
    Releases,
}

impl Only {
    /// The end of a query that asks for them.
    pub(super) fn query(self) -> &'static str {
        match self {
            Self::All | Self::PodsInShort => "",
            Self::Certificates => "&fieldSelector=type%3Dkubernetes.io%2Ftls",
            Self::Releases => "&fieldSelector=type%3Dhelm.sh%2Frelease.v1",
        }
    }

    /// An object to be kept for long: of pods there may be many thousands.
    pub fn kept(self, mut object: Value) -> Arc<Value> {
        if self == Self::PodsInShort {
            packed(&mut object);
        }
        Arc::new(object)
    }

    /// An object as it is kept: items of a list do not carry their kind, and nobody here looks at `managedFields`.
    pub fn whole(self, mut item: Value, of: &ObjectRef) -> Value {
        if let Some(metadata) = item.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("managedFields");
        }
        if let Some(map) = item.as_object_mut() {
            map.entry("apiVersion")
                .or_insert_with(|| of.api_version.clone().into());
            map.entry("kind").or_insert_with(|| of.kind.clone().into());
            if self == Self::PodsInShort {
                in_short(map);
            }
            if self == Self::Releases {
                let packed = map.shift_remove("data");
                let packed = packed.as_ref().and_then(|data| data.get("release"));
                let called = packed.and_then(Value::as_str).and_then(helm::called);
                map.insert("release".into(), called.unwrap_or_else(|| json!({})));
            }
            if self == Self::Certificates {
                let certificate = map.get("data").and_then(|data| data.get(CERTIFICATE));
                let kept =
                    certificate.map_or_else(|| json!({}), |known| json!({CERTIFICATE: known}));
                map.insert("data".into(), kept);
            }
        }
        item
    }
}

/// Takes no more room than it fills: maps grow by doubling, and one that has lost its entries keeps their room.
fn packed(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let full = std::mem::take(map);
            let mut exact = Map::with_capacity(full.len());
            for (name, mut value) in full {
                packed(&mut value);
                exact.insert(name, value);
            }
            *map = exact;
        }
        Value::Array(list) => {
            list.shrink_to_fit();
            list.iter_mut().for_each(packed);
        }
        _ => {}
    }
}

/// Leaves of a pod what is looked at: there may be many thousands, and most of each is settings of its program.
fn in_short(pod: &mut Map<String, Value>) {
    if let Some(meta) = pod.get_mut("metadata") {
        keep(meta, META);
        if let Some(notes) = meta.get_mut("annotations") {
            keep(notes, NOTES);
        }
    }
    let Some(Value::Object(spec)) = pod.get_mut("spec") else {
        return;
    };
    spec.retain(|name, _| SPEC.contains(&name.as_str()));
    for list in ["containers", "initContainers"] {
        for container in spec
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            keep(container, CONTAINER);
        }
    }
    if let Some(Value::Array(volumes)) = spec.get_mut("volumes") {
        volumes.retain(|volume| volume.get("persistentVolumeClaim").is_some());
        volumes.shrink_to_fit();
    }
    let status = pod.get_mut("status").and_then(Value::as_object_mut);
    if let Some(status) = status {
        status.retain(|name, _| !ADDRESSES.contains(&name.as_str()));
        for list in ["containerStatuses", "initContainerStatuses"] {
            for one in status
                .get_mut(list)
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                drop_ids(one);
            }
        }
    }
}

const META: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "labels",
    "annotations",
    "creationTimestamp",
    "deletionTimestamp",
    "ownerReferences",
];

/// Who made a pod that the node itself runs.
const NOTES: &[&str] = &["kubernetes.io/config.mirror"];

const SPEC: &[&str] = &[
    "nodeName",
    "nodeSelector",
    "affinity",
    "tolerations",
    "containers",
    "initContainers",
    "volumes",
];

const CONTAINER: &[&str] = &["name", "image", "resources", "restartPolicy"];

/// What of a status nobody looks at.
const ADDRESSES: &[&str] = &["podIP", "podIPs", "hostIP", "hostIPs", "qosClass"];

fn keep(value: &mut Value, names: &[&str]) {
    if let Value::Object(map) = value {
        map.retain(|name, _| names.contains(&name.as_str()));
    }
}

/// The digests of a container are long, and nobody here looks at them.
fn drop_ids(status: &mut Value) {
    const IDS: [&str; 5] = [
        "containerID",
        "imageID",
        "volumeMounts",
        "resources",
        "allocatedResources",
    ];
    if let Value::Object(status) = status {
        status.retain(|name, _| !IDS.contains(&name.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_pod_the_settings_of_its_program_are_not_kept() {
        let pod = json!({"metadata": {"name": "a", "annotations": {"checksum": "1", "kubernetes.io/config.mirror": "2"}, "labels": {"app": "a"}},
            "spec": {"nodeName": "primary", "dnsPolicy": "None", "containers": [{"name": "web", "image": "i", "env": [{"name": "A", "value": "b"}],
                "resources": {"limits": {"memory": "1Gi"}}}], "volumes": [{"name": "a", "emptyDir": {}},
                {"name": "b", "persistentVolumeClaim": {"claimName": "data"}}]},
            "status": {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses": [{"name": "web", "ready": true, "imageID": "sha256"}]}});
        let kept = Only::PodsInShort.whole(pod, &ObjectRef::new("v1", "Pod", "", ""));
        assert_eq!(
            kept,
            json!({"metadata": {"name": "a", "annotations": {"kubernetes.io/config.mirror": "2"}, "labels": {"app": "a"}},
                "spec": {"nodeName": "primary", "containers": [{"name": "web", "image": "i", "resources": {"limits": {"memory": "1Gi"}}}],
                    "volumes": [{"name": "b", "persistentVolumeClaim": {"claimName": "data"}}]},
                "status": {"phase": "Running", "containerStatuses": [{"name": "web", "ready": true}]},
                "apiVersion": "v1", "kind": "Pod"})
        );
    }

    #[test]
    fn of_a_secret_with_a_certificate_only_the_certificate_is_kept() {
        let of = ObjectRef::new("v1", "Secret", "", "");
        let secret = json!({"metadata": {"name": "a", "managedFields": [{}]}, "type": "kubernetes.io/tls",
            "data": {"tls.crt": "cHVibGlj", "tls.key": "c2VjcmV0", "more": "c2VjcmV0"}});
        let kept = Only::Certificates.whole(secret.clone(), &of);
        assert_eq!(
            kept,
            json!({"metadata": {"name": "a"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "cHVibGlj"},
                "apiVersion": "v1", "kind": "Secret"})
        );
        assert_eq!(Only::All.whole(secret.clone(), &of)["data"], secret["data"]);
    }

    #[test]
    fn of_a_release_only_what_it_is_called_is_kept() {
        let release = crate::plan::Release {
            name: "longhorn".to_owned(),
            namespace: "longhorn-system".to_owned(),
            chart: "longhorn".to_owned(),
            repository: None,
            version: "1.11.0".to_owned(),
            values: json!({"password": "canary-8f3a"}),
            workloads: Vec::new(),
            crds: Vec::new(),
            besides: Vec::new(),
            schema: crate::plan::Schema::Checked,
        };
        let secret = helm::remembered(&release);
        let of = ObjectRef::new("v1", "Secret", "", "");
        let kept = Only::Releases.whole(secret.value().clone(), &of);
        assert_eq!(kept["release"]["chart"], "longhorn");
        assert_eq!(kept["release"]["version"], "1.11.0");
        assert!(kept.get("data").is_none(), "{kept}");
        // What helm did not write is no release, and nothing of it is kept either.
        let other = json!({"metadata": {"name": "a"}, "type": "helm.sh/release.v1", "data": {"release": "c2VjcmV0"}});
        let kept = Only::Releases.whole(other, &of);
        assert_eq!(kept["release"], json!({}));
    }
}
