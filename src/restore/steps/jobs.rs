//! The jobs of a restore: one counts the rows of a database and fails when fewer are there than were promised, one sees to
//! it that the newest changes are in the bucket. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::made;
use crate::{
    plan::{COUNT, DATABASE, Database, JobRun, ObjectRef, Plan},
    problem::Problem,
    restore::Rows,
};

/// The label of a counting pod: whose rows it counts.
const COUNTS: &str = "care-install/counts";

/// The annotation of a job whose log is shown as the step's own.
const TELLS: &str = "care-install/tells";

const COUNTING: &str = r#"set -eu
printf '%s' "$COUNT" | psql -qAt -F ' ' -v ON_ERROR_STOP=1 > /tmp/rows
cat /tmp/rows
printf '%s\n' "$EXPECTED" | while read -r table wanted; do
  [ -n "$table" ] || continue
  found=$(awk -v table="$table" '$1 == "rows" && $2 == table {print $3}' /tmp/rows)
  [ "${found:-0}" -ge "$wanted" ] || { echo "$table has ${found:-0} rows, promised were $wanted"; exit 1; }
done
"#;

/// A change of its own closes what came before; PostgreSQL hands it on after its `archive_timeout` at the latest.
const ARCHIVING: &str = r#"set -eu
ask() { psql -qAt -v ON_ERROR_STOP=1 -c "$1"; }
ask "select pg_current_xact_id()" > /dev/null
wanted=$(ask "select pg_walfile_name(pg_current_wal_insert_lsn())")
tries=0
until [ "$(ask "select count(*) from pg_stat_archiver where left(last_archived_wal, 24) >= '$wanted'")" = 1 ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 300 ] || { echo "$wanted has not arrived in the bucket"; exit 1; }
  sleep 5
done
echo "every change until now is in the bucket, the last in $wanted"
"#;

/// The job that counts; a restore has jobs of its own: none is taken for that of another.
pub fn counting(database: &Database, begun: Timestamp) -> ObjectRef {
    named(database, "count", begun)
}

/// The job that waits until the newest changes are in the bucket.
pub fn archiving(database: &Database, begun: Timestamp) -> ObjectRef {
    named(database, "archive", begun)
}

fn named(database: &Database, what: &str, begun: Timestamp) -> ObjectRef {
    let stamp = begun.strftime("%Y%m%d%H%M%S");
    let name = format!("{}-{what}-{stamp}", database.cluster());
    ObjectRef::new("batch/v1", "Job", DATABASE, &name)
}

/// The job that waits until the newest changes of the database in use are in the bucket, of this name; outside of any restore.
///
/// # Errors
/// A mistake of ours in its form.
pub fn last_changes(database: &Database, image: &str, name: &str) -> Result<JobRun, Problem> {
    let jobs = Jobs {
        database,
        image: image.to_owned(),
        begun: Timestamp::UNIX_EPOCH,
    };
    let reference = ObjectRef::new("batch/v1", "Job", DATABASE, name);
    job(&reference, &json!({}), &jobs.pod("archive", ARCHIVING, &[]))
}

/// The jobs that ask one database.
pub struct Jobs<'a> {
    database: &'a Database,
    image: String,
    begun: Timestamp,
}

impl<'a> Jobs<'a> {
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
        }
    }

    /// Counts the rows; fails when fewer are there than expected.
    pub fn count(&self, expected: Option<&Rows>) -> Result<JobRun, Problem> {
        let lines = expected.iter().flat_map(|rows| &rows.0);
        let lines: Vec<String> = lines
            .map(|(table, count)| format!("{table} {count}"))
            .collect();
        let env = [("COUNT", COUNT), ("EXPECTED", &lines.join("\n"))];
        let pod = self.pod("count", COUNTING, &env);
        let labels = json!({COUNTS: self.database.cluster()});
        job(&counting(self.database, self.begun), &labels, &pod)
    }

    /// Waits until every change of before is in the bucket.
    pub fn archive(&self) -> Result<JobRun, Problem> {
        let pod = self.pod("archive", ARCHIVING, &[]);
        job(&archiving(self.database, self.begun), &json!({}), &pod)
    }

    fn pod(&self, name: &str, script: &str, more: &[(&str, &str)]) -> Value {
        let login = |key: &str| json!({"secretKeyRef": {"name": "pg-role-care", "key": key}});
        let host = format!("{}-rw.{DATABASE}.svc", self.database.cluster());
        let mut env = vec![
            json!({"name": "PGHOST", "value": host}),
            json!({"name": "PGDATABASE", "value": "care"}),
            json!({"name": "PGSSLMODE", "value": "require"}),
            json!({"name": "PGCONNECT_TIMEOUT", "value": "10"}),
            json!({"name": "PGUSER", "valueFrom": login("username")}),
            json!({"name": "PGPASSWORD", "valueFrom": login("password")}),
        ];
        let more = more.iter();
        env.extend(more.map(|(name, value)| json!({"name": name, "value": value})));
        json!({
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "containers": [{
                "name": name, "image": self.image, "command": ["sh", "-c", script], "env": env,
                "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
            }],
        })
    }
}

fn job(reference: &ObjectRef, labels: &Value, pod: &Value) -> Result<JobRun, Problem> {
    Ok(JobRun {
        objects: Vec::new(),
        job: made(json!({
            "apiVersion": reference.api_version, "kind": reference.kind,
            "metadata": {
                "name": reference.name, "namespace": DATABASE, "annotations": {TELLS: "log"},
            },
            "spec": {
                "backoffLimit": 4,
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }))?,
    })
}
