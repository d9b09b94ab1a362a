//! No secret leaves the vault but into the cluster: a canary in every secret, and every place where text goes is searched.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use care_install::{
    site::Secrets,
    sys::vault::{self, Lock},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt;

use super::{Ran, Site, files, processes, start};

const TYPED: &str = "\
backup-access-key: CANARYACCESSKEY77001
backup-secret-key: canary-of-the-backup-secret
care-email-password: canary-of-the-mail-password
";

const PASSPHRASE: &str = "canary of the passphrase";

/// Every secret in every form in which it could show, by its name.
type Canaries = BTreeMap<String, Vec<String>>;

/// A site with typed secrets behind a passphrase, and what must not be found anywhere.
async fn guarded() -> (Site, Canaries) {
    let sample = Site::prepared().await;
    let site = Site::new();
    let from = sample.folder.join("site.yaml");
    let (from, secrets) = (from.to_str().unwrap(), site.write("typed.yaml", TYPED));
    let key = site.write("passphrase", PASSPHRASE);
    let made = [
        "new",
        "--plain",
        "--from",
        from,
        "--secrets",
        &secrets,
        "--passphrase-file",
        &key,
    ];
    site.run(&made).await.exits(0);
    for name in ["fullchain.pem", "privkey.pem"] {
        fs::copy(sample.folder.join(name), site.folder.join(name)).unwrap();
    }
    let lock = Lock::Passphrase(SecretString::from(PASSPHRASE));
    let vault = vault::read(&site.folder.join("vault.age"), &lock).unwrap();
    let key = fs::read_to_string(site.folder.join("privkey.pem")).unwrap();
    let canaries = canaries(&vault, &key);
    (site, canaries)
}

fn canaries(vault: &Secrets, key: &str) -> Canaries {
    let mut canaries = Canaries::new();
    let forms = |text: &str| {
        let quoted = serde_json::to_string(text).unwrap();
        vec![
            text.to_owned(),
            STANDARD.encode(text),
            quoted.trim_matches('"').to_owned(),
        ]
    };
    for (name, secret) in vault.iter() {
        let text = secret.expose_secret();
        assert!(text.len() >= 10, "{name:?} is too short to be searched for");
        canaries.insert(name.as_str().to_owned(), forms(text));
    }
    assert!(canaries.len() > 15, "{:?}", canaries.keys());
    for line in TYPED.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        assert_eq!(canaries[name][0], value);
    }
    canaries.insert("passphrase".to_owned(), forms(PASSPHRASE));
    canaries.insert("certificate-key".to_owned(), forms(key));
    // As it stands in the file, the key is in lines; those after the second hold its public half.
    let lines = key.lines().filter(|line| !line.starts_with("--"));
    let lines = lines.take(2).map(str::to_owned).collect();
    canaries.insert("certificate-key-lines".to_owned(), lines);
    canaries
}

/// The names of the secrets that a text holds.
fn found(canaries: &Canaries, text: &str) -> Vec<String> {
    let held = canaries
        .iter()
        .filter(|(_, forms)| forms.iter().any(|form| text.contains(form.as_str())));
    held.map(|(name, _)| name.clone()).collect()
}

/// Looks at the arguments of every process until it is told to end; gives what it found and how often it looked.
fn watch_arguments(
    canaries: Canaries,
    end: Arc<AtomicBool>,
) -> std::thread::JoinHandle<(BTreeSet<String>, usize)> {
    std::thread::spawn(move || {
        let (mut seen, mut looks) = (BTreeSet::new(), 0);
        while !end.load(Ordering::Relaxed) {
            for (_, arguments) in processes() {
                seen.extend(found(&canaries, &arguments));
            }
            looks += 1;
            std::thread::yield_now();
        }
        (seen, looks)
    })
}

fn assert_silent(canaries: &Canaries, ran: &Ran, what: &str) {
    assert_eq!(found(canaries, &ran.out), [""; 0], "{what}");
    assert_eq!(found(canaries, &ran.err), [""; 0], "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_any_output_argument_or_file() {
    let (site, canaries) = guarded().await;
    let key = site.beside("passphrase");
    let key = key.to_str().unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let watching = watch_arguments(canaries.clone(), Arc::clone(&end));
    let (masked, clear) = (site.beside("masked"), site.beside("clear"));
    for arguments in [
        // Everything that can be told is told.
        &[
            "rehearse",
            "--yes",
            "--plain",
            "--speed",
            "max",
            "--log-level",
            "trace",
        ][..],
        &["rehearse", "--yes", "--json", "--log-level", "trace"],
        &["plan"],
        &["plan", "--json"],
        &["capacity"],
        &["capacity", "--json"],
        &["check", "--rehearsal", "--json"],
        &["status", "--rehearsal", "--json"],
        &["render", "--out", masked.to_str().unwrap()],
    ] {
        let ran = site
            .run(&[arguments, &["--passphrase-file", key]].concat())
            .await
            .exits(0);
        assert_silent(&canaries, &ran, &arguments.join(" "));
    }
    let with_secrets = [
        "render",
        "--with-secrets",
        "--passphrase-file",
        key,
        "--out",
        clear.to_str().unwrap(),
    ];
    let ran = site.run(&with_secrets).await.exits(0);
    assert_silent(&canaries, &ran, "render --with-secrets");
    compared(&site, &canaries, key).await;
    background(&site, &canaries).await;
    end.store(true, Ordering::Relaxed);
    let (seen, looks) = watching.join().unwrap();
    assert_eq!(seen, BTreeSet::new(), "in arguments");

    let searched = search(
        &canaries,
        files(&site.folder).into_iter().chain(files(&masked)),
    );
    let shown = shown_in_clear(&canaries, &clear);
    println!(
        "{} secrets, {looks} looks at all processes, {searched} files; --with-secrets shows {shown}",
        canaries.len(),
    );
}

/// Secrets that differ: one written anew, one that stands where it should not.
async fn compared(site: &Site, canaries: &Canaries, key: &str) {
    let point = care_install::rehearsal::find(&site.cluster())
        .await
        .unwrap();
    let secret = &canaries["valkey-password"][0];
    let packed = STANDARD.encode(format!("{secret}and more"));
    let data = serde_json::json!({"data": {"default": packed, "more": packed}, "metadata": {"annotations": {"note": secret}}});
    crate::drifting::patch(
        &point,
        "/api/v1/namespaces/database/secrets/valkey-users",
        &data,
    )
    .await;
    let data = serde_json::json!({"data": {"USE_SMS": secret, "OWN": format!("redis://:{secret}@valkey")}});
    crate::drifting::patch(
        &point,
        "/api/v1/namespaces/care-be/configmaps/care-settings",
        &data,
    )
    .await;
    for (arguments, code) in [
        (&["plan", "--diff", "--rehearsal"][..], 0),
        (&["plan", "--diff", "--rehearsal", "--json"], 0),
        (&["drift", "--rehearsal"], 4),
        (&["drift", "--rehearsal", "--json"], 4),
    ] {
        let arguments = [arguments, &["--passphrase-file", key]].concat();
        let ran = site.run(&arguments).await.exits(code);
        assert_silent(canaries, &ran, &arguments.join(" "));
        assert!(!ran.out.contains(&packed), "{ran}");
        for name in ["valkey-users", "care-settings", "USE_SMS"] {
            assert!(ran.out.contains(name), "{name} is not told: {ran}");
        }
    }
}

/// A run for the screens: the passphrase comes on standard input.
async fn background(site: &Site, canaries: &Canaries) {
    let mut command = site.command(&["deploy", "--rehearsal", "--json", "--background"]);
    command.stdin(Stdio::piped());
    let mut running = start(command);
    let mut input = running.child.stdin.take().unwrap();
    let line = format!("{PASSPHRASE}\n");
    input.write_all(line.as_bytes()).await.unwrap();
    drop(input);
    let ran = running.ended().await.exits(0);
    assert_silent(canaries, &ran, "deploy --background");
}

/// Searches files and gives how many.
fn search(canaries: &Canaries, files: impl Iterator<Item = PathBuf>) -> usize {
    let mut searched = 0;
    for path in files {
        // The practice cluster keeps its objects, and Secrets are among them; the key is the site's own file.
        if path.ends_with("cluster/objects.log") || path.ends_with("privkey.pem") {
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert_eq!(found(canaries, &text), [""; 0], "{}", path.display());
        searched += 1;
    }
    searched
}

/// How many secrets are in files where they are wanted; without any, the search would find nothing because it cannot.
fn shown_in_clear(canaries: &Canaries, folder: &Path) -> usize {
    let mut shown = BTreeSet::new();
    for path in files(folder) {
        shown.extend(found(canaries, &fs::read_to_string(&path).unwrap()));
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    for name in [
        "backup-secret-key",
        "care-django-secret-key",
        "certificate-key",
    ] {
        assert!(shown.contains(name), "{shown:?}");
    }
    shown.len()
}

#[tokio::test]
async fn secrets_in_memory_are_not_shown_by_debug() {
    let (site, canaries) = guarded().await;
    let lock = Lock::Passphrase(SecretString::from(PASSPHRASE));
    let vault = vault::read(&site.folder.join("vault.age"), &lock).unwrap();
    assert_eq!(found(&canaries, &format!("{vault:?} {lock:?}")), [""; 0]);
    let text = fs::read_to_string(site.folder.join("site.yaml")).unwrap();
    let (_, valid) = care_install::site::file::read("site.yaml", &text).unwrap();
    let catalog = care_install::catalog::Catalog::load().unwrap();
    let mut secrets = vault.clone();
    let dir = care_install::sys::sites::SiteDir::at(site.folder.clone());
    dir.read_certificate(&valid, &mut secrets).unwrap();
    let plan = care_install::plan::build(&valid, &secrets, &catalog).unwrap();
    assert_eq!(found(&canaries, &format!("{plan:?}")), [""; 0]);
}
