//! What holds for drafts, sites and secrets, in tables.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rsa::traits::PrivateKeyParts as _;
use secrecy::{ExposeSecret, SecretString};

use super::*;

#[test]
fn the_sample_has_no_problem_and_becomes_a_site() {
    let draft = sample();
    assert_eq!(draft.problems(), vec![]);
    assert_eq!(draft.warnings(), vec![]);
    let site = Site::try_from(&draft).unwrap();
    assert_eq!(site.name.as_str(), "rehearsal");
    assert_eq!(
        site.host("care_api").unwrap().name.as_str(),
        "api.care.example.org"
    );
    assert!(site.host("care_api").unwrap().public);
    assert!(!site.host("grafana").unwrap().public);
}

#[test]
fn every_field_is_asked_with_a_reason_and_a_good_example() {
    let mut ids: Vec<&str> = FIELDS.iter().map(|field| field.id).collect();
    for field in FIELDS {
        assert!(
            field.why.ends_with('.'),
            "{}: the reason is a sentence",
            field.id
        );
        assert!(
            !field.example.is_empty() && !field.label.is_empty(),
            "{}",
            field.id
        );
        if field.secret().is_none() {
            assert!(
                field.kind.read(field.example).is_ok(),
                "{}: the example passes its own check",
                field.id
            );
        }
        if let Preset::Text(text) = field.preset {
            assert!(
                field.kind.read(text).is_ok(),
                "{}: the preset passes its own check",
                field.id
            );
        }
        if let Preset::SameAs(other) = field.preset {
            assert!(
                Field::find(other).unwrap().required(),
                "{}: a copied field has no copied preset",
                field.id
            );
        }
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), FIELDS.len(), "ids are unique");
}

#[test]
fn an_empty_draft_names_exactly_the_required_fields() {
    let draft = SiteDraft::new();
    let missing: Vec<&str> = SiteDraft::new()
        .problems()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    let required: Vec<&str> = FIELDS
        .iter()
        .filter(|field| draft.wants(field) && field.secret().is_none())
        .map(|field| field.id)
        .collect();
    assert_eq!(missing, required);
}

#[test]
fn templates_see_types_and_presets() {
    let mut draft = sample();
    draft.set("nodes.workers", "w1=10.0.0.13, w2=10.0.0.14");
    let site = Site::try_from(&draft).unwrap();
    let at = |pointer: &str| site.values().pointer(pointer).cloned().unwrap();
    assert_eq!(at("/nodes/primary/ssh_port"), 22);
    assert_eq!(at("/cluster/version"), "1.36");
    assert_eq!(at("/domains/care"), "app.care.example.org");
    assert_eq!(
        at("/domains/public"),
        serde_json::json!(["care", "care_api", "files"])
    );
    assert_eq!(
        at("/nodes/workers/1"),
        serde_json::json!({"name": "w2", "address": "10.0.0.14"})
    );
    assert_eq!(at("/backups/prefix"), "rehearsal");
    assert_eq!(at("/exposure/dns_servers"), serde_json::json!([]));
    assert_eq!(at("/care/sentry_dsn"), "");
    assert!(site.values().pointer("/backups/secret_key").is_none());
}

/// Field, texts that are refused, texts that are taken; each list divided by `|`.
const TEXTS: &[(&str, &str, &str)] = &[
    ("site.name", "-a|a b|ä|a.b|a_b", "a|st-marys|X1"),
    (
        "domains.base",
        "org|https://a.org|*.a.org|a..org|a.org/x|10.0.0.1",
        "a.org|A.b.C.org.",
    ),
    (
        "cluster.pod_cidr",
        "10.0.0.0|10.1.2.3/16|10.0.0.0/33|10.0.0.0/+8|x/8",
        "10.240.0.0/16",
    ),
    (
        "nodes.primary.address",
        "primary|127.0.0.1|0.0.0.0|256.1.1.1|10.0.0",
        "192.168.1.5",
    ),
    ("nodes.primary.ssh_port", "0|65536|ssh|-1", "22|65535"),
    (
        "nodes.primary.ssd_path",
        "mnt|/|/etc/x|/a/../b|/a b|/usr",
        "/data/ssd/|/usrdata",
    ),
    (
        "nodes.workers",
        "w1|=10.0.0.1|w1=|w1=10.0.0.1,w2",
        "w1=10.0.0.1 w2=10.0.0.2|none",
    ),
    (
        "backups.bucket",
        "ab|Upper|a..b|a_b|1.2.3.4",
        "st-marys|a.b.c",
    ),
    (
        "backups.endpoint",
        "s3.org|https://u@s3.org|https://s3.org/b|https://",
        "http://10.0.0.9:9000|https://s3.org/",
    ),
    (
        "backups.schedule",
        "* * * *|60 * * * *|1-0 * * * *|*/0 * * * *|@daily",
        "30 1 * * *|*/5 1-3,7 1 1 0",
    ),
    (
        "care.backend_image",
        "care|care:latest|care:|a b:1|ghcr.io/Care:1|care@sha256:12",
        "care:v1|127.0.0.1:5000/care:v1",
    ),
    ("storage.object_size", "10|10G|0Gi|-1Gi|1.5Ti", "1Ti|500Mi"),
    (
        "care.admin_email",
        "admin|@a.org|a@org|a b@c.org",
        "a.b+c@d.org",
    ),
    (
        "care.admin_username",
        "abc|.abcd|a b c d|this-name-is-too-long",
        "admin",
    ),
    (
        "components.odoo_modules",
        "Account|sale,a-b|x;drop|1a",
        "account, stock|none",
    ),
    (
        "components.snomed_file",
        "release.zip|SnomedCT_20261101.zip|a_20261101T120000Z.tar|../a_20261101T120000Z.zip|a b_20261101T120000Z.zip|/a_20261101T1.zip",
        "SnomedCT_InternationalRF2_PRODUCTION_20261101T120000Z.zip|snomed/a_20261101T120000Z.zip",
    ),
    (
        "components.snomed_edition",
        "int|12345|9000000000002070080",
        "900000000000207008|1121000189102",
    ),
    ("domains.public", "care, kare", "none|care|grafana care_api"),
    ("cluster.version", "1.33|1.3", "1.34"),
    (
        "exposure.dns_servers",
        "dns.org|1.1.1.1; 8.8.8.8",
        "1.1.1.1 8.8.8.8|none",
    ),
];

#[test]
fn wrong_texts_are_refused_with_a_reason_and_right_ones_taken() {
    for (id, wrong, right) in TEXTS {
        let mut draft = SiteDraft::new();
        for text in wrong.split('|') {
            assert!(draft.set(id, text));
            let problem = draft
                .check(id)
                .unwrap_or_else(|| panic!("{id}: `{text}` is accepted"));
            assert!(!problem.causes.is_empty(), "{id}: `{text}` has a reason");
        }
        for text in right.split('|') {
            assert!(draft.set(id, text));
            assert_eq!(draft.check(id), None, "{id}: `{text}`");
        }
    }
}

#[test]
fn fields_are_held_against_each_other() {
    clash(
        &[("cluster.service_cidr", "10.244.128.0/20")],
        "cluster.service_cidr",
    );
    clash(&[("cluster.pod_cidr", "172.16.0.0/12")], "cluster.pod_cidr");
    clash(&[("cluster.pod_cidr", "10.0.0.0/20")], "cluster.pod_cidr");
    clash(&[("cluster.pod_cidr", "10.244.0.0/24")], "cluster.pod_cidr");
    clash(
        &[("cluster.service_cidr", "10.96.0.0/28")],
        "cluster.service_cidr",
    );
    clash(
        &[("exposure.dns_servers", "10.96.0.10")],
        "cluster.service_cidr",
    );
    clash(
        &[("nodes.secondary.address", "10.0.0.11")],
        "nodes.secondary.address",
    );
    clash(
        &[("nodes.secondary.name", "PRIMARY")],
        "nodes.secondary.name",
    );
    clash(
        &[("components.snowstorm", "lite")],
        "components.snomed_file",
    );
    clash(&[("nodes.workers", "w1=10.0.0.12")], "nodes.workers");
    clash(&[("domains.care", "care.example.org")], "domains.care");
    clash(&[("domains.care", "a.b.care.example.org")], "domains.care");
    clash(
        &[("domains.files", "app.care.example.org")],
        "domains.files",
    );
    clash(&[("storage.replicas", "3")], "storage.replicas");
    clash(
        &[("nodes.primary.hdd_path", "/mnt/ssd/hdd")],
        "nodes.primary.hdd_path",
    );
    clash(&[("care.email_from", "")], "care.email_from");
    clash(
        &[("care.email_host", ""), ("care.email_user", "x")],
        "care.email_user",
    );
    clash(&[("cluster.origin", "new")], "cluster.origin");
    clash(&[("exposure.mode", "metallb")], "exposure.pool");
    for pool in [
        "10.0.0.10-10.0.0.20",
        "10.244.0.10-10.244.0.20",
        "10.95.255.255-10.96.0.1",
    ] {
        let pool = ("exposure.pool", pool);
        clash(&[("exposure.mode", "metallb"), pool], "exposure.pool");
    }
}

fn clash(changes: &[(&str, &str)], at: &str) {
    let mut draft = sample();
    for (id, text) in changes {
        assert!(draft.set(id, text));
    }
    let problems = draft.problems();
    assert_eq!(
        problems.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        [at],
        "{changes:?}: {problems:?}"
    );
    assert!(Site::try_from(&draft).is_err());
}

#[test]
fn a_site_whose_certificates_are_ordered_needs_no_files_and_a_secret_more() {
    let mut draft = sample();
    draft.set("certificate.source", "acme");
    draft.set("certificate.chain_file", "");
    draft.set("certificate.key_file", "");
    let missing = |draft: &SiteDraft| {
        let problems = draft.problems().into_iter();
        problems.map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(missing(&draft), ["certificate.acme_email"]);
    draft.set("certificate.acme_email", "it@example.org");
    assert_eq!(missing(&draft), Vec::<&str>::new());
    draft.set("certificate.dns_provider", "rfc2136");
    let wanted = ["certificate.dns_server", "certificate.dns_account"];
    assert_eq!(missing(&draft), wanted);
    draft.set("certificate.dns_provider", "cloudflare");
    draft.set("certificate.acme_server", "http://acme.example.org");
    assert_eq!(missing(&draft), ["certificate.acme_server"]);
    draft.set("certificate.acme_server", "");
    let site = Site::try_from(&draft).unwrap();
    assert_eq!(site.certificate, Certificate::Acme);
    let mut secrets = Secrets::new();
    secrets.generate_missing().unwrap();
    let wanted = [
        SecretName::BackupAccessKey,
        SecretName::BackupSecretKey,
        SecretName::AcmeDnsSecret,
    ];
    assert_eq!(site.missing_secrets(&secrets), wanted);
}

#[test]
fn a_pool_counts_only_where_it_was_chosen() {
    let mut draft = sample();
    draft.set("exposure.pool", "10.0.0.10-10.0.0.20");
    assert_eq!(Site::try_from(&draft).unwrap().exposure.way, Way::NodePorts);
    draft.set("exposure.mode", "metallb");
    draft.set("exposure.pool", "10.0.0.40-10.0.0.49");
    let site = Site::try_from(&draft).unwrap();
    assert_eq!(site.values()["exposure"]["private_address"], "10.0.0.40");
    assert_eq!(site.values()["exposure"]["public_address"], "10.0.0.41");
    let entrances = site.entrances();
    let at = |public: bool| entrances.of(public)[0].address.to_string();
    assert_eq!(
        (at(false), at(true)),
        ("10.0.0.40".into(), "10.0.0.41".into())
    );
}

#[test]
fn the_old_line_of_kubernetes_is_a_warning_and_not_a_problem() {
    let mut draft = sample();
    draft.set("cluster.version", "1.34");
    assert_eq!(draft.problems(), vec![]);
    let warnings = draft.warnings();
    assert!(warnings[0].1.what.contains("2026-10-27"));
}

#[test]
fn a_draft_takes_no_secret_and_no_unknown_field() {
    let mut draft = SiteDraft::new();
    assert!(!draft.set("backups.secret_key", "x"));
    assert!(!draft.set("no.such.field", "x"));
    assert!(draft.is_empty());
}

#[test]
fn typed_text_is_cleaned_and_an_empty_one_brings_the_preset_back() {
    let mut draft = SiteDraft::new();
    draft.set("cluster.version", " 1.35\u{1b}\n");
    assert_eq!(draft.value("cluster.version"), "1.35");
    draft.set("cluster.version", "  ");
    assert_eq!(draft.value("cluster.version"), "1.36");
}

#[test]
fn generated_secrets_have_the_shapes_their_programs_accept() {
    let mut secrets = Secrets::new();
    let made = secrets.generate_missing().unwrap();
    let text = |name| secrets.get(name).unwrap().expose_secret();
    assert!(
        made.iter()
            .all(|name| matches!(name.origin(), Origin::Generated(_)))
    );
    for name in [
        SecretName::PostgresCarePassword,
        SecretName::ValkeyPassword,
        SecretName::RustfsSecretKey,
    ] {
        let plain = text(name).bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(text(name).len() >= 32 && plain, "{name}");
    }
    assert_eq!(text(SecretName::CareDjangoSecretKey).len(), 64);
    assert_eq!(text(SecretName::CareVapidPrivate).len(), 43);
    let public = URL_SAFE_NO_PAD
        .decode(text(SecretName::CareVapidPublic))
        .unwrap();
    assert_eq!(
        (
            public.len(),
            public[0],
            text(SecretName::CareVapidPublic).len()
        ),
        (65, 4, 87)
    );
    is_a_whole_key_set(text(SecretName::CareJwks));

    let before = text(SecretName::CareJwks).to_owned();
    let mut again = secrets.clone();
    assert_eq!(
        again.generate_missing().unwrap(),
        vec![],
        "what is there stays"
    );
    assert_eq!(
        again.get(SecretName::CareJwks).unwrap().expose_secret(),
        before
    );
    let others = SecretName::ALL
        .iter()
        .filter(|name| matches!(name.origin(), Origin::Typed | Origin::File));
    assert_eq!(again.missing(), others.copied().collect::<Vec<_>>());
}

fn is_a_whole_key_set(text: &str) {
    let set: serde_json::Value = serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap();
    let key = &set["keys"][0];
    assert_eq!(
        (&key["kty"], &key["alg"], &key["e"]),
        (&"RSA".into(), &"RS256".into(), &"AQAB".into())
    );
    let number = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(key[part].as_str().unwrap()).unwrap();
        rsa::BoxedUint::from_be_slice_vartime(&bytes)
    };
    let primes = vec![number("p"), number("q")];
    let rebuilt =
        rsa::PrivateKey::from_components(number("n"), number("e"), number("d"), primes).unwrap();
    rebuilt.validate().unwrap();
    assert_eq!(rebuilt.dp().unwrap(), &number("dp"));
    assert_eq!(rebuilt.dq().unwrap(), &number("dq"));
    assert_eq!(rebuilt.crt_coefficient().unwrap(), number("qi"));
    assert_eq!(number("n").bit_width(), 2048);
}

#[test]
fn a_lost_private_web_push_key_takes_its_public_half_with_it() {
    let mut secrets = Secrets::new();
    for name in SecretName::ALL {
        secrets.set(*name, SecretString::from("old"));
    }
    secrets.set(SecretName::CareVapidPrivate, SecretString::from(""));
    let made = secrets.generate_missing().unwrap();
    assert_eq!(
        made,
        [SecretName::CareVapidPrivate, SecretName::CareVapidPublic]
    );
    assert_eq!(
        secrets
            .get(SecretName::CareVapidPublic)
            .unwrap()
            .expose_secret()
            .len(),
        87
    );
}

#[test]
fn secrets_print_as_stars_and_compare_by_fingerprint() {
    let mut secrets = Secrets::new();
    secrets.set(SecretName::ZotPassword, SecretString::from("canary-7731"));
    let printed = format!("{secrets:?} {secrets:#?}");
    assert!(
        printed.contains("zot-password") && printed.contains("***") && !printed.contains("canary")
    );
    assert_eq!(
        secrets.fingerprint(SecretName::ZotPassword).unwrap().len(),
        8
    );
    assert_eq!(secrets.fingerprint(SecretName::CareJwks), None);
}

#[test]
fn a_mail_login_asks_for_its_password() {
    let mut draft = sample();
    let mut secrets = Secrets::new();
    for name in SecretName::ALL
        .iter()
        .filter(|name| **name != SecretName::CareEmailPassword)
    {
        secrets.set(*name, SecretString::from("x"));
    }
    assert_eq!(
        Site::try_from(&draft).unwrap().missing_secrets(&secrets),
        vec![]
    );
    draft.set("care.email_user", "care");
    assert_eq!(
        Site::try_from(&draft).unwrap().missing_secrets(&secrets),
        [SecretName::CareEmailPassword]
    );
}

#[test]
fn what_is_built_here_is_named_by_a_tag_or_commit() {
    use super::{FromLine as _, GitSource, Plug};
    let source = |text: &str| GitSource::from_line(text).map_err(|wrong| wrong.0);
    assert!(source("https://github.com/ohcnetwork/care.git#v25.40.0").is_ok());
    for (text, why) in [
        ("https://github.com/ohcnetwork/care.git", "behind a #"),
        (
            "https://github.com/ohcnetwork/care.git#",
            "a tag or commit has",
        ),
        (
            "https://github.com/ohcnetwork/care.git#Develop",
            "moves by itself",
        ),
        ("https://github.com/ohcnetwork/care#v1", "ends with .git"),
        ("git@github.com:ohcnetwork/care.git#v1", "https:// address"),
        ("https://user:word@github.com/care.git#v1", "no login"),
        ("https://github.com/../care.git#v1", "no login"),
        ("https://github.com/a.git#v1'$(id)", "a tag or commit has"),
    ] {
        let wrong = source(text).unwrap_err();
        assert!(wrong.contains(why), "{text}: {wrong}");
    }
    for (text, why) in [
        ("care_odoo", "no `=`"),
        ("care_odoo=package", "no `@`"),
        ("Care=package@1", "small letters"),
        ("care_odoo=pack'age@1", "that no package has"),
        ("care_odoo=git+https://x/y.git@main", "moves by itself"),
    ] {
        let wrong = Plug::from_line(text).unwrap_err().0;
        assert!(wrong.contains(why), "{text}: {wrong}");
    }
}

#[test]
fn what_is_built_here_has_a_place_and_something_to_be_built_from() {
    let told = |answers: &[(&str, &str)]| {
        let mut draft = sample();
        for (id, text) in answers {
            assert!(draft.set(id, text), "{id}");
        }
        let found = draft.problems().into_iter();
        found
            .map(|(id, problem)| format!("{id}: {}", problem.what))
            .collect::<Vec<_>>()
    };
    let backend = (
        "care.backend_source",
        "https://github.com/ohcnetwork/care.git#v25.40.0",
    );
    let plug = (
        "care.plugs",
        "care_odoo=git+https://github.com/ohcnetwork/care_odoo_be.git@9a745cb",
    );
    let on = ("components.registry", "on");
    assert!(
        told(&[backend])[0].starts_with("care.backend_source: "),
        "{:?}",
        told(&[backend])
    );
    assert_eq!(told(&[backend, on]), Vec::<String>::new());
    assert!(told(&[plug, on])[0].contains("not built here"));
    assert!(told(&[plug, on, backend])[0].contains("no Odoo to speak with"));
    assert_eq!(
        told(&[plug, on, backend, ("components.odoo", "on")]),
        Vec::<String>::new()
    );
    let addons = (
        "components.odoo_addons",
        "https://github.com/ohcnetwork/odoo_connector.git#af7da2be",
    );
    // Of a component that is off nothing is asked.
    assert_eq!(told(&[addons]), Vec::<String>::new());
    assert_eq!(told(&[addons, ("components.odoo", "on")]).len(), 1);
    let pages = (
        "care.frontend_source",
        "https://github.com/ohcnetwork/care_fe.git#v25.40.0",
    );
    assert_eq!(
        told(&[pages, on, ("care.frontend_image", "")]),
        Vec::<String>::new()
    );
    assert!(told(&[("care.frontend_image", "")])[0].contains("is missing"));
}
