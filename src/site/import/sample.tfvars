# environments/st-marys/variables.tfvars, as a site of the reference might have written it.

// The machines.
primary_node_name       = "ward-server-1"
secondary_node_name     = "ward-server-2"
primary_node_ip         = "192.168.20.11"
secondary_node_ip       = "192.168.20.12"
primary_ssd_data_path   = "/data/ssd"
primary_hdd_data_path   = "/data/hdd"
secondary_ssd_data_path = "/data/ssd"
secondary_hdd_data_path = "/data/hdd"
ssh_user                = "deployer" # no setting of the reference: it is told

worker_nodes = {
  imaging = "192.168.20.13"
  "lab"   = { ip = "192.168.20.14" }
}

/* Names: a public and a local one
   for each service. */
care_public_domain        = "care.hospital.org"
care_local_domain         = "care.hospital.lan"
careapi_public_domain     = "careapi.hospital.org"
careapi_local_domain      = "careapi.hospital.lan"
objectstore_public_domain = "s3.hospital.org"
odoo_public_domain        = "odoo.hospital.org"
odoo_local_domain         = "erp.hospital.org"
metabase_public_domain    = "metabase.hospital.org"
grafana_local_domain      = "charts.hospital.org"
registry_local_domain     = "zot.hospital.org"

kubernetes_version = "v1.34.2"
kube_api_host      = "kube-api.internal:6443"
pod_subnet         = "10.244.0.0/16"
service_subnet     = "10.96.0.0/16"
kubeconfig_path    = "kubeconfig.yaml"

longhorn_replica_count = 2
postgres_volume_size   = 80
rustfs_volume_size     = "400Gi"

s3_endpoint            = "s3.ap-south-1.amazonaws.com"
longhorn_backup_target = "s3://st-marys-backups@ap-south-1/"
backup_retention_days  = 45
enable_monitoring      = true
dns_servers            = ["192.168.20.1", "1.1.1.1"]

care_be_image     = "zot.hospital.org/care-be"
care_be_image_tag = "v25.40.0"
care_fe_image     = "zot.hospital.org/care-fe:v25.40.0"
admin_email       = "it@hospital.org"

smtp = {
  host     = "mail.hospital.org"
  port     = 587
  username = "care"
  from     = "care@hospital.org"
}

django_secret_key = "canary-of-django"
postgres_password = "canary-of-postgres"
care_plugs = <<-JSON
  [{"name": "care_odoo", "package_name": "git+https://example.org/odoo"}]
JSON
extra_labels = merge(var.labels, {
  site = "st-marys"
})
