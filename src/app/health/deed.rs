//! What a person can do by hand to what a row shows: in words, as the command it equals, and what it risks. Pure.

use jiff::Timestamp;

use super::row::{Row, place};
use crate::watch::view::ClusterView;

/// Letters of a job's name that its repetition keeps; names of Kubernetes have at most 63.
const NAME: usize = 48;

/// A workload whose pods are made anew by Kubernetes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// `Deployment`, `StatefulSet` or `DaemonSet`.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Workload {
    /// Of an owner, such as `Deployment odoo-web`.
    fn of(namespace: &str, owner: &str) -> Option<Self> {
        let (kind, name) = owner.split_once(' ')?;
        let known = ["Deployment", "StatefulSet", "DaemonSet"].contains(&kind);
        known.then(|| Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    fn path(&self) -> String {
        format!("{}/{}", self.kind.to_lowercase(), self.name)
    }
}

/// Something done by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// All pods of a workload are made anew, one after the other.
    Restart(Workload),
    /// A workload has so many pods from now on.
    Scale {
        /// Which.
        workload: Workload,
        /// How many.
        to: u32,
    },
    /// A pod is ended.
    DeletePod {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// What makes it anew, such as `Deployment odoo-web`; nothing when nobody does.
        owner: Option<String>,
    },
    /// A node takes no new pods.
    Cordon(String),
    /// A node takes pods again.
    Uncordon(String),
    /// All pods leave a node.
    Drain(String),
    /// A backup of a database is made.
    BackUp {
        /// Namespace.
        namespace: String,
        /// The database's Cluster.
        cluster: String,
    },
    /// A job does its work again.
    RunAgain {
        /// `Job` or `CronJob`.
        kind: &'static str,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// What the new job is called.
        new: String,
    },
    /// A certificate is ordered anew.
    Renew {
        /// Namespace.
        namespace: String,
        /// The Certificate of cert-manager.
        certificate: String,
    },
}

impl Deed {
    /// What it is called in a menu.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Restart(_) => "restart",
            Self::Scale { .. } => "scale",
            Self::DeletePod { .. } => "delete the pod",
            Self::Cordon(_) => "cordon",
            Self::Uncordon(_) => "uncordon",
            Self::Drain(_) => "drain",
            Self::BackUp { .. } => "back up now",
            Self::RunAgain { .. } => "run again",
            Self::Renew { .. } => "renew",
        }
    }

    /// What it does, as a sentence.
    pub fn what(&self) -> String {
        match self {
            Self::Restart(work) => format!(
                "Makes every pod of {} anew, one after the other.",
                work.name
            ),
            Self::Scale { workload, to: 0 } => {
                format!("Ends every pod of {}: it stands still.", workload.name)
            }
            Self::Scale { workload, to } => {
                format!("Lets {} have {}.", workload.name, pods(*to))
            }
            Self::DeletePod {
                name,
                owner: Some(owner),
                ..
            } => format!("Ends the pod {name}; {owner} makes another one."),
            Self::DeletePod { name, .. } => {
                format!("Ends the pod {name} for good: nobody makes another one.")
            }
            Self::Cordon(node) => format!("Lets {node} take no new pods; those on it go on."),
            Self::Uncordon(node) => format!("Lets {node} take pods again."),
            Self::Drain(node) => {
                format!("Empties {node}: its pods leave as their budgets allow, and none come.")
            }
            Self::BackUp { cluster, .. } => {
                format!("Makes a backup of the database {cluster} now.")
            }
            Self::RunAgain {
                kind, name, new, ..
            } => match *kind {
                "CronJob" => format!("Lets {name} begin its job now, as {new}."),
                _ => format!("Does the work of {name} once more, as {new}."),
            },
            Self::Renew { certificate, .. } => {
                format!("Lets cert-manager order the certificate {certificate} anew.")
            }
        }
    }

    /// The command that does the same.
    pub fn command(&self) -> String {
        match self {
            Self::Restart(work) => {
                format!(
                    "kubectl -n {} rollout restart {}",
                    work.namespace,
                    work.path()
                )
            }
            Self::Scale { workload, to } => format!(
                "kubectl -n {} scale {} --replicas={to}",
                workload.namespace,
                workload.path()
            ),
            Self::DeletePod {
                namespace, name, ..
            } => format!("kubectl -n {namespace} delete pod {name}"),
            Self::Cordon(node) => format!("kubectl cordon {node}"),
            Self::Uncordon(node) => format!("kubectl uncordon {node}"),
            Self::Drain(node) => {
                format!("kubectl drain {node} --ignore-daemonsets --delete-emptydir-data")
            }
            Self::BackUp { namespace, cluster } => format!(
                "kubectl cnpg backup {cluster} -n {namespace} --method plugin --plugin-name barman-cloud.cloudnative-pg.io"
            ),
            Self::RunAgain {
                kind: "CronJob",
                namespace,
                name,
                new,
            } => format!("kubectl -n {namespace} create job {new} --from=cronjob/{name}"),
            Self::RunAgain {
                namespace,
                name,
                new,
                ..
            } => format!(
                "kubectl -n {namespace} get job {name} -o json | jq 'del(.status, .spec.selector, .spec.template.metadata.labels) | .metadata = {{name: \"{new}\"}}' | kubectl -n {namespace} create -f -"
            ),
            Self::Renew {
                namespace,
                certificate,
            } => format!("cmctl renew -n {namespace} {certificate}"),
        }
    }

    /// What it risks.
    pub fn risk(&self) -> &'static str {
        match self {
            Self::Restart(work) if work.kind == "DaemonSet" => {
                "On each node it is away for a moment; what it does for that node stands still so long."
            }
            Self::Restart(_) => {
                "With one pod alone it is away until the new one is ready; with more, one of them always answers. Open requests of a pod that ends are broken off."
            }
            Self::Scale { to: 0, .. } => {
                "Whoever uses it gets errors until it is scaled up again. The next deploy sets the number of the site's settings back."
            }
            Self::Scale { .. } => {
                "The nodes need room for them. The next deploy sets the number of the site's settings back."
            }
            Self::DeletePod {
                owner: Some(owner), ..
            } if owner.starts_with("Cluster ") => {
                "Of a database: if it is the primary, another instance takes over and no write is taken meanwhile."
            }
            Self::DeletePod { owner: Some(_), .. } => {
                "Its open requests are broken off. What it kept outside of volumes is lost."
            }
            Self::DeletePod { .. } => {
                "What it kept outside of volumes is lost, and it does not come back."
            }
            Self::Cordon(_) => {
                "When another node fails meanwhile, its pods find no place here. Undo it with uncordon."
            }
            Self::Uncordon(_) => "None. Pods that are on other nodes stay there.",
            Self::Drain(_) => {
                "Pods with one copy are away until they run elsewhere; the database moves if its primary is here. No machine is left to fall back on until you uncordon it."
            }
            Self::BackUp { .. } => {
                "The database is a little slower while it is copied, and the bucket needs room for it."
            }
            Self::RunAgain { .. } => {
                "What it does is done twice: look at its log whether that is right. The job that is there stays as it is."
            }
            Self::Renew { .. } => {
                "Public authorities give out only a few certificates a week for the same names. The present one stays until the new one has come."
            }
        }
    }

    /// What has to be typed before it is done: the name of what is destroyed.
    pub fn typed(&self) -> Option<&str> {
        match self {
            Self::Drain(node) => Some(node),
            Self::Scale { workload, to: 0 } => Some(&workload.name),
            Self::DeletePod {
                name, owner: None, ..
            } => Some(name),
            Self::Restart(_)
            | Self::Scale { .. }
            | Self::DeletePod { .. }
            | Self::Cordon(_)
            | Self::Uncordon(_)
            | Self::BackUp { .. }
            | Self::RunAgain { .. }
            | Self::Renew { .. } => None,
        }
    }

    /// What is said once it is done.
    pub fn done(&self) -> String {
        match self {
            Self::Restart(work) => format!(
                "{} is restarted: its pods change one after the other.",
                work.name
            ),
            Self::Scale { workload, to } => {
                format!("{} is to have {} now.", workload.name, pods(*to))
            }
            Self::DeletePod { name, .. } => format!("{name} is asked to end."),
            Self::Cordon(node) => format!("{node} takes no new pods."),
            Self::Uncordon(node) => format!("{node} takes pods again."),
            Self::Drain(node) => {
                format!("{node} is drained; uncordon it when its maintenance is over.")
            }
            Self::BackUp { cluster, .. } => {
                format!("A backup of {cluster} has begun: see the list of backups.")
            }
            Self::RunAgain { new, .. } => format!("The job {new} has begun: see the list of jobs."),
            Self::Renew { certificate, .. } => format!("cert-manager orders {certificate} anew."),
        }
    }
}

/// So many pods, in words.
pub fn pods(count: u32) -> String {
    crate::app::words::counted(usize::try_from(count).unwrap_or(usize::MAX), "pod")
}

/// What can be done to what a row shows.
pub fn possible(row: Row<'_>, view: &ClusterView, now: Timestamp) -> Vec<Deed> {
    match row {
        Row::Pod(pod) => of_pod(&pod.namespace, &pod.name, &pod.owner, view),
        Row::Node(node) => of_node(&node.name, node.status.contains("cordoned")),
        Row::Backup(row) if !row.of.is_empty() => vec![Deed::BackUp {
            namespace: row.namespace.clone(),
            cluster: row.of.clone(),
        }],
        Row::Job(row) => vec![again(row.kind, &row.namespace, &row.name, now)],
        Row::Certificate(row) => row
            .renewed_by
            .strip_prefix("Certificate ")
            .map(|certificate| Deed::Renew {
                namespace: row.namespace.clone(),
                certificate: certificate.to_owned(),
            })
            .into_iter()
            .collect(),
        Row::Finding(row) => of_finding(&row.about, view, now),
        Row::Change(row) => of_finding(&row.about, view, now),
        Row::Event(row) => {
            let about = row.about.replacen(' ', &format!(" {}/", row.namespace), 1);
            of_finding(&about, view, now)
        }
        Row::Backup(_) | Row::Volume(_) | Row::Ingress(_) | Row::Release(_) => Vec::new(),
    }
}

fn of_finding(about: &str, view: &ClusterView, now: Timestamp) -> Vec<Deed> {
    let (namespace, name) = place(about);
    match about.split_once(' ').map(|(kind, _)| kind) {
        Some("Pod") => {
            let mut pods = view.pods.iter();
            let pod = pods.find(|row| row.namespace == namespace && row.name == name);
            pod.map_or_else(Vec::new, |pod| of_pod(namespace, name, &pod.owner, view))
        }
        Some("Node") => {
            let node = view.nodes.iter().find(|row| row.name == name);
            node.map_or_else(Vec::new, |node| {
                of_node(name, node.status.contains("cordoned"))
            })
        }
        Some(kind @ ("Deployment" | "StatefulSet" | "DaemonSet")) => {
            of_workload(namespace, &format!("{kind} {name}"), view)
        }
        Some("Cluster") => vec![Deed::BackUp {
            namespace: namespace.to_owned(),
            cluster: name.to_owned(),
        }],
        Some("Job") => vec![again("Job", namespace, name, now)],
        _ => Vec::new(),
    }
}

fn of_pod(namespace: &str, name: &str, owner: &str, view: &ClusterView) -> Vec<Deed> {
    let mut deeds = of_workload(namespace, owner, view);
    let made = !owner.is_empty() && !owner.starts_with("Pod ") && !owner.starts_with("Node ");
    deeds.push(Deed::DeletePod {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        owner: made.then(|| owner.to_owned()),
    });
    deeds
}

fn of_workload(namespace: &str, owner: &str, view: &ClusterView) -> Vec<Deed> {
    let Some(workload) = Workload::of(namespace, owner) else {
        return Vec::new();
    };
    let mut deeds = vec![Deed::Restart(workload.clone())];
    if workload.kind != "DaemonSet" {
        let pods = view.pods.iter();
        let mine = pods.filter(|row| row.namespace == namespace && row.owner == owner);
        let to = u32::try_from(mine.count()).unwrap_or(u32::MAX);
        deeds.push(Deed::Scale { workload, to });
    }
    deeds
}

fn of_node(node: &str, cordoned: bool) -> Vec<Deed> {
    let name = node.to_owned();
    let first = if cordoned {
        Deed::Uncordon(name.clone())
    } else {
        Deed::Cordon(name.clone())
    };
    vec![first, Deed::Drain(name)]
}

fn again(kind: &'static str, namespace: &str, name: &str, now: Timestamp) -> Deed {
    let kept: String = name.chars().take(NAME).collect();
    let stamp = now.strftime("%m%d-%H%M%S");
    Deed::RunAgain {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        new: format!("{}-{stamp}", kept.trim_end_matches(['-', '.'])),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::app::{
        fixture,
        health::{row, tab::Tab},
    };

    #[test]
    fn every_deed_says_what_it_does_what_it_equals_and_what_it_risks() {
        let view = fixture::cluster();
        let mut letter = String::new();
        for tab in Tab::ALL {
            for row in row::all(&view, tab) {
                for deed in possible(row, &view, fixture::at(0)) {
                    writeln!(
                        letter,
                        "{} | {}\n  {}\n  $ {}\n  {}\n  then: {}{}",
                        row.identity(),
                        deed.label(),
                        deed.what(),
                        deed.command(),
                        deed.risk(),
                        deed.done(),
                        deed.typed()
                            .map_or_else(String::new, |name| format!("\n  typed: {name}")),
                    )
                    .unwrap();
                }
            }
        }
        insta::assert_snapshot!("deeds", letter);
    }

    #[test]
    fn what_destroys_wants_a_name_and_a_new_job_has_a_name_that_is_allowed() {
        let work = Workload::of("care", "Deployment web").unwrap();
        let scale = |to| Deed::Scale {
            workload: work.clone(),
            to,
        };
        assert_eq!(scale(0).typed(), Some("web"));
        assert_eq!(scale(2).typed(), None);
        assert_eq!(Deed::Drain("primary".to_owned()).typed(), Some("primary"));
        let view = fixture::cluster();
        let bare = of_pod("care", "alone", "Pod alone", &view);
        assert_eq!(bare.len(), 1);
        assert_eq!(bare[0].typed(), Some("alone"));
        let Deed::RunAgain { new, .. } = again("Job", "a", &"long-".repeat(20), fixture::at(0))
        else {
            unreachable!("it is a job");
        };
        assert!(new.len() <= 63 && !new.contains("--"), "{new}");
    }
}
