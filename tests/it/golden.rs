//! What three sites are made of, as files that are read like a letter: the smallest, one with everything, and one with addresses and
//! certificates of its own. A change of the catalogue shows here as what it changes.

use std::{fmt::Write as _, sync::LazyLock};

use care_install::plan::{Action, Object, Plan, Release, Step};

use regex::Regex;

use crate::catalog::{addressed_plan, full_plan, sample_plan_with};

/// Fingerprints of secrets, which every test makes anew.
static CHANCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b([0-9a-f]{8}|[0-9a-f]{16})\b").unwrap());

/// Components, pins, steps, objects and the values of every release; of secrets only their names.
fn letter(plan: &Plan) -> String {
    let mut out = String::new();
    for component in &plan.components {
        writeln!(out, "{} ({})", component.id, component.title).unwrap();
        for pin in &component.pins {
            let digest = pin.digest.as_deref().unwrap_or("");
            let line = format!("    {} {} {} {digest}", pin.kind, pin.name, pin.version);
            writeln!(out, "{}", line.trim_end()).unwrap();
        }
    }
    for (at, stage) in plan.stages.iter().enumerate() {
        writeln!(out, "\n======== {}. {}", at + 1, stage.title).unwrap();
        for one in plan.steps.iter().filter(|one| one.stage == at) {
            step(&mut out, one);
        }
    }
    CHANCE.replace_all(&out, "FINGERPRINT").into_owned()
}

fn step(out: &mut String, step: &Step) {
    let (usual, limit) = (step.usual.as_secs(), step.limit.as_secs());
    writeln!(out, "\n{}: {}", step.id, step.title).unwrap();
    writeln!(out, "    usually {usual} s, given up after {limit} s").unwrap();
    if !step.needs.is_empty() {
        let needs: Vec<String> = step.needs.iter().map(ToString::to_string).collect();
        writeln!(out, "    needs {}", needs.join(", ")).unwrap();
    }
    match &step.action {
        Action::Helm(found) => release(out, found),
        Action::Http(proof) => {
            let (url, places) = (proof.url(), proof.at.len());
            writeln!(
                out,
                "    asks {url} at {places} address(es): {:?}",
                proof.expect
            )
            .unwrap();
        }
        action => {
            for object in action.objects() {
                writeln!(out, "    {}", named(object)).unwrap();
            }
        }
    }
}

fn release(out: &mut String, release: &Release) {
    let Release {
        name,
        namespace,
        chart,
        version,
        ..
    } = release;
    writeln!(out, "    {namespace}/{name} from {chart} {version}").unwrap();
    for workload in &release.workloads {
        writeln!(
            out,
            "    {} {} with {}",
            workload.kind, workload.name, workload.image
        )
        .unwrap();
    }
    let values = serde_yaml::to_string(&release.values).unwrap();
    for line in values.lines() {
        writeln!(out, "        {line}").unwrap();
    }
}

fn named(object: &Object) -> String {
    let object = object.reference();
    match object.namespace.as_deref() {
        None | Some("") => format!("{} {}", object.kind, object.name),
        Some(namespace) => format!("{} {namespace}/{}", object.kind, object.name),
    }
}

#[test]
fn a_site_with_nothing_that_it_may_do_without() {
    let alone = [("domains.public", "none")];
    insta::assert_snapshot!("minimal", letter(&sample_plan_with(&alone)));
}

#[test]
fn a_site_with_everything() {
    insta::assert_snapshot!("full", letter(&full_plan()));
}

#[test]
fn a_site_with_addresses_and_certificates_of_its_own() {
    insta::assert_snapshot!("acme-metallb", letter(&addressed_plan()));
}
