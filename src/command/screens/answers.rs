//! What the questions ask of the world: keeping what is typed, looking at it, adding it up, files. Nothing here decides.

use std::path::{Path, PathBuf};

use futures::FutureExt as _;
use secrecy::ExposeSecret as _;

use super::desk::Desk;
use crate::{
    app::{
        Input,
        wizard::{Kept, brought::Brought, looks::Asked, paste::Pem},
    },
    check,
    command::{costs::costs, import},
    problem::{Code, Problem},
    site::SiteDraft,
    sys::{
        Routes,
        files::{self, Mode},
        sites::SiteDir,
    },
};

/// Largest file of answers.
const LARGEST: u64 = 1024 * 1024;

/// Paths that are offered at most.
const OFFERS: usize = 40;

/// Certificates that were pasted one after the other into one site.
const PASTES: usize = 100;

impl Desk<'_> {
    /// The folder of the site whose questions are asked.
    fn folder(&self) -> PathBuf {
        match self.session() {
            Some(session) => session.place.site.clone(),
            None => self.draft.path().to_path_buf(),
        }
    }

    pub(super) async fn save_draft(&self, kept: &Kept) {
        let dir = SiteDir::at(self.folder());
        // The answers first: a place without its answers would lead to an empty field.
        let saved = dir
            .save_draft(&kept.draft)
            .and_then(|()| dir.save_place(&kept.place));
        match saved {
            Ok(()) if kept.say => {
                let words = format!(
                    "Kept with every key in {}; secrets are kept only in the vault, once the site is made.",
                    dir.path().join(crate::sys::sites::DRAFT_FILE).display()
                );
                self.tell(Input::Notice(words)).await;
            }
            Ok(()) => {}
            Err(problem) => self.tell(Input::Problem(problem)).await,
        }
    }

    /// Looks at answers beside everything else; a look at an older answer of the same field ends.
    pub(super) fn probe(&mut self, draft: &SiteDraft, asked: Vec<Asked>) {
        let folder = self.folder();
        let world = self.open.as_ref().and_then(|open| open.world.as_ref());
        let routes: Routes = world
            .map(|world| world.doors.routes.clone())
            .unwrap_or_default();
        for (field, of) in asked {
            let inputs = self.inputs.clone();
            let about = field.clone();
            let (draft, folder, routes) = (draft.clone(), folder.clone(), routes.clone());
            let task = tokio::spawn(async move {
                let looking = check::probe_field(&about, draft, folder, routes).boxed();
                let seen = looking.await.map(|seen| seen.seen);
                inputs.send(Input::Looked((about, of), seen)).await.ok();
            });
            if let Some(older) = self.looking.insert(field, task.abort_handle()) {
                older.abort();
            }
        }
    }

    /// Adds up what the answers come to, beside everything else.
    pub(super) fn cost(&self, draft: SiteDraft) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let of = draft.clone();
            let added = tokio::task::spawn_blocking(move || costs(&draft)).await;
            let costs = added.unwrap_or_default();
            inputs.send(Input::Costs(Box::new((of, costs)))).await.ok();
        });
    }

    /// Says which paths begin as a text does.
    pub(super) async fn complete(&self, field: &'static str, text: String) {
        match paths(&self.folder(), &text) {
            Ok(names) => {
                let completed = Input::Completed(field.to_owned(), text, names);
                self.tell(completed).await;
            }
            Err(problem) => self.tell(Input::Notice(problem.what)).await,
        }
    }

    /// Keeps a pasted certificate, its key for nobody else to read.
    pub(super) async fn keep_certificate(&self, pem: Pem) {
        let folder = self.folder();
        let parts = [
            ("certificate.chain_file", "pasted-chain", pem.chain),
            (
                "certificate.key_file",
                "pasted-key",
                pem.key.map(|key| key.expose_secret().to_owned()),
            ),
        ];
        let mut kept = Vec::new();
        for (field, name, text) in parts {
            let Some(text) = text else { continue };
            match keep(&folder, name, &text) {
                Ok(name) => kept.push((field.to_owned(), name)),
                Err(problem) => return self.tell(Input::Problem(problem)).await,
            }
        }
        self.tell(Input::CertificateKept(kept)).await;
    }

    /// Reads answers from a file.
    pub(super) async fn import(&self, path: &str) {
        match brought(&at_home(Path::new("."), path)) {
            Ok(brought) => self.tell(Input::Brought(Box::new(brought))).await,
            Err(problems) => self.tell_problems(problems).await,
        }
    }
}

/// The path that is meant: from the home folder, from the root, or from this folder.
pub(super) fn at_home(folder: &Path, text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(text),
    }
}

/// The paths that begin as the text does, folders with a stroke at their end.
fn paths(folder: &Path, text: &str) -> Result<Vec<String>, Problem> {
    let split = text.rfind('/').map_or(0, |at| at + 1);
    let (before, begin) = text.split_at(split);
    let place = at_home(folder, before);
    let folders = files::folders_in(&place)?;
    let names = files::names_in(&place)?;
    let fitting = names.into_iter().filter(|name| {
        name.starts_with(begin) && (begin.starts_with('.') || !name.starts_with('.'))
    });
    let paths = fitting.map(|name| {
        let end = if folders.contains(&name) { "/" } else { "" };
        format!("{before}{name}{end}")
    });
    Ok(paths.take(OFFERS).collect())
}

/// Keeps a text under a name that nothing else has, or that holds the very same; gives the name.
fn keep(folder: &Path, name: &str, text: &str) -> Result<String, Problem> {
    files::create_folder(folder)?;
    for number in 1..=PASTES {
        let file = match number {
            1 => format!("{name}.pem"),
            number => format!("{name}-{number}.pem"),
        };
        let path = folder.join(&file);
        match files::read_text_if_any(&path, LARGEST)? {
            Some(known) if known == text => return Ok(file),
            Some(_) => {}
            None => {
                files::write_atomic(&path, text.as_bytes(), Mode::Private)?;
                return Ok(file);
            }
        }
    }
    Err(Problem::new(
        Code::File02,
        format!(
            "There are {PASTES} pasted certificates in {} already.",
            folder.display()
        ),
        "Delete those that no setting names, and paste again.",
    ))
}

/// The answers of a file: a site's own settings, or the reference's variables.
fn brought(path: &Path) -> Result<Brought, Vec<Problem>> {
    let text = files::read_text(path, LARGEST).map_err(|problem| vec![problem])?;
    let from = path.display().to_string();
    let name = path.extension().unwrap_or_default().to_string_lossy();
    if matches!(&*name, "yaml" | "yml") {
        let draft = crate::site::file::read_draft(&from, &text)?;
        return Ok(Brought {
            from,
            draft,
            secrets: crate::site::Secrets::new(),
            assumed: Vec::new(),
            left: Vec::new(),
        });
    }
    let imported = import::read(path, &text).map_err(|problem| vec![problem])?;
    let left = imported.left.iter();
    Ok(Brought {
        from,
        left: left
            .map(|left| format!("line {}, {}: {}", left.line, left.variable, left.why))
            .collect(),
        draft: imported.draft,
        secrets: imported.secrets,
        assumed: imported.assumed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_on_as_the_folder_does() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        files::create_folder(&here.join("tls/old")).unwrap();
        for name in ["tls/chain.pem", "tls/chain-old.pem", "key.pem", ".hidden"] {
            files::write_atomic(&here.join(name), b"x", Mode::Private).unwrap();
        }
        let of = |text: &str| paths(here, text).unwrap();
        assert_eq!(of(""), ["key.pem", "tls/"]);
        assert_eq!(of("t"), ["tls/"]);
        assert_eq!(of("tls/ch"), ["tls/chain-old.pem", "tls/chain.pem"]);
        assert_eq!(of("tls/o"), ["tls/old/"]);
        assert_eq!(of("."), [".hidden"]);
        assert_eq!(of("no/such"), Vec::<String>::new());
        let whole = format!("{}/k", here.display());
        assert_eq!(of(&whole), [format!("{}/key.pem", here.display())]);
    }

    #[test]
    fn a_pasted_file_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let kept = |text: &str| keep(folder.path(), "pasted-key", text).unwrap();
        assert_eq!(kept("one"), "pasted-key.pem");
        assert_eq!(kept("one"), "pasted-key.pem");
        assert_eq!(kept("two"), "pasted-key-2.pem");
        assert_eq!(kept("one"), "pasted-key.pem");
        assert_eq!(
            files::open_to_others(&folder.path().join("pasted-key.pem")),
            None
        );
    }
}
