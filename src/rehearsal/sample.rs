//! Makes the practice site in a folder: settings, vault and certificate, each only when it is not there; it asks nobody.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::certificate::{self, Chain};
use crate::{
    problem::{Code, Problem},
    site::{Certificate, SecretName, Secrets, Site, sample},
    sys::{
        daemon,
        files::{self, Mode},
        sites::SiteDir,
        vault::LockKind,
    },
};

/// Held while the site is prepared, so that two starts do not make two vaults.
const LOCK: &str = ".prepare.lock";

/// No certificate or key is nearly as long.
const LARGEST: u64 = 256 * 1024;

/// What a person would type; it opens nothing anywhere.
const TYPED: [(SecretName, &str); 4] = [
    (SecretName::BackupAccessKey, "PRACTICEACCESSKEY000"),
    (
        SecretName::BackupSecretKey,
        "made-up-for-practice-and-opens-nothing",
    ),
    (SecretName::CareEmailPassword, "made-up-for-practice"),
    (SecretName::AcmeDnsSecret, "made-up-for-practice"),
];

/// Makes whatever of the practice site is not in the folder yet; killed at any instant, the next call goes on from there.
///
/// # Errors
/// The folder cannot be written, or what is in it is not understood.
pub fn prepare(dir: &SiteDir) -> Result<(), Vec<Problem>> {
    let one = |problem| vec![problem];
    files::create_folder(dir.path()).map_err(one)?;
    let held = daemon::try_lock(&dir.file(LOCK)).map_err(one)?;
    let Some(_held) = held else {
        return Err(vec![busy(dir)]);
    };
    if !dir.has_site() {
        dir.save_settings(&sample()).map_err(one)?;
    }
    let site = dir.settings()?.site;
    vault(dir).map_err(one)?;
    certificate(dir, &site, Timestamp::now()).map_err(one)
}

fn busy(dir: &SiteDir) -> Problem {
    Problem::new(
        Code::Host02,
        format!(
            "Another care-install is just preparing the practice site in `{}`.",
            dir.path().display()
        ),
        "Start again in a moment.",
    )
}

/// Fills the vault; one with a passphrase belongs to a person and is left alone.
fn vault(dir: &SiteDir) -> Result<(), Problem> {
    let (lock, mut secrets) = match dir.lock_kind()? {
        Some(LockKind::Passphrase) => return Ok(()),
        Some(LockKind::KeyFile) => {
            let lock = dir.key_lock();
            let secrets = dir.read_vault(&lock)?;
            (lock, secrets)
        }
        None => (dir.make_key_lock()?, Secrets::new()),
    };
    let missing: Vec<_> = TYPED
        .into_iter()
        .filter(|(name, _)| secrets.get(*name).is_none())
        .collect();
    for (name, text) in &missing {
        secrets.set(*name, SecretString::from(*text));
    }
    let made = secrets.generate_missing()?;
    if missing.is_empty() && made.is_empty() {
        return Ok(());
    }
    dir.write_vault(&secrets, &lock)
}

/// Makes key and chain: the key first, so that a chain without its key is never there.
fn certificate(dir: &SiteDir, site: &Site, now: Timestamp) -> Result<(), Problem> {
    let Certificate::Files(named) = &site.certificate else {
        return Ok(());
    };
    let base = site.domains.base.as_str();
    let chain_file = dir.named_file(&named.chain_file);
    let key_file = dir.named_file(&named.key_file);
    let chain = files::read_text_if_any(&chain_file, LARGEST)?;
    let key = if let Some(text) = files::read_text_if_any(&key_file, LARGEST)? {
        SecretString::from(text)
    } else {
        let key = certificate::new_key()?;
        files::write_atomic(&key_file, key.expose_secret().as_bytes(), Mode::Private)?;
        key
    };
    if let Some(chain) = chain
        && certificate::judge(&chain, &key, base, now)? != Chain::Stale
    {
        return Ok(());
    }
    let chain = certificate::chain(base, &key, now)?;
    files::write_atomic(&chain_file, chain.as_bytes(), Mode::Shared)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

    use super::*;
    use crate::sys::sites::{KEY_FILE, SITE_FILE, VAULT_FILE};

    fn content(folder: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        entries
            .map(|entry| {
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                let name = entry.file_name().to_str().unwrap().to_owned();
                (name, (mode, fs::read(entry.path()).unwrap()))
            })
            .collect()
    }

    fn complete(dir: &SiteDir) {
        let site = dir.settings().unwrap().site;
        let mut secrets = dir.read_vault(&dir.key_lock()).unwrap();
        dir.read_certificate(&site, &mut secrets).unwrap();
        assert_eq!(site.missing_secrets(&secrets), Vec::new());
        let key = secrets.get(SecretName::CertificateKey).unwrap();
        let chain = secrets.get(SecretName::CertificateChain).unwrap();
        let base = site.domains.base.as_str();
        let judged = certificate::judge(chain.expose_secret(), key, base, Timestamp::now());
        assert_eq!(judged.unwrap(), Chain::Good);
    }

    #[test]
    fn the_practice_site_is_complete_and_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let dir = SiteDir::at(folder.path().join("site"));
        prepare(&dir).unwrap();
        complete(&dir);
        let first = content(dir.path());
        let mode = |name: &str| first[name].0;
        assert_eq!(mode("privkey.pem"), 0o600);
        assert_eq!(mode("fullchain.pem"), 0o644);
        assert_eq!(mode(VAULT_FILE), 0o600);
        assert_eq!(mode(KEY_FILE), 0o600);
        prepare(&dir).unwrap();
        assert_eq!(content(dir.path()), first);
    }

    #[test]
    fn whichever_files_were_not_written_before_the_end_are_made_by_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let whole = SiteDir::at(folder.path().join("whole"));
        prepare(&whole).unwrap();
        let made = content(whole.path());
        // The order in which they are written: a killed start leaves the first few of them.
        let order = [
            SITE_FILE,
            KEY_FILE,
            VAULT_FILE,
            "privkey.pem",
            "fullchain.pem",
        ];
        for count in 0..order.len() {
            let dir = SiteDir::at(folder.path().join(format!("after-{count}")));
            files::create_folder(dir.path()).unwrap();
            for name in &order[..count] {
                files::write_atomic(&dir.file(name), &made[*name].1, Mode::Private).unwrap();
            }
            prepare(&dir).unwrap();
            complete(&dir);
            let now = content(dir.path());
            for name in &order[..count] {
                assert_eq!(now[*name].1, made[*name].1, "{name} is kept");
            }
        }
    }

    #[test]
    fn a_stale_certificate_is_made_anew_with_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let dir = SiteDir::at(folder.path().join("site"));
        prepare(&dir).unwrap();
        let before = content(dir.path());
        let site = dir.settings().unwrap().site;
        let later = Timestamp::now() + jiff::SignedDuration::from_hours(24 * 80);
        certificate(&dir, &site, later).unwrap();
        let after = content(dir.path());
        assert_eq!(before["privkey.pem"], after["privkey.pem"]);
        assert_ne!(before["fullchain.pem"], after["fullchain.pem"]);
    }

    #[test]
    fn a_second_start_at_the_same_moment_is_told_to_wait() {
        let folder = tempfile::tempdir().unwrap();
        let dir = SiteDir::at(folder.path().to_path_buf());
        let _held = daemon::try_lock(&dir.file(LOCK)).unwrap().unwrap();
        let problems = prepare(&dir).unwrap_err();
        assert_eq!(problems[0].code, Code::Host02);
    }
}
