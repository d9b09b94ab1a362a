//! The job that makes the buckets against a real S3 server (versitygw): what it makes, twice, and what browsers may then do.

use std::{collections::BTreeMap, fs, net::SocketAddr, process::Command, process::Stdio};

use care_install::plan::{Action, Plan};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    catalog::full_plan,
    parts::{self, Peer},
};

const PROGRAMS: &[(&str, &str)] = &[("aws", "awscli"), ("curl", "curl")];

const ACCESS: &str = "care";
const SECRET: &str = "made-up-for-this-test";

/// Where Care's pages come from.
const ORIGIN: &str = "https://app.care.example.org";

struct Scene {
    at: SocketAddr,
    plan: Plan,
    _server: Peer,
    folder: tempfile::TempDir,
}

impl Scene {
    fn start() -> Option<Self> {
        if !parts::has(PROGRAMS) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        for name in ["data", "scripts"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let at = parts::free();
        let mut command = Command::new(parts::binaries().join("versitygw"));
        command.args(["--access", ACCESS, "--secret", SECRET, "--region", "care"]);
        command
            .args(["--port", &at.to_string(), "posix"])
            .arg(folder.path().join("data"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Some(Self {
            at,
            plan: full_plan(),
            _server: Peer::start(command, at),
            folder,
        })
    }

    /// Runs the job's script with its files and settings here.
    fn make(&self) -> (bool, String) {
        let step = self
            .plan
            .steps
            .iter()
            .find(|step| step.id.as_str() == "rustfs/buckets");
        let Action::Buckets { run, .. } = &step.unwrap().action else {
            unreachable!("it makes buckets")
        };
        let scripts = self.folder.path().join("scripts");
        let own = self.folder.path().display().to_string();
        let files: BTreeMap<String, String> =
            serde_json::from_value(run.objects[0].value()["data"].clone()).unwrap();
        for (name, text) in files {
            let text = text
                .replace("/tmp/", &format!("{own}/"))
                .replace(
                    "http://rustfs-svc.rustfs.svc:9000",
                    &format!("http://{}", self.at),
                )
                .replace("file:///scripts", &format!("file://{own}/scripts"));
            fs::write(scripts.join(name), text).unwrap();
        }
        let container = &run.job.value()["spec"]["template"]["spec"]["containers"][0];
        let mut command = Command::new("sh");
        command.arg(scripts.join("make.sh"));
        for one in container["env"].as_array().unwrap() {
            if let (Some(name), Some(value)) = (one["name"].as_str(), one["value"].as_str()) {
                command.env(name, value.replace("/tmp", &own));
            }
        }
        logged_in(&mut command);
        said(&mut command)
    }

    fn ask(&self, words: &[&str]) -> String {
        let mut command = Command::new("aws");
        command
            .arg("--endpoint-url")
            .arg(format!("http://{}", self.at));
        logged_in(command.arg("s3api").args(words).arg("--output").arg("json"));
        let (well, words) = said(&mut command);
        assert!(well, "{words}");
        words
    }

    /// What a browser gets: status, head and body.
    fn browse(&self, arguments: &[&str], address: &str) -> (String, String, String) {
        let (head, body) = (
            self.folder.path().join("head"),
            self.folder.path().join("body"),
        );
        fs::write(&body, "").unwrap();
        let mut command = Command::new("curl");
        command.args([
            "-sS",
            "-H",
            &format!("Origin: {ORIGIN}"),
            "-w",
            "%{http_code}",
        ]);
        command
            .arg("-D")
            .arg(&head)
            .arg("-o")
            .arg(&body)
            .args(arguments)
            .arg(address);
        let (well, status) = said(&mut command);
        assert!(well, "{status}");
        let read = |path| fs::read_to_string(path).unwrap().to_lowercase();
        (status, read(&head), fs::read_to_string(&body).unwrap())
    }

    fn address(&self, path: &str) -> String {
        format!("http://{}/{path}", self.at)
    }

    /// An address that lets whoever has it do one thing, as Care hands it to a browser: `SigV4` in the query, path style.
    fn signed(&self, method: &str, path: &str, now: Timestamp) -> String {
        let day = now.strftime("%Y%m%d").to_string();
        let moment = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let scope = format!("{day}/care/s3/aws4_request");
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ACCESS}%2F{}&X-Amz-Date={moment}&X-Amz-Expires=600&X-Amz-SignedHeaders=host",
            scope.replace('/', "%2F")
        );
        let request = format!(
            "{method}\n/{path}\n{query}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD",
            self.at
        );
        let text = format!(
            "AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}",
            hex(&Sha256::digest(request))
        );
        let mut key = format!("AWS4{SECRET}").into_bytes();
        for part in [day.as_str(), "care", "s3", "aws4_request"] {
            key = mac(&key, part);
        }
        format!(
            "{}?{query}&X-Amz-Signature={}",
            self.address(path),
            hex(&mac(&key, &text))
        )
    }
}

/// HMAC with SHA-256; the keys here are shorter than a block.
fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let pad = |with: u8| -> Vec<u8> {
        (0..64)
            .map(|at| key.get(at).copied().unwrap_or(0) ^ with)
            .collect()
    };
    let inner = Sha256::digest([pad(0x36), text.as_bytes().to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

/// Bytes as digests are written.
pub fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.concat()
}

fn logged_in(command: &mut Command) {
    command
        .env("AWS_ACCESS_KEY_ID", ACCESS)
        .env("AWS_SECRET_ACCESS_KEY", SECRET);
    command.env("AWS_DEFAULT_REGION", "care");
}

fn said(command: &mut Command) -> (bool, String) {
    let ran = command.output().unwrap();
    let words = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    (ran.status.success(), words.into_owned())
}

#[test]
#[cfg_attr(not(has_go), ignore = "needs go, to build the S3 server")]
fn the_buckets_are_made_with_their_policies_and_a_second_run_changes_nothing() {
    let Some(scene) = Scene::start() else { return };
    let (well, words) = scene.make();
    assert!(well, "{words}");
    let seen = || {
        let buckets: Value = serde_json::from_str(&scene.ask(&["list-buckets"])).unwrap();
        let names: Vec<Value> = buckets["Buckets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["Name"].clone())
            .collect();
        let policy = scene.ask(&["get-bucket-policy", "--bucket", "care-facility"]);
        let cors = ["care-facility", "care-fileupload"]
            .map(|name| scene.ask(&["get-bucket-cors", "--bucket", name]));
        (names, policy, cors)
    };
    let first = seen();
    assert_eq!(
        json!(first.0),
        json!([
            "admin",
            "care-facility",
            "care-fileupload",
            "chunks",
            "ruler"
        ])
    );
    assert!(
        first.1.contains("s3:GetObject") && !first.1.contains("s3:PutObject"),
        "{}",
        first.1
    );
    // What people have put there since stays.
    let file = scene.folder.path().join("scan");
    fs::write(&file, "a scan").unwrap();
    scene.ask(&[
        "put-object",
        "--bucket",
        "care-fileupload",
        "--key",
        "scan",
        "--body",
        file.to_str().unwrap(),
    ]);
    let (well, words) = scene.make();
    assert!(well, "{words}");
    assert_eq!(seen(), first);
    let left: Value =
        serde_json::from_str(&scene.ask(&["list-objects-v2", "--bucket", "care-fileupload"]))
            .unwrap();
    assert_eq!(left["Contents"].as_array().map(Vec::len), Some(1), "{left}");
    // The object by which it tries whether the server writes is gone again.
    let probe = scene.ask(&["list-objects-v2", "--bucket", "admin"]);
    assert!(!probe.contains("care-install-probe"), "{probe}");
}

#[test]
#[cfg_attr(not(has_go), ignore = "needs go, to build the S3 server")]
fn a_browser_uploads_and_opens_files_with_signed_addresses_and_does_nothing_else() {
    let Some(scene) = Scene::start() else { return };
    let (well, words) = scene.make();
    assert!(well, "{words}");
    let now = Timestamp::now();
    let path = "care-fileupload/patient/1.pdf";
    let put = scene.signed("PUT", path, now);
    // The browser asks first, because the page comes from another name.
    let ask = [
        "-X",
        "OPTIONS",
        "-H",
        "Access-Control-Request-Method: PUT",
        "-H",
        "Access-Control-Request-Headers: content-type",
    ];
    let (status, head, _) = scene.browse(&ask, &put);
    assert_eq!(status, "200", "{head}");
    assert!(
        head.contains(&format!("access-control-allow-origin: {ORIGIN}")),
        "{head}"
    );
    assert!(
        head.contains("access-control-allow-headers: content-type"),
        "{head}"
    );
    let strange = [
        &ask[..],
        &["-H", "Origin:", "-H", "Origin: https://evil.example.net"],
    ]
    .concat();
    let (_, head, _) = scene.browse(&strange, &put);
    assert!(
        !head.contains("access-control-allow-origin: https://evil"),
        "{head}"
    );
    let send = [
        "-X",
        "PUT",
        "-H",
        "Content-Type: application/pdf",
        "--data-binary",
        "a scan",
    ];
    let (status, head, body) = scene.browse(&send, &put);
    assert_eq!(status, "200", "{body}");
    assert!(
        head.contains(&format!("access-control-allow-origin: {ORIGIN}")),
        "{head}"
    );
    assert!(
        head.contains("access-control-expose-headers: etag"),
        "{head}"
    );
    let (status, _, body) = scene.browse(&[], &scene.signed("GET", path, now));
    assert_eq!((status.as_str(), body.as_str()), ("200", "a scan"));
    // The address is for one method and for ten minutes; without one patient files stay closed.
    let (status, ..) = scene.browse(&["-X", "DELETE"], &put);
    assert_eq!(status, "403");
    let late = now.checked_sub(std::time::Duration::from_mins(11)).unwrap();
    let (status, ..) = scene.browse(&[], &scene.signed("GET", path, late));
    assert_eq!(status, "403");
    let (status, ..) = scene.browse(&[], &scene.address(path));
    assert_eq!(status, "403");
    pictures_are_there_for_everybody(&scene, now);
}

fn pictures_are_there_for_everybody(scene: &Scene, now: Timestamp) {
    let send = [
        "-X",
        "PUT",
        "-H",
        "Content-Type: image/jpeg",
        "--data-binary",
        "a scan",
    ];
    // Pictures of the facility are there for everybody to see, and for nobody to change or list.
    let picture = "care-facility/cover.jpg";
    let (status, ..) = scene.browse(&send, &scene.signed("PUT", picture, now));
    assert_eq!(status, "200");
    let (status, _, body) = scene.browse(&[], &scene.address(picture));
    assert_eq!((status.as_str(), body.as_str()), ("200", "a scan"));
    for (arguments, path) in [
        (&send[..], picture),
        (&["-X", "DELETE"][..], picture),
        (&[][..], "care-facility"),
    ] {
        let (status, ..) = scene.browse(arguments, &scene.address(path));
        assert_eq!(status, "403", "{arguments:?}");
    }
}
