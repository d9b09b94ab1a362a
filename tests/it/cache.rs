//! Valkey's settings and its password against a real Redis server, which reads the same ones: who gets in, and what it keeps.
//!
//! The file of users is written here as the chart's first container writes it: a rule of each user with the password's digest.

use std::{
    fs,
    net::SocketAddr,
    process::{Command, Stdio},
};

use care_install::plan::{Action, Plan, Release};
use sha2::{Digest as _, Sha256};

use crate::{
    buckets::hex,
    catalog::sample_plan,
    parts::{self, Peer},
    registry::secret,
};

const PROGRAMS: &[(&str, &str)] = &[
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
];

/// How Care names the server.
const NAME: &str = "valkey.database.svc:6379";

struct Scene {
    at: SocketAddr,
    plan: Plan,
    _server: Peer,
    _folder: tempfile::TempDir,
}

fn release(plan: &Plan) -> &Release {
    let step = plan
        .steps
        .iter()
        .find(|step| step.id.as_str() == "valkey/release");
    match &step.unwrap().action {
        Action::Helm(release) => release,
        other => panic!("{other:?} is no release"),
    }
}

impl Scene {
    fn start() -> Option<Self> {
        if !parts::has(PROGRAMS) {
            return None;
        }
        let plan = sample_plan();
        let values = &release(&plan).values;
        let folder = tempfile::tempdir().unwrap();
        let users = folder.path().join("users.acl");
        let of_users = values["auth"]["aclUsers"].as_object().unwrap();
        let source = values["auth"]["usersExistingSecret"].as_str().unwrap();
        let rules: Vec<String> = of_users
            .iter()
            .map(|(name, user)| {
                let key = user["passwordKey"].as_str().unwrap();
                let digest = hex(&Sha256::digest(secret(&plan, source, key)));
                let permissions = user["permissions"].as_str().unwrap();
                format!("user {name} on #{digest} {permissions}\n")
            })
            .collect();
        fs::write(&users, rules.concat()).unwrap();
        let at = parts::free();
        let settings = format!(
            "{}bind 127.0.0.1\nport {}\naclfile {}\ndir {}\n",
            values["valkeyConfig"].as_str().unwrap(),
            at.port(),
            users.display(),
            folder.path().display()
        );
        let file = folder.path().join("settings");
        fs::write(&file, settings).unwrap();
        let mut command = Command::new("redis-server");
        command.arg(&file).stdout(Stdio::null());
        Some(Self {
            at,
            plan,
            _server: Peer::start(command, at),
            _folder: folder,
        })
    }

    /// One of the addresses in Care's settings, on this computer.
    fn address(&self, key: &str) -> String {
        let address = secret(&self.plan, "care-secrets", key);
        assert!(address.contains(NAME), "{key} leads elsewhere");
        address.replace(NAME, &self.at.to_string())
    }
}

/// What the server answers whoever comes by this address, logged in with the password alone when there is one: an address
/// without a user means that to Care's client, and a user without a name to redis-cli.
fn ask(address: &str, words: &[&str]) -> String {
    let (password, place) = address
        .strip_prefix("redis://:")
        .and_then(|rest| rest.split_once('@'))
        .unwrap_or(("", address.trim_start_matches("redis://")));
    let (host, database) = place.split_once('/').unwrap();
    let (host, port) = host.split_once(':').unwrap();
    let mut command = Command::new("redis-cli");
    command
        .args(["-h", host, "-p", port, "-n", database])
        .args(words);
    if !password.is_empty() {
        command.env("REDISCLI_AUTH", password);
    }
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    said.trim_end().to_owned()
}

#[test]
fn care_gets_into_the_cache_and_nobody_without_its_password() {
    let Some(scene) = Scene::start() else { return };
    for key in ["REDIS_URL", "CELERY_BROKER_URL"] {
        assert_eq!(ask(&scene.address(key), &["PING"]), "PONG", "{key}");
    }
    let own = scene.address("REDIS_URL");
    assert_eq!(ask(&own, &["LPUSH", "celery", "work"]), "1");
    assert_eq!(ask(&own, &["ACL", "USERS"]), "default");
    for stranger in [
        format!("redis://{}/0", scene.at),
        format!("redis://:guessed@{}/0", scene.at),
    ] {
        let said = ask(&stranger, &["LRANGE", "celery", "0", "-1"]);
        assert!(said.contains("NOAUTH"), "{stranger}: {said}");
    }
}

#[test]
fn the_queue_is_never_thrown_away_to_make_room_and_nothing_goes_to_the_disk() {
    let Some(scene) = Scene::start() else { return };
    let own = scene.address("REDIS_URL");
    let set = |name: &str| {
        let said = ask(&own, &["CONFIG", "GET", name]);
        said.lines().nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(set("save"), "");
    assert_eq!(set("appendonly"), "no");
    assert_eq!(set("maxmemory-policy"), "noeviction");
    // What the server may hold leaves the container room for its buffers.
    let most: u64 = set("maxmemory").parse().unwrap();
    let values = &release(&scene.plan).values;
    assert_eq!(values["resources"]["limits"]["memory"], "512Mi");
    assert!(most > 0 && most * 10 <= (512 << 20) * 8, "{most}");
    // Full, it refuses new work and keeps the old.
    assert_eq!(ask(&own, &["LPUSH", "celery", "work"]), "1");
    assert_eq!(ask(&own, &["CONFIG", "SET", "maxmemory", "1"]), "OK");
    let said = ask(&own, &["LPUSH", "celery", "more"]);
    assert!(said.starts_with("OOM"), "{said}");
    assert_eq!(ask(&own, &["LRANGE", "celery", "0", "-1"]), "work");
}
