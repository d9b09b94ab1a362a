//! A bed with charts, faults and doors for a run, and what a finished deploy promises.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command as Process,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use care_install::{
    catalog::standin,
    engine::run::{self, Chosen, RunHandle, Setting},
    plan::{Action, Plan, Schema},
    rehearsal::schema,
    sys::{
        Doors, Routes,
        clock::Clock,
        helm::{Helm, Place},
        kube::{Kube, Source},
    },
};
use serde_json::{Value, json};

use crate::{
    catalog::sample_plan,
    edge,
    testbed::{Testbed, free_port},
};

/// Looks at something outside that changes by itself; each is a process start, so that no pause is needed.
pub const LOOKS: usize = 2000;

/// The certificate of the site's entrance, and its key.
const CHAIN: &str = "chain.pem";
const KEY: &str = "key.pem";

/// Kinds that change by themselves while nobody does anything.
const RESTLESS: &[&str] = &[
    "nodes",
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
    // Made from the others, and not stored.
    "componentstatuses",
];

/// Writes the stand-in charts of the plan as folders, with the definitions that the catalogue says they bring.
pub fn charts(plan: &Plan, folder: &Path) {
    for step in &plan.steps {
        let Action::Helm(release) = &step.action else {
            continue;
        };
        let name = release.chart.rsplit('/').next().unwrap();
        let mut files = standin::chart(release);
        files.extend(release.crds.iter().map(|crd| {
            let definition = schema::crd(crd).expect(crd);
            (format!("crds/{crd}.yaml"), definition.to_string())
        }));
        if release.schema == Schema::Unchecked {
            files.push(("values.schema.json".to_owned(), far_schema()));
        }
        for (path, content) in files {
            let path = folder.join(name).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
}

/// A chart's schema that refers to a place that nobody reaches.
pub fn far_schema() -> String {
    let far = "http://127.0.0.1:1/definitions.json#/a";
    json!({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"controller": {"$ref": far}}}).to_string()
}

/// Waits until the charts have brought the kinds that the operators' stages name, then plays the operators.
///
/// The authority that cert-manager asks knows one certificate, that of the entrance.
pub fn play_operators(bed: &mut Testbed) {
    let stages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed/stages/operators.yaml");
    let mut text = fs::read_to_string(stages).unwrap();
    for (word, file) in [("@CHAIN@", CHAIN), ("@KEY@", KEY)] {
        text = text.replace(word, &STANDARD.encode(fs::read(bed.path(file)).unwrap()));
    }
    let stages = bed.path("operators.yaml");
    fs::write(&stages, &text).unwrap();
    let refers = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("resourceRef: {apiGroup: "));
    for line in refers {
        let (version, kind) = line.trim_end_matches('}').split_once(", kind: ").unwrap();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        if group.contains('.') {
            let name = format!("crd/{}s.{group}", kind.to_lowercase());
            bed.kubectl(&["wait", "--for=create", &name, "--timeout=120s"]);
        }
        // kwok reads the document of a kind once, and it comes about a second after the kind is established.
        let root = if group.is_empty() { "api" } else { "apis" };
        let path = format!("/openapi/v3/{root}/{version}");
        let word = format!("\"kind\":\"{kind}\"");
        let served = (0..LOOKS).any(|_| {
            let output = bed.try_kubectl(&["get", "--raw", &path], "");
            String::from_utf8_lossy(&output.stdout).contains(&word)
        });
        assert!(served, "{kind} of {version} is not published");
    }
    bed.play(&stages);
}

/// Every object that keeps still, as `group kind namespace name`, with its version.
pub fn states(bed: &Testbed) -> BTreeMap<String, String> {
    let kinds = bed.kubectl(&["api-resources", "--verbs=list", "--output=name"]);
    let kinds: Vec<&str> = kinds
        .lines()
        .filter(|kind| !RESTLESS.contains(kind))
        .collect();
    let columns = "custom-columns=G:.apiVersion,K:.kind,S:.metadata.namespace,N:.metadata.name,V:.metadata.resourceVersion";
    let kinds = kinds.join(",");
    let table = bed.kubectl(&["get", &kinds, "-A", "--no-headers", "-o", columns]);
    let rows = table.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words.len(), 5, "{line}");
        (words[..4].join(" "), words[4].to_owned())
    });
    rows.collect()
}

/// A bed with charts, and what a run needs.
pub struct Scene {
    /// The cluster.
    pub bed: Testbed,
    /// What is deployed.
    pub plan: Plan,
    /// The helm command, perhaps with faults before it.
    pub helm: PathBuf,
    faults: PathBuf,
    /// Where the addresses of the site lead: nobody answers on the bed's nodes.
    routes: Routes,
}

impl Scene {
    /// The plan of the sample site.
    pub fn new() -> Self {
        Self::of(sample_plan())
    }

    /// Another plan.
    pub fn of(plan: Plan) -> Self {
        let bed = Testbed::start();
        charts(&plan, &bed.path("charts"));
        let faults = bed.path("faults");
        fs::create_dir_all(&faults).unwrap();
        let pair = edge::pair(&plan);
        fs::write(bed.path(CHAIN), &pair.0).unwrap();
        fs::write(bed.path(KEY), &pair.1).unwrap();
        Self {
            routes: edge::routes_of(&plan, &pair),
            helm: bed.helm(),
            plan,
            faults,
            bed,
        }
    }

    /// Puts a command before helm that says its process id in a file named like the release, and plays each fault once:
    /// a file `NAME.fail` or `NAME.nonsense`.
    pub fn with_faults(mut self) -> Self {
        let script = self.bed.path("helm");
        let text = format!(
            r#"#!/bin/sh
for word; do name=$last; last=$word; done
cd '{faults}' || exit 9
{{ echo "$*"; env; }} >> calls
if [ -e "$name.fail" ]; then
    rm "$name.fail"
    echo "Error: failed calling webhook of $name: connection refused" >&2
    exit 1
fi
if [ -e "$name.nonsense" ]; then
    rm "$name.nonsense"
    head -c 300000 "$0" /dev/zero
    printf '\377\376\n\200\033[2J\n'
    exit 3
fi
echo $$ > "$name.new" && mv "$name.new" "$name.pid"
exec '{helm}' "$@"
"#,
            faults = self.faults.display(),
            helm = self.helm.display(),
        );
        write_script(&script, &text);
        self.helm = script;
        self
    }

    pub fn fault(&self, release: &str, kind: &str) {
        fs::write(self.faults.join(format!("{release}.{kind}")), "").unwrap();
    }

    /// The arguments and surroundings of every call of helm so far.
    pub fn calls(&self) -> String {
        fs::read_to_string(self.faults.join("calls")).unwrap()
    }

    /// Makes the chart wait for a hook of its own that nobody can run until [`Self::let_hooks_run`].
    pub fn hold(&self, chart: &str) {
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {
                "name": format!("{chart}-hook"),
                "annotations": {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation"},
            },
            "spec": {"template": {"spec": {
                "restartPolicy": "Never",
                "nodeSelector": {"care.test/hooks": "yes"},
                "containers": [{"name": "hook", "image": "example.org/hook:1"}],
            }}},
        });
        let path = self
            .bed
            .path("charts")
            .join(chart)
            .join("templates/hook.yaml");
        fs::write(path, job.to_string()).unwrap();
    }

    pub fn wait_for_hook(&self, namespace: &str, chart: &str) {
        let job = format!("job/{chart}-hook");
        self.bed.kubectl(&[
            "wait",
            "--for=create",
            &job,
            "-n",
            namespace,
            "--timeout=90s",
        ]);
    }

    pub fn let_hooks_run(&self) {
        self.bed
            .kubectl(&["label", "node", "primary", "care.test/hooks=yes"]);
    }

    /// Another value for a release of the plan.
    pub fn change_values(&mut self, release: &str, name: &str, value: &str) {
        for step in &mut self.plan.steps {
            if let Action::Helm(found) = &mut step.action
                && found.name == release
            {
                found.values[name] = value.into();
            }
        }
    }

    /// Objects of the group in the namespace meet a webhook that nobody answers, until [`Self::let_pass`].
    pub fn webhook(&self, group: &str, namespace: &str) {
        let webhook = dead_webhook(group, namespace);
        self.bed.kubectl_with(&["apply", "-f", "-"], &webhook);
    }

    pub fn let_pass(&self, namespace: &str) {
        let name = format!("dead-{namespace}");
        self.bed
            .kubectl(&["delete", "validatingwebhookconfiguration", &name]);
    }

    /// The newest helm process of the release.
    pub fn process(&self, release: &str) -> u32 {
        let text = fs::read_to_string(self.faults.join(format!("{release}.pid"))).unwrap();
        text.trim().parse().unwrap()
    }

    pub async fn begin(&self) -> RunHandle {
        let source = Source::Kubeconfig {
            file: Some(self.bed.kubeconfig()),
            context: None,
        };
        let kube = Kube::connect(&source).await.unwrap();
        let place = Place {
            program: Some(self.helm.clone()),
            charts: Some(self.bed.path("charts")),
            work: self.bed.path("work"),
        };
        let clock = Clock::real();
        let setting = Setting {
            journal: self.bed.path("journal.jsonl"),
            cluster: kube.server().to_owned(),
            rehearsal: false,
            chosen: Chosen::default(),
            clock,
            hold: None,
        };
        let doors = Doors {
            feed: kube.feed(),
            helm: Helm::find(place).await,
            kube,
            clock,
            routes: self.routes.clone(),
        };
        run::start(self.plan.clone(), doors, setting).unwrap()
    }

    /// How many releases the plan has.
    fn releases(&self) -> usize {
        let steps = self.plan.steps.iter();
        let releases = steps.filter(|step| matches!(step.action, Action::Helm(_)));
        releases.count()
    }

    /// Everything that a finished deploy promises, and that each release has one revision, but for those named here.
    pub fn assert_whole(&self, revisions: &[(&str, &str)]) {
        for (name, revision) in self.assert_sound() {
            let known = revisions.iter().find(|(other, _)| *other == name);
            let wanted = known.map_or("1", |(_, revision)| *revision);
            assert_eq!(revision, wanted, "{name}");
        }
    }

    /// Everything that a finished deploy promises, asked from the cluster and from helm itself; gives the revisions.
    pub fn assert_sound(&self) -> BTreeMap<String, String> {
        let kinds = "deployments,statefulsets,daemonsets";
        let text = self.bed.kubectl(&["get", kinds, "-A", "-o", "json"]);
        let list: Value = serde_json::from_str(&text).unwrap();
        let workloads = list["items"].as_array().unwrap();
        assert!(workloads.len() >= 15, "{}", workloads.len());
        for workload in workloads {
            let number = |pointer| workload.pointer(pointer).and_then(Value::as_u64);
            let wanted = number("/spec/replicas").or(number("/status/desiredNumberScheduled"));
            let ready = number("/status/readyReplicas").or(number("/status/numberReady"));
            assert_eq!(ready, wanted, "{}", workload["metadata"]["name"]);
        }
        let jobs = self.bed.kubectl(&["get", "jobs", "-A", "-o", "json"]);
        let jobs: Value = serde_json::from_str(&jobs).unwrap();
        for job in jobs["items"].as_array().unwrap() {
            let name = &job["metadata"]["name"];
            assert_eq!(job["status"]["succeeded"], 1, "{name}");
            assert_eq!(job["status"]["failed"], Value::Null, "{name}");
        }
        let listed = Process::new(self.bed.helm())
            .args(["list", "-A", "-o", "json", "--kubeconfig"])
            .arg(self.bed.kubeconfig())
            .output()
            .unwrap();
        let releases: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
        let planned = self.releases();
        assert_eq!(releases.len(), planned, "{releases:?}");
        for release in &releases {
            assert_eq!(release["status"], "deployed", "{release}");
        }
        let deployed = "owner=helm,status=deployed";
        let secrets = ["get", "secrets", "-A", "-l", deployed, "-o", "name"];
        assert_eq!(self.bed.kubectl(&secrets).lines().count(), planned);
        let rest = "owner=helm,status notin (deployed,failed,superseded)";
        let secrets = ["get", "secrets", "-A", "-l", rest, "-o", "name"];
        assert_eq!(self.bed.kubectl(&secrets), "");
        let text = |release: &Value, field: &str| release[field].as_str().unwrap().to_owned();
        releases
            .iter()
            .map(|release| (text(release, "name"), text(release, "revision")))
            .collect()
    }
}

/// Another process writes it: a file that this one had open for writing could not be started for a moment.
fn write_script(path: &Path, text: &str) {
    let done = Process::new("sh")
        .args([
            "-c",
            "printf %s \"$1\" > \"$2\" && chmod +x \"$2\"",
            "sh",
            text,
        ])
        .arg(path)
        .status()
        .unwrap();
    assert!(done.success());
}

pub fn is_gone(process: u32) -> bool {
    // A process that nobody has waited for yet is no process any more.
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_none_or(|rest| matches!(rest.trim().chars().next(), None | Some('Z')))
}

/// A webhook that every object of the group in the namespace must pass and that nobody answers.
fn dead_webhook(group: &str, namespace: &str) -> String {
    let url = format!("https://127.0.0.1:{}/validate", free_port());
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": format!("dead-{namespace}")},
        "webhooks": [{
            "name": "dead.care.test", "clientConfig": {"url": url}, "failurePolicy": "Fail", "sideEffects": "None",
            "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [{"apiGroups": [group], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}],
        }],
    })
    .to_string()
}
