//! The practice cluster in a process of its own, so that it can be killed like one.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use care_install::sys::kube::{Kube, Source};
use secrecy::SecretString;
use tokio::{io::AsyncReadExt as _, process::Child};

use crate::{
    child,
    rehearsal_deploy::{LIMIT, serve_for},
};

const FOLDER: &str = "CARE_FAULT_TEST_FOLDER";

/// What it says before its address.
const SERVES: &str = "practice cluster at ";

/// What clients show; it stays the same when the process is killed and started again.
const TOKEN: &str = "a-token-of-the-fault-tests";

/// A practice cluster; it ends with this value.
pub struct Practice {
    pub url: String,
    folder: PathBuf,
    child: Child,
}

pub fn token() -> SecretString {
    SecretString::from(TOKEN)
}

/// The process; by itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that the tests of this folder start"]
async fn child() {
    let folder = std::env::var(FOLDER).expect("started by a test of this folder");
    let practiced = serve_for(Path::new(&folder), Some(token())).await;
    println!("{SERVES}{}", practiced.serving.url);
    // Whoever started it keeps its standard input open while it lives.
    let mut nothing = Vec::new();
    tokio::io::stdin().read_to_end(&mut nothing).await.ok();
}

impl Practice {
    pub async fn start(folder: &Path) -> Self {
        let (child, url) = begin(folder).await;
        Self {
            url,
            folder: folder.to_owned(),
            child,
        }
    }

    /// Kills it in the middle of whatever it does, and starts it again on what it had written.
    pub async fn crash(&mut self) {
        self.child.kill().await.unwrap();
        (self.child, self.url) = begin(&self.folder).await;
    }

    /// A way to it without any wire between.
    pub async fn kube(&self) -> Kube {
        client(self.url.clone()).await
    }
}

pub async fn client(url: String) -> Kube {
    let token = token();
    Kube::connect(&Source::Endpoint { url, token })
        .await
        .unwrap()
}

async fn begin(folder: &Path) -> (Child, String) {
    let variables = [(FOLDER, folder.as_os_str())];
    let mut child = child::start("faults::practice::child", variables, Stdio::piped());
    let serves = |line: &str| Some(line.split_once(SERVES)?.1.to_owned());
    let url = child::says(&mut child, LIMIT, serves).await;
    (child, url)
}
