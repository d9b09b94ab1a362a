//! A file of checksummed lines that only grows: what is appended survives the death of this program, a torn last line does not count.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::problem::{Code, Problem};

/// The open file.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Ledger {
    /// Opens or begins a ledger and gives its whole lines; a torn tail is cut off.
    ///
    /// # Errors
    /// When it cannot be read or written, or is damaged before its end.
    pub fn open(path: &Path) -> Result<(Self, Vec<String>), Problem> {
        let failed = |error: &std::io::Error| unusable(path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| failed(&error))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)
            .map_err(|error| failed(&error))?;
        let (lines, whole) = whole_lines(&text);
        if has_line_after(&text, whole) {
            return Err(damaged(path));
        }
        let bytes = u64::try_from(whole).unwrap_or(u64::MAX);
        file.set_len(bytes).map_err(|error| failed(&error))?;
        file.seek(SeekFrom::End(0))
            .map_err(|error| failed(&error))?;
        let path = path.to_path_buf();
        Ok((Self { path, file, bytes }, lines))
    }

    /// Appends one line in one write: after it returns, killing this program loses nothing.
    ///
    /// # Errors
    /// When the disk is full or the file cannot be written.
    pub fn append(&mut self, line: &str) -> Result<(), Problem> {
        let sealed = seal(line);
        self.file
            .write_all(sealed.as_bytes())
            .map_err(|error| unusable(&self.path, &error))?;
        self.bytes += sealed.len() as u64;
        Ok(())
    }

    /// How long the file is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Replaces the whole content, or leaves it as it is.
    ///
    /// # Errors
    /// When the new file cannot be written.
    pub fn rewrite(&mut self, lines: impl Iterator<Item = String>) -> Result<(), Problem> {
        let path = self.path.clone();
        let failed = |error: &std::io::Error| unusable(&path, error);
        let beside = path.with_extension("new");
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&error)),
            _ => {}
        }
        let (mut next, _) = Self::open(&beside)?;
        let text: String = lines.map(|line| seal(&line)).collect();
        next.file
            .write_all(text.as_bytes())
            .and_then(|()| next.file.sync_all())
            .and_then(|()| fs::rename(&beside, &path))
            .map_err(|error| failed(&error))?;
        self.bytes = text.len() as u64;
        self.file = next.file;
        Ok(())
    }
}

fn seal(line: &str) -> String {
    let mut sum = flate2::Crc::new();
    sum.update(line.as_bytes());
    format!("{:08x} {line}\n", sum.sum())
}

/// The lines whose checksum is right, up to the first that is not, and where they end.
fn whole_lines(text: &[u8]) -> (Vec<String>, usize) {
    let mut lines = Vec::new();
    let mut whole = 0;
    for piece in text.split_inclusive(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(piece).ok();
        let content = line
            .and_then(|line| line.strip_suffix('\n'))
            .and_then(|line| line.split_once(' '))
            .map(|(_, content)| content)
            .filter(|content| line == Some(seal(content).as_str()));
        let Some(content) = content else { break };
        lines.push(content.to_owned());
        whole += piece.len();
    }
    (lines, whole)
}

/// Whether something whole follows the first broken line: then it is not the tail that is torn.
fn has_line_after(text: &[u8], whole: usize) -> bool {
    let rest = text.get(whole..).unwrap_or_default();
    let next = rest.iter().position(|byte| *byte == b'\n');
    next.and_then(|at| rest.get(at + 1..))
        .is_some_and(|rest| !whole_lines(rest).0.is_empty())
}

fn unusable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(
        Code::Reh02,
        format!(
            "Could not use the practice cluster's file `{}`.",
            path.display()
        ),
        "Look at the free space and the rights of that folder, then start again.",
    )
    .caused_by(error)
}

fn damaged(path: &Path) -> Problem {
    Problem::new(
        Code::Reh02,
        format!(
            "The practice cluster's file `{}` is damaged.",
            path.display()
        ),
        "Delete that file; the practice cluster begins anew.",
    )
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    #[test]
    fn a_file_cut_at_any_byte_gives_its_whole_lines_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let (mut ledger, lines) = Ledger::open(&path).unwrap();
        assert!(lines.is_empty());
        for line in ["one", "zwei ä", "three"] {
            ledger.append(line).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            let path = folder.path().join(format!("cut{cut}"));
            std::io::Write::write_all(
                &mut std::fs::File::create(&path).unwrap(),
                whole.get(..cut).unwrap(),
            )
            .unwrap();
            let (mut ledger, before) = Ledger::open(&path).unwrap();
            ledger.append("more").unwrap();
            let (_, after) = Ledger::open(&path).unwrap();
            assert_eq!(after.len(), before.len() + 1);
            assert!(
                ["one", "zwei ä", "three"]
                    .starts_with(&before.iter().map(String::as_str).collect::<Vec<_>>())
            );
        }
    }

    #[test]
    fn damage_before_the_end_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let (mut ledger, _) = Ledger::open(&path).unwrap();
        for line in ["one", "two", "three"] {
            ledger.append(line).unwrap();
        }
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replace("two", "twx");
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), text.as_bytes())
            .unwrap();
        let problem = Ledger::open(&path).unwrap_err();
        assert!(problem.what.contains("is damaged"));
    }

    #[test]
    fn a_rewritten_ledger_holds_the_new_lines_and_grows_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let (mut ledger, _) = Ledger::open(&path).unwrap();
        ledger.append("old").unwrap();
        ledger.rewrite(["new".to_owned()].into_iter()).unwrap();
        ledger.append("next").unwrap();
        let (_, lines) = Ledger::open(&path).unwrap();
        assert_eq!(lines, ["new", "next"]);
    }
}
