//! What stands for a chart in practice and in tests: the workloads that the catalogue lists, as complete objects. Pure.

use serde_json::{Map, Value, json};

use crate::plan::{Object, Release, Workload};

/// Who makes the workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Makers {
    /// The chart alone; what its operator makes later is listed in a ConfigMap for a simulated operator.
    Chart,
    /// Everything at once, where no operator is simulated.
    ChartAndOperators,
}

/// The objects of a release, without its definitions.
pub fn objects(release: &Release, makers: Makers) -> Vec<Object> {
    let mut values = Vec::new();
    let mut later = Vec::new();
    for workload in &release.workloads {
        let made = workload_objects(release, workload);
        if workload.by_operator && makers == Makers::Chart {
            later.extend(made);
        } else {
            values.extend(made);
        }
    }
    if !later.is_empty() {
        values.push(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": format!("standin-{}", release.name),
                "namespace": release.namespace,
                "labels": {"care-install/standin": "true", "app.kubernetes.io/instance": release.name},
            },
            "data": {"operators.json": Value::Array(later).to_string()},
        }));
    }
    values
        .into_iter()
        .filter_map(|value| Object::from_value(value).ok())
        .collect()
}

/// A whole chart of the release's name and version, as paths and contents. A chart may have several releases: what stands
/// for one is given to that one, so that all of them may lie in one folder.
pub fn chart(release: &Release) -> Vec<(String, String)> {
    let name = release.chart.rsplit('/').next().unwrap_or(&release.chart);
    let about = json!({
        "apiVersion": "v2", "name": name, "version": release.version.trim_start_matches('v'),
        "description": "Stands for the chart of this name in tests.",
    });
    let mut files = vec![("Chart.yaml".to_owned(), about.to_string())];
    for (index, object) in objects(release, Makers::ChartAndOperators)
        .iter()
        .enumerate()
    {
        // Helm reads templates: braces of its own kind must stay as they are.
        let text = object.value().to_string().replace("{{", "{{`{{`}}");
        let release = &release.name;
        let text =
            format!("{{{{- if eq .Release.Name \"{release}\" }}}}\n{text}\n{{{{- end }}}}\n");
        files.push((format!("templates/{release}-{index:02}.yaml"), text));
    }
    files
}

fn workload_objects(release: &Release, workload: &Workload) -> Vec<Value> {
    let namespace = workload.namespace.as_deref().unwrap_or(&release.namespace);
    let labels = json!({
        "app.kubernetes.io/name": workload.name, "app.kubernetes.io/instance": release.name,
    });
    let version = if workload.kind == "Job" {
        "batch/v1"
    } else {
        "apps/v1"
    };
    let mut values = vec![json!({
        "apiVersion": version,
        "kind": workload.kind,
        "metadata": {"name": workload.name, "namespace": namespace, "labels": labels},
        "spec": spec(workload, &labels),
    })];
    if let Some(made) = values.first_mut() {
        place(release, workload, &mut made["spec"]["template"]["spec"]);
        host_ports(release, &mut made["spec"]["template"]["spec"]);
    }
    if workload.kind != "StatefulSet" {
        values.extend(workload.claims.iter().map(|claim| {
            json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": claim.name, "namespace": namespace, "labels": labels},
                "spec": claim_spec(&claim.class, &claim.size),
            })
        }));
    }
    if let Some(name) = &workload.service {
        let ports: Vec<Value> = offered(release, workload)
            .map(|port| json!({"name": format!("port-{port}"), "port": port, "targetPort": port, "protocol": "TCP"}))
            .collect();
        values.push(json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"selector": labels, "ports": ports},
        }));
        if let Some(service) = values.last_mut() {
            expose(release, service);
        }
        values.extend(ingress(release, workload, name));
    }
    values
}

/// The ports of the Service: an ingress controller's leads to its two entrances, not to what its probe and Prometheus ask.
fn offered(release: &Release, workload: &Workload) -> impl Iterator<Item = u16> {
    let entrances = release.values.pointer("/controller/service").is_some();
    let ports = workload.ports.iter().copied();
    ports.filter(move |port| !entrances || [80, 443].contains(port))
}

/// An ingress controller that takes ports of the machines says so in the values of its chart.
fn host_ports(release: &Release, pod: &mut Value) {
    let said = release.values.pointer("/controller/hostPort");
    let Some(said) = said.filter(|said| said["enable"] == true) else {
        return;
    };
    let containers = pod["containers"].as_array_mut().into_iter().flatten();
    for port in containers.flat_map(|one| one["ports"].as_array_mut().into_iter().flatten()) {
        let taken = ["http", "https"].into_iter().map(|name| &said[name]);
        if taken
            .into_iter()
            .any(|taken| *taken == port["containerPort"])
        {
            port["hostPort"] = port["containerPort"].clone();
        }
    }
}

/// The Ingress of a chart that makes one for its workload, such as Grafana's.
fn ingress(release: &Release, workload: &Workload, service: &str) -> Option<Value> {
    let said = release.values.get(&workload.name)?.get("ingress")?;
    let hosts = said["hosts"]
        .as_array()
        .filter(|_| said["enabled"] == true)?;
    let port = workload.ports.first()?;
    let rules: Vec<Value> = hosts
        .iter()
        .map(|host| {
            let to = json!({"service": {"name": service, "port": {"number": port}}});
            json!({"host": host, "http": {"paths": [{"path": said["path"], "pathType": "Prefix", "backend": to}]}})
        })
        .collect();
    let namespace = workload.namespace.as_deref().unwrap_or(&release.namespace);
    Some(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": workload.name, "namespace": namespace, "labels": {"app.kubernetes.io/instance": release.name}},
        "spec": {"ingressClassName": said["ingressClassName"], "tls": said["tls"], "rules": rules},
    }))
}

/// Where the pods may be, by the chart's values: those of the chart's main workload, or of the part of its name.
fn place(release: &Release, workload: &Workload, pod: &mut Value) {
    if workload.by_operator {
        return;
    }
    let mut parts = release.values.as_object().into_iter().flatten();
    let part = parts.find(|(part, _)| workload.name.ends_with(&format!("-{part}")));
    let from = part.map_or(&release.values, |(_, part)| part);
    for key in [
        "tolerations",
        "affinity",
        "nodeSelector",
        "priorityClassName",
    ] {
        if pod.get(key).is_none()
            && let Some(said) = from.get(key)
        {
            pod[key] = said.clone();
        }
    }
}

/// An ingress controller's Service that wants an address of its own says so in the values of its chart.
fn expose(release: &Release, service: &mut Value) {
    let said = |key: &str| {
        release
            .values
            .pointer(&format!("/controller/service/{key}"))
    };
    if said("type") != Some(&json!("LoadBalancer")) {
        return;
    }
    for key in ["type", "externalTrafficPolicy", "loadBalancerClass"] {
        if let Some(value) = said(key) {
            service["spec"][key] = value.clone();
        }
    }
    if let Some(annotations) = said("annotations") {
        service["metadata"]["annotations"] = annotations.clone();
    }
}

fn claim_spec(class: &str, size: &str) -> Value {
    json!({
        "accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": {"requests": {"storage": size}},
    })
}

fn spec(workload: &Workload, labels: &Value) -> Value {
    let mut template = json!({"metadata": {"labels": labels}, "spec": pod(workload)});
    if workload.kind == "Job" {
        template["spec"]["restartPolicy"] = "Never".into();
        return json!({"backoffLimit": 3, "template": template});
    }
    let mut spec = json!({"selector": {"matchLabels": labels}, "template": template});
    if workload.kind != "DaemonSet" {
        spec["replicas"] = workload.replicas.into();
    }
    if workload.kind == "StatefulSet" {
        spec["serviceName"] = workload
            .service
            .clone()
            .unwrap_or_else(|| workload.name.clone())
            .into();
        let claims: Vec<Value> = workload
            .claims
            .iter()
            .map(|claim| json!({"metadata": {"name": claim.name}, "spec": claim_spec(&claim.class, &claim.size)}))
            .collect();
        if !claims.is_empty() {
            spec["volumeClaimTemplates"] = claims.into();
        }
    }
    spec
}

fn pod(workload: &Workload) -> Value {
    let ports: Vec<Value> = workload
        .ports
        .iter()
        .map(|port| json!({"containerPort": port, "protocol": "TCP"}))
        .collect();
    let mut container = json!({"name": workload.container, "image": workload.image});
    if !ports.is_empty() {
        container["ports"] = ports.into();
    }
    let mut requests = Map::new();
    for (name, amount) in [("cpu", &workload.cpu), ("memory", &workload.memory)] {
        if let Some(amount) = amount {
            requests.insert(name.to_owned(), amount.clone().into());
        }
    }
    if !requests.is_empty() {
        container["resources"] = json!({ "requests": requests });
    }
    let mut pod = json!({});
    if !workload.claims.is_empty() {
        let mount = |name: &str| json!({"name": name, "mountPath": format!("/{name}")});
        let mounts: Vec<Value> = workload
            .claims
            .iter()
            .map(|claim| mount(&claim.name))
            .collect();
        container["volumeMounts"] = mounts.into();
        if workload.kind != "StatefulSet" {
            let volumes: Vec<Value> = workload
                .claims
                .iter()
                .map(|claim| json!({"name": claim.name, "persistentVolumeClaim": {"claimName": claim.name}}))
                .collect();
            pod["volumes"] = volumes.into();
        }
    }
    if let Some(role) = &workload.role {
        pod["nodeSelector"] = json!({ "ohn/role": role });
    }
    pod["containers"] = json!([container]);
    pod
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        plan::{Action, build},
        site::{SecretName, Secrets, Site, sample},
    };

    fn release(name: &str) -> Release {
        let mut secrets = Secrets::new();
        for &name in SecretName::ALL {
            secrets.set(name, "x".into());
        }
        let site = Site::try_from(&sample()).unwrap();
        let plan = build(&site, &secrets, &Catalog::load().unwrap()).unwrap();
        let releases = plan.steps.into_iter().filter_map(|step| match step.action {
            Action::Helm(release) => Some(*release),
            _ => None,
        });
        releases.into_iter().find(|one| one.name == name).unwrap()
    }

    fn names(objects: &[Object]) -> Vec<String> {
        let references = objects.iter().map(Object::reference);
        references.map(|target| target.to_string()).collect()
    }

    #[test]
    fn what_an_operator_makes_later_is_in_a_list_and_not_among_the_objects() {
        let release = release("longhorn");
        let chart = objects(&release, Makers::Chart);
        let all = objects(&release, Makers::ChartAndOperators);
        let later = "DaemonSet longhorn-system/longhorn-csi-plugin".to_owned();
        assert!(names(&all).contains(&later) && !names(&chart).contains(&later));
        let list = chart.last().unwrap();
        assert_eq!(
            list.reference().to_string(),
            "ConfigMap longhorn-system/standin-longhorn"
        );
        let text = list.value()["data"]["operators.json"].as_str().unwrap();
        let made: Vec<Value> = serde_json::from_str(text).unwrap();
        let made: Vec<Object> = made
            .into_iter()
            .map(|value| Object::from_value(value).unwrap())
            .collect();
        let mut both = names(&chart[..chart.len() - 1]);
        both.extend(names(&made));
        both.sort();
        let mut all = names(&all);
        all.sort();
        assert_eq!(both, all);
    }

    #[test]
    fn an_ingress_controllers_service_leads_to_its_entrances_and_other_services_to_every_port() {
        for (name, service, wanted) in [
            ("public-nginx", "public-nginx-controller", &[80, 443][..]),
            ("longhorn", "longhorn-backend", &[9500, 9502, 9503]),
        ] {
            let made = objects(&release(name), Makers::Chart);
            let mut found = made
                .iter()
                .map(Object::value)
                .filter(|value| value["kind"] == "Service" && value["metadata"]["name"] == service);
            let ports = found.next().unwrap()["spec"]["ports"].as_array().unwrap();
            let ports: Vec<u64> = ports
                .iter()
                .filter_map(|port| port["targetPort"].as_u64())
                .collect();
            assert_eq!(ports, wanted, "{service}");
        }
    }

    #[test]
    fn every_workload_of_the_list_is_there_with_its_selector_and_its_claims() {
        let release = release("rustfs");
        let made = objects(&release, Makers::ChartAndOperators);
        assert_eq!(
            names(&made),
            [
                "Deployment rustfs/rustfs",
                "PersistentVolumeClaim rustfs/rustfs-data",
                "Service rustfs/rustfs-svc"
            ]
        );
        let server = made[0].value();
        assert_eq!(
            server["spec"]["selector"]["matchLabels"],
            server["spec"]["template"]["metadata"]["labels"]
        );
        assert_eq!(
            server["spec"]["template"]["spec"]["nodeSelector"]["ohn/role"],
            "primary"
        );
        assert_eq!(
            made[1].value()["spec"]["resources"]["requests"]["storage"],
            "200Gi"
        );
    }

    #[test]
    fn a_chart_names_itself_as_helm_asks_for_it() {
        let files = chart(&release("cert-manager"));
        assert_eq!(files[0].0, "Chart.yaml");
        let about: Value = serde_json::from_str(&files[0].1).unwrap();
        assert_eq!(about["name"], "cert-manager");
        assert_eq!(about["version"], "1.21.2");
        assert!(files.len() > 3);
    }
}
