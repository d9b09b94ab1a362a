//! What becomes of a whole file of variables.

use std::{collections::BTreeSet, fmt::Write as _};

use secrecy::ExposeSecret as _;

use super::*;
use crate::site::{FIELDS, Site, file};

const SAMPLE: &str = include_str!("sample.tfvars");

fn left(imported: &Imported) -> Vec<String> {
    let all = imported.left.iter();
    all.map(|left| format!("{} {}: {}", left.line, left.variable, left.why))
        .collect()
}

#[test]
fn the_references_variables_become_a_valid_site_with_only_secrets_left_to_type() {
    let imported = import(SAMPLE, Some("st-marys"));
    assert_eq!(imported.draft.problems(), []);
    assert!(Site::try_from(&imported.draft).is_ok());
    let mut text = file::write(&imported.draft);
    text.push_str("\nassumed\n");
    for one in &imported.assumed {
        writeln!(text, "{} = {}: {}", one.field, one.value, one.why).unwrap();
    }
    text.push_str("\nleft\n");
    text.push_str(&left(&imported).join("\n"));
    assert!(!text.contains("canary"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_that_stands_in_a_file_is_dropped_in_silence() {
    let imported = import(SAMPLE, None);
    let told: BTreeSet<usize> = imported
        .taken
        .iter()
        .map(|one| one.line)
        .chain(imported.left.iter().map(|one| one.line))
        .collect();
    for (index, line) in SAMPLE.lines().enumerate() {
        let begins = line.starts_with(|letter: char| letter.is_ascii_lowercase());
        // The parts of a map are told by their own lines.
        let told = told.contains(&(index + 1))
            || line.starts_with("worker_nodes")
            || line.starts_with("smtp = ");
        assert!(
            told || !begins || line.starts_with("   for"),
            "line {}: {line}",
            index + 1
        );
    }
    assert_eq!(imported.draft.get("site.name"), "hospital");
}

#[test]
fn secrets_that_are_typed_are_kept_apart_and_others_are_told_without_their_value() {
    let text = "s3_access_key = \"canary-1\"\ns3_secret_key = \"canary-2\"\nsmtp = { password = \"canary-3\" }\nodoo_admin_password = \"canary-4\"\n\
        s3_token = [\"canary-5\"]\nemail_password = \"\"\n";
    let imported = import(text, None);
    let kept: Vec<String> = imported
        .secrets
        .iter()
        .map(|(name, secret)| format!("{name}={}", secret.expose_secret()))
        .collect();
    assert_eq!(
        kept,
        [
            "backup-access-key=canary-1",
            "backup-secret-key=canary-2",
            "care-email-password=canary-3"
        ]
    );
    assert_eq!(
        left(&imported),
        [
            "4 odoo_admin_password: a secret; care-install makes its own, or asks for it",
            "5 s3_token: a secret; care-install makes its own, or asks for it",
            "6 email_password: a secret without a value; it is left to type",
        ]
    );
    let shown = format!("{imported:?}");
    assert!(!shown.contains("canary"), "{shown}");
    assert!(!file::write(&imported.draft).contains("canary"));
}

#[test]
fn answers_that_a_field_cannot_hold_and_second_answers_are_told() {
    let text = "primary_node_ip = \"ten.0.0.1\"\nprimary_node_name = [\"a\"]\nlonghorn_replica_count = 9\nkubernetes_version = null\n\
        care_public_domain = \"care.a.org\"\ncareapi_public_domain = \"api.b.org\"\nfrontend_domain = \"app.a.org\"\n\
        site_name = \"one\"\ncluster_name = \"two\"\nenv = \"one\"\ncare_be_tag = \"v1\"\nodoo_domain = {}\n";
    let imported = import(text, None);
    let told = left(&imported);
    for (line, part) in [
        (1, "nodes.primary.address cannot hold it"),
        (2, "nodes.primary.name wants a text"),
        (3, "storage.replicas cannot hold it"),
        (4, "it is null, so the preset holds"),
        (
            6,
            "api.b.org does not lie one level under the base domain a.org",
        ),
        (
            7,
            "a site has one name for each service; domains.care is care.a.org",
        ),
        (9, "site.name has an answer from another variable already"),
        (11, "care.backend_image cannot hold it"),
        (12, "a host name is one text"),
    ] {
        let found = told
            .iter()
            .any(|one| one.starts_with(&format!("{line} ")) && one.contains(part));
        assert!(found, "{line} {part}: {told:#?}");
    }
    assert_eq!(told.len(), 9, "{told:#?}");
}

#[test]
fn every_row_names_a_field_once_and_every_variable_one_row() {
    let (mut fields, mut variables) = (BTreeSet::new(), BTreeSet::new());
    for (field, names) in names::rows() {
        assert!(
            FIELDS
                .iter()
                .any(|known| known.id == field && known.secret().is_none()),
            "{field}"
        );
        assert!(fields.insert(field), "{field}");
        for name in names {
            assert!(variables.insert(name), "{name}");
            assert!(domains::host(name).is_none() || names::field(name).is_some());
        }
    }
    for name in ["care_public_domain", "careapi_public_domain"] {
        assert!(
            domains::host(name).is_some() && names::field(name).is_none(),
            "{name}"
        );
    }
}
