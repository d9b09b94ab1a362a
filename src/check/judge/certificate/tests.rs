//! What is said about chains made here: good ones, and each way in which one goes wrong.

mod files;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm,
    date_time_ymd,
};

use super::*;
use crate::{check::judge::pem, site::sample};

/// A self-signed certificate with a SHA-1 signature, as `openssl req -x509 -sha1` makes it; nothing here can make one.
const SHA1: &str = "-----BEGIN CERTIFICATE-----
MIIDLjCCAhagAwIBAgIUdkmAIsVkFFaBIQjpQU0pshXwgUEwDQYJKoZIhvcNAQEF
BQAwFzEVMBMGA1UEAwwMc2hhMS5leGFtcGxlMB4XDTI2MTEyNDIwNTY1N1oXDTM2
MTEyMTIwNTY1N1owFzEVMBMGA1UEAwwMc2hhMS5leGFtcGxlMIIBIjANBgkqhkiG
9w0BAQEFAAOCAQ8AMIIBCgKCAQEAn53NlqdmraKAIusRGXViFcK199D/7ZMohqPX
CgpVByZbUwykm95cvlZHU2gJS64k5ZHUucdVPflglQxcyqoyjwowWMrJU6dMTmLZ
tji9kKoHRJrAlKYAXeZvftgGqXvLS9VSp9ginQIv+Mm1IzH9Rh4H4FDd1/YPuHt2
ddV4pyGWEp4Ze4eX9r1mCWFnjxd2+dt6AEulrQ0p+WUaNARqt5EOeJB/ZLlzfYz3
FBWCz8oo2A0+i09UzvdCk0m5BaGsRdu8r1ixsFsV+j0W0vK7VfGXXznVc1Wf3hDG
N+NcQ68zQw2NIobH5kEEQvs7YDdmai0s/1Ti+Rfs/pAsGM2uVwIDAQABo3IwcDAd
BgNVHQ4EFgQUduiggs6TdQDgUoHBRrCHXsqJYB4wHwYDVR0jBBgwFoAUduiggs6T
dQDgUoHBRrCHXsqJYB4wDwYDVR0TAQH/BAUwAwEB/zAdBgNVHREEFjAUghIqLmNh
cmUuZXhhbXBsZS5vcmcwDQYJKoZIhvcNAQEFBQADggEBADARthXarRg4DQB9l/d6
LscvgkE0rcyfak2reDchCXx43mrsVoFz3902qDlXJVTLSHIQ48q733FD7nRHKfpq
jhq8nr/EB312iVnwrtvZLIu4iIEyvm/pVV3j4UvklLyPUmpTmIkfdENfG7ow1QD2
q0xwPgYd9YIEgcNryPhmN3MueCTbmEw6WxmDgErJTnTmOp560LuhgbhvU+GzhIaA
0wk6MFG64/ap+aCbGv2g+QXcrEtd2SjyPhRYQM2J03wo0m4Q1QIsjH5VL8KulyAA
DRA/pmcBDxXQYlVtuss0eMY6+Sq/l0rDVpOL4kEIRY3jUswzhRIfFM8UCQC8gnJQ
evg=
-----END CERTIFICATE-----
";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

/// Root, intermediate and the site's own certificate with its key.
struct World {
    root: Authority,
    middle: Authority,
    key: KeyPair,
    site: CertificateParams,
}

impl World {
    fn new() -> Self {
        let root = CertifiedIssuer::self_signed(
            authority_params("Test Root"),
            KeyPair::generate().unwrap(),
        )
        .unwrap();
        let middle = CertifiedIssuer::signed_by(
            authority_params("Test Middle"),
            KeyPair::generate().unwrap(),
            &root,
        )
        .unwrap();
        let mut site = CertificateParams::new(vec!["*.care.example.org".to_owned()]).unwrap();
        site.distinguished_name = rcgen::DistinguishedName::new();
        site.distinguished_name
            .push(DnType::CommonName, "*.care.example.org");
        site.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        site.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        site.not_before = date_time_ymd(2026, 1, 1);
        site.not_after = date_time_ymd(2026, 12, 31);
        Self {
            root,
            middle,
            key: KeyPair::generate().unwrap(),
            site,
        }
    }

    fn changed(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut world = Self::new();
        change(&mut world.site);
        world
    }

    fn leaf(&self) -> Vec<u8> {
        self.site
            .signed_by(&self.key, &self.middle)
            .unwrap()
            .der()
            .to_vec()
    }

    fn middle(&self) -> Vec<u8> {
        self.middle.der().to_vec()
    }

    fn root(&self) -> Vec<u8> {
        self.root.der().to_vec()
    }

    /// What is found when the files hold the whole chain and the right key, in the middle of 2026.
    fn facts(&self) -> Facts {
        self.holding(vec![self.leaf(), self.middle()])
    }

    fn holding(&self, chain: Vec<Vec<u8>>) -> Facts {
        let site = crate::site::Site::try_from(&sample()).unwrap();
        Facts {
            chain_file: "fullchain.pem".to_owned(),
            key_file: "privkey.pem".to_owned(),
            chain: Ok(chain),
            key: pem::public_half(self.key.serialize_pem().as_bytes()).map_err(Unread::Holds),
            names: site
                .domains
                .hosts
                .iter()
                .map(|host| host.name.to_string())
                .collect(),
            trusted: Some(vec![self.root()]),
            now: "2026-06-01T00:00:00Z".parse().unwrap(),
        }
    }
}

const ALL: [fn(&Facts) -> Verdict; 7] = [readable, key, chain, covered, usage, dates, strength];

/// The verdict as one line, such as `fail CRT-03 wrong order`.
fn short(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass { seen } => format!("pass {seen}"),
        Verdict::Warn { seen, problem } | Verdict::Fail { seen, problem } => {
            let word = if matches!(verdict, Verdict::Warn { .. }) {
                "warn"
            } else {
                "fail"
            };
            let copyable = problem.remedy.contains('`') || problem.code == Code::File03;
            assert!(problem.what.ends_with('.') && copyable, "{problem}");
            format!("{word} {} {seen}", problem.code)
        }
        Verdict::Skipped { reason } => format!("skipped {reason}"),
    }
}

fn shorts(facts: &Facts) -> Vec<String> {
    ALL.iter().map(|judge| short(&judge(facts))).collect()
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Warn { problem, .. } | Verdict::Fail { problem, .. } => problem.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_chain_passes_everything() {
    let expected = [
        "pass *.care.example.org",
        "pass fits the certificate",
        "pass 2 certificates, known here",
        "pass 8 names by *.care.example.org",
        "pass TLS server",
        "pass 213 days left, to 2026-12-31",
        "pass EC 256, EC 256",
    ];
    assert_eq!(shorts(&World::new().facts()), expected);
}

#[test]
fn what_is_wrong_with_one_thing_is_told_there_alone() {
    let world = World::new();
    let mut facts = world.facts();
    facts.key = pem::public_half(KeyPair::generate().unwrap().serialize_pem().as_bytes())
        .map_err(Unread::Holds);
    let wrong: Vec<String> = shorts(&facts)
        .into_iter()
        .filter(|line| !line.starts_with("pass"))
        .collect();
    assert_eq!(wrong, ["fail CRT-02 of another certificate"]);
}

#[test]
fn chains_are_told_apart_by_what_is_missing_or_out_of_place() {
    let world = World::new();
    let other = World::new();
    let (leaf, middle, root) = (world.leaf(), world.middle(), world.root());
    let table = [
        (
            vec![leaf.clone(), middle.clone()],
            "pass 2 certificates, known here",
        ),
        (
            vec![leaf.clone(), middle.clone(), root.clone()],
            "pass 3 certificates, known here",
        ),
        (vec![leaf.clone()], "fail CRT-03 no intermediate"),
        (
            vec![middle.clone(), leaf.clone()],
            "fail CRT-03 wrong order",
        ),
        (
            vec![leaf.clone(), root.clone(), middle.clone()],
            "fail CRT-03 wrong order",
        ),
        (
            vec![root.clone(), middle.clone(), leaf.clone()],
            "fail CRT-03 wrong order",
        ),
        (
            vec![leaf.clone(), other.middle()],
            "fail CRT-03 does not hold together",
        ),
        (
            vec![leaf.clone(), root.clone()],
            "fail CRT-03 does not hold together",
        ),
        (
            vec![leaf.clone(), leaf.clone(), middle.clone()],
            "fail CRT-03 does not hold together",
        ),
    ];
    for (ders, expected) in table {
        assert_eq!(short(&chain(&world.holding(ders))), expected);
    }
}

#[test]
fn another_certificate_of_the_same_name_is_not_the_signer() {
    let (world, other) = (World::new(), World::new());
    let words = words(&chain(&world.holding(vec![world.leaf(), other.middle()])));
    assert!(
        words.contains("another certificate of the same name"),
        "{words}"
    );
}

#[test]
fn the_end_of_the_chain_is_compared_with_what_this_computer_trusts() {
    let world = World::new();
    let mut facts = world.facts();
    facts.trusted = Some(vec![World::new().root()]);
    assert_eq!(
        short(&chain(&facts)),
        "warn CRT-03 2 certificates, up to Test Root"
    );
    facts.trusted = None;
    assert_eq!(
        short(&chain(&facts)),
        "pass 2 certificates, up to Test Root"
    );
    let mut alone = world.holding(vec![
        world.site.self_signed(&world.key).unwrap().der().to_vec(),
    ]);
    alone.trusted = None;
    assert_eq!(short(&chain(&alone)), "fail CRT-03 self-signed");
    // Signed by an authority that everyone knows: nothing is missing.
    let direct = world
        .site
        .signed_by(&world.key, &world.root)
        .unwrap()
        .der()
        .to_vec();
    assert_eq!(
        short(&chain(&world.holding(vec![direct]))),
        "pass 1 certificate, known here"
    );
}

#[test]
fn a_signer_must_be_an_authority() {
    let mut params = authority_params("Test Middle");
    params.is_ca = IsCa::NoCa;
    let mut world = World::new();
    world.middle =
        CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &world.root).unwrap();
    assert_eq!(
        short(&chain(&world.facts())),
        "fail CRT-03 not an authority"
    );
}

/// What is said about a lone certificate that names this place of its signer's certificate.
fn lone_with_url(url: &str) -> String {
    let length = u8::try_from(url.len()).unwrap();
    // AuthorityInfoAccess with one caIssuers entry, in DER.
    let mut entry = vec![
        0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02, 0x86, length,
    ];
    entry.extend_from_slice(url.as_bytes());
    let wrapped = |bytes: &[u8]| [&[0x30, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let content = wrapped(&wrapped(&entry));
    let world = World::changed(|site| {
        let extension =
            rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content);
        site.custom_extensions.push(extension);
    });
    words(&chain(&world.holding(vec![world.leaf()])))
}

#[test]
fn the_missing_certificate_is_fetched_by_the_line_in_the_remedy() {
    let words = lone_with_url("http://ca.example/middle.der");
    let line = "`curl -s http://ca.example/middle.der | openssl x509 -inform der >> fullchain.pem`";
    assert!(words.contains(line), "{words}");
}

#[test]
fn no_certificate_puts_a_command_into_the_line_that_people_copy() {
    for url in [
        "http://x/;reboot",
        "http://x/$(reboot)",
        "http://x/`reboot`",
        "http://x y",
        "-o/etc/passwd",
    ] {
        let words = lone_with_url(url);
        assert!(
            words.contains("`cat intermediate.pem >> fullchain.pem`"),
            "{words}"
        );
        assert!(!words.contains(url), "{words}");
    }
}

#[test]
fn a_wildcard_stands_for_one_label() {
    for (pattern, host, expected) in [
        ("*.example.org", "app.example.org", true),
        ("*.example.org", "example.org", false),
        ("*.example.org", "a.b.example.org", false),
        ("*.example.org", "app.example.com", false),
        ("*.example.org", "notexample.org", false),
        ("app.example.org", "app.example.org", true),
        ("app.example.org", "xapp.example.org", false),
        ("a*.example.org", "app.example.org", false),
        ("*", "app.example.org", false),
    ] {
        assert_eq!(names::covers(pattern, host), expected, "{pattern} {host}");
    }
}

#[test]
fn host_names_that_are_not_covered_are_named_with_the_reason() {
    let names = |names: &[&str]| {
        let sans: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let world = World::changed(|site| {
            site.subject_alt_names = CertificateParams::new(sans).unwrap().subject_alt_names;
        });
        covered(&world.facts())
    };
    let other = names(&["*.other.org"]);
    assert_eq!(short(&other), "fail CRT-04 only *.other.org");
    assert!(
        words(&other).contains("8 host names of the site: app.care.example.org")
            && words(&other).contains("*.care.example.org"),
        "{}",
        words(&other)
    );
    let deep = names(&["*.example.org"]);
    assert!(
        words(&deep)
            .contains("*.example.org stands for one label, and app.care.example.org has more"),
        "{}",
        words(&deep)
    );
    assert_eq!(short(&names(&[])), "fail CRT-04 no alternative names");
    let one = names(&["*.care.example.org", "care.example.org"]);
    assert_eq!(
        short(&one),
        "pass 8 names by *.care.example.org, care.example.org"
    );
    let mut facts = World::new().facts();
    facts.names = vec![
        "app.care.example.org".to_owned(),
        "a.b.care.example.org".to_owned(),
    ];
    assert!(words(&covered(&facts)).contains("does not cover a.b.care.example.org."));
}

#[test]
fn the_use_must_be_that_of_a_server() {
    let judged =
        |change: fn(&mut CertificateParams)| short(&usage(&World::changed(change).facts()));
    assert_eq!(
        judged(|site| site.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
        "fail CRT-05 not for servers"
    );
    assert_eq!(
        judged(|site| site.key_usages = vec![KeyUsagePurpose::CrlSign]),
        "fail CRT-05 may not sign"
    );
    assert_eq!(
        judged(|site| site.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        "fail CRT-05 an authority's own"
    );
    assert_eq!(
        judged(|site| site.extended_key_usages = Vec::new()),
        "pass TLS server"
    );
}

#[test]
fn the_dates_are_compared_with_the_time_that_is_given() {
    let at = |now: &str| {
        let mut facts = World::new().facts();
        facts.now = now.parse().unwrap();
        short(&dates(&facts))
    };
    assert_eq!(at("2025-12-31T23:59:59Z"), "fail CRT-06 begins 2026-01-01");
    assert_eq!(
        at("2026-01-01T00:00:00Z"),
        "pass 364 days left, to 2026-12-31"
    );
    // A fifth of 364 days is 72 days and 19 hours.
    assert_eq!(
        at("2026-10-19T00:00:00Z"),
        "pass 73 days left, to 2026-12-31"
    );
    assert_eq!(
        at("2026-10-20T00:00:00Z"),
        "warn CRT-06 72 of 364 days left"
    );
    assert_eq!(at("2026-12-31T00:00:00Z"), "fail CRT-06 expired 2026-12-31");
    assert_eq!(at("2027-01-31T00:00:00Z"), "fail CRT-06 expired 2026-12-31");
}

#[test]
fn an_authority_that_ends_first_ends_the_chain() {
    let mut params = authority_params("Test Middle");
    params.not_after = date_time_ymd(2026, 5, 1);
    let mut world = World::new();
    world.middle =
        CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &world.root).unwrap();
    let verdict = dates(&world.facts());
    assert_eq!(short(&verdict), "fail CRT-06 expired 2026-05-01");
    assert!(
        words(&verdict).contains("The chain's certificate 2 (Test Middle) ended 31 days ago"),
        "{}",
        words(&verdict)
    );
}

/// An RSA public key of so many bits; nobody has its private half.
struct Rsa(Vec<u8>);

impl Rsa {
    fn of_bytes(bytes: usize) -> Self {
        let mut modulus = vec![0x00, 0xc1];
        modulus.resize(bytes + 1, 0x5b);
        let integer = |bytes: &[u8]| {
            let mut der = vec![0x02];
            match u8::try_from(bytes.len()) {
                Ok(length) if length < 0x80 => der.push(length),
                _ => der.extend_from_slice(
                    &[
                        &[0x82][..],
                        &u16::try_from(bytes.len()).unwrap().to_be_bytes(),
                    ]
                    .concat(),
                ),
            }
            der.extend_from_slice(bytes);
            der
        };
        let inner = [integer(&modulus), integer(&[1, 0, 1])].concat();
        let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
        Self([&[0x30, 0x82][..], &length, &inner].concat())
    }
}

impl PublicKeyData for Rsa {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

#[test]
fn weak_keys_and_signatures_are_refused() {
    let world = World::new();
    let with =
        |key: &dyn Fn() -> Vec<u8>| short(&strength(&world.holding(vec![key(), world.middle()])));
    let rsa = |bytes| {
        let key = Rsa::of_bytes(bytes);
        world
            .site
            .signed_by(&key, &world.middle)
            .unwrap()
            .der()
            .to_vec()
    };
    assert_eq!(with(&|| rsa(128)), "fail CRT-07 RSA 1024");
    assert_eq!(with(&|| rsa(256)), "pass RSA 2048, EC 256");
    let edwards = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let der = world
        .site
        .signed_by(&edwards, &world.middle)
        .unwrap()
        .der()
        .to_vec();
    assert_eq!(
        with(&|| der.clone()),
        "fail CRT-07 a kind browsers do not know"
    );
    let old = pem::certificates(SHA1.as_bytes()).unwrap();
    assert_eq!(
        short(&strength(&world.holding(old))),
        "fail CRT-07 signed with SHA-1"
    );
}

#[test]
fn no_key_is_ever_shown() {
    let world = World::new();
    let secret = world.key.serialize_pem();
    let line = secret.lines().nth(1).unwrap();
    let facts = world.facts();
    assert!(!format!("{facts:?}").contains(line));
}

#[test]
fn the_words_read_like_a_letter() {
    let (world, other) = (World::new(), World::new());
    let (leaf, middle, root) = (world.leaf(), world.middle(), world.root());
    let own = world.site.self_signed(&world.key).unwrap().der().to_vec();
    let at = |now: &str| Facts {
        now: now.parse().unwrap(),
        ..world.facts()
    };
    let holds = |wrong: Wrong| Facts {
        chain: Err(Unread::Holds(wrong)),
        ..world.facts()
    };
    let key_holds = |wrong: Wrong| Facts {
        key: Err(Unread::Holds(wrong)),
        ..world.facts()
    };
    let stranger = Facts {
        trusted: Some(vec![other.root()]),
        ..world.facts()
    };
    let deep = Facts {
        names: vec!["a.b.care.example.org".to_owned()],
        ..world.facts()
    };
    let client =
        World::changed(|site| site.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let verdicts = [
        readable(&holds(Wrong::Binary)),
        readable(&holds(Wrong::Key)),
        readable(&holds(Wrong::NoPem)),
        key(&key_holds(Wrong::Encrypted)),
        key(&key_holds(Wrong::NoPem)),
        key(&Facts {
            key: other.facts().key,
            ..world.facts()
        }),
        chain(&world.holding(vec![leaf.clone()])),
        chain(&world.holding(vec![middle, leaf.clone()])),
        chain(&world.holding(vec![leaf.clone(), other.middle()])),
        chain(&world.holding(vec![leaf, root])),
        chain(&world.holding(vec![own])),
        chain(&stranger),
        covered(&deep),
        usage(&client.facts()),
        dates(&at("2025-12-31T00:00:00Z")),
        dates(&at("2026-12-01T00:00:00Z")),
        dates(&at("2027-01-31T00:00:00Z")),
        strength(&world.holding(pem::certificates(SHA1.as_bytes()).unwrap())),
    ];
    insta::assert_snapshot!(crate::check::judge::letter(&verdicts));
}
