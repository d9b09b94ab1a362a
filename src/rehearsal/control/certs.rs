//! cert-manager: issuers that are ready, certificates with their secrets. Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    operator::runs,
    shape::{
        Says, after, condition, event, holds, items, leaving, name, namespace, report,
        set_condition, stamp, text, time,
    },
};
use crate::rehearsal::world::{Reaction, World, Write};

const NAMESPACE: &str = "cert-manager";
const SOURCE: &str = "cert-manager-certificates-issuing";
/// Seconds that issuing takes.
const ISSUING: i64 = 3;
/// The hours that a certificate holds when it does not say.
const HOURS: i64 = 2160;
/// Stands for a certificate or a key where no name is to be shown with it: nothing verifies with it.
const PLACEHOLDER: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tClVISmhZM1JwWTJVNklHNXZkQ0JoSUhKbFlXd2dZMlZ5ZEdsbWFXTmhkR1U9Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";

/// Whether certificates are issued now.
fn serves(world: &World<'_>) -> bool {
    ["cert-manager", "cert-manager-webhook"]
        .iter()
        .all(|part| runs(world, NAMESPACE, part))
}

/// One turn for all issuers and certificates.
pub fn certificates(world: &World<'_>, now: Timestamp) -> Reaction {
    let mut reaction = Reaction::default();
    if !serves(world) {
        return reaction;
    }
    for kind in ["Issuer.cert-manager.io", "ClusterIssuer.cert-manager.io"] {
        for issuer in world.list(kind, None).filter(|issuer| !leaving(issuer)) {
            issue_ready(world, issuer, now, &mut reaction);
        }
    }
    for certificate in world.list("Certificate.cert-manager.io", None) {
        if !leaving(certificate) {
            certify(world, certificate, now, &mut reaction);
        }
    }
    reaction
}

/// Sets a condition that speaks of the present generation.
fn say(object: &Value, status: &mut Value, says: &Says<'_>, now: Timestamp) {
    set_condition(status, says, now);
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        if condition["type"] == says.kind {
            condition["observedGeneration"] = object["metadata"]["generation"].clone();
        }
    }
}

fn issue_ready(world: &World<'_>, issuer: &Value, now: Timestamp, reaction: &mut Reaction) {
    let space = match namespace(issuer) {
        "" => NAMESPACE,
        space => space,
    };
    let authority = text(&issuer["spec"]["ca"]["secretName"]);
    let says = if issuer["spec"]["acme"].is_object() {
        let message = "The ACME account was registered with the ACME server";
        Says::new("Ready", true, "ACMEAccountRegistered", message)
    } else if authority.is_empty() {
        Says::new("Ready", true, "IsReady", "")
    } else if world.get("Secret", space, authority).is_some() {
        Says::new("Ready", true, "KeyPairVerified", "Signing CA verified")
    } else {
        let message =
            format!("Error getting keypair for CA issuer: secrets \"{authority}\" not found");
        Says::new("Ready", false, "SecretNotFound", message)
    };
    let mut status = issuer["status"].clone();
    say(issuer, &mut status, &says, now);
    reaction.writes.extend(report(issuer, status));
}

fn issuer<'w>(world: &World<'w>, certificate: &Value) -> Option<&'w Value> {
    let reference = &certificate["spec"]["issuerRef"];
    let (kind, space) = match text(&reference["kind"]) {
        "ClusterIssuer" => ("ClusterIssuer.cert-manager.io", ""),
        _ => ("Issuer.cert-manager.io", namespace(certificate)),
    };
    world
        .get(kind, space, text(&reference["name"]))
        .map(AsRef::as_ref)
}

fn certify(world: &World<'_>, certificate: &Value, now: Timestamp, reaction: &mut Reaction) {
    let secret = text(&certificate["spec"]["secretName"]);
    let there = world
        .get("Secret", namespace(certificate), secret)
        .is_some();
    let mut status = certificate["status"].clone();
    if there && holds(certificate, "Issuing") && holds(certificate, "Ready") {
        return renew(certificate, &mut status, now, reaction);
    }
    if there && holds(certificate, "Ready") {
        return;
    }
    if there {
        finish(certificate, &mut status, now);
        reaction.writes.extend(report(certificate, status));
        return;
    }
    let why = "Issuing certificate as Secret does not exist";
    say(
        certificate,
        &mut status,
        &Says::new("Ready", false, "DoesNotExist", why),
        now,
    );
    say(
        certificate,
        &mut status,
        &Says::new("Issuing", true, "DoesNotExist", why),
        now,
    );
    let since = condition(certificate, "Issuing")
        .filter(|issuing| issuing["status"] == "True")
        .and_then(|issuing| time(&issuing["lastTransitionTime"]));
    if since.is_none() {
        reaction.writes.push(event(
            certificate,
            "cert-manager-certificates-trigger",
            "Issuing",
            why,
        ));
    }
    let due = after(since.unwrap_or(now), ISSUING);
    if issuer(world, certificate).is_some_and(|issuer| holds(issuer, "Ready")) {
        if now >= due {
            reaction.writes.push(Write::Create(secret_of(certificate)));
            let done = "The certificate has been successfully issued";
            reaction
                .writes
                .push(event(certificate, SOURCE, "Issuing", done));
            return;
        }
        reaction.wake(due);
    }
    reaction.writes.extend(report(certificate, status));
}

/// Somebody wished for a new one: the present one stays until it has come.
fn renew(certificate: &Value, status: &mut Value, now: Timestamp, reaction: &mut Reaction) {
    let wished = condition(certificate, "Issuing");
    let since = wished.and_then(|issuing| time(&issuing["lastTransitionTime"]));
    let due = after(since.unwrap_or(now), ISSUING);
    if now < due {
        return reaction.wake(due);
    }
    finish(certificate, status, now);
    let done = "The certificate has been successfully issued";
    reaction
        .writes
        .push(event(certificate, SOURCE, "Issuing", done));
    reaction.writes.extend(report(certificate, status.take()));
}

fn finish(certificate: &Value, status: &mut Value, now: Timestamp) {
    let message = "Certificate is up to date and has not expired";
    say(
        certificate,
        status,
        &Says::new("Ready", true, "Ready", message),
        now,
    );
    if let Some(conditions) = status["conditions"].as_array_mut() {
        conditions.retain(|condition| condition["type"] != "Issuing");
    }
    let asked = text(&certificate["spec"]["duration"]);
    let hours: i64 = asked
        .split_once('h')
        .and_then(|(hours, _)| hours.parse().ok())
        .unwrap_or(HOURS);
    let later = |hours: i64| stamp(after(now, hours.saturating_mul(3600)));
    status["notBefore"] = stamp(now).into();
    status["notAfter"] = later(hours).into();
    status["renewalTime"] = later(hours / 3 * 2).into();
    status["revision"] = (status["revision"].as_u64().unwrap_or(0) + 1).into();
}

/// A real certificate for the names, and its key. It is valid at any time, because the clocks of those who look at it and of
/// the practice cluster differ.
fn issued(names: &[&str]) -> Option<(String, String)> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).ok()?;
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    Some((STANDARD.encode(chain), STANDARD.encode(key)))
}

fn secret_of(certificate: &Value) -> Value {
    let names: Vec<&str> = items(&certificate["spec"]["dnsNames"]).map(text).collect();
    let made = (!names.is_empty()).then(|| issued(&names)).flatten();
    let (chain, key) = made.unwrap_or_else(|| (PLACEHOLDER.to_owned(), PLACEHOLDER.to_owned()));
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": certificate["spec"]["secretName"],
            "namespace": namespace(certificate),
            "labels": {"controller.cert-manager.io/fao": "true"},
            "annotations": {
                "cert-manager.io/certificate-name": name(certificate),
                "cert-manager.io/alt-names": names.join(","),
                "cert-manager.io/common-name": text(&certificate["spec"]["commonName"]),
                "cert-manager.io/issuer-name": text(&certificate["spec"]["issuerRef"]["name"]),
            },
        },
        "type": "kubernetes.io/tls",
        "data": {"ca.crt": chain, "tls.crt": chain, "tls.key": key},
    })
}
