//! Four things changed by hand, with the real kubectl and helm, and what `drift` and `plan --diff` must say of them: just these.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use care_install::{
    catalog::standin,
    plan::{Action, Plan},
    rehearsal::Point,
    sys::kube::Source,
};
use http::Request;
use kube::{Client, Config};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::testbed;

/// The hands of an administrator on a cluster.
pub struct Hands {
    /// A folder for what they write.
    pub folder: PathBuf,
    /// The cluster.
    pub kubeconfig: PathBuf,
}

impl Hands {
    /// Runs a program of the bed, which must succeed.
    pub fn run(&self, program: &str, words: &str) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(testbed::binary(program))
            .args(words.split_whitespace())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &self.folder)
            .env(
                "KUBE_EDITOR",
                format!("sh {}/editor", self.folder.display()),
            )
            .env_remove("HELM_NAMESPACE")
            .output()
            .unwrap();
        let said = String::from_utf8([stdout, stderr].concat()).unwrap();
        assert!(status.success(), "{program} {words}: {said}");
        said
    }

    /// Edits a ConfigMap, scales a Deployment, changes a value of a release, deletes a Service.
    pub fn change_four_things(&self, plan: &Plan) {
        let editor = "sed -i 's/USE_SMS: \"False\"/USE_SMS: \"True\"/' \"$1\"\n";
        fs::create_dir_all(&self.folder).unwrap();
        fs::write(self.folder.join("editor"), editor).unwrap();
        let said = self.run("kubectl", "-n care-be edit configmap care-settings");
        assert!(said.contains("edited"), "{said}");
        self.run("kubectl", "-n care-be scale deployment care --replicas=5");
        self.run("kubectl", "-n care-be delete service care");
        let chart = self.chart(plan, "valkey");
        // A stand-in of practice was not made by helm, as its objects are in life.
        let words = format!(
            "-n database upgrade valkey {} --reuse-values --set note=by-hand --take-ownership --force-conflicts --server-side=true",
            chart.display()
        );
        self.run("helm", &words);
    }

    fn chart(&self, plan: &Plan, name: &str) -> PathBuf {
        let releases = plan.steps.iter().find_map(|step| match &step.action {
            Action::Helm(release) if release.name == name => Some(release),
            _ => None,
        });
        let folder = self.folder.join(name);
        for (path, content) in standin::chart(releases.unwrap()) {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }
}

/// Writes to a practice cluster as `kubectl edit` does.
pub async fn patch(point: &Point, path: &str, body: &Value) {
    let Source::Endpoint { url, token } = point.source() else {
        unreachable!("a practice cluster has an address");
    };
    let mut config = Config::new(url.parse().unwrap());
    config.auth_info.token = Some(token.expose_secret().to_owned().into());
    config.proxy_url = None;
    let request = Request::patch(format!("{path}?fieldManager=kubectl-edit"))
        .header("content-type", "application/merge-patch+json")
        .body(body.to_string().into_bytes())
        .unwrap();
    let _changed: Value = Client::try_from(config)
        .unwrap()
        .request(request)
        .await
        .unwrap();
}

/// The hands for a kubeconfig, with a folder of their own.
pub fn hands(folder: &Path, kubeconfig: &Path) -> Hands {
    Hands {
        folder: folder.to_path_buf(),
        kubeconfig: kubeconfig.to_path_buf(),
    }
}

/// What a line is about, in words.
fn subject(line: &Value) -> String {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or("").to_owned();
    let (object, release) = (&line["object"], &line["release"]);
    if object.is_object() {
        format!(
            "{} {}/{}",
            text(object, "kind"),
            text(object, "namespace"),
            text(object, "name")
        )
    } else {
        format!(
            "release {}/{}",
            text(release, "namespace"),
            text(release, "name")
        )
    }
}

/// Each thing with its fields as `subject field: from -> to, who`.
fn told(lines: &[Value], event: &str, (from, to): (&str, &str)) -> Vec<String> {
    let mut told = Vec::new();
    for line in lines.iter().filter(|line| line["event"] == event) {
        let about = subject(line);
        let fields = line["fields"].as_array();
        for field in fields.into_iter().flatten() {
            let who = field["by"]["manager"]
                .as_str()
                .map_or(String::new(), |who| format!(", {who}"));
            let name = field["field"].as_str().unwrap();
            told.push(format!(
                "{about} {name}: {} -> {}{who}",
                field[from], field[to]
            ));
        }
        if fields.is_none() {
            told.push(format!(
                "{about} {}",
                line.get("change").or(line.get("deploy")).unwrap()
            ));
        }
    }
    told.sort();
    told
}

/// That `drift --json` tells just the four things, with who and when.
pub fn assert_drift(lines: &[Value], replicas: u64) {
    let wanted = [
        "ConfigMap care-be/care-settings .data.USE_SMS: \"False\" -> \"True\", kubectl-edit"
            .to_owned(),
        format!("Deployment care-be/care .spec.replicas: {replicas} -> 5, kubectl"),
        "Service care-be/care \"missing\"".to_owned(),
        "release database/valkey .values.note: null -> \"by-hand\", Helm".to_owned(),
    ];
    assert_eq!(told(lines, "drift", ("was", "is")), wanted);
    let fields = lines.iter().filter_map(|line| line["fields"].as_array());
    for field in fields.flatten() {
        let at = field["by"]["at"].as_str().unwrap_or_default();
        assert!(at.parse::<jiff::Timestamp>().is_ok(), "{field}");
    }
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["event"], &last["count"]),
        (&"drifts".into(), &4.into())
    );
    assert!(last["since"].is_string(), "{last}");
}

/// That `plan --diff --json` tells just what a deploy would do about them.
pub fn assert_differences(lines: &[Value], replicas: u64) {
    let wanted = [
        "ConfigMap care-be/care-settings .data.USE_SMS: \"True\" -> \"False\"".to_owned(),
        format!("Deployment care-be/care .spec.replicas: 5 -> {replicas}"),
        "Service care-be/care \"makes\"".to_owned(),
        "release database/valkey .values.note: \"by-hand\" -> null".to_owned(),
    ];
    assert_eq!(told(lines, "difference", ("from", "to")), wanted);
    assert_eq!(lines.last().unwrap()["count"], 4);
}

/// How many copies the plan has of Care's server.
pub fn replicas(plan: &Plan) -> u64 {
    let mut objects = plan.steps.iter().flat_map(|step| step.action.objects());
    let server = objects.find(|object| object.reference().to_string() == "Deployment care-be/care");
    server.unwrap().value()["spec"]["replicas"]
        .as_u64()
        .unwrap()
}
