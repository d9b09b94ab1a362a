use serde_json::json;

use super::*;
use crate::rehearsal::store::Store;

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn store() -> Store {
    let mut store = Store::default();
    for object in [
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "care"},
            "data": {"colour": "red", "site.conf": "listen 80;\n"}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hidden", "namespace": "care"},
            "data": {"password": "c2VzYW1l"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "db-rows", "namespace": "care"},
            "data": {"rows": ""}}),
    ] {
        store.create(object, now()).unwrap();
    }
    store
}

fn pod() -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "namespace": "care", "labels": {}},
        "spec": {"containers": [{"name": "web",
            "env": [{"name": "GREETING", "value": "hello"},
                {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "password"}}},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "envFrom": [{"prefix": "S_", "configMapRef": {"name": "settings"}}],
            "volumeMounts": [{"name": "config", "mountPath": "/etc/site"}, {"name": "data", "mountPath": "/data"},
                {"name": "one", "mountPath": "/run/secret", "subPath": "password"}]}],
            "volumes": [{"name": "config", "configMap": {"name": "settings", "items": [{"key": "site.conf", "path": "web/site.conf"}]}},
                {"name": "data", "emptyDir": {}}, {"name": "one", "secret": {"secretName": "hidden"}}]}})
}

fn said(line: &str) -> Said {
    let (store, pod) = (store(), pod());
    let container = Container {
        world: World::new(&store),
        pod: &pod,
        spec: &pod["spec"]["containers"][0],
        now: now(),
    };
    container.line(line)
}

fn check(line: &str, out: &str, err: &str, code: u8) {
    let said = said(line);
    let shown = String::from_utf8(said.out).unwrap();
    assert_eq!((shown.as_str(), said.code), (out, code), "{line}");
    assert!(said.err.contains(err), "{line}: {}", said.err);
    assert_eq!(said.err.is_empty(), err.is_empty(), "{line}: {}", said.err);
}

#[test]
fn commands_end_as_they_would_in_a_container() {
    check("true", "", "", 0);
    check("false", "", "", 1);
    check("exit 7", "", "", 7);
    check("false; exit", "", "", 1);
    check("false && echo no || echo yes", "yes\n", "", 0);
    check(
        "echo -n 'a  b' \"c $GREETING\"; echo d",
        "a  b c hellod\n",
        "",
        0,
    );
    check("echo ${GREETING}s # and a comment", "hellos\n", "", 0);
    check("hostname; pwd", "web-0\n/\n", "", 0);
    check("date", "Tue Nov 24 10:00:00 UTC 2026\n", "", 0);
    check(
        "tar cf - /etc",
        "",
        "tar: not found: the practice cluster runs no containers",
        127,
    );
    check("/bin/ps", "", "ps: not found", 127);
}

#[test]
fn files_are_those_that_config_maps_and_secrets_bring() {
    check("cat /etc/site/web/site.conf", "listen 80;\n", "", 0);
    check(
        "cat /etc/site/../site/./web//site.conf",
        "listen 80;\n",
        "",
        0,
    );
    check("cat /run/secret; cat /etc/hostname", "sesameweb-0\n", "", 0);
    check(
        "cat /etc/passwd",
        "",
        "cat: /etc/passwd: No such file or directory",
        1,
    );
    check("cat /etc/site", "", "Is a directory", 1);
    check("ls /", "data\netc\nrun\n", "", 0);
    check("ls -la /data", "", "", 0);
    check(
        "ls /etc/site/web /nowhere",
        "site.conf\n",
        "ls: /nowhere: No such file",
        2,
    );
}

#[test]
fn variables_come_from_where_the_pod_says() {
    check(
        "printenv PASSWORD POD S_colour",
        "sesame\nweb-0\nred\n",
        "",
        0,
    );
    check("printenv NOBODY", "", "", 1);
    let all = String::from_utf8(said("env").out).unwrap();
    assert!(
        all.contains("GREETING=hello\n") && all.contains("HOSTNAME=web-0\n"),
        "{all}"
    );
}

#[test]
fn what_the_shell_cannot_do_it_says() {
    for line in [
        "echo a | cat",
        "echo > f",
        "echo $(date)",
        "echo `date`",
        "echo 'a",
        "echo ${A:-b}",
        "a & b",
    ] {
        let said = said(line);
        assert_eq!(said.code, 2, "{line}");
        assert!(said.err.starts_with("sh: "), "{line}: {}", said.err);
    }
    check(&"true;".repeat(1000), "", "more than 100 commands", 2);
    check(
        "psql -c 'select 1'",
        "",
        "only in the pods of a database",
        127,
    );
}
