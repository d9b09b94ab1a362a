//! What is asked from outside, where, and which certificate must be shown.

use super::*;
use crate::plan::{Expect, Proof};

fn proofs(plan: &Plan) -> Vec<(String, Proof)> {
    let proofs = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Http(proof) => Some((step.id.to_string(), (**proof).clone())),
        _ => None,
    });
    proofs.collect()
}

/// One line for each: step, address, certificate, request.
fn told(plan: &Plan) -> Vec<String> {
    let line = |(id, proof): (String, Proof)| {
        let at: Vec<String> = proof.at.iter().map(|at| at.address.to_string()).collect();
        let (at, space) = (at.join(" "), proof.certificate.namespace.clone().unwrap());
        format!("{id}: {} at {at} shows {space}", proof.url())
    };
    proofs(plan).into_iter().map(line).collect()
}

#[test]
fn public_names_are_asked_at_the_firewall_and_private_ones_at_their_ingress() {
    let plan = with(&[("components.odoo", "on"), ("components.metabase", "on")]);
    assert_eq!(
        told(&plan),
        [
            "smoke/care-web: https://app.care.example.org/ at 10.0.0.12 shows public-nginx",
            "smoke/care-api: https://api.care.example.org/ping/ at 10.0.0.12 shows public-nginx",
            "smoke/files: https://files.care.example.org/health/ready at 10.0.0.12 shows public-nginx",
            "smoke/console: https://objects.care.example.org/ at 10.0.0.11 shows rustfs",
            "smoke/odoo: https://odoo.care.example.org/web/health at 10.0.0.11 shows odoo",
            "smoke/metabase: https://metabase.care.example.org/api/health at 10.0.0.11 shows metabase",
            "smoke/attack: https://app.care.example.org/?id=1%27%20OR%201%3D1-- at 10.0.0.12 shows public-nginx",
        ]
    );
    let attack = proofs(&plan).pop().unwrap().1;
    assert_eq!(attack.expect, Expect::Refused);
    // It is the last that is done, after all that it asks.
    let last = plan.steps.last().unwrap();
    assert_eq!(last.component, "smoke");
    let needs: Vec<String> = last.needs.iter().map(ToString::to_string).collect();
    for need in [
        "care-backend/ingress",
        "care-frontend/web",
        "rustfs/buckets",
        "waf/server",
    ] {
        assert!(needs.iter().any(|known| known == need), "{need}: {needs:?}");
    }
}

#[test]
fn a_site_without_public_names_is_asked_at_both_machines_and_attacked_by_nobody() {
    let plan = with(&[("domains.public", "none")]);
    let told = told(&plan);
    assert_eq!(
        told[0],
        "smoke/care-web: https://app.care.example.org/ at 10.0.0.11 10.0.0.12 shows care-fe"
    );
    assert_eq!(told.len(), 4);
}

#[test]
fn a_site_with_addresses_of_its_own_is_asked_there() {
    let plan = with(&[
        ("exposure.mode", "metallb"),
        ("exposure.pool", "10.0.0.40-10.0.0.49"),
    ]);
    let places: BTreeSet<String> = proofs(&plan)
        .into_iter()
        .flat_map(|(_, proof)| proof.at)
        .map(|at| format!("{} {}", at.name, at.address))
        .collect();
    assert_eq!(
        places.into_iter().collect::<Vec<_>>(),
        ["private ingress 10.0.0.40", "public ingress 10.0.0.41"]
    );
}
