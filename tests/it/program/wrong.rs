//! Bad input: each mistake gets a clear message and an exit code, and leaves every file as it was.

use std::{collections::BTreeMap, fmt::Write, fs, os::unix::fs::PermissionsExt};

use super::{Ran, Site, start};

const PASSPHRASE: &str = "four words of proof";

/// The files that a site needs beside its settings.
const CERTIFICATE: [&str; 2] = ["fullchain.pem", "privkey.pem"];

const SECRETS: &str = "\
backup-access-key: PRACTICEACCESSKEY000
backup-secret-key: made-up-and-opens-nothing
care-email-password: made-up
";

/// Collects what is said about mistakes, to be read like a letter.
struct Letter {
    site: Site,
    text: String,
}

impl Letter {
    async fn new() -> Self {
        Self {
            site: Site::prepared().await,
            text: String::new(),
        }
    }

    /// A mistake in the arguments, or in what was changed before; nothing is written.
    async fn says(&mut self, mistake: &str, arguments: &[&str], code: i32) -> Ran {
        let before = self.site.listing();
        let command = if arguments.iter().any(|word| word.starts_with("--site")) {
            self.site.bare(arguments)
        } else {
            self.site.command(arguments)
        };
        let ran = start(command).ended().await;
        assert_eq!(ran.status.code(), Some(code), "{mistake}: {ran}");
        assert_same(mistake, &before, &self.site.listing());
        assert_eq!(
            self.site.processes(),
            [0; 0],
            "{mistake}: something was started"
        );
        let said = self.site.neutral(&format!("{}{}", ran.out, ran.err));
        let words = self.site.neutral(&arguments.join(" "));
        writeln!(
            self.text,
            "# {mistake}\n$ care-install {words}   (exit {code})\n{said}"
        )
        .unwrap();
        ran
    }

    /// The same, of arguments that were put together and fail with 1.
    async fn says_of(&mut self, mistake: &str, arguments: &[String]) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.says(mistake, &arguments, 1).await;
    }

    /// No mistake.
    async fn succeeds(&self, arguments: &[String]) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        start(self.site.bare(&arguments)).ended().await.exits(0);
    }

    /// A mistake in the settings: one text is replaced by another for the time of the command.
    async fn with(&mut self, mistake: &str, (right, wrong): (&str, &str), arguments: &[&str]) {
        let path = self.site.folder.join("site.yaml");
        let good = fs::read_to_string(&path).unwrap();
        assert!(good.contains(right), "{good}");
        fs::write(&path, good.replacen(right, wrong, 1)).unwrap();
        self.says(mistake, arguments, 2).await;
        fs::write(&path, good).unwrap();
    }

    /// A file of the site that is not there, or holds something else, for the time of the command.
    async fn without(&mut self, mistake: &str, (name, instead): (&str, Option<&str>), code: i32) {
        let path = self.site.folder.join(name);
        let good = fs::read(&path).unwrap();
        match instead {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let judged = mistake.starts_with("a certificate");
        let look: &[&str] = if judged {
            &["check", "--only", "CRT-01"]
        } else {
            &["plan"]
        };
        self.says(mistake, look, code).await;
        fs::write(&path, good).unwrap();
    }
}

fn assert_same(
    mistake: &str,
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
) {
    let names = |listing: &BTreeMap<String, Vec<u8>>| listing.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(before), names(after), "{mistake}");
    assert!(before == after, "{mistake}: a file was changed");
}

#[tokio::test]
async fn mistakes_in_the_settings_are_named_with_their_line() {
    let mut letter = Letter::new().await;
    let validate = &["validate"];
    for (mistake, change) in [
        ("broken YAML", ("domains:", "domains: [")),
        (
            "an indentation with a tab",
            ("  name: rehearsal", "\tname: rehearsal"),
        ),
        ("an unknown key", ("replicas: 2", "replica: 2")),
        ("a wrong type", ("replicas: 2", "replicas: two")),
        (
            "a list instead of a text",
            ("base: care.example.org", "base: [care, example]"),
        ),
        ("a version of the future", ("schema: 1", "schema: 99")),
        ("networks that overlap", ("10.96.0.0/16", "10.244.128.0/20")),
        ("no network at all", ("10.96.0.0/16", "10.96.0.0/99")),
        (
            "a bad domain",
            ("base: care.example.org", "base: care_example"),
        ),
        ("a missing value", ("    address: 10.0.0.12\n", "")),
        (
            "the same address twice",
            ("address: 10.0.0.12", "address: 10.0.0.11"),
        ),
        (
            "a key twice",
            (
                "base: care.example.org",
                "base: care.example.org\n  base: other.example.org",
            ),
        ),
    ] {
        letter.with(mistake, change, validate).await;
    }
    letter
        .with(
            "the same in a deploy",
            ("replicas: 2", "replica: 2"),
            &["deploy", "--yes"],
        )
        .await;
    letter
        .with(
            "the same for programs",
            ("replicas: 2", "replica: 2"),
            &["validate", "--json"],
        )
        .await;
    insta::assert_snapshot!(letter.text);
}

#[tokio::test]
async fn files_that_are_missing_or_wrong_are_named() {
    let mut letter = Letter::new().await;
    let from = letter.site.named("site/site.yaml");
    let to = letter.site.named("new");
    let new = |rest: &[&str]| -> Vec<String> {
        let words = ["new", "--plain", "--key-file", "--site", &to, "--from"];
        words
            .iter()
            .chain(rest)
            .map(|word| (*word).to_owned())
            .collect()
    };
    let nowhere = letter.site.named("nowhere.yaml");
    let unknown = letter.site.write("unknown.yaml", "backup-acces-key: x\n");
    let few = letter
        .site
        .write("few.yaml", "backup-access-key: PRACTICEACCESSKEY000\n");
    let nonsense = letter
        .site
        .write("nonsense.yaml", "- canary\n- of a secret\n");
    for (mistake, rest, code) in [
        (
            "new without the file of settings",
            &[nowhere.as_str()][..],
            1,
        ),
        (
            "new without the file of secrets",
            &[&from, "--secrets", &nowhere],
            1,
        ),
        (
            "a secret with a wrong name",
            &[&from, "--secrets", &unknown],
            2,
        ),
        ("a secret that is missing", &[&from, "--secrets", &few], 2),
        (
            "secrets that are no list of names",
            &[&from, "--secrets", &nonsense],
            2,
        ),
    ] {
        let words = new(rest);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = letter.says(mistake, &words, code).await;
        assert!(!ran.err.contains("canary"), "{ran}");
        assert!(!letter.site.beside("new").exists(), "{mistake}");
    }
    insta::assert_snapshot!(letter.text);
}

#[tokio::test]
async fn a_file_of_the_site_that_is_missing_or_wrong_is_named() {
    let mut letter = Letter::new().await;
    letter
        .without("no certificate", ("fullchain.pem", None), 1)
        .await;
    letter
        .without(
            "a certificate that is none",
            ("fullchain.pem", Some("hello\n")),
            1,
        )
        .await;
    letter
        .without("no private key", ("privkey.pem", None), 1)
        .await;
    letter.without("no vault", ("vault.age", None), 1).await;
    letter
        .without("a vault that is none", ("vault.age", Some("hello\n")), 1)
        .await;
    letter
        .without("no key to the vault", ("vault.key", None), 1)
        .await;
    letter
        .without("a key that is none", ("vault.key", Some("hello\n")), 1)
        .await;
    insta::assert_snapshot!(letter.text);
}

#[tokio::test]
async fn a_wrong_passphrase_opens_nothing() {
    let mut letter = Letter::new().await;
    let from = letter.site.named("site/site.yaml");
    let secrets = letter.site.write("secrets.yaml", SECRETS);
    let right = letter.site.write("right", PASSPHRASE);
    let wrong = letter.site.write("wrong", "four words of doubt");
    let short = letter.site.write("short", "short");
    let nowhere = letter.site.named("nowhere");
    let locked = letter.site.named("locked");
    let new = [
        "new",
        "--plain",
        "--from",
        &from,
        "--secrets",
        &secrets,
        "--site",
        &locked,
    ];
    let with = |words: &[&str], file: &str| -> Vec<String> {
        let words = [words, &["--passphrase-file", file]].concat();
        words.into_iter().map(str::to_owned).collect()
    };
    letter
        .says_of("a passphrase that is too short", &with(&new, &short))
        .await;
    letter
        .says("nothing that locks the new vault", &new, 1)
        .await;
    letter.succeeds(&with(&new, &right)).await;
    for name in CERTIFICATE {
        let site = &letter.site;
        fs::copy(site.folder.join(name), site.beside("locked").join(name)).unwrap();
    }
    let plan = ["plan", "--plain", "--site", &locked];
    letter
        .says_of("a wrong passphrase", &with(&plan, &wrong))
        .await;
    letter
        .says_of("no file with the passphrase", &with(&plan, &nowhere))
        .await;
    letter.says("nobody to ask for it", &plan, 1).await;
    letter.succeeds(&with(&plan, &right)).await;
    insta::assert_snapshot!(letter.text);
}

#[tokio::test]
async fn wrong_arguments_are_told_before_anything_is_touched() {
    let mut letter = Letter::new().await;
    let deploy = ["deploy", "--rehearsal", "--plain", "--yes"];
    for (mistake, rest) in [
        ("an unknown step", &["--only", "valky/release"][..]),
        (
            "an unknown step to begin with",
            &["--from", "longhorn/releas"],
        ),
        (
            "an unknown step to leave out",
            &["--skip", "valkey/relase=no time"],
        ),
        (
            "a step to leave out without a reason",
            &["--skip", "valkey/release"],
        ),
        (
            "two ways to choose",
            &["--only", "valkey/release", "--from", "valkey/password"],
        ),
        (
            "a failure to accept without a reason",
            &["--waive", "DNS-02"],
        ),
        ("an unknown failure to accept", &["--waive", "DSN-02=later"]),
    ] {
        letter.says(mistake, &[&deploy[..], rest].concat(), 2).await;
    }
    for (mistake, arguments) in [
        ("nobody to ask", &["deploy", "--rehearsal", "--plain"][..]),
        ("an unknown code", &["explain", "DSN-2"]),
        (
            "an unknown code to check",
            &["check", "--rehearsal", "--only", "K8-01"],
        ),
        ("an unknown argument", &["deploy", "--yess"]),
        ("an unknown command", &["deplyo"]),
        (
            "an unknown scenario",
            &["rehearse", "--yes", "--scenario", "image-pul"],
        ),
        (
            "a speed that is none",
            &["rehearse", "--yes", "--speed", "fast"],
        ),
        (
            "an unknown step in a rehearsal",
            &["rehearse", "--yes", "--plain", "--only", "valky/release"],
        ),
        (
            "a level of the log that is none",
            &["plan", "--log-level", "loud"],
        ),
        ("a new site where one is", &["new", "--plain"]),
    ] {
        letter.says(mistake, arguments, 2).await;
    }
    insta::assert_snapshot!(letter.text);
}

#[tokio::test]
async fn a_site_that_is_not_clear_is_asked_for() {
    let mut letter = Letter::new().await;
    letter
        .says("no site at all", &["validate", "--site", "st-marys"], 2)
        .await;
    let empty = letter.site.beside("empty");
    fs::create_dir(&empty).unwrap();
    letter
        .says(
            "a folder without a site",
            &["validate", "--site", empty.to_str().unwrap()],
            2,
        )
        .await;
    for name in ["st-lukes", "st-marys"] {
        let folder = letter.site.beside("home/sites").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(
            letter.site.folder.join("site.yaml"),
            folder.join("site.yaml"),
        )
        .unwrap();
    }
    letter
        .says(
            "a name that is nearly right",
            &["validate", "--site=st-mary"],
            2,
        )
        .await;
    let ran = start(letter.site.bare(&["validate"]))
        .ended()
        .await
        .exits(2);
    write!(
        letter.text,
        "# two sites and none is named\n$ care-install validate   (exit 2)\n{}",
        ran.err
    )
    .unwrap();
    insta::assert_snapshot!(letter.text);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named_and_left_alone() {
    let mut letter = Letter::new().await;
    let file = letter.site.write("file", "not a folder\n");
    let inside = format!("{file}/site");
    let from = letter.site.named("site/site.yaml");
    let secrets = letter.site.write("secrets.yaml", SECRETS);
    let new = [
        "new",
        "--plain",
        "--key-file",
        "--from",
        &from,
        "--secrets",
        &secrets,
        "--site",
    ];
    letter
        .says(
            "a file where the folder should be",
            &[&new[..], &[&inside]].concat(),
            1,
        )
        .await;
    letter
        .says(
            "the same in a rehearsal",
            &["rehearse", "--yes", "--plain", "--site", &inside],
            1,
        )
        .await;
    letter
        .says(
            "the same for rendered files",
            &["render", "--out", &inside],
            1,
        )
        .await;
    let full = letter.site.folder.to_str().unwrap().to_owned();
    letter
        .says(
            "rendered files among others",
            &["render", "--out", &full],
            1,
        )
        .await;
    insta::assert_snapshot!(letter.text);

    // Root may write to any folder, but not even root makes one there.
    let folder = letter.site.beside("locked");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    let locked = if rustix::process::geteuid().is_root() {
        "/proc/care-install-site".to_owned()
    } else {
        folder.join("site").to_str().unwrap().to_owned()
    };
    for arguments in [
        &[&new[..], &[&locked]].concat()[..],
        &["rehearse", "--yes", "--plain", "--site", &locked],
    ] {
        let ran = start(letter.site.bare(arguments)).ended().await.exits(1);
        assert!(ran.err.contains("[FILE-0"), "{ran}");
        assert!(ran.err.contains("To fix: "), "{ran}");
        assert!(ran.err.contains(&locked), "{ran}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_helm_a_check_says_so_and_nothing_is_deployed() {
    let mut letter = Letter::new().await;
    letter
        .says(
            "no helm",
            &[
                "check",
                "--plain",
                "--only",
                "HELM-01",
                "--helm",
                "/nonexistent/helm",
            ],
            1,
        )
        .await;
    insta::assert_snapshot!(letter.text);
    let ran = letter
        .site
        .run(&["deploy", "--yes", "--plain", "--helm", "/nonexistent/helm"])
        .await
        .exits(1);
    assert!(ran.out.contains("FAIL    HELM-01"), "{ran}");
    assert!(
        ran.err.contains("nothing was changed.  [CHECK-01]"),
        "{ran}"
    );
    assert!(!letter.site.folder.join("journal.jsonl").exists());
}

/// A helm that answers its version so, and fails at everything else.
fn helm(site: &Site, name: &str, script: &str) -> String {
    let path = site.write(name, &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_helm_that_is_too_old_or_talks_nonsense_is_told_before_anything_is_changed() {
    let site = Site::prepared().await;
    for (name, script, code, word) in [
        ("old", "echo v3.17.1", "HELM-02", "v3.17.1"),
        ("mute", "exit 0", "HELM-01", "its version reads"),
        (
            "nonsense",
            "echo '<html>not found</html>'",
            "HELM-01",
            "<html>",
        ),
        (
            "failing",
            "echo broken >&2; exit 3",
            "HELM-01",
            "cannot be used",
        ),
    ] {
        let program = helm(&site, name, script);
        let ran = site
            .run(&["check", "--plain", "--only", "HELM-01", "--helm", &program])
            .await
            .exits(1);
        assert!(
            ran.out.contains(code) && ran.out.contains(word),
            "{name}: {ran}"
        );
        assert!(
            ran.out.contains("helm.sh"),
            "{name} without a remedy: {ran}"
        );
    }
}

/// Enough for the start of a run and too little for its end, in blocks of 512 bytes.
const BLOCKS: u32 = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_cannot_grow_stops_the_run_with_that_reason_and_the_next_start_goes_on() {
    let site = Site::prepared().await;
    // The practice cluster must not share the limit.
    let served = site.start(&["rehearse", "--serve", "--speed", "max"]);
    super::until("not served", || site.cluster().join("point.json").exists()).await;
    let mut limited = tokio::process::Command::new("sh");
    let program = env!("CARGO_BIN_EXE_care-install");
    let folder = site.folder.to_str().unwrap();
    let line = format!(
        "trap '' XFSZ; ulimit -f {BLOCKS}; exec {program} rehearse --yes --plain --log-level error --site {folder}"
    );
    limited
        .args(["-c", &line])
        .env("CARE_INSTALL_HOME", site.beside("home"))
        .env("TZ", "UTC")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true);
    let ran = start(limited).ended().await.exits(1);
    assert!(ran.out.contains("[RUN-01]"), "{ran}");
    assert!(ran.out.contains("File too large"), "{ran}");
    assert!(ran.out.contains("df -h"), "{ran}");
    let kept = fs::read_to_string(site.journal()).unwrap();
    assert!(kept.ends_with('\n'), "half of a record was left");
    assert!(kept.contains("\"done\""), "nothing was done before: {ran}");
    assert!(!kept.contains("run_ended"), "it was not stopped: {ran}");
    site.run(super::REHEARSE).await.exits(0);
    served.killed().await;
}
