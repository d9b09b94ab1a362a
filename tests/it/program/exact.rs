//! Kills the program at an exact record of its journal: not a moment later, however busy the computer is.
//!
//! A watcher of the file is sometimes slower than the next record. So the kill comes from within: a library of a few lines,
//! loaded before the program's own, counts the records as they reach the disk and sends SIGKILL to its process. The program
//! itself has no such door.

use std::{
    fmt, fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process,
    sync::LazyLock,
};

use super::{Site, lines, start};

/// Where the kill comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The record is on the disk, and nothing that follows from it was done.
    After(usize),
    /// All was done that goes before the record, and nothing of it is written.
    Before(usize),
}

impl Cut {
    /// How many records such a start leaves.
    pub fn leaves(self) -> usize {
        match self {
            Self::After(record) => record,
            Self::Before(record) => record - 1,
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(record) => write!(out, "after record {record}"),
            Self::Before(record) => write!(out, "before record {record}"),
        }
    }
}

/// The library, built by the compiler that links the tests.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/program/exact.c");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(folder).unwrap();
    let library = folder.join(format!("exact-{}.so", process::id()));
    let built = process::Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .output()
        .expect("cc, which links the tests, is not there");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    library
});

/// Starts the program and lets it die there; the records it has added are exactly those that the cut leaves.
pub async fn killed(site: &Site, arguments: &[&str], journal: &Path, cut: Cut) {
    let before = lines(journal);
    let (name, record) = match cut {
        Cut::After(record) => ("EXACT_AFTER", record),
        Cut::Before(record) => ("EXACT_BEFORE", record),
    };
    let mut command = site.command(arguments);
    command
        .env("LD_PRELOAD", LIBRARY.as_os_str())
        .env("EXACT_JOURNAL", journal.file_name().unwrap())
        .env(name, record.to_string());
    let ran = start(command).ended().await;
    assert_eq!(ran.status.signal(), Some(9), "{cut}: {ran}");
    assert_eq!(lines(journal) - before, cut.leaves(), "{cut}");
}
