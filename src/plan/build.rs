//! Site + secrets + catalogue -> plan: every template rendered, every object finished, before anything changes. Pure.

mod images;
mod render;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Action, Bucket, Component, Database, JobRun, Object, ObjectRef, Pin, Place, Plan, Proof,
    Purpose, Ready, Release, Step, StepId,
};
use crate::{
    catalog::{
        BucketSpec, BucketsSpec, Catalog, ComponentFile, HelmSpec, HttpSpec, PinSpec, ReadySpec,
        StepFile,
    },
    problem::{Code, Problem},
    site::{Secrets, Site},
};
use render::Renderer;

/// The Secret that holds the site's certificate, in every namespace that shows it.
const CERTIFICATE: &str = "lets-encrypt-cert";

/// Kinds whose readiness is waited for when a step applies them.
const WAITED: &[&str] = &[
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "PersistentVolumeClaim",
    "Namespace",
    "Cluster",
    "Database",
    "Certificate",
    "Issuer",
    "ClusterIssuer",
    "BackupTarget",
    "CustomResourceDefinition",
];

/// Makes the plan.
///
/// # Errors
/// Every template that cannot be rendered, and every secret that would leave its place.
pub fn build(site: &Site, secrets: &Secrets, catalog: &Catalog) -> Result<Plan, Vec<Problem>> {
    build_with(site, secrets, catalog, &Database::first())
}

/// Makes the plan of a site whose database may have been restored.
///
/// # Errors
/// As [`build`].
pub fn build_with(
    site: &Site,
    secrets: &Secrets,
    catalog: &Catalog,
    database: &Database,
) -> Result<Plan, Vec<Problem>> {
    let renderer = Renderer::new(site, secrets, database);
    let renderer = images::named(renderer).map_err(|problem| vec![problem])?;
    let chosen = chosen(&renderer, catalog)?;
    let builder = Builder {
        site,
        renderer,
        catalog: &chosen,
    };
    let mut steps = Vec::new();
    let mut components = Vec::new();
    let mut problems = Vec::new();
    for component in &chosen.components {
        match builder.shown(component) {
            Ok(shown) => components.push(shown),
            Err(problem) => problems.push(problem),
        }
        for (index, file) in component.steps.iter().enumerate() {
            match builder.step(component, index, file) {
                Ok(step) => steps.push(step),
                Err(problem) => problems.push(problem),
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Plan {
        site: site.name.as_str().to_owned(),
        purpose: Purpose::Deploy,
        stages: Catalog::stages(),
        components,
        steps,
        notes: notes(site),
    })
}

/// The components and steps that this site has.
fn chosen(renderer: &Renderer<'_>, catalog: &Catalog) -> Result<Catalog, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut has = |place: &str, when: Option<&String>| match when {
        None => true,
        Some(when) => match renderer.line(place, when).as_deref() {
            Ok("on") => true,
            Ok("off") => false,
            Ok(other) => {
                let what = format!("its `when` gives `{other}` and not on or off");
                problems.push(wrong(place, &what));
                false
            }
            Err(problem) => {
                problems.push(problem.clone());
                false
            }
        },
    };
    let mut chosen = catalog.chosen(|component| has(&component.id, component.when.as_ref()));
    for component in &mut chosen.components {
        let id = component.id.clone();
        component.keep(|step| has(&format!("{id}/{}", step.name), step.when.as_ref()));
    }
    if problems.is_empty() {
        Ok(chosen)
    } else {
        Err(problems)
    }
}

/// Name, version and digest of an image as it is written for pulling.
fn parts(image: &str) -> (String, String, Option<String>) {
    let (image, digest) = match image.split_once('@') {
        Some((image, digest)) => (image, Some(digest.to_owned())),
        None => (image, None),
    };
    // A colon before the last slash belongs to the registry's port.
    match image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((name, tag)) => (name.to_owned(), tag.to_owned(), digest),
        None => (image.to_owned(), String::new(), digest),
    }
}

fn notes(site: &Site) -> Vec<String> {
    let mut notes = Vec::new();
    let hosts = site.domains.hosts.iter().filter(|host| host.public);
    let public: Vec<&str> = hosts.map(|host| host.name.as_str()).collect();
    let entrances = site.entrances();
    if let (false, Some(at)) = (public.is_empty(), entrances.public.first()) {
        notes.push(format!(
            "The public names {} come in through the firewall at {} ({}); name servers must lead them there.",
            public.join(", "),
            at.address,
            at.name
        ));
    }
    let replicas = site
        .values()
        .pointer("/storage/replicas")
        .and_then(Value::as_u64);
    if replicas == Some(1) {
        notes.push("Every volume has one copy only: when its machine fails, its data is gone until a restore.".to_owned());
    }
    notes
}

struct Builder<'a> {
    site: &'a Site,
    renderer: Renderer<'a>,
    catalog: &'a Catalog,
}

impl Builder<'_> {
    fn shown(&self, component: &ComponentFile) -> Result<Component, Problem> {
        let pins = component.pins.iter().map(|pin| self.pin(component, pin));
        Ok(Component {
            id: component.id.clone(),
            title: component.title.clone(),
            summary: component.summary.clone(),
            service: component.service,
            pins: pins.collect::<Result<_, _>>()?,
        })
    }

    fn pin(&self, component: &ComponentFile, pin: &PinSpec) -> Result<Pin, Problem> {
        let (name, version, digest) = match &pin.version {
            Some(version) => (pin.name.clone(), version.clone(), pin.digest.clone()),
            None => parts(&self.renderer.line(&component.id, &pin.name)?),
        };
        Ok(Pin {
            kind: pin.kind.clone(),
            name,
            version,
            digest,
        })
    }

    fn step(
        &self,
        component: &ComponentFile,
        index: usize,
        file: &StepFile,
    ) -> Result<Step, Problem> {
        let action = self.action(component, file)?;
        let mut ready = implied(&action);
        for spec in &file.ready {
            let more = self.ready(spec)?;
            if !ready.contains(&more) {
                ready.push(more);
            }
        }
        let stages = Catalog::stages();
        Ok(Step {
            id: StepId::new(&component.id, &file.name),
            component: component.id.clone(),
            stage: stages
                .iter()
                .position(|stage| stage.id == component.stage)
                .unwrap_or_default(),
            title: file.title.clone(),
            needs: self.needs(component, index, file),
            action,
            ready,
            usual: file.usual,
            limit: file.limit,
        })
    }

    /// What it names, else the step before it, else the last steps of the components that are needed.
    fn needs(&self, component: &ComponentFile, index: usize, file: &StepFile) -> Vec<StepId> {
        let own = |name: &String| StepId::new(&component.id, name);
        match &file.needs {
            Some(names) if !names.is_empty() => return names.iter().map(own).collect(),
            None if index > 0 => {
                let before = index
                    .checked_sub(1)
                    .and_then(|before| component.steps.get(before));
                return before.map(|before| own(&before.name)).into_iter().collect();
            }
            _ => {}
        }
        component
            .needs
            .iter()
            .filter_map(|need| self.catalog.component(need))
            .flat_map(last_steps)
            .collect()
    }

    fn action(&self, component: &ComponentFile, file: &StepFile) -> Result<Action, Problem> {
        if let Some(helm) = &file.helm {
            return self.release(helm);
        }
        if let Some(templates) = &file.apply {
            let mut objects = Vec::new();
            for name in templates {
                objects.extend(self.renderer.objects(name, &Value::Null)?);
            }
            return Ok(Action::Apply(objects));
        }
        if let Some(job) = &file.job {
            return Ok(Action::Job(self.job(&job.template, &json!(job.with))?));
        }
        if let Some(buckets) = &file.buckets {
            return self.buckets(buckets);
        }
        if let Some(http) = &file.http {
            return self.proof(component, http);
        }
        Ok(match &file.confirm {
            Some(question) => Action::Confirm {
                question: question.clone(),
            },
            None => Action::Wait,
        })
    }

    /// A request to a host, at every place that answers for it, with the certificate that this place shows.
    fn proof(&self, component: &ComponentFile, http: &HttpSpec) -> Result<Action, Problem> {
        let short = self.renderer.line(&component.id, &http.host)?;
        let hosts = &self.site.domains.hosts;
        let host = hosts.iter().find(|host| host.short == short);
        let host =
            host.ok_or_else(|| wrong(&component.id, &format!("no host is called `{short}`")))?;
        let entrances = self.site.entrances();
        let at = entrances.of(host.public).iter().map(|entrance| Place {
            name: entrance.name.clone(),
            address: entrance.address,
        });
        let at: Vec<Place> = at.collect();
        if at.is_empty() {
            // Nobody asked would be nothing proved.
            return Err(wrong(
                &component.id,
                &format!("nothing answers for `{short}`"),
            ));
        }
        // For public names the firewall ends the encryption, for private ones the Ingress of the program.
        let shown = if host.public {
            "public-nginx"
        } else {
            &http.namespace
        };
        Ok(Action::Http(Box::new(Proof {
            host: host.name.to_string(),
            path: http.path.clone(),
            at,
            expect: http.expect.clone(),
            certificate: ObjectRef::new("v1", "Secret", shown, CERTIFICATE),
            namespace: http.namespace.clone(),
        })))
    }

    fn release(&self, helm: &HelmSpec) -> Result<Action, Problem> {
        let mut workloads = helm.workloads.clone();
        for claim in workloads
            .iter_mut()
            .flat_map(|workload| &mut workload.claims)
        {
            claim.size = self.renderer.line(&helm.release, &claim.size)?;
        }
        Ok(Action::Helm(Box::new(Release {
            name: helm.release.clone(),
            namespace: helm.namespace.clone(),
            chart: helm.chart.clone(),
            repository: helm.repository.clone(),
            version: helm.version.clone(),
            values: self.renderer.values(&helm.values)?,
            schema: helm.schema,
            workloads,
            crds: helm.crds.clone(),
            besides: helm.besides.clone(),
        })))
    }

    /// The last object of the template is the job; its name gets a digest of what it does.
    fn job(&self, template: &str, more: &Value) -> Result<JobRun, Problem> {
        let mut objects = self.renderer.objects(template, more)?;
        let job = objects.pop().filter(|job| job.reference().kind == "Job");
        let job = job.ok_or_else(|| wrong(template, "its last object is not a job"))?;
        let mut value = job.value().clone();
        // What it does is its specification and what it reads, but not the secrets: a job is not run again for those.
        let mut parts = vec![value.get("spec").map(Value::to_string).unwrap_or_default()];
        parts.extend(objects.iter().map(|object| object.masked().to_string()));
        let tail = short_digest(parts.iter().map(String::as_bytes), 4);
        let name = format!("{}-{tail}", job.reference().name);
        if let Some(meta) = value.get_mut("metadata") {
            meta["name"] = name.into();
        }
        let job = Object::from_value(value).map_err(|field| missing(template, field))?;
        Ok(JobRun { objects, job })
    }

    fn buckets(&self, spec: &BucketsSpec) -> Result<Action, Problem> {
        let buckets: Vec<Bucket> = spec
            .buckets
            .iter()
            .map(|bucket| self.bucket(bucket))
            .collect();
        let more = json!({ "buckets": buckets });
        Ok(Action::Buckets {
            run: self.job(&spec.template, &more)?,
            buckets,
        })
    }

    fn bucket(&self, spec: &BucketSpec) -> Bucket {
        let origin = |short: &String| {
            let host = self.site.values().pointer(&format!("/domains/{short}"));
            host.and_then(Value::as_str)
                .map(|host| format!("https://{host}"))
        };
        Bucket {
            name: spec.name.clone(),
            public_read: spec.public_read,
            cors_origins: spec.origins.iter().filter_map(origin).collect(),
        }
    }

    fn ready(&self, spec: &ReadySpec) -> Result<Ready, Problem> {
        Ok(match spec {
            ReadySpec::Object(text) => Ready::Object(reference(text)?),
            ReadySpec::All {
                of,
                selector,
                at_least,
            } => Ready::All {
                of: reference(&format!("{of}/"))?,
                selector: selector.clone(),
                at_least: *at_least,
            },
            ReadySpec::Accepts(template) => {
                let mut objects = self.renderer.objects(template, &Value::Null)?;
                let object = objects
                    .pop()
                    .ok_or_else(|| wrong(template, "it holds no object"))?;
                Ready::Accepts(object)
            }
        })
    }
}

/// The first bytes of a digest over parts, in hexadecimal.
fn short_digest<'a>(parts: impl Iterator<Item = &'a [u8]>, bytes: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let pairs: Vec<String> = digest
        .iter()
        .take(bytes)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    pairs.concat()
}

/// Steps of a component that no other of its steps builds on.
fn last_steps(component: &ComponentFile) -> Vec<StepId> {
    let steps = component.steps.iter().enumerate();
    steps
        .filter(|(index, _)| !component.builds_on(*index))
        .map(|(_, step)| StepId::new(&component.id, &step.name))
        .collect()
}

/// What must hold for what the step itself sends.
fn implied(action: &Action) -> Vec<Ready> {
    if let Action::Helm(release) = action {
        let definitions = release.crds.iter().map(|name| {
            let version = "apiextensions.k8s.io/v1";
            Ready::Object(ObjectRef::new(
                version,
                "CustomResourceDefinition",
                "",
                name,
            ))
        });
        let workloads = release.workloads.iter().map(|workload| {
            let version = if workload.kind == "Job" {
                "batch/v1"
            } else {
                "apps/v1"
            };
            let namespace = workload.namespace.as_ref().unwrap_or(&release.namespace);
            Ready::Object(ObjectRef::new(
                version,
                &workload.kind,
                namespace,
                &workload.name,
            ))
        });
        return definitions.chain(workloads).collect();
    }
    let objects = action.objects();
    let references = objects.into_iter().map(Object::reference);
    references
        .filter(|target| WAITED.contains(&target.kind.as_str()))
        .map(Ready::Object)
        .collect()
}

/// Reads `apiVersion kind namespace/name`; a name alone is cluster-scoped.
fn reference(text: &str) -> Result<ObjectRef, Problem> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    match parts.as_slice() {
        [version, kind, name] => {
            let (namespace, name) = name.split_once('/').unwrap_or(("", name));
            Ok(ObjectRef::new(version, kind, namespace, name))
        }
        [version, kind] => Ok(ObjectRef::new(version, kind.trim_end_matches('/'), "", "")),
        _ => Err(wrong(text, "it is no `apiVersion kind namespace/name`")),
    }
}

fn wrong(place: &str, what: &str) -> Problem {
    Problem::new(
        Code::Plan02,
        format!("The template `{place}` is wrong: {what}."),
        "Report this: the templates are part of care-install. Nothing was changed.",
    )
}

fn missing(place: &str, field: &str) -> Problem {
    wrong(place, &format!("an object has no {field}"))
}

#[cfg(test)]
mod tests;
