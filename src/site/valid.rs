//! A site in which every value is valid by itself and with the others; only a draft without problems becomes one. Pure.

use core::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use crate::problem::{Code, Problem};

use super::{
    Field, Shape,
    draft::{FieldProblem, SiteDraft},
    entrance::{AddressPool, Entrance, Entrances, Way},
    fields::FIELDS,
    kind::{HOSTS, host_names},
    secrets::{Origin, SecretName, Secrets},
    types::{
        BucketName, BucketPrefix, Cidr, CronLine, DataPath, EmailAddress, Endpoint, FilePath, Fqdn,
        FromLine, ImageRef, Line, LoginName, NodeName, Region, SiteName, StorageSize, UserName,
        Worker,
    },
};

/// A valid site.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Its name.
    pub name: SiteName,
    /// Its name for people.
    pub display_name: Line,
    /// Kubernetes.
    pub cluster: Cluster,
    /// The machines.
    pub nodes: Nodes,
    /// The host names.
    pub domains: Domains,
    /// How traffic comes in.
    pub exposure: Exposure,
    /// The certificate's files.
    pub certificate: Certificate,
    /// Sizes.
    pub storage: Storage,
    /// The bucket outside.
    pub backups: Backups,
    /// Care's own settings.
    pub care: Care,
    /// What templates see; private, so that only a draft without problems makes a site.
    values: Value,
}

/// Kubernetes, as the site has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The kubeconfig file, when it is not the usual one.
    pub kubeconfig: Option<FilePath>,
    /// Its context, when it is not the current one.
    pub context: Option<Line>,
    /// The line of Kubernetes.
    pub version: Version,
    /// The API's internal name.
    pub api_name: Fqdn,
    /// Addresses of pods.
    pub pod_cidr: Cidr,
    /// Addresses of services.
    pub service_cidr: Cidr,
}

/// A supported line of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 1.34
    V134,
    /// 1.35
    V135,
    /// 1.36
    V136,
}

impl Version {
    /// The minor number.
    pub fn minor(self) -> u32 {
        match self {
            Self::V134 => 34,
            Self::V135 => 35,
            Self::V136 => 36,
        }
    }
}

impl FromLine for Version {
    fn from_line(text: &str) -> Result<Self, super::Wrong> {
        match text {
            "1.34" => Ok(Self::V134),
            "1.35" => Ok(Self::V135),
            "1.36" => Ok(Self::V136),
            _ => Err(super::Wrong("it must be one of: 1.34, 1.35, 1.36".into())),
        }
    }
}

/// The machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// Control plane and databases.
    pub primary: Node,
    /// Ingress, monitoring, and the other half of every volume.
    pub secondary: Node,
    /// Further ones.
    pub workers: Vec<Worker>,
}

impl Nodes {
    /// Name and address of every node.
    pub fn all(&self) -> Vec<(&NodeName, Ipv4Addr)> {
        [
            (&self.primary.name, self.primary.address),
            (&self.secondary.name, self.secondary.address),
        ]
        .into_iter()
        .chain(
            self.workers
                .iter()
                .map(|worker| (&worker.name, worker.address)),
        )
        .collect()
    }
}

/// One of the two machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Node name in the cluster.
    pub name: NodeName,
    /// Address.
    pub address: Ipv4Addr,
    /// SSH port.
    pub ssh_port: u16,
    /// SSH login.
    pub ssh_user: LoginName,
    /// Folder on fast disks.
    pub ssd_path: DataPath,
    /// Folder on large disks.
    pub hdd_path: DataPath,
}

/// The host names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domains {
    /// What all lie under.
    pub base: Fqdn,
    /// Every host, in the order of [`HOSTS`].
    pub hosts: Vec<Host>,
}

/// One host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its short name, such as `care_api`.
    pub short: &'static str,
    /// Its full name.
    pub name: Fqdn,
    /// Whether it is reached from outside.
    pub public: bool,
}

/// How traffic comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// On which addresses.
    pub way: Way,
    /// Servers that must give the right answers.
    pub dns_servers: Vec<Ipv4Addr>,
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Files of a person.
    Files(PemFiles),
    /// The cluster orders and renews it; how stands in what templates see.
    Acme,
}

/// The certificate's files; relative paths begin at the site's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemFiles {
    /// Certificate and intermediates, PEM.
    pub chain_file: FilePath,
    /// Private key, PEM.
    pub key_file: FilePath,
}

/// Sizes and copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Copies of each volume.
    pub replicas: u32,
    /// Database volume.
    pub database_size: StorageSize,
    /// Object volume.
    pub object_size: StorageSize,
    /// Days that local snapshots are kept.
    pub retention_days: u32,
}

/// The bucket outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// Server.
    pub endpoint: Endpoint,
    /// Region.
    pub region: Region,
    /// Bucket.
    pub bucket: BucketName,
    /// Folder in it.
    pub prefix: BucketPrefix,
    /// When a full backup begins.
    pub schedule: CronLine,
    /// Days that backups are kept.
    pub retention_days: u32,
}

/// Care's own settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Care {
    /// Server image.
    pub backend_image: ImageRef,
    /// Web image, when it is not built here.
    pub frontend_image: Option<ImageRef>,
    /// First administrator.
    pub admin_username: UserName,
    /// Its address.
    pub admin_email: EmailAddress,
    /// How mail is sent, when it is.
    pub mail: Option<Mail>,
    /// Where errors are reported, when they are.
    pub sentry_dsn: Option<Line>,
}

/// How Care sends mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Server.
    pub host: Fqdn,
    /// Port.
    pub port: u16,
    /// Login, when the server wants one.
    pub user: Option<Line>,
    /// Sender.
    pub from: EmailAddress,
}

impl TryFrom<&SiteDraft> for Site {
    type Error = Vec<FieldProblem>;

    fn try_from(draft: &SiteDraft) -> Result<Self, Self::Error> {
        let problems = draft.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        Self::of_checked(draft).map_err(|problem| vec![problem])
    }
}

/// A field of a checked draft. Should the table and the types ever disagree, it is told and not hidden.
fn take<T: FromLine>(draft: &SiteDraft, id: &'static str) -> Result<T, FieldProblem> {
    T::from_line(&draft.value(id)).map_err(|why| {
        let what = format!("The setting `{id}` passed its check and cannot be read.");
        (
            id,
            Problem::new(Code::Bug01, what, "Report this with your site.yaml.").because(why.0),
        )
    })
}

/// A field that may be empty.
fn maybe<T: FromLine>(draft: &SiteDraft, id: &'static str) -> Result<Option<T>, FieldProblem> {
    if draft.value(id).is_empty() {
        Ok(None)
    } else {
        take(draft, id).map(Some)
    }
}

/// A list field that may be empty.
fn many<T: FromLine>(draft: &SiteDraft, id: &'static str) -> Result<Vec<T>, FieldProblem> {
    maybe::<Vec<T>>(draft, id).map(Option::unwrap_or_default)
}

/// A whole number; its limits were checked by the table.
struct Whole(u32);

impl FromLine for Whole {
    fn from_line(text: &str) -> Result<Self, super::Wrong> {
        super::types::number(text, 0, u32::MAX).map(Self)
    }
}

impl Site {
    fn of_checked(draft: &SiteDraft) -> Result<Self, FieldProblem> {
        Ok(Self {
            name: take(draft, "site.name")?,
            display_name: take(draft, "site.display_name")?,
            cluster: cluster(draft)?,
            nodes: nodes(draft)?,
            domains: domains(draft)?,
            exposure: exposure(draft)?,
            certificate: certificate(draft)?,
            storage: Storage {
                replicas: take::<Whole>(draft, "storage.replicas")?.0,
                database_size: take(draft, "storage.database_size")?,
                object_size: take(draft, "storage.object_size")?,
                retention_days: take::<Whole>(draft, "storage.retention_days")?.0,
            },
            backups: backups(draft)?,
            care: care(draft)?,
            values: values(draft),
        })
    }

    /// What templates see as `site`: the same dotted ids as a nested map, numbers as numbers, lists as lists, presets filled in.
    pub fn values(&self) -> &Value {
        &self.values
    }

    /// The same site with an answer that no site may give yet.
    #[cfg(test)]
    #[must_use]
    pub fn with(mut self, path: &str, text: &str) -> Self {
        if let Some(value) = self.values.pointer_mut(path) {
            *value = text.into();
        }
        self
    }

    /// The host name behind a short name of [`HOSTS`].
    pub fn host(&self, short: &str) -> Option<&Host> {
        self.domains.hosts.iter().find(|host| host.short == short)
    }

    /// Where its names lead.
    pub fn entrances(&self) -> Entrances {
        if let Way::Pool(pool) = self.exposure.way {
            return Entrances::of_pool(pool);
        }
        let on = |node: &Node| {
            Some(Entrance {
                name: node.name.to_string(),
                address: node.address,
            })
        };
        let any_public = self.domains.hosts.iter().any(|host| host.public);
        Entrances::on_nodes(
            on(&self.nodes.primary),
            on(&self.nodes.secondary),
            any_public,
        )
    }

    /// The secrets that this site needs and that are not there.
    pub fn missing_secrets(&self, secrets: &Secrets) -> Vec<SecretName> {
        let mut missing = secrets.missing();
        if self.certificate == Certificate::Acme {
            missing.retain(|name| name.origin() != Origin::File);
            if secrets.get(SecretName::AcmeDnsSecret).is_none() {
                missing.push(SecretName::AcmeDnsSecret);
            }
        }
        let login = self
            .care
            .mail
            .as_ref()
            .is_some_and(|mail| mail.user.is_some());
        if login && secrets.get(SecretName::CareEmailPassword).is_none() {
            missing.push(SecretName::CareEmailPassword);
        }
        missing.sort_unstable();
        missing
    }
}

fn cluster(draft: &SiteDraft) -> Result<Cluster, FieldProblem> {
    Ok(Cluster {
        kubeconfig: maybe(draft, "cluster.kubeconfig")?,
        context: maybe(draft, "cluster.context")?,
        version: take(draft, "cluster.version")?,
        api_name: take(draft, "cluster.api_name")?,
        pod_cidr: take(draft, "cluster.pod_cidr")?,
        service_cidr: take(draft, "cluster.service_cidr")?,
    })
}

fn nodes(draft: &SiteDraft) -> Result<Nodes, FieldProblem> {
    Ok(Nodes {
        primary: Node {
            name: take(draft, "nodes.primary.name")?,
            address: take(draft, "nodes.primary.address")?,
            ssh_port: take(draft, "nodes.primary.ssh_port")?,
            ssh_user: take(draft, "nodes.primary.ssh_user")?,
            ssd_path: take(draft, "nodes.primary.ssd_path")?,
            hdd_path: take(draft, "nodes.primary.hdd_path")?,
        },
        secondary: Node {
            name: take(draft, "nodes.secondary.name")?,
            address: take(draft, "nodes.secondary.address")?,
            ssh_port: take(draft, "nodes.secondary.ssh_port")?,
            ssh_user: take(draft, "nodes.secondary.ssh_user")?,
            ssd_path: take(draft, "nodes.secondary.ssd_path")?,
            hdd_path: take(draft, "nodes.secondary.hdd_path")?,
        },
        workers: many(draft, "nodes.workers")?,
    })
}

fn domains(draft: &SiteDraft) -> Result<Domains, FieldProblem> {
    let public = host_names(&draft.value("domains.public")).unwrap_or_default();
    let mut hosts = Vec::new();
    for short in HOSTS {
        let Some(field) = Field::find(&format!("domains.{short}")) else {
            continue;
        };
        hosts.push(Host {
            short,
            name: take(draft, field.id)?,
            public: public.contains(&short),
        });
    }
    Ok(Domains {
        base: take(draft, "domains.base")?,
        hosts,
    })
}

fn exposure(draft: &SiteDraft) -> Result<Exposure, FieldProblem> {
    let way = if draft.value("exposure.mode").eq_ignore_ascii_case("metallb") {
        Way::Pool(take(draft, "exposure.pool")?)
    } else {
        Way::NodePorts
    };
    Ok(Exposure {
        way,
        dns_servers: many(draft, "exposure.dns_servers")?,
    })
}

fn certificate(draft: &SiteDraft) -> Result<Certificate, FieldProblem> {
    if draft
        .value("certificate.source")
        .eq_ignore_ascii_case("acme")
    {
        return Ok(Certificate::Acme);
    }
    Ok(Certificate::Files(PemFiles {
        chain_file: take(draft, "certificate.chain_file")?,
        key_file: take(draft, "certificate.key_file")?,
    }))
}

fn backups(draft: &SiteDraft) -> Result<Backups, FieldProblem> {
    Ok(Backups {
        endpoint: take(draft, "backups.endpoint")?,
        region: take(draft, "backups.region")?,
        bucket: take(draft, "backups.bucket")?,
        prefix: take(draft, "backups.prefix")?,
        schedule: take(draft, "backups.schedule")?,
        retention_days: take::<Whole>(draft, "backups.retention_days")?.0,
    })
}

fn care(draft: &SiteDraft) -> Result<Care, FieldProblem> {
    let mail = match maybe(draft, "care.email_host")? {
        Some(host) => Some(Mail {
            host,
            port: take(draft, "care.email_port")?,
            user: maybe(draft, "care.email_user")?,
            from: take(draft, "care.email_from")?,
        }),
        None => None,
    };
    Ok(Care {
        backend_image: take(draft, "care.backend_image")?,
        frontend_image: maybe(draft, "care.frontend_image")?,
        admin_username: take(draft, "care.admin_username")?,
        admin_email: take(draft, "care.admin_email")?,
        mail,
        sentry_dsn: maybe(draft, "care.sentry_dsn")?,
    })
}

/// The draft as the nested map of the templates.
fn values(draft: &SiteDraft) -> Value {
    let mut root = Map::new();
    for field in FIELDS.iter().filter(|field| field.secret().is_none()) {
        let text = draft.value(field.id);
        let value = match (text.is_empty(), field.kind.shape()) {
            (true, Shape::List) => json!([]),
            (true, Shape::Text | Shape::Number) => json!(""),
            (false, _) => field.kind.read(&text).unwrap_or(Value::Null),
        };
        put(&mut root, field.id, value);
    }
    let pool = draft.read::<AddressPool>("exposure.pool");
    for (id, address) in [
        ("exposure.private_address", pool.map(AddressPool::private)),
        ("exposure.public_address", pool.map(AddressPool::public)),
    ] {
        let text = address.map_or_else(String::new, |address| address.to_string());
        put(&mut root, id, text.into());
    }
    Value::Object(root)
}

/// Puts a value at its dotted path.
pub fn put(map: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            map.insert(path.into(), value);
        }
        Some((head, rest)) => {
            let below = map.entry(head).or_insert_with(|| json!({}));
            if let Some(below) = below.as_object_mut() {
                put(below, rest, value);
            }
        }
    }
}
