//! The certificates that the operator makes for a cluster: an authority of its own, and what that signs. Pure.
//!
//! They are valid at any time, because the clocks of those who look at them and of the practice cluster differ.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::{Value, json};

use crate::rehearsal::{
    control::shape::{name, namespace, text},
    world::World,
};

/// By which name the standby logs in to its primary.
const STANDBY: &str = "streaming_replica";

/// What signs the certificates of one cluster.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    chain: String,
    key: String,
}

impl Authority {
    /// That of this cluster: the one that it has, else a new one; nothing where no key can be made.
    pub fn of(world: &World<'_>, cluster: &Value) -> Option<Self> {
        let own = format!("{}-ca", name(cluster));
        let kept = world.get("Secret", namespace(cluster), &own);
        let kept = kept.and_then(|secret| decoded(&secret["data"]["ca.key"]));
        let kept = kept.and_then(|pem| KeyPair::from_pem(&pem).ok());
        let key = match kept {
            Some(key) => key,
            None => KeyPair::generate().ok()?,
        };
        let mut params = CertificateParams::new(Vec::new()).ok()?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let subject = &mut params.distinguished_name;
        *subject = rcgen::DistinguishedName::new();
        subject.push(DnType::OrganizationalUnitName, namespace(cluster));
        subject.push(DnType::CommonName, name(cluster));
        let chain = params.self_signed(&key).ok()?.pem();
        Some(Self {
            chain,
            key: key.serialize_pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// What a secret of the cluster holds, by its type and name; nothing for one that is no matter of certificates.
    pub fn data(&self, secret: &Value, hosts: Vec<String>) -> Option<Value> {
        if text(&secret["type"]) != "kubernetes.io/tls" {
            let is_ours = secret["data"]["ca.key"].is_string();
            return is_ours
                .then(|| json!({"ca.crt": encoded(&self.chain), "ca.key": encoded(&self.key)}));
        }
        let own = name(secret);
        let (common, hosts, purpose) = match own.strip_suffix("-server") {
            Some(cluster) => (
                format!("{cluster}-rw"),
                hosts,
                ExtendedKeyUsagePurpose::ServerAuth,
            ),
            None => (
                STANDBY.to_owned(),
                Vec::new(),
                ExtendedKeyUsagePurpose::ClientAuth,
            ),
        };
        let mut params = CertificateParams::new(hosts).ok()?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common);
        let key = KeyPair::generate().ok()?;
        let signed = params.signed_by(&key, &self.issuer).ok()?;
        Some(json!({"tls.crt": encoded(&signed.pem()), "tls.key": encoded(&key.serialize_pem())}))
    }
}

fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

fn decoded(value: &Value) -> Option<String> {
    let bytes = STANDARD.decode(text(value)).ok()?;
    String::from_utf8(bytes).ok()
}
