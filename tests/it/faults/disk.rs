//! A small disk of the test's own, which it fills up and empties again.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use rustix::fs::statvfs;

/// Room for the journals of a few runs.
const SIZE: &str = "size=2m,mode=0700";

/// A mounted disk; it goes away with this value.
pub struct Disk(PathBuf);

impl Disk {
    /// Nothing where this user may not mount one.
    pub fn mount(at: &Path) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", SIZE, "care-faults"])
            .arg(at)
            .output()
            .ok()?;
        mounted.status.success().then(|| Self(at.to_owned()))
    }

    /// Leaves so many bytes; the last page of a file may take a little more.
    pub fn fill(&self, leave: u64) {
        let about = statvfs(&self.0).unwrap();
        let free = about.f_bavail * about.f_frsize;
        let file = File::create(self.filler()).unwrap();
        // A hole would take no room: it is written.
        let mut zeros = std::io::Read::take(std::io::repeat(0), free.saturating_sub(leave));
        // It may have become fuller meanwhile; full is what is wanted.
        std::io::copy(&mut zeros, &mut &file).ok();
    }

    pub fn free(&self) {
        fs::remove_file(self.filler()).ok();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The folder is temporary; a disk that is still busy goes with its last file.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}
