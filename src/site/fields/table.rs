//! The rows of the table; words a technician reads, no logic. Pure.

use super::{
    super::{kind::Kind as K, secrets::SecretName as S},
    Field, Group as G,
    Preset::{self, Optional, Required, RequiredWhen, SameAs, Text, UnderBase},
};

const fn field(id: &'static str, group: G, label: &'static str, preset: Preset, kind: K) -> Field {
    Field {
        id,
        group,
        label,
        why: "",
        example: "",
        preset,
        kind,
    }
}

impl Field {
    const fn asked(mut self, why: &'static str, example: &'static str) -> Self {
        self.why = why;
        self.example = example;
        self
    }
}

/// What a component that a site may do without can be.
const ONOFF: &[&str] = &["off", "on"];

/// Every field, in the order of the wizard and of site.yaml.
pub const FIELDS: &[Field] = &[
    field("site.name", G::Site, "Site name", Required, K::Label).asked("It names this site's folder, its backups and its reports. It cannot be changed later.", "st-marys"),
    field("site.display_name", G::Site, "Full name", SameAs("site.name"), K::Text).asked("People see it on screens and in the hand-over record.", "St Mary's Hospital"),
    field("cluster.origin", G::Site, "Cluster", Text("existing"), K::Choice(&["existing", "new"])).asked("Care can be put on a Kubernetes cluster that exists already, or on new machines.", "existing"),
    field("cluster.kubeconfig", G::Site, "Kubeconfig file", Optional, K::File).asked("The file with the address and the login of the cluster. Empty means KUBECONFIG or ~/.kube/config.", "kubeconfig.yaml"),
    field("cluster.context", G::Site, "Kubeconfig context", Optional, K::Text).asked("Which of the file's clusters is meant. Empty means its current one.", "st-marys"),
    field("nodes.primary.name", G::Nodes, "Primary node", Text("primary"), K::NodeName).asked("The name under which the cluster knows the machine that holds the databases.", "primary"),
    field("nodes.primary.address", G::Nodes, "Primary address", Required, K::Address).asked("Where the machine answers on the hospital's network.", "192.168.20.11"),
    field("nodes.primary.ssh_port", G::Nodes, "Primary SSH port", Text("22"), K::Port).asked("Where SSH answers on the primary node.", "22"),
    field("nodes.primary.ssh_user", G::Nodes, "Primary SSH user", Text("ubuntu"), K::Login).asked("The login for preparing and checking the primary node.", "ubuntu"),
    field("nodes.primary.ssd_path", G::Nodes, "Primary fast disk", Text("/mnt/ssd"), K::DataPath).asked("The folder on fast disks; databases live there.", "/mnt/ssd"),
    field("nodes.primary.hdd_path", G::Nodes, "Primary large disk", Text("/mnt/hdd"), K::DataPath).asked("The folder on large disks; files and logs live there.", "/mnt/hdd"),
    field("nodes.secondary.name", G::Nodes, "Secondary node", Text("secondary"), K::NodeName).asked("The name under which the cluster knows the second machine, which takes over when the first one fails.", "secondary"),
    field("nodes.secondary.address", G::Nodes, "Secondary address", Required, K::Address).asked("Where the machine answers on the hospital's network.", "192.168.20.12"),
    field("nodes.secondary.ssh_port", G::Nodes, "Secondary SSH port", Text("22"), K::Port).asked("Where SSH answers on the secondary node.", "22"),
    field("nodes.secondary.ssh_user", G::Nodes, "Secondary SSH user", Text("ubuntu"), K::Login).asked("The login for preparing and checking the secondary node.", "ubuntu"),
    field("nodes.secondary.ssd_path", G::Nodes, "Secondary fast disk", Text("/mnt/ssd"), K::DataPath).asked("The folder on fast disks; the second copies of the databases live there.", "/mnt/ssd"),
    field("nodes.secondary.hdd_path", G::Nodes, "Secondary large disk", Text("/mnt/hdd"), K::DataPath).asked("The folder on large disks; the second copies of files and logs live there.", "/mnt/hdd"),
    field("nodes.workers", G::Nodes, "More nodes", Optional, K::Workers).asked("Further machines that take part, each as name=address. Most sites have none.", "worker-1=192.168.20.13"),
    field("cluster.version", G::Cluster, "Kubernetes version", Text("1.36"), K::Choice(&["1.34", "1.35", "1.36"])).asked("The line of Kubernetes that the cluster runs.", "1.36"),
    field("cluster.api_name", G::Cluster, "API name", Text("kube-api.internal"), K::Host).asked("The internal name of the Kubernetes API; it is in every node's hosts file and in the API's certificate.", "kube-api.internal"),
    field("cluster.pod_cidr", G::Cluster, "Pod network", Text("10.244.0.0/16"), K::Network).asked("Addresses for what runs in the cluster. Nothing else in the hospital may use them.", "10.244.0.0/16"),
    field("cluster.service_cidr", G::Cluster, "Service network", Text("10.96.0.0/16"), K::Network).asked("Addresses for services in the cluster. Nothing else in the hospital may use them.", "10.96.0.0/16"),
    field("domains.base", G::Domains, "Base domain", Required, K::Host).asked("Every address of the site lives under this name. The wildcard certificate must cover it one level deep.", "care.hospital.org"),
    field("domains.care", G::Domains, "Care", UnderBase("app"), K::Host).asked("What staff type into the browser.", "app.care.hospital.org"),
    field("domains.care_api", G::Domains, "Care API", UnderBase("api"), K::Host).asked("Where the browser reaches Care's own server.", "api.care.hospital.org"),
    field("domains.files", G::Domains, "Files", UnderBase("files"), K::Host).asked("Where the browser uploads and opens patient files.", "files.care.hospital.org"),
    field("domains.object_console", G::Domains, "Object store console", UnderBase("objects"), K::Host).asked("The object store's own pages, for administrators.", "objects.care.hospital.org"),
    field("domains.grafana", G::Domains, "Grafana", UnderBase("grafana"), K::Host).asked("Charts and alerts, for administrators.", "grafana.care.hospital.org"),
    field("domains.registry", G::Domains, "Image registry", UnderBase("registry"), K::Host).asked("Where the site keeps its own images.", "registry.care.hospital.org"),
    field("domains.odoo", G::Domains, "Odoo", UnderBase("odoo"), K::Host).asked("Billing and stock.", "odoo.care.hospital.org"),
    field("domains.metabase", G::Domains, "Metabase", UnderBase("metabase"), K::Host).asked("Reports.", "metabase.care.hospital.org"),
    field("domains.public", G::Domains, "Public names", Text("care, care_api, files"), K::HostNames).asked("Which of these names are reached from outside. The others answer inside the hospital only.", "care, care_api, files"),
    field("exposure.mode", G::Exposure, "How traffic comes in", Text("node-port"), K::Choice(&["node-port", "metallb"])).asked("node-port: ports 80 and 443 of the nodes themselves, the primary for private names and the secondary for public ones. metallb: addresses of their own, which move when a machine is lost.", "node-port"),
    field("exposure.pool", G::Exposure, "Address pool", RequiredWhen("exposure.mode", "metallb"), K::Pool).asked("Addresses of the hospital's network that nothing else uses. The first answers for private names, the second for public ones.", "192.168.20.40-192.168.20.49"),
    field("exposure.upload_mb", G::Exposure, "Largest upload, MiB", Text("50"), K::Number(5, 4096)).asked("Firewall, ingress and Care refuse anything larger, all at the same size.", "50"),
    field("exposure.dns_servers", G::Exposure, "DNS servers to ask", Optional, K::Addresses).asked("Each of them must give the right answer for every name of the site. Empty asks only this computer's own.", "192.168.20.1, 1.1.1.1"),
    field("certificate.source", G::Certificate, "Certificate from", Text("files"), K::Choice(&["files", "acme"])).asked("files: a wildcard certificate of yours, as PEM files. acme: the cluster orders it, at Let's Encrypt for one, and renews it by itself; it proves that the domain is yours by a record at the domain's DNS provider.", "files"),
    field("certificate.chain_file", G::Certificate, "Certificate chain", RequiredWhen("certificate.source", "files"), K::File).asked("The wildcard certificate and its intermediate certificates, as one PEM file. A relative path begins at the site's folder.", "fullchain.pem"),
    field("certificate.key_file", G::Certificate, "Certificate key", RequiredWhen("certificate.source", "files"), K::File).asked("The private key of the wildcard certificate, as a PEM file. It is copied into the cluster and nowhere else.", "privkey.pem"),
    field("certificate.acme_email", G::Certificate, "Address for the authority", RequiredWhen("certificate.source", "acme"), K::Email).asked("The authority writes there about its account.", "it@hospital.org"),
    field("certificate.acme_server", G::Certificate, "Authority", Text("https://acme-v02.api.letsencrypt.org/directory"), K::Text).asked("The directory of the ACME server. Try with Let's Encrypt's staging server first: the real one refuses for a week after too many tries.", "https://acme-v02.api.letsencrypt.org/directory"),
    field("certificate.dns_provider", G::Certificate, "DNS provider", Text("cloudflare"), K::Choice(&["cloudflare", "digitalocean", "route53", "rfc2136"])).asked("Where the domain's records are kept. rfc2136: a name server of yours that takes updates signed with a key.", "cloudflare"),
    field("certificate.dns_server", G::Certificate, "Name server for updates", Optional, K::Text).asked("rfc2136: address and port of the name server that takes updates.", "192.168.20.1:53"),
    field("certificate.dns_account", G::Certificate, "Account at the DNS provider", Optional, K::Text).asked("route53: the id of the access key. rfc2136: the name of the key. The others need none.", "care-key"),
    field("certificate.dns_secret", G::Certificate, "Secret of the DNS provider", RequiredWhen("certificate.source", "acme"), K::Secret(S::AcmeDnsSecret)).asked("The API token, secret access key or TSIG key, with the right to change this domain alone. It is kept in the vault.", "(hidden)"),
    field("certificate.dns_resolvers", G::Certificate, "Public DNS servers", Optional, K::Addresses).asked("Where the cluster looks whether its record has arrived. Needed where the hospital's own DNS answers for the same domain and does not show it.", "1.1.1.1, 9.9.9.9"),
    field("storage.replicas", G::Storage, "Copies of every volume", Text("2"), K::Number(1, 3)).asked("With two copies the site survives the loss of one machine.", "2"),
    field("storage.database_size", G::Storage, "Database volume", Text("50Gi"), K::Size).asked("Room for the records of Care, Odoo and Metabase. It can grow later and never shrink.", "50Gi"),
    field("storage.object_size", G::Storage, "Object volume", Text("200Gi"), K::Size).asked("Room for patient files. It can grow later and never shrink.", "200Gi"),
    field("storage.retention_days", G::Storage, "Keep snapshots, days", Text("7"), K::Number(1, 90)).asked("How long local snapshots of the volumes are kept.", "7"),
    field("backups.endpoint", G::Backups, "Backup server", Required, K::Endpoint).asked("The S3 server outside this cluster. Backups on the same machines are lost with them.", "https://s3.ap-south-1.amazonaws.com"),
    field("backups.region", G::Backups, "Backup region", Text("us-east-1"), K::Region).asked("The region of the bucket; servers that have no regions accept any.", "ap-south-1"),
    field("backups.bucket", G::Backups, "Backup bucket", Required, K::Bucket).asked("The bucket must exist and belong to this site alone.", "st-marys-care-backups"),
    field("backups.prefix", G::Backups, "Folder in the bucket", SameAs("site.name"), K::Prefix).asked("Keeps the backups of this site apart from others.", "st-marys"),
    field("backups.access_key", G::Backups, "Backup access key", Required, K::Secret(S::BackupAccessKey)).asked("The login of the bucket. It is kept in the vault.", "AKIA..."),
    field("backups.secret_key", G::Backups, "Backup secret key", Required, K::Secret(S::BackupSecretKey)).asked("The password of the bucket. It is kept in the vault.", "(hidden)"),
    field("backups.schedule", G::Backups, "Backup schedule", Text("30 1 * * *"), K::Cron).asked("When a full backup begins: minute, hour, day, month, weekday. Changes in between are saved all the time.", "30 1 * * *"),
    field("backups.retention_days", G::Backups, "Keep backups, days", Text("30"), K::Number(7, 3650)).asked("How far back a restore can reach.", "30"),
    field("components.metrics", G::Components, "Metrics server", Text("off"), K::Choice(ONOFF)).asked("Says how much processor time and memory each pod uses right now. It needs 200 MiB of memory.", "on"),
    field("components.monitoring", G::Components, "Monitoring", Text("off"), K::Choice(ONOFF)).asked("Prometheus, Grafana, Loki and Alloy: charts, logs and alerts. They need 3 GiB of memory on the second machine.", "on"),
    field("components.metrics_size", G::Components, "Measurements volume", Text("20Gi"), K::Size).asked("Room for the measurements of the monitoring; the oldest go before it is full.", "20Gi"),
    field("components.metrics_days", G::Components, "Keep measurements, days", Text("15"), K::Number(1, 365)).asked("How far back charts can look.", "15"),
    field("components.logs_size", G::Components, "Log volume", Text("10Gi"), K::Size).asked("Room for the newest logs; older ones are kept in the object store.", "10Gi"),
    field("components.logs_days", G::Components, "Keep logs, days", Text("30"), K::Number(1, 365)).asked("How far back logs can be read.", "30"),
    field("components.registry", G::Components, "Image registry", Text("off"), K::Choice(ONOFF)).asked("Keeps the site's own images, so that a pod can start while the internet is away. It needs 128 MiB of memory.", "on"),
    field("components.registry_size", G::Components, "Registry volume", Text("20Gi"), K::Size).asked("Room for the site's own images. It can grow later and never shrink.", "20Gi"),
    field("components.opensearch", G::Components, "OpenSearch", Text("off"), K::Choice(ONOFF)).asked("A search engine for programs of the site that want one; Care does without it. It needs 2 GiB of memory on the first machine.", "on"),
    field("components.opensearch_size", G::Components, "Search volume", Text("20Gi"), K::Size).asked("Room for what is indexed in OpenSearch. It can grow later and never shrink.", "20Gi"),
    field("components.snowstorm", G::Components, "Snowstorm", Text("off"), K::Choice(&["off", "lite", "full"])).asked("SNOMED CT, without which Care saves no coded field. lite needs 1 GiB of memory and 10 GiB of disk, full needs 7 GiB of memory and a volume; 3 GiB more while it loads.", "off"),
    field("components.snomed_file", G::Components, "SNOMED CT release", Optional, K::Release).asked("The file as it was downloaded with the site's own licence; put it under this name into the bucket admin of the object store.", "SnomedCT_InternationalRF2_PRODUCTION_20261101T120000Z.zip"),
    field("components.snomed_edition", G::Components, "SNOMED CT edition", Text("900000000000207008"), K::Edition).asked("The number of the edition that the file holds; the preset is the international one.", "900000000000207008"),
    field("components.snowstorm_size", G::Components, "Terminology volume", Text("30Gi"), K::Size).asked("Room for the full variant, with two releases while one replaces the other. It can grow later and never shrink.", "30Gi"),
    field("components.odoo", G::Components, "Odoo", Text("off"), K::Choice(ONOFF)).asked("Billing, stock and accounts. It needs 1 GiB of memory on the first machine, a volume, and a part of the database volume.", "on"),
    field("components.odoo_image", G::Components, "Odoo image", Text("docker.io/library/odoo:19.0-20260723"), K::Image).asked("The exact version of Odoo; one with add-ons of its own is built on the official one.", "docker.io/library/odoo:19.0-20260723"),
    field("components.odoo_modules", G::Components, "Odoo modules", Text("account, contacts, stock"), K::Modules).asked("What Odoo is to do. The connector for Care (care_connector) must be in the image.", "account, contacts, stock"),
    field("components.odoo_size", G::Components, "Odoo volume", Text("10Gi"), K::Size).asked("Room for what is attached to documents in Odoo. It can grow later and never shrink.", "10Gi"),
    field("components.metabase", G::Components, "Metabase", Text("off"), K::Choice(ONOFF)).asked("Reports over the records of Care, for those who may see them all. It needs 2 GiB of memory and a part of the database volume.", "on"),
    field("care.backend_image", G::Care, "Care server image", Text("ghcr.io/ohcnetwork/care:v25.40.0"), K::Image).asked("The exact version of Care's server.", "ghcr.io/ohcnetwork/care:v25.40.0"),
    field("care.frontend_image", G::Care, "Care web image", Required, K::Image).asked("Care's web pages, built with this site's addresses inside.", "registry.care.hospital.org/care-fe:v25.40.0"),
    field("care.admin_username", G::Care, "First administrator", Text("admin"), K::User).asked("The first login to Care; its password is generated and kept in the vault.", "admin"),
    field("care.admin_email", G::Care, "Administrator's e-mail", Required, K::Email).asked("Where Care writes to the first administrator.", "admin@hospital.org"),
    field("care.email_host", G::Care, "Mail server", Optional, K::Host).asked("The server through which Care sends mail. Empty means no mail.", "smtp.hospital.org"),
    field("care.email_port", G::Care, "Mail port", Text("587"), K::Port).asked("The port for sending with STARTTLS.", "587"),
    field("care.email_user", G::Care, "Mail user", Optional, K::Text).asked("The login at the mail server, if it wants one.", "care@hospital.org"),
    field("care.email_password", G::Care, "Mail password", Optional, K::Secret(S::CareEmailPassword)).asked("The password at the mail server. It is kept in the vault.", "(hidden)"),
    field("care.email_from", G::Care, "Mail sender", Optional, K::Email).asked("The sender of Care's mail.", "care@hospital.org"),
    field("care.sentry_dsn", G::Care, "Sentry address", Optional, K::Text).asked("Where Care reports its own errors. Empty reports nowhere.", "https://key@sentry.hospital.org/1"),
];
