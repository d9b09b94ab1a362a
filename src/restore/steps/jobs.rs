//! The job that counts the rows of a database, and fails when fewer are there than were promised. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::made;
use crate::{
    plan::{DATABASE, Database, JobRun, ObjectRef, Plan},
    problem::Problem,
    restore::Rows,
};

/// The label of a counting pod: whose rows it counts.
const COUNTS: &str = "care-install/counts";

/// The annotation of a job whose log is shown as the step's own.
const TELLS: &str = "care-install/tells";

/// Every table with its exact number of rows, one `rows TABLE NUMBER` a line. The first query is a change of its own:
/// PostgreSQL recognizes that a moment has passed only by a later change.
const SCRIPT: &str = r#"set -eu
psql -qAt -c "select pg_current_xact_id()" >/dev/null
psql -qAt -F " " -c "select 'rows', table_schema || '.' || table_name,
 (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %I.%I', table_schema, table_name), false, true, '')))[1]::text
 from information_schema.tables
 where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema') order by 2" > /tmp/rows
cat /tmp/rows
printf '%s\n' "$EXPECTED" | while read -r table wanted; do
  [ -n "$table" ] || continue
  found=$(awk -v table="$table" '$2 == table {print $3}' /tmp/rows)
  [ "${found:-0}" -ge "$wanted" ] || { echo "$table has ${found:-0} rows, promised were $wanted"; exit 1; }
done
"#;

/// A restore has jobs of its own: none is taken for that of another.
pub fn reference(database: &Database, begun: Timestamp) -> ObjectRef {
    let stamp = begun.strftime("%Y%m%d%H%M%S");
    let name = format!("{}-count-{stamp}", database.cluster());
    ObjectRef::new("batch/v1", "Job", DATABASE, &name)
}

/// What is counted.
pub struct Counting<'a> {
    database: &'a Database,
    image: String,
    begun: Timestamp,
    expected: String,
}

impl<'a> Counting<'a> {
    /// With the image of the database itself.
    pub fn new(database: &'a Database, plan: &Plan, begun: Timestamp) -> Self {
        let clusters = plan.steps.iter().flat_map(|step| step.action.objects());
        let image = clusters
            .filter(|object| object.reference().kind == "Cluster")
            .find_map(|object| object.value().pointer("/spec/imageName")?.as_str());
        Self {
            database,
            image: image.unwrap_or_default().to_owned(),
            begun,
            expected: String::new(),
        }
    }

    /// Fails when fewer rows are there.
    pub fn expecting(mut self, rows: Option<&Rows>) -> Self {
        let lines = rows.iter().flat_map(|rows| &rows.0);
        let lines: Vec<String> = lines
            .map(|(table, count)| format!("{table} {count}"))
            .collect();
        self.expected = lines.join("\n");
        self
    }

    /// The job.
    pub fn run(&self) -> Result<JobRun, Problem> {
        let reference = reference(self.database, self.begun);
        let cluster = self.database.cluster();
        Ok(JobRun {
            objects: Vec::new(),
            job: made(json!({
                "apiVersion": reference.api_version, "kind": reference.kind,
                "metadata": {
                    "name": reference.name, "namespace": DATABASE, "annotations": {TELLS: "log"},
                },
                "spec": {"backoffLimit": 4, "template": {
                    "metadata": {"labels": {COUNTS: cluster}},
                    "spec": self.pod(&cluster),
                }},
            }))?,
        })
    }

    fn pod(&self, cluster: &str) -> Value {
        let login = |key: &str| json!({"secretKeyRef": {"name": "pg-role-care", "key": key}});
        json!({
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "containers": [{
                "name": "count", "image": self.image, "command": ["sh", "-c", SCRIPT],
                "env": [
                    {"name": "PGHOST", "value": format!("{cluster}-rw.{DATABASE}.svc")},
                    {"name": "PGDATABASE", "value": "care"},
                    {"name": "PGSSLMODE", "value": "require"},
                    {"name": "PGCONNECT_TIMEOUT", "value": "10"},
                    {"name": "PGUSER", "valueFrom": login("username")},
                    {"name": "PGPASSWORD", "valueFrom": login("password")},
                    {"name": "EXPECTED", "value": self.expected},
                ],
                "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
            }],
        })
    }
}
