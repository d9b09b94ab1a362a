//! Which objects of a kind are asked for, and what of them is kept.

use serde_json::{Value, json};

use crate::{plan::ObjectRef, sys::helm};

/// The one entry of such a secret that is no secret.
const CERTIFICATE: &str = "tls.crt";

/// Which objects of a kind are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Only {
    /// All, whole.
    All,
    /// Secrets with a certificate; of their data only the certificate is kept, never the key.
    Certificates,
    /// Helm's memory of its releases; of each only what it is called is kept, no value and no object of it.
    Releases,
}

impl Only {
    /// The end of a query that asks for them.
    pub(super) fn query(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Certificates => "&fieldSelector=type%3Dkubernetes.io%2Ftls",
            Self::Releases => "&fieldSelector=type%3Dhelm.sh%2Frelease.v1",
        }
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

#[cfg(test)]
mod tests {
    use super::*;

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
