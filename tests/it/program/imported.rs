//! The reference's variables as a site: taken, listed, kept without their secrets, and made at once when nothing is missing.

use std::fs;

use care_install::{site::SecretName, sys::sites::SiteDir};
use secrecy::ExposeSecret as _;

use super::{Ran, Site, files};

/// What a site of the reference might have written.
const VARIABLES: &str = include_str!("../../../src/site/import/sample.tfvars");

const TYPED: &str =
    "backup-access-key: canary-of-the-key\nbackup-secret-key: canary-of-the-secret\n";

/// Writes the variables where the reference keeps them.
fn variables(site: &Site, more: &str) -> String {
    let folder = site.beside("environments/st-marys");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("variables.tfvars");
    fs::write(&path, format!("{VARIABLES}{more}")).unwrap();
    path.to_str().unwrap().to_owned()
}

/// No secret of the variables was shown, nor lies anywhere below the site's folder in clear.
fn assert_silent(site: &Site, ran: &Ran) {
    assert!(
        !ran.out.contains("canary") && !ran.err.contains("canary"),
        "{ran}"
    );
    let kept = files(site.temp.path()).into_iter();
    let given =
        |path: &std::path::Path| path.ends_with("variables.tfvars") || path.ends_with("typed.yaml");
    for path in kept.filter(|path| !given(path)) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("canary"), "{}", path.display());
    }
}

#[tokio::test]
async fn variables_become_answers_and_all_that_was_not_taken_is_told() {
    let site = Site::new();
    let file = variables(&site, "");
    let ran = site.run(&["import", &file]).await.exits(4);
    for words in [
        "line 6    primary_node_ip -> nodes.primary.address",
        "site.name = st-marys, because the file lies in a folder of this name",
        "line 26   odoo_public_domain: a site has one name",
        "line 61   postgres_password: a secret",
        "line 65   extra_labels: an expression",
        "Secrets still to type: backup-access-key, backup-secret-key",
        "Next: care-install new --site ",
    ] {
        assert!(ran.out.contains(words), "{words:?} is not in {ran}");
    }
    assert!(!ran.out.contains("Still to answer"), "{ran}");
    assert_silent(&site, &ran);
    let kept = fs::read_to_string(site.folder.join("draft.yaml")).unwrap();
    assert!(kept.contains("address: 192.168.20.11"), "{kept}");
    assert!(!site.folder.join("vault.age").exists());

    // What was answered is not written over.
    let ran = site.run(&["import", &file, "--json"]).await.exits(2);
    assert_eq!(ran.json()[0]["problem"]["code"], "SITE-18", "{ran}");
}

#[tokio::test]
async fn with_the_secrets_that_are_missing_the_site_is_made_at_once() {
    let site = Site::new();
    let file = variables(&site, "smtp_password = \"canary-of-the-mail\"\n");
    let secrets = site.write("typed.yaml", TYPED);
    let made = [
        "import",
        &file,
        "--key-file",
        "--secrets",
        &secrets,
        "--json",
    ];
    let ran = site.run(&made).await.exits(4);
    let lines = ran.json();
    assert_eq!(
        (&lines[0]["event"], &lines[1]["event"]),
        (&"imported".into(), &"site".into())
    );
    assert_eq!(lines[0]["secrets_to_type"], serde_json::json!([]));
    assert_eq!(
        lines[0]["not_understood"].as_array().unwrap().len(),
        8,
        "{ran}"
    );
    assert_silent(&site, &ran);
    let dir = SiteDir::at(site.folder.clone());
    let vault = dir.read_vault(&dir.key_lock()).unwrap();
    for (name, wanted) in [
        (SecretName::BackupSecretKey, "canary-of-the-secret"),
        (SecretName::CareEmailPassword, "canary-of-the-mail"),
    ] {
        assert_eq!(vault.get(name).unwrap().expose_secret(), wanted);
    }
    assert_ne!(
        vault
            .get(SecretName::PostgresCarePassword)
            .unwrap()
            .expose_secret(),
        "canary-of-postgres"
    );
    // Its line of Kubernetes is an old one, which is worth a warning and nothing else.
    let ran = site.run(&["validate", "--json"]).await.exits(4);
    let warnings = ran.json()[0]["warnings"].clone();
    assert_eq!(
        (warnings.as_array().unwrap().len(), &warnings[0]["code"]),
        (1, &"SITE-05".into()),
        "{ran}"
    );
    let ran = site.run(&["import", &file, "--json"]).await.exits(2);
    assert_eq!(ran.json()[0]["problem"]["code"], "SITE-18", "{ran}");
}

#[tokio::test]
async fn files_that_cannot_be_imported_are_refused_and_nothing_is_made() {
    let site = Site::new();
    let little = site.write(
        "little.tfvars",
        "care_public_domain = \"care.hospital.org\"\nprimary_node_ip = \"192.168.20.9\"\n",
    );
    let other = site.write(
        "other.tf",
        "variable \"primary_node_ip\" {\n  type = string\n}\nresource \"a\" \"b\" {}\n",
    );
    let bytes = site.write("bytes.tfvars", "");
    fs::write(&bytes, b"a = \"\xff\xfe\"\n").unwrap();
    let none = site.named("none.tfvars");
    for (file, code, exit) in [
        (&other, "SITE-19", 2),
        (&none, "FILE-03", 1),
        (&bytes, "FILE-05", 1),
    ] {
        let ran = site.run(&["import", file, "--json"]).await.exits(exit);
        assert_eq!(ran.json()[0]["problem"]["code"], code, "{ran}");
        assert!(!site.folder.exists());
    }
    site.run(&["import"]).await.exits(2);
    let ran = site.run(&["import", &little, "--key-file"]).await.exits(4);
    assert!(
        ran.out
            .contains("Still to answer: nodes.secondary.address, backups.endpoint, "),
        "{ran}"
    );
    assert!(!site.folder.join("site.yaml").exists() && site.folder.join("draft.yaml").exists());
}
