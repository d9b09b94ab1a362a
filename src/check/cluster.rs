//! Asks the cluster for its version and its nodes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::time::timeout;

use super::{
    Asked, Verdict,
    judge::{
        self,
        cluster::{self as judgement, Expected},
    },
    list,
    run::{About, Desk},
};
use crate::{
    plan::ObjectRef,
    problem::Problem,
    site::Site,
    sys::kube::{Kube, Source},
};

/// How long the cluster may take for each answer.
pub const LIMIT: Duration = Duration::from_secs(12);

/// What the cluster said; nothing where it gave no answer in time.
struct Facts {
    version: Option<Result<String, Problem>>,
    nodes: Option<Result<Vec<Arc<Value>>, Problem>>,
}

/// Every node of the settings, with the role of the two machines.
fn expected(site: &Site) -> Vec<Expected> {
    let roles = [Some("primary"), Some("secondary")]
        .into_iter()
        .chain(core::iter::repeat(None));
    site.nodes
        .all()
        .into_iter()
        .zip(roles)
        .map(|((name, address), role)| Expected {
            name: name.to_string(),
            address: address.to_string(),
            role,
        })
        .collect()
}

async fn collect(source: &Source) -> Facts {
    let kube = match timeout(LIMIT, Kube::connect(source)).await {
        Ok(Ok(kube)) => kube,
        Ok(Err(error)) => {
            return Facts {
                version: Some(Err(error.problem)),
                nodes: None,
            };
        }
        Err(_elapsed) => {
            return Facts {
                version: None,
                nodes: None,
            };
        }
    };
    let every = ObjectRef::new("v1", "Node", "", "");
    let (version, nodes) = tokio::join!(
        timeout(LIMIT, kube.version()),
        timeout(LIMIT, kube.list(&every, "")),
    );
    Facts {
        version: version.ok().map(|answer| answer.map_err(Problem::from)),
        nodes: nodes.ok().map(|answer| answer.map_err(Problem::from)),
    }
}

/// Checks the family.
pub async fn run(asked: Asked, desk: Desk) {
    if !desk.wants(&[
        &list::ANSWERS,
        &list::VERSION,
        &list::PRESENT,
        &list::READY,
        &list::ROLE,
    ]) {
        return;
    }
    let began = Instant::now();
    let Some(source) = &asked.source else {
        return skip(&asked.site, &desk, "no cluster is named yet").await;
    };
    let facts = collect(source).await;
    let seconds = LIMIT.as_secs();
    let verdict = match &facts.version {
        Some(Ok(version)) => Verdict::Pass {
            seen: version.clone(),
        },
        Some(Err(problem)) => judgement::no_version(problem),
        None => judge::out_of_time(list::ANSWERS.code, seconds),
    };
    desk.tell(&list::ANSWERS, About::here("", began), verdict)
        .await;
    let verdict = match &facts.version {
        Some(Ok(version)) => judgement::version(version, asked.site.cluster.version.minor()),
        Some(Err(_)) | None => judge::skipped(NO_ANSWER),
    };
    desk.tell(&list::VERSION, About::here("", began), verdict)
        .await;
    match (&facts.nodes, &facts.version) {
        (Some(Ok(nodes)), _) => by_node(nodes, &asked.site, &desk, began).await,
        // The cluster answers, and does not tell its nodes: that is a failure of its own.
        (Some(Err(problem)), Some(Ok(_))) => {
            not_told(
                &asked.site,
                &desk,
                &judge::told("not told", problem.clone()),
            )
            .await;
        }
        (None, Some(Ok(_))) => {
            not_told(
                &asked.site,
                &desk,
                &judge::out_of_time(list::PRESENT.code, seconds),
            )
            .await;
        }
        (_, Some(Err(_)) | None) => not_told(&asked.site, &desk, &judge::skipped(NO_ANSWER)).await,
    }
}

/// Why checks of a cluster that does not answer are left out.
const NO_ANSWER: &str = "the cluster does not answer";

async fn by_node(nodes: &[Arc<Value>], site: &Site, desk: &Desk, began: Instant) {
    let expected = expected(site);
    for one in &expected {
        let about = About::node(&one.name, began);
        desk.tell(&list::PRESENT, about, judgement::present(nodes, one))
            .await;
        let Some(node) = judgement::find(nodes, one) else {
            let reason = judge::skipped("the cluster has no such node");
            desk.tell(&list::READY, about, reason.clone()).await;
            desk.tell(&list::ROLE, about, reason).await;
            continue;
        };
        let others: Vec<&Value> = expected
            .iter()
            .filter_map(|other| judgement::find(nodes, other))
            .collect();
        desk.tell(&list::READY, about, judgement::ready(node)).await;
        desk.tell(&list::ROLE, about, judgement::role(node, one, &others))
            .await;
    }
}

/// Nothing is known about the nodes: the first check of each says why, the others are left out.
async fn not_told(site: &Site, desk: &Desk, why: &Verdict) {
    for node in expected(site) {
        let about = About::node(&node.name, Instant::now());
        desk.tell(&list::PRESENT, about, why.clone()).await;
        for check in [&list::READY, &list::ROLE] {
            desk.tell(
                check,
                about,
                judge::skipped("nothing is known about the node"),
            )
            .await;
        }
    }
}

async fn skip(site: &Site, desk: &Desk, reason: &str) {
    for check in [&list::ANSWERS, &list::VERSION] {
        desk.tell(
            check,
            About::here("", Instant::now()),
            judge::skipped(reason),
        )
        .await;
    }
    for node in expected(site) {
        let about = About::node(&node.name, Instant::now());
        for check in [&list::PRESENT, &list::READY, &list::ROLE] {
            desk.tell(check, about, judge::skipped(reason)).await;
        }
    }
}
