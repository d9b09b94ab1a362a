//! What is kept beside the screens: what was copied, because the terminal may have no clipboard or may not let programs
//! write to it, and what a person has learnt.

use std::path::PathBuf;

use super::Desk;
use crate::{
    app::{Input, fits_clipboard, hint::Hints},
    problem::Problem,
    sys::{files, sites::Sites},
};

/// What this person has learnt, beside the folder of the sites.
const HINTS: &str = "hints.json";

/// The most bytes of that file.
const LARGEST_HINTS: u64 = 64 << 10;

fn hints_file(sites: &Sites) -> PathBuf {
    let root = sites.root();
    root.parent().unwrap_or(root).join(HINTS)
}

/// What this person has learnt before, counted one start further. A file that cannot be read or written only means that
/// a hint is given again.
pub(super) fn learnt(sites: &Sites) -> Hints {
    let text = files::read_text_if_any(&hints_file(sites), LARGEST_HINTS);
    let learnt = Hints::read(&text.ok().flatten().unwrap_or_default()).started();
    hints(sites, &learnt);
    learnt
}

/// Keeps it.
pub(super) fn hints(sites: &Sites, hints: &Hints) {
    let path = hints_file(sites);
    let folder = path.parent().map(files::create_folder).transpose();
    let text = hints.write();
    let kept =
        folder.and_then(|_| files::write_atomic(&path, text.as_bytes(), files::Mode::Private));
    if let Err(problem) = kept {
        tracing::info!(%problem, "hints are not kept");
    }
}

/// The file, in the reports of the site; the last copy takes the place of the one before.
const COPIED: &str = "copied.txt";

impl Desk<'_> {
    /// Where files are kept that a person asked for: with the site, or where a site begins that has no folder yet.
    pub(super) fn reports(&self) -> PathBuf {
        match self.session() {
            Some(session) => session.place.reports(),
            None => self.draft.path().to_path_buf(),
        }
    }

    /// Keeps what was copied, and says where.
    pub(super) async fn keep_copy(&self, text: String) {
        let folder = self.reports();
        let path = folder.join(COPIED);
        let fits = fits_clipboard(&text);
        let kept = tokio::task::spawn_blocking(move || {
            files::create_folder(&folder)?;
            files::write_atomic(&path, text.as_bytes(), files::Mode::Private)?;
            Ok::<_, Problem>(path)
        });
        match kept.await {
            Ok(Ok(path)) => {
                let words = if fits {
                    "Copied, and kept as"
                } else {
                    "Too long for the clipboard of a terminal; kept as"
                };
                let words = format!("{words} {}", path.display());
                self.tell(Input::Notice(words)).await;
            }
            Ok(Err(problem)) => self.tell(Input::Problem(problem)).await,
            Err(broken) => tracing::error!(%broken, "keeping a copy broke off"),
        }
    }
}
