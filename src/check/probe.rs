//! What is seen about the answers while they are typed: the same questions as the checks, quicker, and never in the way.

use std::{path::PathBuf, time::Duration};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use tokio::{task::spawn_blocking, time::timeout};

use super::{
    Verdict,
    certificate::Files,
    dns::{made_up, resolver},
    judge::{
        self,
        certificate::{self as by_certificate, Facts},
        dns::Question,
        ssh::Node,
    },
};
use crate::{
    problem::{Code, Problem},
    site::{
        AddressPool, Endpoint, Entrance, Entrances, FilePath, Fqdn, HOSTS, Line, NodeName,
        SiteDraft, Version, Worker,
    },
    sys::{
        Routes, greeting,
        kube::{Kube, Source},
        ssh,
    },
};

/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(4);

/// Looks at a time.
const AT_ONCE: usize = 16;

/// What was seen about an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The field's id.
    pub field: String,
    /// What was seen, or what is wrong, each one line.
    pub seen: Result<String, String>,
}

type Look = (String, BoxFuture<'static, Option<Verdict>>);

/// What was seen about the answers while they are typed (wizard): each field that can be looked at and whose answer is
/// valid by itself. Quick, with limits; in the order of the fields.
pub async fn probe(draft: SiteDraft, folder: PathBuf, routes: Routes) -> Vec<Seen> {
    let files = certificate(&draft, folder.clone(), &routes);
    let looking = all(looks(&draft, &folder, &routes));
    let (looks, files) = tokio::join!(looking, timeout(LIMIT, files));
    let looks = looks.into_iter();
    merged(looks.chain(files.unwrap_or_default()).collect())
}

/// The same of one field; nothing when there is nothing to say about it.
pub async fn probe_field(
    field: &str,
    draft: SiteDraft,
    folder: PathBuf,
    routes: Routes,
) -> Option<Seen> {
    let seen = if field.starts_with("certificate.") {
        let files = certificate(&draft, folder, &routes);
        timeout(LIMIT, files).await.unwrap_or_default()
    } else {
        let mut looks = looks(&draft, &folder, &routes);
        looks.retain(|(of, _)| of == field);
        merged(all(looks).await)
    };
    seen.into_iter().find(|seen| seen.field == field)
}

fn looks(draft: &SiteDraft, folder: &std::path::Path, routes: &Routes) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::new();
    nodes(draft, routes, &mut looks);
    names(draft, routes, &mut looks);
    servers(draft, routes, &mut looks);
    // In practice, nobody looks at a real cluster or a real bucket.
    if !routes.are_played() {
        cluster(draft, folder, &mut looks);
        bucket(draft, &mut looks);
    }
    looks
}

async fn all(looks: Vec<Look>) -> Vec<Seen> {
    let looks: Vec<_> = looks.into_iter().map(look_at).collect();
    let seen = stream::iter(looks).buffered(AT_ONCE).collect::<Vec<_>>();
    seen.await.into_iter().flatten().collect()
}

/// Waits for one look, no longer than its limit.
fn look_at((field, look): Look) -> BoxFuture<'static, Option<Seen>> {
    let looking = async move {
        match timeout(LIMIT, look).await {
            Ok(verdict) => seen(field, verdict),
            Err(_elapsed) => Some(Seen {
                field,
                seen: Err(format!("No answer within {} s.", LIMIT.as_secs())),
            }),
        }
    };
    looking.boxed()
}

/// One line per field: of a list, the first thing that is wrong, else everything that was seen.
fn merged(all: Vec<Seen>) -> Vec<Seen> {
    let mut merged: Vec<Seen> = Vec::new();
    for one in all {
        let Some(known) = merged.iter_mut().find(|known| known.field == one.field) else {
            merged.push(one);
            continue;
        };
        known.seen = match (
            core::mem::replace(&mut known.seen, Ok(String::new())),
            one.seen,
        ) {
            (Ok(seen), Ok(more)) => Ok(format!("{seen}, {more}")),
            (Err(wrong), _) | (_, Err(wrong)) => Err(wrong),
        };
    }
    merged
}

/// One line of a verdict; nothing when there is nothing to say.
fn seen(field: String, verdict: Option<Verdict>) -> Option<Seen> {
    let seen = match verdict? {
        Verdict::Pass { seen } | Verdict::Warn { seen, .. } => Ok(seen),
        Verdict::Fail { problem, .. } => Err(one_line(&problem)),
        Verdict::Skipped { .. } => return None,
    };
    Some(Seen { field, seen })
}

fn one_line(problem: &Problem) -> String {
    match problem.causes.first() {
        Some(cause) => format!("{} ({cause})", problem.what),
        None => problem.what.clone(),
    }
}

/// Whether the field's answer is one to look at.
fn is_good(draft: &SiteDraft, field: &str) -> bool {
    !draft.value(field).is_empty() && draft.check(field).is_none()
}

fn nodes(draft: &SiteDraft, routes: &Routes, looks: &mut Vec<Look>) {
    let mut look = |field: &str, node: Node| {
        let routes = routes.clone();
        let look = async move {
            let banner = ssh::banner(&node.address, node.port, &routes).await;
            Some(match judge::ssh::judge(&node, &banner) {
                // One of several.
                Verdict::Pass { seen } if node.port_field.is_none() => Verdict::Pass {
                    seen: format!("{}: {seen}", node.name),
                },
                verdict => verdict,
            })
        };
        looks.push((field.to_owned(), look.boxed()));
    };
    for (name, address, port_field) in [
        (
            "nodes.primary.name",
            "nodes.primary.address",
            "nodes.primary.ssh_port",
        ),
        (
            "nodes.secondary.name",
            "nodes.secondary.address",
            "nodes.secondary.ssh_port",
        ),
    ] {
        if let (true, Some(port)) = (is_good(draft, address), draft.read::<u16>(port_field)) {
            let node = Node {
                name: draft.value(name),
                address: draft.value(address),
                port,
                port_field: Some(port_field),
            };
            look(address, node);
        }
    }
    for worker in draft
        .read::<Vec<Worker>>("nodes.workers")
        .unwrap_or_default()
    {
        let node = Node {
            name: worker.name.to_string(),
            address: worker.address.to_string(),
            port: 22,
            port_field: None,
        };
        look("nodes.workers", node);
    }
}

/// Where names lead, as far as it is known already.
fn entrances(draft: &SiteDraft) -> Entrances {
    if draft.value("exposure.mode").eq_ignore_ascii_case("metallb") {
        let pool = draft.read::<AddressPool>("exposure.pool");
        return pool.map(Entrances::of_pool).unwrap_or_default();
    }
    let node = |name, address| {
        Some(Entrance {
            name: draft.read::<NodeName>(name)?.to_string(),
            address: draft.read(address)?,
        })
    };
    Entrances::on_nodes(
        node("nodes.primary.name", "nodes.primary.address"),
        node("nodes.secondary.name", "nodes.secondary.address"),
        !draft.list("domains.public").is_empty(),
    )
}

fn names(draft: &SiteDraft, routes: &Routes, looks: &mut Vec<Look>) {
    let entrances = entrances(draft);
    let public = draft.list("domains.public");
    let mut look = |field: String, code: Code, (name, asked): (String, String), public: bool| {
        let routes = routes.clone();
        let targets = match code {
            Code::Dns03 => entrances.all(),
            _ => entrances.of(public).to_vec(),
        };
        let look = async move {
            let answer = match resolver(None, &routes) {
                Ok(resolver) => resolver.ask(&asked).await,
                Err(problem) => return Some(judge::told("none", problem)),
            };
            let question = Question {
                code,
                name: &name,
                asked: &asked,
                server: None,
                targets: &targets,
                public,
            };
            Some(judge::dns::judge(&question, &answer))
        };
        looks.push((field, look.boxed()));
    };
    if let Some(base) = draft.read::<Fqdn>("domains.base") {
        let asked = format!("{}.{base}", made_up());
        look(
            "domains.base".to_owned(),
            Code::Dns03,
            (format!("*.{base}"), asked),
            !public.is_empty(),
        );
    }
    for short in HOSTS {
        let field = format!("domains.{short}");
        if let Some(name) = draft.read::<Fqdn>(&field) {
            let name = name.to_string();
            look(
                field,
                Code::Dns02,
                (name.clone(), name),
                public.iter().any(|public| public == short),
            );
        }
    }
}

fn servers(draft: &SiteDraft, routes: &Routes, looks: &mut Vec<Look>) {
    if !is_good(draft, "exposure.dns_servers") {
        return;
    }
    for server in draft.list("exposure.dns_servers") {
        let routes = routes.clone();
        let asked = match draft.read::<Fqdn>("domains.base") {
            Some(base) => format!("{}.{base}", made_up()),
            None => "localhost.localdomain".to_owned(),
        };
        let look = async move {
            let answer = match resolver(Some(&server), &routes) {
                Ok(resolver) => resolver.ask(&asked).await,
                Err(problem) => return Some(judge::told("none", problem)),
            };
            Some(match judge::dns::server(Some(&server), &[answer]) {
                Verdict::Pass { .. } => Verdict::Pass {
                    seen: format!("{server} answers"),
                },
                verdict => verdict,
            })
        };
        looks.push(("exposure.dns_servers".to_owned(), look.boxed()));
    }
}

fn cluster(draft: &SiteDraft, folder: &std::path::Path, looks: &mut Vec<Look>) {
    let file = draft.read::<FilePath>("cluster.kubeconfig");
    let Some(file) = file else { return };
    let source = Source::Kubeconfig {
        file: Some(super::certificate::path(folder, file.as_str())),
        context: draft
            .read::<Line>("cluster.context")
            .map(|context| context.to_string()),
    };
    let wanted = draft.read::<Version>("cluster.version");
    let look = async move {
        let kube = match Kube::connect(&source).await {
            Ok(kube) => kube,
            Err(error) => return Some(judge::told("not usable", error.problem)),
        };
        Some(match (kube.version().await, wanted) {
            (Ok(version), Some(wanted)) => judge::cluster::version(&version, wanted.minor()),
            (Ok(version), None) => Verdict::Pass { seen: version },
            (Err(error), _) => judge::told("no answer", error.problem),
        })
    };
    looks.push(("cluster.kubeconfig".to_owned(), look.boxed()));
}

/// Whether something answers where the backups go, and over TLS whether this computer trusts it. Nobody logs in.
fn bucket(draft: &SiteDraft, looks: &mut Vec<Look>) {
    let Some(endpoint) = draft.read::<Endpoint>("backups.endpoint") else {
        return;
    };
    let look = async move {
        Some(match greeting::greet(endpoint.as_str()).await {
            Ok(greeted) => Verdict::Pass {
                seen: greeted.words(),
            },
            Err(problem) => judge::told("no answer", problem),
        })
    };
    looks.push(("backups.endpoint".to_owned(), look.boxed()));
}

/// The certificate's files; of the certificate, the first thing that is wrong.
async fn certificate(draft: &SiteDraft, folder: PathBuf, routes: &Routes) -> Vec<Seen> {
    const CHAIN: &str = "certificate.chain_file";
    const KEY: &str = "certificate.key_file";
    let (has_chain, has_key) = (is_good(draft, CHAIN), is_good(draft, KEY));
    if !has_chain && !has_key {
        return Vec::new();
    }
    let names = HOSTS
        .iter()
        .filter_map(|short| draft.read::<Fqdn>(&format!("domains.{short}")));
    let files = Files {
        folder,
        chain: draft.value(CHAIN),
        key: draft.value(KEY),
        names: names.map(|name| name.to_string()).collect(),
        now: jiff::Timestamp::now(),
    };
    let routes = routes.clone();
    let Ok(facts) = spawn_blocking(move || files.collect(&routes)).await else {
        return Vec::new();
    };
    let chain = has_chain.then(|| seen(CHAIN.to_owned(), Some(of_chain(&facts))));
    let key = has_key.then(|| seen(KEY.to_owned(), Some(of_key(&facts, has_chain))));
    chain.into_iter().chain(key).flatten().collect()
}

fn of_chain(facts: &Facts) -> Verdict {
    let judgements = [
        by_certificate::readable,
        by_certificate::dates,
        by_certificate::covered,
        by_certificate::usage,
        by_certificate::chain,
        by_certificate::strength,
    ];
    let wrong = |verdict: &Verdict| matches!(verdict, Verdict::Fail { .. });
    let first = judgements
        .into_iter()
        .map(|judgement| judgement(facts))
        .find(wrong);
    first.unwrap_or_else(|| by_certificate::dates(facts))
}

fn of_key(facts: &Facts, has_chain: bool) -> Verdict {
    match by_certificate::key(facts) {
        // The key was read, and there is nothing to compare it with.
        Verdict::Skipped { .. } if !has_chain => Verdict::Pass {
            seen: "a private key".to_owned(),
        },
        verdict => verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_one_line_and_what_is_wrong_wins() {
        let seen = |field: &str, seen: Result<&str, &str>| Seen {
            field: field.to_owned(),
            seen: seen.map(str::to_owned).map_err(str::to_owned),
        };
        let all = vec![
            seen("a", Ok("one")),
            seen("b", Ok("one")),
            seen("a", Ok("two")),
            seen("b", Err("wrong")),
            seen("b", Ok("three")),
            seen("b", Err("later")),
        ];
        assert_eq!(
            merged(all),
            [seen("a", Ok("one, two")), seen("b", Err("wrong"))]
        );
    }
}
