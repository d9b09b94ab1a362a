//! Files: read with a limit, written whole or not at all; every failure names the file, the reason and what to do.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::problem::{Code, Problem};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only its owner: 0600.
    Private,
    /// Everyone on this computer: 0644.
    Shared,
}

impl Mode {
    fn bits(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Shared => 0o644,
        }
    }
}

/// Writes a file whole or not at all: a new file beside it, on disk, then put in its place.
///
/// # Errors
/// Names the file and the reason; the old file is untouched.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), Problem> {
    // A link stays a link, and the file behind it is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = folder_of(&target);
    let beside = beside(&target);
    let written = write_new(&beside, bytes, mode).and_then(|()| fs::rename(&beside, &target));
    if let Err(error) = written {
        // What was begun is taken away; when even that fails, the first reason is the one to tell.
        drop(fs::remove_file(&beside));
        return Err(not_written(path, &error));
    }
    sync_folder(&folder).map_err(|error| not_written(path, &error))
}

fn write_new(path: &Path, bytes: &[u8], mode: Mode) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode.bits())
        .open(path)?;
    // The umask may have taken rights away.
    file.set_permissions(fs::Permissions::from_mode(mode.bits()))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name beside the target that no other writer uses.
fn beside(target: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    target.with_file_name(format!(".{name}.{}-{count}.new", process::id()))
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// A new name in a folder is safe from a power cut only once the folder itself is on disk.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a folder and those above it, readable by their owner alone; one that exists is left as it is.
///
/// # Errors
/// Names the folder and the reason.
pub fn create_folder(path: &Path) -> Result<(), Problem> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| {
            Problem::new(
                Code::File02,
                format!("Could not make the folder `{}`.", path.display()),
                remedy(&error, &folder_of(path)),
            )
            .because(reason(&error))
        })
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// Names the file and the reason; a longer file is refused.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Problem> {
    let failed = |error: &io::Error| not_read(path, error);
    let file = File::open(path).map_err(|error| failed(&error))?;
    if file.metadata().map_err(|error| failed(&error))?.is_dir() {
        return Err(failed(&ErrorKind::IsADirectory.into()));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too long, also when it has no size, such as a pipe.
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| failed(&error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(Problem::new(
            Code::File04,
            format!(
                "The file `{}` is too large to be what is expected here.",
                path.display()
            ),
            "Check that the right file is named.",
        )
        .because(format!("it holds more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Reads a text file of at most `limit` bytes.
///
/// # Errors
/// As [`read`], and when the file is no text.
pub fn read_text(path: &Path, limit: u64) -> Result<String, Problem> {
    String::from_utf8(read(path, limit)?).map_err(|error| {
        Problem::new(
            Code::File05,
            format!("The file `{}` is not a text file.", path.display()),
            "Check that the right file is named, and save it as UTF-8 text.",
        )
        .because(format!(
            "the byte at position {} is not UTF-8",
            error.utf8_error().valid_up_to()
        ))
    })
}

/// Reads a text file that may be absent.
///
/// # Errors
/// As [`read_text`], except that an absent file is no failure.
pub fn read_text_if_any(path: &Path, limit: u64) -> Result<Option<String>, Problem> {
    if exists(path) {
        read_text(path, limit).map(Some)
    } else {
        Ok(None)
    }
}

/// The mode of a file that others than its owner may read or write; nothing when they may not, or when it is not there.
pub fn open_to_others(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

/// Whether something has this name.
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Removes a file; an absent one is no failure.
///
/// # Errors
/// Names the file and the reason.
pub fn remove(path: &Path) -> Result<(), Problem> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Problem::new(
            Code::File02,
            format!("Could not remove `{}`.", path.display()),
            remedy(&error, &folder_of(path)),
        )
        .because(reason(&error))),
        _ => Ok(()),
    }
}

/// Removes a folder with everything in it; an absent one is fine.
///
/// # Errors
/// Names the folder and the reason.
pub fn remove_folder(path: &Path) -> Result<(), Problem> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let what = format!("Could not remove the folder `{}`.", path.display());
            let remedy = remedy(&error, &folder_of(path));
            Err(Problem::new(Code::File02, what, remedy).because(reason(&error)))
        }
        _ => Ok(()),
    }
}

/// Gives a folder a new name beside the old one; an existing name is never overwritten.
///
/// # Errors
/// Names both and the reason.
pub fn rename_folder(from: &Path, to: &Path) -> Result<(), Problem> {
    let failed = |error: &io::Error| {
        let what = format!(
            "Could not rename `{}` to `{}`.",
            from.display(),
            to.display()
        );
        Problem::new(Code::File02, what, remedy(error, &folder_of(to))).because(reason(error))
    };
    if exists(to) {
        return Err(failed(&ErrorKind::AlreadyExists.into()));
    }
    fs::rename(from, to).map_err(|error| failed(&error))?;
    sync_folder(&folder_of(to)).map_err(|error| failed(&error))
}

/// The folders inside a folder, by name; an absent folder holds none.
///
/// # Errors
/// Names the folder and the reason.
pub fn folders_in(path: &Path) -> Result<Vec<String>, Problem> {
    let mut names = names_in(path)?;
    names.retain(|name| path.join(name).is_dir());
    Ok(names)
}

/// The names of everything in a folder; an absent folder holds nothing.
///
/// # Errors
/// Names the folder and the reason.
pub fn names_in(path: &Path) -> Result<Vec<String>, Problem> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(not_read(path, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| not_read(path, &error))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn not_read(path: &Path, error: &io::Error) -> Problem {
    let (code, remedy) = match error.kind() {
        ErrorKind::NotFound => (
            Code::File03,
            "Check the path, also for upper and lower case.".to_owned(),
        ),
        ErrorKind::PermissionDenied => (
            Code::File01,
            format!(
                "Run care-install as the user who owns `{}`, or give yourself the right to read it.",
                path.display()
            ),
        ),
        ErrorKind::IsADirectory => (Code::File01, "Name the file inside the folder.".to_owned()),
        ErrorKind::NotADirectory => (
            Code::File01,
            "Check the path: one of the folders in it is a file.".to_owned(),
        ),
        _ => (
            Code::File01,
            "Check the disk and the path, then try again.".to_owned(),
        ),
    };
    Problem::new(
        code,
        format!("Could not read `{}`.", path.display()),
        remedy,
    )
    .because(reason(error))
}

pub(super) fn not_written(path: &Path, error: &io::Error) -> Problem {
    let what = format!("Could not write `{}`; nothing was changed.", path.display());
    Problem::new(Code::File02, what, remedy(error, &folder_of(path))).because(reason(error))
}

/// What to do when something could not be put into a folder.
fn remedy(error: &io::Error, folder: &Path) -> String {
    let folder = folder.display();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!(
                "Make the folder `{folder}` writable for this user, or choose another folder with --site."
            )
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!(
                "Free some space on the disk that holds `{folder}`, then run the same command again."
            )
        }
        ErrorKind::NotFound => format!("Check that the folder `{folder}` exists."),
        ErrorKind::NotADirectory => {
            format!("Check the path: a part of `{folder}` is a file and not a folder.")
        }
        ErrorKind::AlreadyExists => "Choose another name, or move away what has it.".into(),
        ErrorKind::IsADirectory => {
            "Remove the folder that has this name, or choose another folder with --site.".into()
        }
        _ => format!("Check the disk that holds `{folder}`, then run the same command again."),
    }
}

/// The reason in plain words, with the system's own where ours would say less.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".into(),
        ErrorKind::PermissionDenied => "this user does not have the right".into(),
        ErrorKind::ReadOnlyFilesystem => "the disk is mounted read-only".into(),
        ErrorKind::StorageFull => "the disk is full".into(),
        ErrorKind::QuotaExceeded => "this user's share of the disk is used up".into(),
        ErrorKind::IsADirectory => "it is a folder".into(),
        ErrorKind::NotADirectory => "a part of the path is a file".into(),
        ErrorKind::AlreadyExists => "the name is taken".into(),
        _ => error.to_string(),
    }
}

/// The lines of a recording of a real cluster, for tests.
///
/// # Panics
/// There is no such recording.
#[cfg(test)]
pub fn recording(name: &str) -> Vec<serde_json::Value> {
    let file = format!(
        "{}/tests/recordings/{name}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = read_text(file.as_ref(), 1 << 20).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_its_mode_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.yaml");
        write_atomic(&path, b"one", Mode::Shared).unwrap();
        write_atomic(&path, b"two", Mode::Private).unwrap();
        assert_eq!(read_text(&path, 10).unwrap(), "two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link_and_its_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        write_atomic(&real, b"one", Mode::Shared).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_atomic(&link, b"two", Mode::Shared).unwrap();
        assert_eq!(read_text(&real, 10).unwrap(), "two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_failed_write_names_the_reason_and_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("blocked");
        fs::create_dir_all(blocked.join("inside")).unwrap();
        let problem = write_atomic(&blocked, b"x", Mode::Shared).unwrap_err();
        assert_eq!(problem.code, Code::File02);
        assert!(blocked.join("inside").is_dir());
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing half-written is left"
        );

        let problem =
            write_atomic(&folder.path().join("no/such/file"), b"x", Mode::Shared).unwrap_err();
        assert_eq!(problem.causes, ["there is no such file or folder"]);
    }

    #[test]
    fn reading_has_a_limit_and_wants_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_atomic(&path, b"12345", Mode::Shared).unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().code, Code::File04);
        write_atomic(&path, b"ab\xff", Mode::Shared).unwrap();
        assert_eq!(read_text(&path, 5).unwrap_err().code, Code::File05);
        assert_eq!(
            read(folder.path(), 5).unwrap_err().causes,
            ["it is a folder"]
        );
        assert_eq!(
            read(&folder.path().join("absent"), 5).unwrap_err().code,
            Code::File03
        );
        assert_eq!(
            read_text_if_any(&folder.path().join("absent"), 5).unwrap(),
            None
        );
    }

    #[test]
    fn every_kind_of_failure_has_words_of_its_own() {
        let kinds = [
            ErrorKind::NotFound,
            ErrorKind::PermissionDenied,
            ErrorKind::ReadOnlyFilesystem,
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::IsADirectory,
            ErrorKind::NotADirectory,
            ErrorKind::AlreadyExists,
            ErrorKind::TimedOut,
        ];
        let mut reasons: Vec<String> = kinds.iter().map(|kind| reason(&(*kind).into())).collect();
        reasons.dedup();
        assert_eq!(reasons.len(), kinds.len());
        for kind in kinds {
            assert!(
                not_written(Path::new("/srv/x/site.yaml"), &kind.into())
                    .remedy
                    .ends_with('.')
            );
            assert!(
                not_read(Path::new("/srv/x/site.yaml"), &kind.into())
                    .what
                    .contains("/srv/x/site.yaml")
            );
        }
    }
}
