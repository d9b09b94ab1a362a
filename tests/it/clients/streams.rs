//! What goes on: watches, logs that are followed, and commands that read.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    sync::mpsc,
    time::Duration,
};

use super::{Scene, fed, said};

/// Longer than anything here takes on a busy computer.
const LIMIT: Duration = Duration::from_mins(1);

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: default, labels: {app: one}}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: one, image: 'example.org/one:1'}]}
";

/// A client that goes on, and the lines that it says.
struct Going {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Going {
    fn new(scene: &Scene, text: &str) -> Self {
        let mut command = scene.client("kubectl", text);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (to, from) = mpsc::sync_channel(1000);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines: from }
    }

    /// Waits for a line that holds all of these.
    fn until(&self, wanted: &[&str]) {
        let mut heard = Vec::new();
        loop {
            let line = self.lines.recv_timeout(LIMIT);
            assert!(line.is_ok(), "{wanted:?} did not come: {heard:#?}");
            let line = line.unwrap();
            if wanted.iter().all(|word| line.contains(word)) {
                return;
            }
            heard.push(line);
        }
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn done(scene: &Scene, text: &str) -> String {
    let output = scene.client("kubectl", text).output().unwrap();
    assert!(output.status.success(), "{text}: {}", said(output));
    said(output)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn kubectl_watches_what_comes_changes_and_goes() {
    let scene = Scene::new(&[("pod.yaml", POD)]).await;
    tokio::task::block_in_place(|| {
        let table = Going::new(&scene, "get pods --watch --output-watch-events");
        let names = Going::new(&scene, "get pods --watch-only -o name");
        let whole = Going::new(&scene, "get pods --watch -o json --output-watch-events");
        done(&scene, "apply -f @pod.yaml");
        table.until(&["ADDED", "one", "0/1", "Pending"]);
        table.until(&["MODIFIED", "one", "1/1", "Running"]);
        names.until(&["pod/one"]);
        done(&scene, "label pod one app=two --overwrite");
        whole.until(&["\"app\":\"two\""]);
        done(&scene, "delete pod one --timeout=60s");
        table.until(&["DELETED", "one"]);
        whole.until(&["\"type\":\"DELETED\""]);
    });
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn a_log_is_followed_until_the_container_ends() {
    let scene = Scene::new(&[("pod.yaml", POD)]).await;
    tokio::task::block_in_place(|| {
        done(&scene, "apply -f @pod.yaml");
        done(&scene, "wait --for=condition=Ready pod/one --timeout=60s");
        let mut follows = Going::new(&scene, "logs -f one");
        let left = Going::new(&scene, "logs -f -l app=one --prefix --timestamps");
        follows.until(&["practice container one of image example.org/one:1 starts"]);
        follows.until(&["ready: accepting connections"]);
        left.until(&["[pod/one/one]", "ready: accepting connections"]);
        drop(left);
        done(&scene, "delete pod one --timeout=60s");
        assert!(follows.child.wait().unwrap().success());
    });
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(has_go), ignore = "needs the `go` command to build kubectl")]
async fn commands_in_a_container_read_what_kubectl_reads() {
    let scene = Scene::new(&[("pod.yaml", POD)]).await;
    tokio::task::block_in_place(|| {
        done(&scene, "apply -f @pod.yaml");
        done(&scene, "wait --for=condition=Ready pod/one --timeout=60s");
        let large = "hello there\n".repeat(100_000);
        let copied = fed(scene.client("kubectl", "exec -i one -- cat"), &large);
        assert!(copied.status.success(), "{copied:?}");
        assert!(
            copied.stdout == large.as_bytes(),
            "{} bytes",
            copied.stdout.len()
        );
        let shell = scene.client("kubectl", "exec -i one -- sh");
        let ended = fed(shell, "hostname\nps\necho $HOME\nexit 3\nhostname\n");
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(ended.stdout, b"one\n/root\n");
        let last = fed(scene.client("kubectl", "exec -i one -- sh"), "true\nfalse");
        assert_eq!(last.status.code(), Some(1));
    });
    scene.end().await;
}
