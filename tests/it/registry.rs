//! The site's registry against real peers: the password file that zot is given, the job that builds and pushes (only the
//! builder is played), the files by which containerd trusts it, and containerd's own way of pulling.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use care_install::plan::Plan;
use serde_json::Value;

use crate::{
    catalog::{OWN_IMAGES, decoded, full_plan_with},
    checks::peers,
    counting::job,
    parts::{self, Peer},
};

const PROGRAMS: &[(&str, &str)] = &[
    ("docker-registry", "docker-registry"),
    ("nginx", "nginx"),
    ("curl", "curl"),
    ("wget", "wget"),
];

/// The name under which machines and people know it.
const NAME: &str = "registry.care.example.org";

/// Plays the builder: tells steps as BuildKit does, and pushes an image of one layer with the login that it finds.
const BUILDCTL: &str = r##"#!/bin/sh
set -eu
case "$*" in *"debug workers") exit 0 ;; esac
echo "$*" >> "$FOLDER/calls"
if [ -e "$FOLDER/fail" ]; then echo "#1 [stage-1 1/2] COPY nothing /x"; echo "error: failed to solve: \"/nothing\": not found"; exit 1; fi
echo "#1 [internal] load git source"
echo "#1 DONE 0.4s"
echo "#2 [stage-1 1/2] COPY a /a"
echo "#2 DONE 0.0s"
echo "#3 [stage-1 2/2] COPY b /b"
echo "#3 CACHED"
echo "#4 exporting to image"
user=$(sed 's/.*"username":"\([^"]*\)".*/\1/' "$DOCKER_CONFIG/config.json")
password=$(sed 's/.*"password":"\([^"]*\)".*/\1/' "$DOCKER_CONFIG/config.json")
ask() { curl -sS --fail-with-body -u "$user:$password" "$@"; }
put() {
  digest=sha256:$(sha256sum "$1" | cut -d ' ' -f 1)
  at=$(ask -o /dev/null -D - -X POST "http://$REGISTRY/v2/$IMAGE_PATH/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
  ask -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$1" "$at&digest=$digest"
  echo "{\"mediaType\":\"$2\",\"digest\":\"$digest\",\"size\":$(wc -c < "$1")}"
}
echo "layer" > "$FOLDER/layer"
echo '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}' > "$FOLDER/config"
layer=$(put "$FOLDER/layer" application/vnd.oci.image.layer.v1.tar)
config=$(put "$FOLDER/config" application/vnd.oci.image.config.v1+json)
manifest=application/vnd.oci.image.manifest.v1+json
ask -o /dev/null -X PUT -H "Content-Type: $manifest" -d "{\"schemaVersion\":2,\"mediaType\":\"$manifest\",\"config\":$config,\"layers\":[$layer]}" \
  "http://$REGISTRY/v2/$IMAGE_PATH/manifests/$REFERENCE"
"##;

const FRONT: &str = r#"pid FOLDER/nginx.pid;
USER
error_log FOLDER/errors;
events {}
http {
  access_log off;
  client_max_body_size 0;
  client_body_temp_path FOLDER/tmp1; proxy_temp_path FOLDER/tmp2; fastcgi_temp_path FOLDER/tmp3;
  uwsgi_temp_path FOLDER/tmp4; scgi_temp_path FOLDER/tmp5;
  # As zot is told: everybody reads.
  map $request_method $login { GET "Basic LOGIN"; HEAD "Basic LOGIN"; default $http_authorization; }
  server {
    listen PLAIN;
    listen SECURE ssl;
    ssl_certificate FOLDER/fullchain.pem;
    ssl_certificate_key FOLDER/privkey.pem;
    location / {
      proxy_pass http://BEHIND;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Authorization $login;
    }
  }
}
"#;

/// The registry with its two entrances: the one within the cluster, and the one with the site's certificate.
struct Scene {
    plan: Plan,
    inner: SocketAddr,
    secure: SocketAddr,
    _registry: Peer,
    _front: Peer,
    folder: tempfile::TempDir,
}

impl Scene {
    fn start() -> Option<Self> {
        if !parts::has(PROGRAMS) {
            return None;
        }
        let plan = full_plan_with(&OWN_IMAGES);
        let folder = tempfile::tempdir().unwrap();
        let [behind, inner, secure] = [parts::free(), parts::free(), parts::free()];
        let at = |name: &str| folder.path().join(name);
        peers::certificate(folder.path(), &format!("*.{}", "care.example.org"));
        let settings = secret(&plan, "zot-secret", "htpasswd");
        fs::write(at("htpasswd"), settings).unwrap();
        let own = folder.path().display();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {own}/store}}}}\n\
             http: {{addr: \"{behind}\", relativeurls: false}}\nauth: {{htpasswd: {{realm: care, path: {own}/htpasswd}}}}\n"
        );
        fs::write(at("registry.yml"), config).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(at("registry.yml"));
        let registry = Peer::start(quiet(command), behind);
        let login = secret(&plan, "image-builder", "config.json");
        let login: Value = serde_json::from_str(&login).unwrap();
        let login = &login["auths"]["zot.registry.svc:5000"];
        let login = format!(
            "{}:{}",
            login["username"].as_str().unwrap(),
            login["password"].as_str().unwrap()
        );
        let root = fs::metadata("/proc/self")
            .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let front = FRONT
            .replace("USER", if root { "user root;" } else { "" })
            .replace("FOLDER", &own.to_string())
            .replace("PLAIN", &inner.to_string())
            .replace("SECURE", &secure.to_string())
            .replace("BEHIND", &behind.to_string())
            .replace("LOGIN", &base64(&login));
        fs::write(at("front.conf"), front).unwrap();
        let mut command = Command::new("/usr/sbin/nginx");
        command.args(["-g", "daemon off;", "-e"]).arg(at("errors"));
        command.arg("-c").arg(at("front.conf"));
        let front = Peer::start(quiet(command), inner);
        for name in ["bin", "login", "recipe", "scratch"] {
            fs::create_dir(at(name)).unwrap();
        }
        for (name, text) in [
            ("buildctl", BUILDCTL),
            ("buildkitd", "#!/bin/sh\nexec sleep 600\n"),
        ] {
            let path = at("bin").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let scene = Self {
            plan,
            inner,
            secure,
            _registry: registry,
            _front: front,
            folder,
        };
        scene.write(
            "login/config.json",
            &secret(&scene.plan, "image-builder", "config.json"),
        );
        scene.write(
            "recipe/arguments",
            &map(&scene.plan, "image-care", "arguments"),
        );
        Some(scene)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    /// Runs the job of the cluster here: how it ended, and what it said.
    fn build(&self) -> (bool, String) {
        self.run("images/care")
    }

    fn run(&self, step: &str) -> (bool, String) {
        let (script, mut env) = job(&self.plan, step);
        let own = self.folder.path().to_str().unwrap();
        let mut script = script.replace("cp -L /recipe/", &format!("cp -L {own}/recipe/"));
        for name in ["/scratch", "< /recipe"] {
            let (sign, path) = name.split_at(name.find('/').unwrap());
            script = script.replace(name, &format!("{sign}{own}{path}"));
        }
        env.insert("REGISTRY".into(), self.inner.to_string());
        env.insert(
            "DOCKER_CONFIG".into(),
            self.at("login").display().to_string(),
        );
        env.insert("FOLDER".into(), own.to_owned());
        let path = std::env::var("PATH").unwrap();
        env.insert("PATH".into(), format!("{own}/bin:{path}"));
        said(Command::new("sh").args(["-c", &script]).envs(env))
    }

    /// A question to the program that writes the files of trust, or to its proof, with this computer's folders.
    fn trust(&self, script: &str) -> Command {
        let own = self.folder.path().to_str().unwrap();
        let text = map(&self.plan, "registry-trust", script);
        let text = text
            .replace("/tmp/", &format!("{own}/scratch/"))
            .replace("/host/", &format!("{own}/host/"))
            .replace("/tls/tls.crt", &format!("{own}/fullchain.pem"))
            .replace("/settings/", &format!("{own}/"));

        self.write(
            "hosts.toml",
            &map(&self.plan, "registry-trust", "hosts.toml"),
        );
        let mut command = Command::new("sh");
        // Name servers are not asked here: the name leads to the entrance.
        self.write(
            ".curlrc",
            &format!("connect-to = \"{NAME}:443:{}\"\n", self.secure),
        );
        command.args(["-c", &text]).env("CURL_HOME", own);
        command
            .env("REGISTRY", NAME)
            .env("SYSTEM", "/dev/null")
            .env("PAUSE", "600");
        command
    }

    /// Writes the files of trust as the cluster's program does; gives where containerd reads them.
    fn trusted(&self) -> PathBuf {
        let mut command = self.trust("keep.sh");
        let folder = self.at(&format!("host/certs.d/{NAME}"));
        // It goes on for good: its first sleep says that it has written.
        self.write("bin/sleep", "#!/bin/sh\nexit 7\n");
        fs::set_permissions(self.at("bin/sleep"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.at("bin").display()));
        let (_, words) = said(&mut command);
        assert!(folder.join("hosts.toml").is_file(), "{words}");
        // The file names the authority where the machine has it.
        let toml = fs::read_to_string(folder.join("hosts.toml")).unwrap();
        let here = toml.replace(
            "/etc/containerd/",
            &format!("{}/", self.at("host").display()),
        );
        let root = self.at("certs.d");
        fs::create_dir_all(root.join(NAME)).unwrap();
        fs::write(root.join(NAME).join("hosts.toml"), here).unwrap();
        root
    }

    /// Pulls as containerd does for a pod.
    fn pull(&self, certs: &Path, image: &str) -> (bool, String) {
        let mut command = Command::new(parts::binaries().join("pull"));
        command.arg(certs).arg(image).arg(self.secure.to_string());
        said(&mut command)
    }
}

fn quiet(mut command: Command) -> Command {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn said(command: &mut Command) -> (bool, String) {
    let ran = command.output().unwrap();
    let words = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    (ran.status.success(), words.into_owned())
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn data<'a>(plan: &'a Plan, kind: &str, name: &str) -> &'a Value {
    let objects = plan.steps.iter().flat_map(|step| step.action.objects());
    let mut found = objects.filter(|object| {
        let reference = object.reference();
        reference.kind == kind && reference.name == name
    });
    &found.next().unwrap().value()["data"]
}

/// A value of one of the plan's Secrets.
pub fn secret(plan: &Plan, name: &str, key: &str) -> String {
    String::from_utf8(decoded(&data(plan, "Secret", name)[key])).unwrap()
}

fn map(plan: &Plan, name: &str, key: &str) -> String {
    data(plan, "ConfigMap", name)[key]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn an_image_is_built_and_pushed_once_and_found_by_its_digest_from_then_on() {
    let Some(scene) = Scene::start() else { return };
    let (well, words) = scene.build();
    assert!(well, "{words}");
    let progress: Vec<&str> = words
        .lines()
        .filter(|line| line.starts_with("progress: "))
        .collect();
    assert_eq!(
        progress,
        [
            "progress: 0 of 2 steps, now [stage-1 1/2] COPY a /a",
            "progress: 1 of 2 steps, now [stage-1 1/2] COPY a /a",
            "progress: 1 of 2 steps, now [stage-1 2/2] COPY b /b",
            "progress: 2 of 2 steps, now [stage-1 2/2] COPY b /b",
            "progress: 2 of 2 steps, now writing it into the registry",
        ]
    );
    let last = words.lines().last().unwrap();
    let (image, digest) = last.split_once(" is built and in the registry: ").unwrap();
    assert!(
        image.starts_with("registry.care.example.org/care:v25.40.0-"),
        "{last}"
    );
    let calls = fs::read_to_string(scene.at("calls")).unwrap();
    assert!(
        calls.contains("context=https://github.com/ohcnetwork/care.git#v25.40.0"),
        "{calls}"
    );
    assert!(
        calls.contains("build-arg:ADDITIONAL_PLUGS=[{\"name\": \"care_odoo\"")
            || calls.contains("build-arg:ADDITIONAL_PLUGS=[{\"name\":\"care_odoo\""),
        "{calls}"
    );

    let (well, words) = scene.build();
    assert!(well, "{words}");
    assert_eq!(
        words.trim(),
        format!("{image} is in the registry already: {digest}")
    );
    assert_eq!(
        fs::read_to_string(scene.at("calls")).unwrap(),
        calls,
        "nothing was built"
    );
}

#[test]
fn what_fails_while_an_image_is_made_is_told_and_the_job_fails() {
    let Some(scene) = Scene::start() else { return };
    scene.write("fail", "");
    let (well, words) = scene.build();
    assert!(
        !well && words.contains("\"/nothing\": not found"),
        "{words}"
    );
    assert!(
        words
            .trim()
            .ends_with("could not be built; the lines above say why"),
        "{words}"
    );
    fs::remove_file(scene.at("fail")).unwrap();
    // A password that the registry does not know.
    let login = secret(&scene.plan, "image-builder", "config.json");
    scene.write(
        "login/config.json",
        &login.replace("\"password\":\"", "\"password\":\"other"),
    );
    let (well, words) = scene.build();
    assert!(!well && words.contains("401"), "{words}");
    scene.write("login/config.json", &login);
    // The builder ends at once, as where the machine has no user namespaces.
    scene.write(
        "bin/buildkitd",
        "#!/bin/sh\necho no user namespaces\nexit 1\n",
    );
    scene.write("bin/buildctl", "#!/bin/sh\nexit 1\n");
    let (well, words) = scene.build();
    assert!(
        !well && words.contains("no user namespaces\nthe builder did not start"),
        "{words}"
    );
}

#[test]
#[cfg_attr(not(has_go), ignore = "needs go, to build containerd's puller")]
fn containerd_pulls_from_the_registry_by_digest_with_the_files_of_trust_and_not_without() {
    let Some(scene) = Scene::start() else { return };
    let (well, words) = scene.build();
    assert!(well, "{words}");
    let (image, digest) = words
        .lines()
        .last()
        .unwrap()
        .split_once(" is built and in the registry: ")
        .unwrap();
    let (name, _) = image.rsplit_once(':').unwrap();
    let certs = scene.trusted();
    for reference in [image.to_owned(), format!("{name}@{digest}")] {
        let (well, words) = scene.pull(&certs, &reference);
        assert!(well, "{words}");
        assert_eq!(words.trim(), digest);
    }
    let other = format!("{name}@sha256:{}", "0".repeat(64));
    let (well, words) = scene.pull(&certs, &other);
    assert!(!well && words.contains("not found"), "{words}");
    // Without the authority it is a stranger.
    let nothing = scene.at("nothing");
    fs::create_dir(&nothing).unwrap();
    let (well, words) = scene.pull(&nothing, image);
    assert!(!well && words.contains("certificate"), "{words}");
}

#[test]
fn a_machine_proves_that_it_reaches_the_registry_and_says_why_when_it_does_not() {
    let Some(scene) = Scene::start() else { return };
    let (well, words) = said(&mut scene.trust("proof.sh"));
    assert!(
        !well && words.contains("certs.d is not written yet"),
        "{words}"
    );
    scene.trusted();
    let (well, words) = said(&mut scene.trust("proof.sh"));
    assert!(well, "{words}");
    // A containerd of before 2.2 whose settings were written by `containerd config default`.
    fs::create_dir(scene.at("host/containerd")).unwrap();
    scene.write(
        "host/containerd/config.toml",
        "[plugins]\n      config_path = \"\"\n",
    );
    let (well, words) = said(&mut scene.trust("proof.sh"));
    assert!(
        !well && words.contains("does not read certs.d: set config_path"),
        "{words}"
    );
    scene.write(
        "host/containerd/config.toml",
        "[plugins]\n      config_path = \"/etc/containerd/certs.d\"\n",
    );
    let (well, words) = said(&mut scene.trust("proof.sh"));
    assert!(well, "{words}");
    // A certificate of somebody else, as after one was replaced and the files were not.
    let other = scene.at("other");
    fs::create_dir(&other).unwrap();
    peers::certificate(&other, "*.care.example.org");
    let authority = scene.at(&format!("host/certs.d/{NAME}/authority.crt"));
    fs::copy(other.join("fullchain.pem"), &authority).unwrap();
    let (well, words) = said(&mut scene.trust("proof.sh"));
    assert!(
        !well && words.contains("cannot reach https://registry.care.example.org"),
        "{words}"
    );
    // The next round of the program writes what the Secret holds now.
    scene.trusted();
    let (well, words) = said(&mut scene.trust("proof.sh"));
    assert!(well, "{words}");
}
