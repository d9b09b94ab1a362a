//! An opened site: settings, secrets and the plan that follows from them.

use std::sync::Arc;

use crate::{
    catalog::Catalog,
    engine::journal::Journal,
    plan::{self, Database, Plan},
    problem::Problem,
    session::{Workplace, restore},
    site::{Secrets, Site, SiteDraft},
    sys::{sites::SiteDir, vault::Lock},
};

/// A site whose vault is open.
#[derive(Clone, Debug)]
pub struct Session {
    /// Where it works.
    pub place: Workplace,
    /// The settings as typed.
    pub draft: SiteDraft,
    /// The settings as valid.
    pub site: Arc<Site>,
    /// What is worth knowing about the settings.
    pub warnings: Vec<Problem>,
    secrets: Secrets,
    database: Database,
    lock: Lock,
}

impl Session {
    /// Reads the settings and opens the vault; secrets that a newer version makes are made and kept now.
    ///
    /// # Errors
    /// What is wrong with the settings or the vault.
    pub fn open(place: Workplace, lock: Lock) -> Result<Self, Vec<Problem>> {
        let dir = SiteDir::at(place.site.clone());
        let settings = dir.settings()?;
        let one = |problem| vec![problem];
        let mut secrets = dir.read_vault(&lock).map_err(one)?;
        if !secrets.generate_missing().map_err(one)?.is_empty() {
            dir.write_vault(&secrets, &lock).map_err(one)?;
        }
        let database = restore::database(&place).map_err(one)?;
        Ok(Self {
            place,
            database,
            draft: settings.draft,
            site: Arc::new(settings.site),
            warnings: settings.warnings,
            secrets,
            lock,
        })
    }

    /// What opens its vault, for a process that works for it.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Makes the plan, with the usual times that earlier runs here have taught; the certificate is read from its files now.
    ///
    /// # Errors
    /// A certificate file that cannot be read, a secret that is missing, or a mistake of the catalogue.
    pub fn plan(&self) -> Result<Plan, Vec<Problem>> {
        let mut plan = plan::build_with(
            &self.site,
            &self.full_secrets()?,
            &Catalog::load()?,
            &self.database,
        )?;
        // A journal that cannot be read teaches nothing; the run that needs it says why.
        if let Ok(memory) = Journal::look(&self.place.journal()) {
            memory.took.teach(&mut plan);
        }
        Ok(plan)
    }

    /// The plan that other answers would lead to; nothing of them is kept.
    ///
    /// # Errors
    /// As [`Session::plan`], or answers that cannot be used.
    pub fn plan_with(&self, draft: &SiteDraft) -> Result<Plan, Vec<Problem>> {
        let site = Site::try_from(draft).map_err(of_fields)?;
        let catalog = Catalog::load()?;
        plan::build_with(&site, &self.full_secrets()?, &catalog, &self.database)
    }

    /// The secrets, with the certificate as its files are now.
    ///
    /// # Errors
    /// A certificate file that cannot be read.
    pub(super) fn full_secrets(&self) -> Result<Secrets, Vec<Problem>> {
        let mut secrets = self.secrets.clone();
        SiteDir::at(self.place.site.clone()).read_certificate(&self.site, &mut secrets)?;
        Ok(secrets)
    }

    /// The incarnation of the database that is planned with.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Plans with the incarnation that the folder remembers now.
    ///
    /// # Errors
    /// Its file cannot be read; then nothing changes.
    pub fn recall_database(&mut self) -> Result<(), Problem> {
        self.database = restore::database(&self.place)?;
        Ok(())
    }

    /// Plans with this incarnation from now on, also without the cluster; says whether it is another one.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn use_database(&mut self, database: Database) -> Result<bool, Problem> {
        if database == self.database {
            return Ok(false);
        }
        restore::keep_database(&self.place, &database)?;
        self.database = database;
        Ok(true)
    }

    /// Changes the settings, and those secrets that were typed anew.
    ///
    /// # Errors
    /// Settings that cannot be used, or a folder that cannot be written; then nothing is half-written.
    pub fn change(&mut self, draft: &SiteDraft, typed: &Secrets) -> Result<(), Vec<Problem>> {
        let site = Site::try_from(draft).map_err(of_fields)?;
        let dir = SiteDir::at(self.place.site.clone());
        let mut secrets = self.secrets.clone();
        for (name, secret) in typed.iter() {
            secrets.set(name, secret.clone());
        }
        // The vault first: settings that name a login whose password is unknown would be half of a change.
        dir.write_vault(&secrets, &self.lock)
            .and_then(|()| dir.save_settings(draft))
            .map_err(|problem| vec![problem])?;
        self.secrets = secrets;
        self.site = Arc::new(site);
        self.draft = draft.filled();
        Ok(())
    }
}

/// Makes a new site in a folder: its vault with every generated secret, then its settings.
///
/// # Errors
/// Settings that cannot be used, or a folder that cannot be written.
pub fn create(
    dir: &SiteDir,
    draft: &SiteDraft,
    typed: &Secrets,
    lock: &Lock,
) -> Result<(), Vec<Problem>> {
    Site::try_from(draft).map_err(of_fields)?;
    let mut secrets = typed.clone();
    let one = |problem| vec![problem];
    secrets.generate_missing().map_err(one)?;
    // The settings come last: a folder with settings has its vault.
    dir.write_vault(&secrets, lock)
        .and_then(|()| dir.save_settings(draft))
        .map_err(one)
}

/// Problems of fields as problems of a file: the field is named first.
pub fn of_fields(problems: Vec<(&'static str, Problem)>) -> Vec<Problem> {
    let told = problems.into_iter().map(|(field, mut problem)| {
        problem.what = format!("{field}: {}", problem.what);
        problem
    });
    told.collect()
}
