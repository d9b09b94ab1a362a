//! The vault: a site's secrets in one age file, locked by a passphrase or by a key file; never a plain secret on disk.

use std::{
    io::Read as _,
    iter,
    path::{Path, PathBuf},
    str::FromStr as _,
};

use age::{DecryptError, Decryptor, scrypt, x25519};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::{
    problem::{Code, Problem},
    site::{Origin, SecretName, Secrets},
    sys::files::{self, Mode},
};

/// What opens a vault.
#[derive(Clone, Debug)]
pub enum Lock {
    /// A passphrase that a person knows.
    Passphrase(SecretString),
    /// A key in a file.
    KeyFile(PathBuf),
}

/// Which kind of lock a vault has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// A passphrase.
    Passphrase,
    /// A key file.
    KeyFile,
}

/// The layout inside the vault.
const VERSION: u64 = 1;

/// A vault holds some twenty short secrets.
const LARGEST: u64 = 1 << 20;

/// How hard a passphrase is to guess: 2 to this power rounds, 128 MiB of memory each, less than a second.
const WORK: u8 = 17;

/// The hardest vault that is opened; a harder one would only be there to stop this computer.
const MOST_WORK: u8 = 20;

/// A passphrase must have this many characters.
pub const SHORTEST_PASSPHRASE: usize = 10;

/// Refuses a passphrase that is guessed quickly.
///
/// # Errors
/// When it is too short.
pub fn check_passphrase(passphrase: &SecretString) -> Result<(), Problem> {
    if passphrase.expose_secret().chars().count() >= SHORTEST_PASSPHRASE {
        return Ok(());
    }
    Err(Problem::new(
        Code::Vault06,
        "The passphrase is too short.",
        format!(
            "Choose at least {SHORTEST_PASSPHRASE} characters, for example four words, and write it down in a safe place."
        ),
    ))
}

/// Which lock a vault has; absent when there is no vault.
///
/// # Errors
/// When the file cannot be read or is no vault.
pub fn lock_kind(path: &Path) -> Result<Option<LockKind>, Problem> {
    if !files::exists(path) {
        return Ok(None);
    }
    let bytes = files::read(path, LARGEST)?;
    let decryptor = Decryptor::new_buffered(bytes.as_slice())
        .map_err(|error| damaged(path).caused_by(&error))?;
    Ok(Some(if decryptor.is_scrypt() {
        LockKind::Passphrase
    } else {
        LockKind::KeyFile
    }))
}

/// Makes a new key file that only its owner can read; an existing one is kept.
///
/// # Errors
/// When the file exists or cannot be written.
pub fn create_key(path: &Path) -> Result<(), Problem> {
    if files::exists(path) {
        return Err(Problem::new(
            Code::Vault04,
            format!("There is a key file `{}` already.", path.display()),
            "Use it, or move it away if no vault needs it any more.",
        ));
    }
    let key = x25519::Identity::generate();
    let text = Zeroizing::new(format!("{}\n", key.to_string().expose_secret()));
    files::write_atomic(path, text.as_bytes(), Mode::Private)
}

/// Writes the secrets. What is read from files at each start is left out.
///
/// # Errors
/// When the key file cannot be used or the vault cannot be written; the old vault is untouched.
pub fn write(path: &Path, secrets: &Secrets, lock: &Lock) -> Result<(), Problem> {
    let kept: Map<String, Value> = secrets
        .iter()
        .filter(|(name, _)| name.origin() != Origin::File)
        .map(|(name, secret)| (name.as_str().to_owned(), json!(secret.expose_secret())))
        .collect();
    let plain = Zeroizing::new(json!({ "version": VERSION, "secrets": kept }).to_string());
    let sealed = match lock {
        Lock::Passphrase(passphrase) => {
            let mut recipient = scrypt::Recipient::new(passphrase.clone());
            recipient.set_work_factor(WORK);
            age::encrypt(&recipient, plain.as_bytes())
        }
        Lock::KeyFile(key) => age::encrypt(&read_key(key)?.to_public(), plain.as_bytes()),
    };
    let sealed = sealed.map_err(|error| {
        Problem::new(
            Code::Bug01,
            "The vault could not be encrypted; nothing was written.",
            "Report this.",
        )
        .caused_by(&error)
    })?;
    files::write_atomic(path, &sealed, Mode::Private)
}

/// Reads the secrets.
///
/// # Errors
/// Tells apart: no vault, a wrong passphrase, a wrong or missing key file, a damaged vault, a newer one.
pub fn read(path: &Path, lock: &Lock) -> Result<Secrets, Problem> {
    if !files::exists(path) {
        return Err(Problem::new(
            Code::Vault03,
            format!("There is no vault `{}`.", path.display()),
            "Run `care-install new` for this site: it asks for the secrets and makes the vault. If there was one, put its copy back.",
        ));
    }
    let bytes = files::read(path, LARGEST)?;
    let decryptor = Decryptor::new_buffered(bytes.as_slice())
        .map_err(|error| damaged(path).caused_by(&error))?;
    let mut plain = Zeroizing::new(Vec::new());
    let opened = match (lock, decryptor.is_scrypt()) {
        (Lock::Passphrase(passphrase), true) => {
            let mut identity = scrypt::Identity::new(passphrase.clone());
            identity.set_max_work_factor(MOST_WORK);
            decryptor.decrypt(iter::once(&identity as &dyn age::Identity))
        }
        (Lock::KeyFile(key), false) => {
            let identity = read_key(key)?;
            decryptor.decrypt(iter::once(&identity as &dyn age::Identity))
        }
        (Lock::Passphrase(_), false) => return Err(other_lock(path, "a key file", "vault.key")),
        (Lock::KeyFile(_), true) => return Err(other_lock(path, "a passphrase", "the passphrase")),
    };
    let mut reader = opened.map_err(|error| not_opened(path, lock, &error))?;
    reader
        .read_to_end(&mut plain)
        .map_err(|error| damaged(path).caused_by(&error))?;
    unpack(path, &plain)
}

/// The secrets out of the decrypted text.
fn unpack(path: &Path, plain: &[u8]) -> Result<Secrets, Problem> {
    // The parser's own words could repeat a piece of the text, which is secret.
    let Ok(Value::Object(mut root)) = serde_json::from_slice::<Value>(plain) else {
        return Err(damaged(path).because("the content is not what care-install writes"));
    };
    let version = root.get("version").and_then(Value::as_u64).unwrap_or(0);
    if version > VERSION {
        return Err(newer(
            path,
            format!("it has version {version}, and this care-install knows {VERSION}"),
        ));
    }
    let Some(Value::Object(kept)) = root.remove("secrets") else {
        return Err(damaged(path).because("it holds no list of secrets"));
    };
    let mut secrets = Secrets::new();
    for (name, value) in kept {
        let Some(known) = SecretName::parse(&name) else {
            // Writing the vault again would lose it.
            return Err(newer(
                path,
                format!("it holds a secret `{name}` that this care-install does not know"),
            ));
        };
        let Value::String(text) = value else {
            return Err(damaged(path).because(format!("the secret `{name}` is not a text")));
        };
        secrets.set(known, SecretString::from(text));
    }
    Ok(secrets)
}

fn read_key(path: &Path) -> Result<x25519::Identity, Problem> {
    const LARGEST_KEY: u64 = 4096;
    if !files::exists(path) {
        return Err(Problem::new(
            Code::Vault04,
            format!("The vault's key file `{}` is missing.", path.display()),
            "Put the copy of the key file back. Without it nobody can open the vault.",
        ));
    }
    let text = Zeroizing::new(files::read_text(path, LARGEST_KEY)?);
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .unwrap_or("");
    x25519::Identity::from_str(line).map_err(|why| {
        Problem::new(
            Code::Vault04,
            format!(
                "The file `{}` is not a key file of a vault.",
                path.display()
            ),
            "Put the copy of the key file back.",
        )
        .because(why)
    })
}

fn not_opened(path: &Path, lock: &Lock, error: &DecryptError) -> Problem {
    match (lock, error) {
        (
            Lock::Passphrase(_),
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed,
        ) => Problem::new(
            Code::Vault01,
            format!(
                "The passphrase does not open the vault `{}`.",
                path.display()
            ),
            "Type the passphrase again; mind upper and lower case and the keyboard's language.",
        ),
        (Lock::KeyFile(key), DecryptError::NoMatchingKeys) => Problem::new(
            Code::Vault05,
            format!(
                "The key file `{}` does not open the vault `{}`.",
                key.display(),
                path.display()
            ),
            "Use the key file that was made together with this vault.",
        ),
        _ => damaged(path).caused_by(error),
    }
}

fn other_lock(path: &Path, lock: &str, give: &str) -> Problem {
    Problem::new(
        Code::Vault05,
        format!("The vault `{}` is locked with {lock}.", path.display()),
        format!("Open it with {give}."),
    )
}

fn damaged(path: &Path) -> Problem {
    Problem::new(
        Code::Vault02,
        format!("The vault `{}` is damaged.", path.display()),
        "Put back the last good copy of the vault, or of the site's folder. Nothing was changed.",
    )
}

fn newer(path: &Path, because: String) -> Problem {
    Problem::new(
        Code::Vault07,
        format!(
            "The vault `{}` was written by a newer care-install.",
            path.display()
        ),
        "Use the newer care-install.",
    )
    .because(because)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary() -> Secrets {
        let mut secrets = Secrets::new();
        secrets.set(
            SecretName::BackupSecretKey,
            SecretString::from("canary-81f3"),
        );
        secrets.set(
            SecretName::CertificateKey,
            SecretString::from("canary-from-a-file"),
        );
        secrets
    }

    fn text(secrets: &Secrets, name: SecretName) -> Option<String> {
        secrets
            .get(name)
            .map(|secret| secret.expose_secret().to_owned())
    }

    fn key_vault() -> (tempfile::TempDir, PathBuf, Lock) {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("vault.key");
        create_key(&key).unwrap();
        let (vault, lock) = (folder.path().join("vault.age"), Lock::KeyFile(key));
        write(&vault, &canary(), &lock).unwrap();
        (folder, vault, lock)
    }

    #[test]
    fn a_key_file_opens_what_it_closed_and_the_disk_never_sees_the_secret() {
        let (folder, vault, lock) = key_vault();
        assert_eq!(lock_kind(&vault).unwrap(), Some(LockKind::KeyFile));
        let secrets = read(&vault, &lock).unwrap();
        assert_eq!(
            text(&secrets, SecretName::BackupSecretKey).unwrap(),
            "canary-81f3"
        );
        assert_eq!(
            text(&secrets, SecretName::CertificateKey),
            None,
            "files are read anew each time"
        );
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"canary"));
        }
    }

    #[test]
    fn another_key_file_and_a_missing_one_are_told_apart() {
        let (folder, vault, _) = key_vault();
        let other = folder.path().join("other.key");
        create_key(&other).unwrap();
        assert_eq!(
            read(&vault, &Lock::KeyFile(other.clone()))
                .unwrap_err()
                .code,
            Code::Vault05
        );
        assert_eq!(
            create_key(&other).unwrap_err().code,
            Code::Vault04,
            "a key is never overwritten"
        );
        let absent = folder.path().join("absent.key");
        assert_eq!(
            read(&vault, &Lock::KeyFile(absent)).unwrap_err().code,
            Code::Vault04
        );
        files::write_atomic(&other, b"hello\n", Mode::Private).unwrap();
        assert_eq!(
            read(&vault, &Lock::KeyFile(other)).unwrap_err().code,
            Code::Vault04
        );
        let lock = Lock::Passphrase(SecretString::from("long enough words"));
        assert_eq!(read(&vault, &lock).unwrap_err().code, Code::Vault05);
        assert_eq!(
            read(&folder.path().join("absent.age"), &lock)
                .unwrap_err()
                .code,
            Code::Vault03
        );
    }

    #[test]
    fn a_vault_damaged_at_any_byte_is_never_taken_for_good() {
        let (_folder, vault, lock) = key_vault();
        let good = std::fs::read(&vault).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x01;
            files::write_atomic(&vault, &bad, Mode::Private).unwrap();
            let problem = read(&vault, &lock).expect_err("a changed byte is noticed");
            assert!(
                matches!(problem.code, Code::Vault02 | Code::Vault05),
                "byte {at}: {problem}"
            );
        }
        for length in [0, 1, 20, good.len() / 2, good.len() - 1] {
            files::write_atomic(&vault, &good[..length], Mode::Private).unwrap();
            assert_eq!(
                read(&vault, &lock).unwrap_err().code,
                Code::Vault02,
                "cut to {length}"
            );
        }
    }

    #[test]
    fn a_wrong_passphrase_is_not_a_damaged_vault() {
        let folder = tempfile::tempdir().unwrap();
        let vault = folder.path().join("vault.age");
        let lock = Lock::Passphrase(SecretString::from("four plain words here"));
        write(&vault, &canary(), &lock).unwrap();
        assert_eq!(lock_kind(&vault).unwrap(), Some(LockKind::Passphrase));
        assert!(read(&vault, &lock).is_ok());
        let wrong = Lock::Passphrase(SecretString::from("four plain words Here"));
        assert_eq!(read(&vault, &wrong).unwrap_err().code, Code::Vault01);
        let mut bytes = std::fs::read(&vault).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        files::write_atomic(&vault, &bytes, Mode::Private).unwrap();
        assert_eq!(read(&vault, &lock).unwrap_err().code, Code::Vault02);
        assert!(!format!("{lock:?}").contains("plain words"));
    }

    #[test]
    fn a_newer_vault_is_refused_so_that_nothing_in_it_gets_lost() {
        let path = Path::new("vault.age");
        let code = |plain: &str| unpack(path, plain.as_bytes()).unwrap_err().code;
        assert_eq!(code(r#"{"version":2,"secrets":{}}"#), Code::Vault07);
        assert_eq!(
            code(r#"{"version":1,"secrets":{"from-the-future":"x"}}"#),
            Code::Vault07
        );
        assert_eq!(
            code(r#"{"version":1,"secrets":{"zot-password":7}}"#),
            Code::Vault02
        );
        assert_eq!(code(r#"{"version":1}"#), Code::Vault02);
        let problem = unpack(path, b"canary-text").unwrap_err();
        assert!(problem.code == Code::Vault02 && !format!("{problem:?}").contains("canary"));
    }

    #[test]
    fn a_short_passphrase_is_refused() {
        assert_eq!(
            check_passphrase(&SecretString::from("short"))
                .unwrap_err()
                .code,
            Code::Vault06
        );
        assert!(check_passphrase(&SecretString::from("ten chars!")).is_ok());
    }
}
