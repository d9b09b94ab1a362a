//! The run's local socket: JSON Lines between the process that runs a plan and those that look on.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rustix::process::geteuid;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::problem::{Code, Problem};

/// The system's limit for the path of a socket is 108 bytes.
const LONGEST_PATH: usize = 100;

/// Where the socket of a site's run is: in the site's folder, or by a digest of it where that path is too long.
pub fn path(site: &Path) -> PathBuf {
    let near = site.join("run.sock");
    if near.as_os_str().len() <= LONGEST_PATH {
        return near;
    }
    let digest = Sha256::digest(site.as_os_str().as_encoded_bytes());
    let name = URL_SAFE_NO_PAD.encode(digest.get(..12).unwrap_or_default());
    std::env::temp_dir().join(format!("care-install-{}-{name}.sock", geteuid().as_raw()))
}

/// The listening end; its file goes with it.
#[derive(Debug)]
pub struct Listener {
    inner: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens for the site's run. Only the holder of the run's lock may call this: it removes what a killed one left.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn bind(site: &Path) -> Result<Self, Problem> {
        let path = path(site);
        // Left by a process that was killed; the lock says that it is gone.
        std::fs::remove_file(&path).ok();
        let bound = UnixListener::bind(&path).and_then(|inner| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            Ok(inner)
        });
        match bound {
            Ok(inner) => Ok(Self { inner, path }),
            Err(error) => Err(Problem::new(
                Code::Host01,
                format!("Could not open the run's socket {}.", path.display()),
                "Check that you may write to the site's folder, or choose another one with --site.",
            )
            .caused_by(&error)),
        }
    }

    /// The next one who looks on. Other users are turned away.
    ///
    /// # Errors
    /// The system refuses; the listener is then of no use any more.
    pub async fn accept(&self) -> std::io::Result<Link> {
        loop {
            let (stream, _) = self.inner.accept().await?;
            if let Some(link) = Link::of_own_user(stream) {
                return Ok(link);
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}

/// A connection that carries one JSON value per line each way.
#[derive(Debug)]
pub struct Link {
    /// What the other side says.
    pub hear: Hear,
    /// What is said to it.
    pub say: Say,
}

impl Link {
    /// Connects to the site's run; nothing when nobody listens.
    pub async fn connect(site: &Path) -> Option<Self> {
        let stream = UnixStream::connect(path(site)).await.ok()?;
        Self::of_own_user(stream)
    }

    fn of_own_user(stream: UnixStream) -> Option<Self> {
        let other = stream.peer_cred().ok()?.uid();
        if other != geteuid().as_raw() {
            return None;
        }
        let (read, write) = stream.into_split();
        Some(Self {
            hear: Hear(BufReader::new(read).lines()),
            say: Say(write),
        })
    }
}

/// The reading end.
#[derive(Debug)]
pub struct Hear(Lines<BufReader<OwnedReadHalf>>);

impl Hear {
    /// The next value; nothing once the other side is gone or says what is not understood.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Option<T> {
        let line = self.0.next_line().await.ok()??;
        serde_json::from_str(&line).ok()
    }
}

/// The writing end.
#[derive(Debug)]
pub struct Say(OwnedWriteHalf);

impl Say {
    /// Sends a value; false once the other side is gone.
    pub async fn send<T: Serialize + Sync>(&mut self, value: &T) -> bool {
        let Ok(mut line) = serde_json::to_vec(value) else {
            return false;
        };
        line.push(b'\n');
        self.0.write_all(&line).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn values_go_both_ways_and_the_file_goes_with_the_listener() {
        let folder = tempfile::tempdir().unwrap();
        let listener = Listener::bind(folder.path()).unwrap();
        let mut here = Link::connect(folder.path()).await.unwrap();
        let mut there = listener.accept().await.unwrap();
        assert!(there.say.send(&"hello").await);
        assert_eq!(here.hear.next::<String>().await.as_deref(), Some("hello"));
        assert!(here.say.send(&7).await);
        assert_eq!(there.hear.next::<u32>().await, Some(7));
        drop(listener);
        assert!(!path(folder.path()).exists());
        assert!(Link::connect(folder.path()).await.is_none());
    }

    #[test]
    fn a_long_folder_gets_a_short_socket() {
        let site = PathBuf::from(format!("/{}", "x".repeat(150)));
        assert!(path(&site).as_os_str().len() <= LONGEST_PATH + 8);
        assert_ne!(path(&site), path(&site.join("y")));
    }
}
