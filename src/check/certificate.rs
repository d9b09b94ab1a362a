//! Reads the certificate's files and has them judged.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::{
    Asked, Verdict,
    judge::{
        self,
        certificate::{self as judgement, Facts, Unread},
        pem,
    },
    list::{self, Check},
    run::{About, Desk},
};
use crate::{
    site::Certificate,
    sys::{Routes, files, tls},
};

/// Most bytes of a certificate or key file; a chain has some ten thousand.
const MOST: u64 = 256 * 1024;

type Judgement = fn(&Facts) -> Verdict;

/// Every check of the family with its judgement.
const CHECKS: [(&Check, Judgement); 7] = [
    (&list::READABLE, judgement::readable),
    (&list::KEY, judgement::key),
    (&list::CHAIN, judgement::chain),
    (&list::COVERED, judgement::covered),
    (&list::USAGE, judgement::usage),
    (&list::DATES, judgement::dates),
    (&list::STRENGTH, judgement::strength),
];

/// Which files, in which folder.
pub struct Files {
    /// The site's folder.
    pub folder: PathBuf,
    /// The chain as the settings name it.
    pub chain: String,
    /// The key as the settings name it.
    pub key: String,
    /// Every host name of the site.
    pub names: Vec<String>,
    /// The time.
    pub now: jiff::Timestamp,
}

impl Files {
    /// Reads both files; an authority of the practice world is not asked of this computer's trust store.
    pub fn collect(self, routes: &Routes) -> Facts {
        let practice = routes.are_played();
        Facts {
            chain: read(&path(&self.folder, &self.chain), pem::certificates),
            key: read(&path(&self.folder, &self.key), pem::public_half),
            // An empty store has no say either.
            trusted: (!practice)
                .then(tls::trusted)
                .filter(|trusted| !trusted.is_empty()),
            chain_file: quoted(&self.chain),
            key_file: quoted(&self.key),
            names: self.names,
            now: self.now,
        }
    }
}

fn read<T>(path: &Path, holds: fn(&[u8]) -> Result<T, pem::Wrong>) -> Result<T, Unread> {
    let bytes = files::read(path, MOST).map_err(Unread::File)?;
    holds(&Zeroizing::new(bytes)).map_err(Unread::Holds)
}

/// A file's name as it stands in sentences and in lines that people copy into a terminal.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+~".contains(c);
    // A name that looks like an option of a command is no option with its folder before it.
    let folder = if name.starts_with('-') { "./" } else { "" };
    let name = format!("{folder}{name}");
    if name.chars().all(plain) {
        return name;
    }
    format!("'{}'", name.replace('\'', "'\\''"))
}

/// A path of the settings: a relative one begins at the site's folder.
pub fn path(folder: &Path, text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(text),
    }
}

/// Checks the family.
pub async fn run(asked: Asked, desk: Desk) {
    if !desk.wants(&CHECKS.map(|(check, _)| check)) {
        return;
    }
    let began = Instant::now();
    let names = asked
        .site
        .domains
        .hosts
        .iter()
        .map(|host| host.name.to_string());
    let Certificate::Files(paths) = &asked.site.certificate else {
        for (check, _) in CHECKS {
            let verdict = judge::skipped("the cluster orders it");
            desk.tell(check, About::here("", began), verdict).await;
        }
        return;
    };
    let files = Files {
        folder: asked.folder.clone(),
        chain: paths.chain_file.to_string(),
        key: paths.key_file.to_string(),
        names: names.collect(),
        now: asked.now,
    };
    let routes = asked.routes.clone();
    let facts = spawn_blocking(move || files.collect(&routes)).await;
    for (check, judgement) in CHECKS {
        let verdict = match &facts {
            Ok(facts) => judgement(facts),
            Err(_) => judge::broken_off(check.code),
        };
        desk.tell(check, About::here("", began), verdict).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_safe_to_copy() {
        for (name, expected) in [
            ("tls/fullchain.pem", "tls/fullchain.pem"),
            ("~/wildcard_2026.pem", "~/wildcard_2026.pem"),
            ("my chain.pem", "'my chain.pem'"),
            ("it's;reboot", "'it'\\''s;reboot'"),
            ("-out", "./-out"),
        ] {
            assert_eq!(quoted(name), expected);
        }
    }

    #[test]
    fn a_relative_path_begins_at_the_sites_folder() {
        let folder = Path::new("/sites/st-marys");
        assert_eq!(
            path(folder, "tls/a.pem"),
            Path::new("/sites/st-marys/tls/a.pem")
        );
        assert_eq!(path(folder, "/etc/a.pem"), Path::new("/etc/a.pem"));
    }
}
