//! Which variable of the reference is which setting. Its notes name some; the others are the usual names of the same things. Pure.

use super::{Variable, reader::Value};
use crate::site::SecretName;

/// A field, and how its text is made of a value.
#[derive(Clone, Copy)]
pub struct Place {
    /// The field.
    pub field: &'static str,
    /// Reads the value; nothing when it is of the wrong kind.
    pub read: fn(&Value) -> Option<String>,
}

impl Place {
    /// A field that holds a text as it is.
    pub fn text(field: &'static str) -> Self {
        Self { field, read: text }
    }
}

type Row = (&'static str, fn(&Value) -> Option<String>, &'static str);

/// Every field with the variables that fill it; the first of each row are those of the reference's notes.
const ROWS: &[Row] = &[
    (
        "exposure.pool",
        list,
        "metallb_ip_range metallb_address_pool metallb_pool metallb_ip_pool",
    ),
    (
        "components.opensearch",
        on_off,
        "enable_opensearch opensearch_enabled",
    ),
    ("components.odoo", on_off, "enable_odoo odoo_enabled"),
    (
        "components.metabase",
        on_off,
        "enable_metabase metabase_enabled",
    ),
    (
        "site.name",
        label,
        "site_name environment environment_name env cluster_name",
    ),
    (
        "site.display_name",
        text,
        "site_display_name display_name hospital_name facility_name organization_name organisation_name",
    ),
    (
        "nodes.primary.name",
        text,
        "primary_node_name primary_node_hostname primary_hostname nodes_primary_name primary_node",
    ),
    (
        "nodes.primary.address",
        text,
        "primary_node_ip primary_node_address primary_ip nodes_primary_ip nodes_primary_address",
    ),
    (
        "nodes.primary.ssd_path",
        text,
        "primary_ssd_data_path primary_ssd_path nodes_primary_ssd_data_path nodes_primary_ssd_path",
    ),
    (
        "nodes.primary.hdd_path",
        text,
        "primary_hdd_data_path primary_hdd_path nodes_primary_hdd_data_path nodes_primary_hdd_path",
    ),
    (
        "nodes.primary.ssh_user",
        text,
        "primary_ssh_user primary_node_ssh_user nodes_primary_ssh_user",
    ),
    (
        "nodes.primary.ssh_port",
        text,
        "primary_ssh_port primary_node_ssh_port nodes_primary_ssh_port",
    ),
    (
        "nodes.secondary.name",
        text,
        "secondary_node_name secondary_node_hostname secondary_hostname nodes_secondary_name secondary_node",
    ),
    (
        "nodes.secondary.address",
        text,
        "secondary_node_ip secondary_node_address secondary_ip nodes_secondary_ip nodes_secondary_address",
    ),
    (
        "nodes.secondary.ssd_path",
        text,
        "secondary_ssd_data_path secondary_ssd_path nodes_secondary_ssd_data_path nodes_secondary_ssd_path",
    ),
    (
        "nodes.secondary.hdd_path",
        text,
        "secondary_hdd_data_path secondary_hdd_path nodes_secondary_hdd_data_path nodes_secondary_hdd_path",
    ),
    (
        "nodes.secondary.ssh_user",
        text,
        "secondary_ssh_user secondary_node_ssh_user nodes_secondary_ssh_user",
    ),
    (
        "nodes.secondary.ssh_port",
        text,
        "secondary_ssh_port secondary_node_ssh_port nodes_secondary_ssh_port",
    ),
    ("nodes.workers", workers, WORKERS),
    (
        "cluster.kubeconfig",
        text,
        "kubeconfig_path kubeconfig kube_config_path kubeconfig_file",
    ),
    (
        "cluster.context",
        text,
        "kube_context kubeconfig_context kube_config_context",
    ),
    ("cluster.version", minor, "kubernetes_version k8s_version"),
    (
        "cluster.api_name",
        host,
        "kube_api_host kube_api_name kube_api_domain control_plane_endpoint k8s_service_host api_server_host",
    ),
    (
        "cluster.pod_cidr",
        text,
        "pod_cidr pod_subnet pod_network_cidr",
    ),
    (
        "cluster.service_cidr",
        text,
        "service_cidr service_subnet svc_cidr",
    ),
    (
        "domains.base",
        text,
        "base_domain domain root_domain wildcard_domain domain_name",
    ),
    (
        "exposure.mode",
        metallb,
        "enable_metallb metallb_enabled use_metallb",
    ),
    ("exposure.dns_servers", list, "dns_servers nameservers"),
    (
        "certificate.chain_file",
        text,
        "tls_cert_path tls_cert_file certificate_chain_file fullchain_path cert_file",
    ),
    (
        "certificate.key_file",
        text,
        "tls_key_path tls_key_file certificate_key_file privkey_path key_file",
    ),
    (
        "storage.replicas",
        text,
        "longhorn_replica_count replica_count volume_replicas storage_replicas default_replica_count",
    ),
    (
        "storage.database_size",
        size,
        "database_storage_size database_volume_size database_size postgres_storage_size postgres_volume_size postgres_size",
    ),
    (
        "storage.object_size",
        size,
        "objectstore_storage_size objectstore_volume_size object_size rustfs_storage_size rustfs_volume_size rustfs_size",
    ),
    (
        "storage.retention_days",
        text,
        "snapshot_retention_days longhorn_snapshot_retention",
    ),
    (
        "backups.endpoint",
        endpoint,
        "s3_endpoint backup_s3_endpoint s3_backup_endpoint backup_endpoint s3_endpoint_url backups_endpoint",
    ),
    (
        "backups.region",
        text,
        "s3_region backup_s3_region s3_backup_region backup_region backups_region",
    ),
    (
        "backups.bucket",
        text,
        "s3_bucket backup_s3_bucket s3_backup_bucket backup_bucket backups_bucket s3_bucket_name backup_bucket_name",
    ),
    (
        "backups.prefix",
        text,
        "s3_prefix backup_s3_prefix backup_prefix backups_prefix",
    ),
    (
        "backups.schedule",
        text,
        "backup_schedule backups_schedule backup_cron",
    ),
    (
        "backups.retention_days",
        days,
        "backup_retention_days backups_retention_days backup_retention",
    ),
    (
        "components.metrics",
        on_off,
        "enable_metrics_server metrics_server_enabled",
    ),
    (
        "components.monitoring",
        on_off,
        "enable_monitoring monitoring_enabled",
    ),
    (
        "components.registry",
        on_off,
        "enable_registry registry_enabled",
    ),
    (
        "components.registry_size",
        size,
        "registry_storage_size registry_volume_size zot_storage_size",
    ),
    (
        "components.metrics_size",
        size,
        "prometheus_storage_size prometheus_volume_size",
    ),
    (
        "components.logs_size",
        size,
        "loki_storage_size loki_volume_size",
    ),
    (
        "care.backend_image",
        text,
        "care_be_image care_backend_image backend_image",
    ),
    (
        "care.frontend_image",
        text,
        "care_fe_image care_frontend_image frontend_image",
    ),
    (
        "care.admin_username",
        text,
        "care_admin_username admin_username",
    ),
    ("care.admin_email", text, "care_admin_email admin_email"),
    ("care.email_host", text, "email_host smtp_host"),
    ("care.email_port", text, "email_port smtp_port"),
    (
        "care.email_user",
        text,
        "email_user smtp_user smtp_username",
    ),
    (
        "care.email_from",
        text,
        "email_from smtp_from default_from_email",
    ),
    ("care.sentry_dsn", text, "sentry_dsn care_sentry_dsn"),
];

/// Variables whose value is a map that is one answer.
const WORKERS: &str = "worker_nodes workers extra_workers additional_nodes nodes_workers";

/// Secrets that are typed by a person, and the variables that hold them.
const SECRETS: &[(SecretName, &str)] = &[
    (
        SecretName::BackupAccessKey,
        "s3_access_key backup_s3_access_key backup_access_key s3_backup_access_key aws_access_key_id s3_access_key_id backups_access_key",
    ),
    (
        SecretName::BackupSecretKey,
        "s3_secret_key backup_s3_secret_key backup_secret_key s3_backup_secret_key aws_secret_access_key s3_secret_access_key backups_secret_key",
    ),
    (
        SecretName::CareEmailPassword,
        "email_password smtp_password email_host_password",
    ),
];

/// A variable with one of these in its name holds a secret.
const HIDDEN: &str =
    "password passwd secret token private_key access_key api_key credential jwks htpasswd";

/// Images may come in two parts.
const TAGS: &[(&str, &str)] = &[
    (
        "care.backend_image",
        "care_be_image_tag care_be_tag care_backend_image_tag care_be_version",
    ),
    (
        "care.frontend_image",
        "care_fe_image_tag care_fe_tag care_frontend_image_tag care_fe_version",
    ),
];

/// Whether a row's words name the variable.
fn has(words: &str, name: &str) -> bool {
    words.split(' ').any(|word| word == name)
}

/// The field that a variable fills.
pub fn field(name: &str) -> Option<Place> {
    let row = ROWS.iter().find(|(field, _, names)| {
        let tags = TAGS.iter().find(|(row, _)| row == field);
        has(names, name) || tags.is_some_and(|(_, tags)| has(tags, name))
    })?;
    Some(Place {
        field: row.0,
        read: row.1,
    })
}

/// The typed secret that a variable holds.
pub fn secret(name: &str) -> Option<SecretName> {
    let row = SECRETS.iter().find(|(_, names)| has(names, name))?;
    Some(row.0)
}

/// Whether a variable holds a secret of any kind.
pub fn is_secret(name: &str) -> bool {
    let mut words = HIDDEN.split(' ');
    words.any(|word| name.contains(word)) && field(name).is_none()
}

/// Whether a map of that name is one answer.
pub fn is_whole(name: &str) -> bool {
    has(WORKERS, name)
}

/// Joins images that came in two parts; a tag without its image stays as it is and is told.
pub fn join_images(variables: &mut [Variable]) {
    for (field, tags) in TAGS {
        let names = ROWS
            .iter()
            .find(|(row, _, _)| row == field)
            .map(|row| row.2);
        let is_image = |one: &Variable| names.is_some_and(|names| has(names, &one.name));
        let tag = variables.iter().position(|one| has(tags, &one.name));
        let image = variables.iter().position(is_image);
        let (Some(tag), Some(image)) = (tag, image) else {
            continue;
        };
        let text = |place: usize| variables.get(place).and_then(|one| one.value.text());
        let (Some(said), Some(name)) = (text(tag), text(image)) else {
            continue;
        };
        if name
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'))
        {
            continue;
        }
        let whole = Value::Text(format!("{name}:{said}"));
        for place in [image, tag] {
            if let Some(one) = variables.get_mut(place) {
                one.value = whole.clone();
            }
        }
    }
}

/// The answers of a variable that holds several: Longhorn's backup target, `s3://BUCKET@REGION/FOLDER`.
pub fn several(name: &str, value: &Value) -> Option<Vec<(&'static str, String)>> {
    if ![
        "longhorn_backup_target",
        "backup_target",
        "backup_target_url",
    ]
    .contains(&name)
    {
        return None;
    }
    let text = value.text()?;
    let (bucket, rest) = text.strip_prefix("s3://")?.split_once('@')?;
    let (region, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let parts = [
        ("backups.bucket", bucket),
        ("backups.region", region),
        ("backups.prefix", prefix.trim_matches('/')),
    ];
    let filled = parts.into_iter().filter(|(_, text)| !text.is_empty());
    Some(
        filled
            .map(|(field, text)| (field, text.to_owned()))
            .collect(),
    )
}

fn text(value: &Value) -> Option<String> {
    value.text()
}

/// A name as a site has it: small letters and hyphens.
fn label(value: &Value) -> Option<String> {
    Some(value.text()?.to_lowercase().replace(['_', ' '], "-"))
}

/// The minor of a version: `v1.34.2` is 1.34.
fn minor(value: &Value) -> Option<String> {
    let text = value.text()?;
    let mut parts = text.trim_start_matches('v').split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

/// A host without the port behind it.
fn host(value: &Value) -> Option<String> {
    let text = value.text()?;
    let text = text.trim_start_matches("https://");
    Some(text.split([':', '/']).next()?.to_owned())
}

/// A server's address; one without a scheme answers over https.
fn endpoint(value: &Value) -> Option<String> {
    let text = value.text()?;
    Some(if text.contains("://") {
        text
    } else {
        format!("https://{text}")
    })
}

/// A size; a bare number counts GiB, as the reference's volumes do.
fn size(value: &Value) -> Option<String> {
    let text = value.text()?;
    let bare = text.chars().all(|letter| letter.is_ascii_digit());
    Some(if bare { format!("{text}Gi") } else { text })
}

/// Days, also as `30d`.
fn days(value: &Value) -> Option<String> {
    Some(value.text()?.trim_end_matches('d').to_owned())
}

fn on_off(value: &Value) -> Option<String> {
    match value.text()?.as_str() {
        "true" | "on" | "yes" | "1" => Some("on".to_owned()),
        "false" | "off" | "no" | "0" => Some("off".to_owned()),
        _ => None,
    }
}

fn metallb(value: &Value) -> Option<String> {
    let mode = if on_off(value)? == "on" {
        "metallb"
    } else {
        "node-port"
    };
    Some(mode.to_owned())
}

fn list(value: &Value) -> Option<String> {
    match value {
        Value::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(Value::text).collect();
            Some(items?.join(", "))
        }
        value => value.text(),
    }
}

/// Workers as `name=address`: a map of them, a list of maps, or a list of such texts.
fn workers(value: &Value) -> Option<String> {
    let address = |value: &Value, also: Option<&str>| match value {
        Value::Map(parts) => {
            let part = |names: &[&str]| {
                let found = parts
                    .iter()
                    .find(|(_, key, _)| names.contains(&key.as_str()));
                found.and_then(|(_, _, value)| value.text())
            };
            let name = also
                .map(str::to_owned)
                .or_else(|| part(&["name", "hostname", "node_name"]))?;
            Some(format!("{name}={}", part(&["ip", "address", "node_ip"])?))
        }
        value => match also {
            Some(name) => Some(format!("{name}={}", value.text()?)),
            None => value.text(),
        },
    };
    let all: Option<Vec<String>> = match value {
        Value::List(items) => items.iter().map(|item| address(item, None)).collect(),
        Value::Map(items) => items
            .iter()
            .map(|(_, key, item)| address(item, Some(key)))
            .collect(),
        value => return value.text(),
    };
    Some(all?.join(", "))
}

/// The name of a field, for tests that every row names one.
#[cfg(test)]
pub fn rows() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    ROWS.iter()
        .map(|(field, _, names)| (*field, names.split(' ').collect()))
}
