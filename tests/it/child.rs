//! An ignored test of this binary as a process of its own: a server or a run that other tests end.

use std::{ffi::OsStr, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// Starts the test of that name with these variables; what it is told ends when this value does.
pub fn start<'a>(
    test: &str,
    variables: impl IntoIterator<Item = (&'a str, &'a OsStr)>,
    input: Stdio,
) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(variables)
        .stdin(input)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// What the child says in the first line that fits. What it writes later goes nowhere, and must not end it.
pub async fn says<T>(child: &mut Child, limit: Duration, fits: impl Fn(&str) -> Option<T>) -> T {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(found) = fits(&line) {
                return Some(found);
            }
        }
        None
    };
    let said = timeout(limit, said).await.unwrap();
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    said.expect("the child has ended before it said so")
}
