//! Where sites live on this computer: found by name or folder, with their settings, draft, vault and certificate.

use std::{
    env,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use crate::{
    problem::{Code, Problem},
    site::{
        Certificate, FilePath, FromLine as _, Place, SecretName, Secrets, Site, SiteDraft,
        SiteName, file,
    },
    sys::{
        files::{self, Mode},
        vault::{self, Lock, LockKind},
    },
};

/// The settings of a site.
pub const SITE_FILE: &str = "site.yaml";
/// What was typed and is not finished.
pub const DRAFT_FILE: &str = "draft.yaml";
/// Where in the questions the person was.
const PLACE_FILE: &str = "draft.place";
/// The secrets.
pub const VAULT_FILE: &str = "vault.age";
/// The key of a vault without a passphrase.
pub const KEY_FILE: &str = "vault.key";

/// Points to another place for everything that care-install keeps.
pub const HOME_VARIABLE: &str = "CARE_INSTALL_HOME";

/// A site that has no name yet; the dot keeps it out of the list.
const UNNAMED: &str = ".new";

/// No site file is nearly as large.
const LARGEST_SITE_FILE: u64 = 256 * 1024;

/// A chain of certificates is a few kilobytes.
const LARGEST_CERTIFICATE: u64 = 256 * 1024;

/// The folder of all sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sites {
    root: PathBuf,
}

/// The folder of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteDir {
    path: PathBuf,
}

/// A site's settings as read from its file.
#[derive(Clone, Debug)]
pub struct Settings {
    /// As typed.
    pub draft: SiteDraft,
    /// As valid.
    pub site: Site,
    /// What is worth knowing, each with its line.
    pub warnings: Vec<Problem>,
}

impl Sites {
    /// The sites of this user.
    ///
    /// # Errors
    /// When the user has no home folder.
    pub fn of_user() -> Result<Self, Problem> {
        if let Some(home) = env::var_os(HOME_VARIABLE).filter(|home| !home.is_empty()) {
            return Ok(Self::at(Path::new(&home).join("sites")));
        }
        match directories::ProjectDirs::from("", "", "care-install") {
            Some(dirs) => Ok(Self::at(dirs.data_dir().join("sites"))),
            None => Err(Problem::new(
                Code::Site17,
                "It is not known where this user's sites are kept.",
                format!(
                    "Name the site's folder with --site DIR, or set {HOME_VARIABLE} to a folder."
                ),
            )
            .because("this user has no home folder")),
        }
    }

    /// The sites below a folder.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder of all sites.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The names of all sites, sorted.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<String>, Problem> {
        let mut names = files::folders_in(&self.root)?;
        names.retain(|name| !name.starts_with('.'));
        Ok(names)
    }

    /// The site with a name, whether it exists or not.
    pub fn named(&self, name: &SiteName) -> SiteDir {
        SiteDir::at(self.root.join(name.as_str()))
    }

    /// Where a new site is kept until it has a name.
    pub fn unnamed(&self) -> SiteDir {
        SiteDir::at(self.root.join(UNNAMED))
    }

    /// Gives the unnamed site its name.
    ///
    /// # Errors
    /// When a site of that name exists, or the folder cannot be renamed.
    pub fn name_the_unnamed(&self, name: &SiteName) -> Result<SiteDir, Problem> {
        let to = self.named(name);
        if files::exists(&to.path) {
            return Err(Problem::new(
                Code::Site18,
                format!(
                    "There is a site `{name}` already, in `{}`.",
                    to.path.display()
                ),
                "Choose another name, or open that site with --site.",
            ));
        }
        files::rename_folder(&self.unnamed().path, &to.path)?;
        Ok(to)
    }

    /// Finds the site that `--site` means: a folder, or a name; without it, the only one there is.
    ///
    /// # Errors
    /// When there is none, or none of that name, or several to choose from.
    pub fn resolve(&self, wanted: Option<&str>) -> Result<SiteDir, Problem> {
        let Some(wanted) = wanted else {
            return self.the_only_one();
        };
        let path = Path::new(wanted);
        if path.join(SITE_FILE).is_file() || path.join(DRAFT_FILE).is_file() {
            return Ok(SiteDir::at(path.to_path_buf()));
        }
        let names = self.list()?;
        if names.iter().any(|name| name == wanted) {
            return Ok(SiteDir::at(self.root.join(wanted)));
        }
        if path.is_dir() {
            return Err(Problem::new(
                Code::Site17,
                format!("The folder `{wanted}` holds no {SITE_FILE}."),
                format!(
                    "Make one with `care-install new --site {wanted}`, or name another folder."
                ),
            ));
        }
        let nearest = names
            .iter()
            .map(|name| (strsim::normalized_damerau_levenshtein(name, wanted), name))
            .filter(|(alike, _)| *alike > 0.6)
            .max_by(|left, right| left.0.total_cmp(&right.0));
        let remedy = match nearest {
            Some((_, name)) => format!("Did you mean `{name}`?"),
            None if names.is_empty() => {
                "There is no site on this computer yet: make one with `care-install new`.".into()
            }
            None => format!(
                "Choose one of: {}. A new one is made with `care-install new`.",
                names.join(", ")
            ),
        };
        Err(Problem::new(
            Code::Site17,
            format!("There is no site and no folder `{wanted}`."),
            remedy,
        ))
    }

    fn the_only_one(&self) -> Result<SiteDir, Problem> {
        match self.list()?.as_slice() {
            [only] => Ok(SiteDir::at(self.root.join(only))),
            [] => Err(Problem::new(
                Code::Site17,
                "There is no site on this computer yet.",
                "Make one with `care-install new`, name its folder with --site DIR, or practise with `care-install rehearse`.",
            )),
            several => Err(Problem::new(
                Code::Site17,
                "There are several sites on this computer.",
                format!("Choose one with --site: {}.", several.join(", ")),
            )),
        }
    }

    /// The folder for a new site: the folder or name that `--site` gives, else the unnamed one.
    ///
    /// # Errors
    /// When a finished site is there already, or the name cannot be one.
    pub fn for_new(&self, wanted: Option<&str>) -> Result<SiteDir, Problem> {
        let dir = match wanted {
            None => self.unnamed(),
            Some(text) if text.contains('/') || Path::new(text).is_dir() => {
                SiteDir::at(PathBuf::from(text))
            }
            Some(text) => match SiteName::from_line(text) {
                Ok(name) => self.named(&name),
                Err(why) => {
                    let what = format!("`{text}` cannot be the name of a site.");
                    let remedy = "Choose a name like `st-marys`, or give a folder with a / in it.";
                    return Err(Problem::new(Code::Site01, what, remedy).because(why.to_string()));
                }
            },
        };
        if dir.has_site() {
            return Err(Problem::new(
                Code::Site18,
                format!("There is a site in `{}` already.", dir.path.display()),
                format!(
                    "Change its {SITE_FILE} and run `care-install validate`, or choose another name with --site."
                ),
            ));
        }
        Ok(dir)
    }
}

impl SiteDir {
    /// A site's folder by its path.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the site.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether its settings were finished once.
    pub fn has_site(&self) -> bool {
        files::exists(&self.file(SITE_FILE))
    }

    /// Whether something typed is waiting to be finished.
    pub fn has_draft(&self) -> bool {
        files::exists(&self.file(DRAFT_FILE))
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// Everything that is wrong with the file, each with its line and column.
    pub fn settings(&self) -> Result<Settings, Vec<Problem>> {
        let text = files::read_text(&self.file(SITE_FILE), LARGEST_SITE_FILE)
            .map_err(|problem| vec![problem])?;
        let (draft, site) = file::read(SITE_FILE, &text)?;
        let mut warnings = file::warnings(SITE_FILE, &text);
        warnings.extend(
            files::open_to_others(&self.file(KEY_FILE))
                .map(|mode| open_key(&self.file(KEY_FILE), mode)),
        );
        Ok(Settings {
            draft,
            site,
            warnings,
        })
    }

    /// Writes the finished settings with every preset spelled out, and forgets the draft.
    ///
    /// # Errors
    /// When the folder cannot be written; nothing is half-written.
    pub fn save_settings(&self, draft: &SiteDraft) -> Result<(), Problem> {
        files::create_folder(&self.path)?;
        files::write_atomic(
            &self.file(SITE_FILE),
            file::write(&draft.filled()).as_bytes(),
            Mode::Shared,
        )?;
        files::remove(&self.file(DRAFT_FILE))?;
        files::remove(&self.file(PLACE_FILE))
    }

    /// Keeps what was typed so far; it holds no secret.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save_draft(&self, draft: &SiteDraft) -> Result<(), Problem> {
        files::create_folder(&self.path)?;
        files::write_atomic(
            &self.file(DRAFT_FILE),
            file::write(draft).as_bytes(),
            Mode::Private,
        )
    }

    /// Keeps where in the questions the person is.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save_place(&self, place: &Place) -> Result<(), Problem> {
        files::write_atomic(
            &self.file(PLACE_FILE),
            place.line().as_bytes(),
            Mode::Private,
        )
    }

    /// Where in the questions the person was; nothing when that is not known.
    pub fn load_place(&self) -> Option<Place> {
        let text = files::read_text_if_any(&self.file(PLACE_FILE), LARGEST_SITE_FILE);
        Place::read(&text.ok()??)
    }

    /// What was typed and not finished; without it, the settings as they stand, however wrong; else nothing.
    ///
    /// # Errors
    /// When a file is there and is not understood.
    pub fn load_draft(&self) -> Result<SiteDraft, Vec<Problem>> {
        for name in [DRAFT_FILE, SITE_FILE] {
            let text = files::read_text_if_any(&self.file(name), LARGEST_SITE_FILE)
                .map_err(|problem| vec![problem])?;
            if let Some(text) = text {
                return file::read_draft(name, &text);
            }
        }
        Ok(SiteDraft::new())
    }

    /// Which lock the vault has; absent when there is no vault.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn lock_kind(&self) -> Result<Option<LockKind>, Problem> {
        vault::lock_kind(&self.file(VAULT_FILE))
    }

    /// The lock of a key file beside the vault.
    pub fn key_lock(&self) -> Lock {
        Lock::KeyFile(self.file(KEY_FILE))
    }

    /// Makes the key file if there is none, for a vault without a passphrase.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn make_key_lock(&self) -> Result<Lock, Problem> {
        files::create_folder(&self.path)?;
        let key = self.file(KEY_FILE);
        if !files::exists(&key) {
            vault::create_key(&key)?;
        }
        Ok(self.key_lock())
    }

    /// Reads the vault.
    ///
    /// # Errors
    /// As [`vault::read`].
    pub fn read_vault(&self, lock: &Lock) -> Result<Secrets, Problem> {
        vault::read(&self.file(VAULT_FILE), lock)
    }

    /// Writes the vault.
    ///
    /// # Errors
    /// As [`vault::write`].
    pub fn write_vault(&self, secrets: &Secrets, lock: &Lock) -> Result<(), Problem> {
        files::create_folder(&self.path)?;
        vault::write(&self.file(VAULT_FILE), secrets, lock)
    }

    /// A file that the settings name; a relative path begins at the site's folder.
    pub fn named_file(&self, path: &FilePath) -> PathBuf {
        self.path.join(path.as_str())
    }

    /// Reads the certificate and its key into the secrets, where they are files of a person.
    ///
    /// # Errors
    /// Both files' problems at once.
    pub fn read_certificate(&self, site: &Site, secrets: &mut Secrets) -> Result<(), Vec<Problem>> {
        let Certificate::Files(named) = &site.certificate else {
            return Ok(());
        };
        let mut problems = Vec::new();
        let files = [
            (SecretName::CertificateChain, &named.chain_file),
            (SecretName::CertificateKey, &named.key_file),
        ];
        for (name, path) in files {
            match files::read_text(&self.named_file(path), LARGEST_CERTIFICATE) {
                Ok(text) => secrets.set(name, SecretString::from(text)),
                Err(mut problem) => {
                    let field = match name {
                        SecretName::CertificateKey => "certificate.key_file",
                        _ => "certificate.chain_file",
                    };
                    let named = format!("{SITE_FILE} names it as {field}.");
                    problem.remedy = format!("{} {named}", problem.remedy);
                    problems.push(problem);
                }
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}

fn open_key(key: &Path, mode: u32) -> Problem {
    let key = key.display();
    Problem::new(
        Code::Vault09,
        format!("Other users of this computer can open {key}, and with it every secret of the site."),
        format!("Close it to them: chmod 600 {key}. If others work on this computer, change the passwords that are in the vault."),
    )
    .because(format!("its mode is {mode:03o}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::sample;

    fn sites() -> (tempfile::TempDir, Sites) {
        let folder = tempfile::tempdir().unwrap();
        let sites = Sites::at(folder.path().join("sites"));
        (folder, sites)
    }

    fn name(text: &str) -> SiteName {
        SiteName::from_line(text).unwrap()
    }

    #[test]
    fn what_was_typed_survives_and_a_finished_site_replaces_it() {
        let (_folder, sites) = sites();
        let dir = sites.for_new(None).unwrap();
        let mut draft = SiteDraft::new();
        draft.set("site.name", "half typed!");
        dir.save_draft(&draft).unwrap();
        assert_eq!(sites.for_new(None).unwrap().load_draft().unwrap(), draft);
        assert_eq!(
            sites.list().unwrap(),
            Vec::<String>::new(),
            "an unnamed site is not listed"
        );

        dir.save_settings(&sample()).unwrap();
        let dir = sites.name_the_unnamed(&name("rehearsal")).unwrap();
        assert!(!dir.has_draft());
        assert_eq!(
            dir.settings().unwrap().site,
            Site::try_from(&sample()).unwrap()
        );
        assert_eq!(dir.load_draft().unwrap(), sample().filled());
        assert_eq!(sites.resolve(None).unwrap(), dir);
        assert_eq!(
            sites.for_new(Some("rehearsal")).unwrap_err().code,
            Code::Site18
        );
    }

    #[test]
    fn a_site_is_found_by_name_by_folder_or_because_it_is_the_only_one() {
        let (folder, sites) = sites();
        assert!(
            sites
                .resolve(None)
                .unwrap_err()
                .remedy
                .contains("care-install new")
        );
        for text in ["st-marys", "st-lukes"] {
            sites.named(&name(text)).save_settings(&sample()).unwrap();
        }
        assert_eq!(sites.list().unwrap(), ["st-lukes", "st-marys"]);
        assert_eq!(
            sites.resolve(Some("st-marys")).unwrap(),
            sites.named(&name("st-marys"))
        );
        let path = sites
            .named(&name("st-lukes"))
            .path()
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(sites.resolve(Some(&path)).unwrap().path(), Path::new(&path));
        assert!(
            sites
                .resolve(None)
                .unwrap_err()
                .remedy
                .contains("st-lukes, st-marys")
        );
        assert!(
            sites
                .resolve(Some("st-mary"))
                .unwrap_err()
                .remedy
                .contains("`st-marys`")
        );
        let empty = folder.path().to_str().unwrap();
        assert!(
            sites
                .resolve(Some(empty))
                .unwrap_err()
                .what
                .contains("holds no site.yaml")
        );
        sites.unnamed().save_draft(&sample()).unwrap();
        assert_eq!(
            sites.name_the_unnamed(&name("st-marys")).unwrap_err().code,
            Code::Site18
        );
    }

    #[test]
    fn certificate_files_are_looked_for_beside_the_settings_and_both_are_told() {
        let (_folder, sites) = sites();
        let dir = sites.named(&name("x"));
        dir.save_settings(&sample()).unwrap();
        let site = dir.settings().unwrap().site;
        let mut secrets = Secrets::new();
        let problems = dir.read_certificate(&site, &mut secrets).unwrap_err();
        assert_eq!(
            problems
                .iter()
                .map(|problem| problem.code)
                .collect::<Vec<_>>(),
            [Code::File03, Code::File03]
        );
        for file in ["fullchain.pem", "privkey.pem"] {
            files::write_atomic(&dir.file(file), b"PEM", Mode::Private).unwrap();
        }
        dir.read_certificate(&site, &mut secrets).unwrap();
        assert!(secrets.get(SecretName::CertificateKey).is_some());
    }

    #[test]
    fn a_key_that_others_may_read_is_warned_about() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, sites) = sites();
        let dir = sites.named(&name("x"));
        dir.save_settings(&sample()).unwrap();
        dir.make_key_lock().unwrap();
        assert_eq!(dir.settings().unwrap().warnings, []);
        for (mode, warned) in [(0o644, true), (0o640, true), (0o400, false)] {
            let open = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(dir.file(KEY_FILE), open).unwrap();
            let warnings = dir.settings().unwrap().warnings;
            let codes: Vec<Code> = warnings.iter().map(|warning| warning.code).collect();
            assert_eq!(codes == [Code::Vault09], warned, "{mode:o}: {warnings:?}");
        }
    }

    #[test]
    fn a_vault_is_kept_beside_the_settings() {
        let (_folder, sites) = sites();
        let dir = sites.named(&name("x"));
        assert_eq!(dir.lock_kind().unwrap(), None);
        let lock = dir.make_key_lock().unwrap();
        let mut secrets = Secrets::new();
        secrets.set(SecretName::ZotPassword, SecretString::from("x"));
        dir.write_vault(&secrets, &lock).unwrap();
        dir.make_key_lock().unwrap();
        assert_eq!(dir.lock_kind().unwrap(), Some(LockKind::KeyFile));
        assert!(
            dir.read_vault(&dir.key_lock())
                .unwrap()
                .get(SecretName::ZotPassword)
                .is_some()
        );
    }
}
