//! The objects that CloudNativePG makes for a cluster: secrets, services, claims, jobs, pods. Pure.

use serde_json::{Map, Value, json};

use super::plugins;
use crate::rehearsal::control::{
    kubelet::{EXIT, SECONDS},
    pods::from_template,
    shape::{fingerprint, label, letters, name, namespace, owned_by, text},
};

/// Stands for a password, and for a certificate until one is made: nothing on the practice cluster is opened with it.
const PLACEHOLDER: &str = "UHJhY3RpY2UgY2x1c3Rlcjogbm90IGEgcmVhbCBzZWNyZXQ=";
/// The note of a pod about what it was made from.
const MARK: &str = "cnpg.io/podSpec";
/// Seconds from scheduled to done or ready, as seen on a real cluster, by the kind of pod.
const TAKES: [(&str, &str); 4] = [
    ("initdb", "10"),
    ("join", "11"),
    ("full-recovery", "28"),
    ("instance", "10"),
];

/// The version of PostgreSQL that a cluster runs.
pub(super) fn major(cluster: &Value) -> u64 {
    let image = text(&cluster["spec"]["imageName"]);
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    let digits: String = tag.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(18)
}

/// Makes the parts of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Maker<'a> {
    pub cluster: &'a Value,
    operator: &'a str,
    sidecar: Option<String>,
    wrong: Option<&'static str>,
}

/// The annotation of a pod whose recovery can never succeed: which of the recorded failures its log shows.
pub const WRONG: &str = "rehearsal.care-install/recovery";

impl<'a> Maker<'a> {
    /// With the images of the operator and of the plugin's sidecar.
    pub fn new(cluster: &'a Value, operator: Option<&'a str>, sidecar: Option<String>) -> Self {
        Self {
            cluster,
            operator: operator.unwrap_or_default(),
            sidecar,
            wrong: None,
        }
    }

    /// With a first job that can never succeed.
    pub fn failing(mut self, wrong: Option<&'static str>) -> Self {
        self.wrong = wrong;
        self
    }

    /// The name of an instance.
    pub fn instance(&self, serial: u64) -> String {
        format!("{}-{serial}", name(self.cluster))
    }

    /// How many instances are wanted.
    pub fn wanted(&self) -> usize {
        let wanted = self.cluster["spec"]["instances"].as_u64().unwrap_or(1);
        usize::try_from(wanted).unwrap_or(usize::MAX)
    }

    /// The job that makes the first instance.
    pub fn first_job(&self) -> &'static str {
        if self.cluster["spec"]["bootstrap"]["recovery"].is_object() {
            "full-recovery"
        } else {
            "initdb"
        }
    }

    fn object(&self, api: &str, kind: &str, own: &str) -> Value {
        let mut value = json!({
            "apiVersion": api,
            "kind": kind,
            "metadata": {
                "name": own,
                "namespace": namespace(self.cluster),
                "ownerReferences": owned_by(self.cluster),
            },
        });
        label(&mut value, &[("cnpg.io/cluster", name(self.cluster))]);
        value
    }

    fn labelled(&self, value: &mut Value, more: &[(&str, &str)]) {
        let version = major(self.cluster).to_string();
        label(
            value,
            &[
                ("app.kubernetes.io/component", "database"),
                ("app.kubernetes.io/instance", name(self.cluster)),
                ("app.kubernetes.io/managed-by", "cloudnative-pg"),
                ("app.kubernetes.io/name", "postgresql"),
                ("app.kubernetes.io/version", &version),
                ("cnpg.io/cluster", name(self.cluster)),
            ],
        );
        label(value, more);
    }

    /// What a cluster has beside its instances.
    pub fn surroundings(&self) -> Vec<Value> {
        let mut all = self.secrets();
        all.extend(self.account());
        if self.cluster["spec"]["enablePDB"] != false {
            all.push(self.budget());
        }
        all.extend(self.services());
        all
    }

    fn account(&self) -> [Value; 3] {
        let own = name(self.cluster);
        let group = "rbac.authorization.k8s.io";
        let mut role = self.object(&format!("{group}/v1"), "Role", own);
        role["rules"] = json!([{
            "apiGroups": ["postgresql.cnpg.io"], "resources": ["clusters", "backups"],
            "verbs": ["get", "list", "watch"],
        }]);
        let mut binding = self.object(&format!("{group}/v1"), "RoleBinding", own);
        binding["roleRef"] = json!({"apiGroup": group, "kind": "Role", "name": own});
        binding["subjects"] =
            json!([{"kind": "ServiceAccount", "name": own, "namespace": namespace(self.cluster)}]);
        [self.object("v1", "ServiceAccount", own), role, binding]
    }

    fn budget(&self) -> Value {
        let own = name(self.cluster);
        let mut budget = self.object(
            "policy/v1",
            "PodDisruptionBudget",
            &format!("{own}-primary"),
        );
        budget["spec"] = json!({
            "minAvailable": 1,
            "selector": {"matchLabels": {"cnpg.io/cluster": own, "cnpg.io/instanceRole": "primary"}},
        });
        budget
    }

    fn services(&self) -> impl Iterator<Item = Value> {
        let own = name(self.cluster);
        [
            ("rw", "cnpg.io/instanceRole", "primary"),
            ("ro", "cnpg.io/instanceRole", "replica"),
            ("r", "cnpg.io/podRole", "instance"),
        ]
        .into_iter()
        .map(move |(service, key, value)| {
            let mut object = self.object("v1", "Service", &format!("{own}-{service}"));
            object["spec"] = json!({
                "type": "ClusterIP",
                "ports": [{"name": "postgres", "port": 5432, "targetPort": 5432, "protocol": "TCP"}],
                "selector": {"cnpg.io/cluster": own, key: value},
            });
            object
        })
    }

    /// The certificates, and the logins that the cluster was not given.
    fn secrets(&self) -> Vec<Value> {
        let own = name(self.cluster);
        let spec = &self.cluster["spec"];
        let of = |tail: &str, kind: &str, keys: &[&str]| {
            let mut secret = self.object("v1", "Secret", &format!("{own}-{tail}"));
            let data: Map<String, Value> = keys
                .iter()
                .map(|key| ((*key).to_owned(), PLACEHOLDER.into()))
                .collect();
            secret["type"] = kind.into();
            secret["data"] = data.into();
            secret
        };
        let mut all = vec![
            of("ca", "Opaque", &["ca.crt", "ca.key"]),
            of("server", "kubernetes.io/tls", &["tls.crt", "tls.key"]),
            of("replication", "kubernetes.io/tls", &["tls.crt", "tls.key"]),
        ];
        let login = [
            "username", "password", "host", "port", "dbname", "uri", "pgpass",
        ];
        let given = ["initdb", "recovery"]
            .iter()
            .any(|how| spec["bootstrap"][how]["secret"]["name"].is_string());
        if !given {
            all.push(of("app", "kubernetes.io/basic-auth", &login));
        }
        if spec["enableSuperuserAccess"] == true && !spec["superuserSecret"].is_object() {
            all.push(of("superuser", "kubernetes.io/basic-auth", &login));
        }
        all
    }

    /// The claim of an instance.
    pub fn claim(&self, serial: u64) -> Value {
        let own = self.instance(serial);
        let storage = &self.cluster["spec"]["storage"];
        let mut claim = self.object("v1", "PersistentVolumeClaim", &own);
        let marks = [
            ("cnpg.io/instanceName", own.as_str()),
            ("cnpg.io/pvcRole", "PG_DATA"),
        ];
        self.labelled(&mut claim, &marks);
        claim["metadata"]["annotations"] = json!({
            "cnpg.io/nodeSerial": serial.to_string(), "cnpg.io/pvcStatus": "initializing",
        });
        claim["spec"] = json!({
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": storage["size"].as_str().unwrap_or("1Gi")}},
            "volumeMode": "Filesystem",
        });
        if storage["storageClass"].is_string() {
            claim["spec"]["storageClassName"] = storage["storageClass"].clone();
        }
        claim
    }

    /// The job that makes the data of an instance.
    pub fn job(&self, serial: u64, role: &str) -> Value {
        let instance = self.instance(serial);
        let mut job = self.object("batch/v1", "Job", &format!("{instance}-{role}"));
        let marks = [
            ("cnpg.io/instanceName", instance.as_str()),
            ("cnpg.io/jobRole", role),
        ];
        self.labelled(&mut job, &marks);
        let mut template = json!({"metadata": {"annotations": takes(role)}});
        if let Some(wrong) = self.wrong.filter(|_| role == "full-recovery") {
            template["metadata"]["annotations"][WRONG] = wrong.into();
            template["metadata"]["annotations"][EXIT] = "1".into();
        }
        self.labelled(&mut template, &marks);
        template["spec"] = self.spec(&instance, role);
        template["spec"]["restartPolicy"] = "Never".into();
        job["spec"] = json!({
            "backoffLimit": 6, "completions": 1, "parallelism": 1, "template": template,
        });
        job
    }

    /// The pod of an instance.
    pub fn pod(&self, serial: u64, role: &str) -> Value {
        let instance = self.instance(serial);
        let template = json!({
            "metadata": {"annotations": takes("instance")},
            "spec": self.spec(&instance, "postgres"),
        });
        let mut pod = from_template(self.cluster, &template, &instance, &[]);
        let marks = [
            ("cnpg.io/instanceName", instance.as_str()),
            ("cnpg.io/instanceRole", role),
            ("cnpg.io/podRole", "instance"),
            ("role", role),
        ];
        self.labelled(&mut pod, &marks);
        pod["metadata"]["annotations"]["cnpg.io/nodeSerial"] = serial.to_string().into();
        pod["metadata"]["annotations"][MARK] = self.mark(&instance).into();
        pod["spec"]["hostname"] = instance.into();
        pod["spec"]["terminationGracePeriodSeconds"] = 1800.into();
        pod
    }

    /// Whether an instance's pod would be made differently now.
    pub fn outdated(&self, pod: &Value) -> bool {
        pod["metadata"]["annotations"][MARK] != self.mark(name(pod))
    }

    fn mark(&self, instance: &str) -> String {
        letters(fingerprint(&self.spec(instance, "postgres")), 10)
    }

    fn spec(&self, instance: &str, container: &str) -> Value {
        let spec = &self.cluster["spec"];
        let resources = match &spec["resources"] {
            given if given.is_object() => given.clone(),
            _ => json!({}),
        };
        let mut main = json!({
            "name": container, "image": spec["imageName"], "resources": resources,
            "volumeMounts": [{"name": "pgdata", "mountPath": "/var/lib/postgresql/data"}],
        });
        if container == "postgres" {
            main["ports"] = json!([
                {"name": "postgresql", "containerPort": 5432, "protocol": "TCP"},
                {"name": "metrics", "containerPort": 9187, "protocol": "TCP"},
                {"name": "status", "containerPort": 8000, "protocol": "TCP"},
            ]);
        }
        let mut made = json!({
            "initContainers": self.inits(&resources),
            "containers": [main],
            "serviceAccountName": name(self.cluster),
            "volumes": [{"name": "pgdata", "persistentVolumeClaim": {"claimName": instance}}],
        });
        if let Some(affinity) = self.affinity() {
            made["affinity"] = affinity;
        }
        for field in ["nodeSelector", "tolerations"] {
            if !spec["affinity"][field].is_null() {
                made[field] = spec["affinity"][field].clone();
            }
        }
        made
    }

    fn inits(&self, resources: &Value) -> Vec<Value> {
        let mut inits = vec![json!({
            "name": "bootstrap-controller", "image": self.operator, "resources": resources,
            "command": ["/manager", "bootstrap", "/controller/manager", "--log-level=info"],
        })];
        let plugged = plugins(self.cluster).next().is_some();
        // The plugin runs beside the database as long as the pod does.
        if let Some(image) = self.sidecar.as_ref().filter(|_| plugged) {
            inits.push(json!({
                "name": "plugin-barman-cloud", "image": image, "restartPolicy": "Always",
                "args": ["instance"], "resources": {},
            }));
        }
        inits
    }

    /// Instances keep apart when the cluster does not say otherwise.
    fn affinity(&self) -> Option<Value> {
        let asked = &self.cluster["spec"]["affinity"];
        if asked["enablePodAntiAffinity"] == false {
            return None;
        }
        let key = asked["topologyKey"]
            .as_str()
            .unwrap_or("kubernetes.io/hostname");
        let term = json!({
            "labelSelector": {"matchExpressions": [
                {"key": "cnpg.io/cluster", "operator": "In", "values": [name(self.cluster)]},
                {"key": "cnpg.io/podRole", "operator": "In", "values": ["instance"]},
            ]},
            "topologyKey": key,
        });
        Some(if asked["podAntiAffinityType"] == "required" {
            json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}})
        } else {
            json!({"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution":
                [{"weight": 100, "podAffinityTerm": term}]}})
        })
    }
}

fn takes(role: &str) -> Value {
    let seconds = TAKES.iter().find(|(known, _)| *known == role);
    json!({SECONDS: seconds.map_or("10", |(_, seconds)| seconds)})
}
