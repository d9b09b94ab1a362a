//! The command `capacity`: what the site asks of its nodes, with all of them and with one lost, and what other settings would ask.

use super::{Context, Failure};
use crate::{
    capacity::{self, Choice, Fit, Node, show},
    cli::{Capacity, Face},
    plain::output,
    plan::ObjectRef,
    problem::{Code, Exit, Problem},
    session::{Session, World},
    site::{FIELDS, Field, Group, Kind},
};

/// `capacity`
pub async fn capacity(context: &Context, arguments: Capacity) -> Result<Exit, Failure> {
    let session = context.open(context.place()?)?;
    let nodes = if arguments.live {
        live(&World::open(&session, &context.tools(None)).await?).await?
    } else {
        reference(&session)
    };
    let loads = capacity::loads(&session.plan()?);
    let fits = capacity::fits(&loads, &nodes);
    let choices = choices(&session, &nodes, show::whole(&loads, &rooms(&nodes)));
    let name = session.site.name.to_string();
    if context.face == Face::Json {
        output::json(&show::json(&name, (&loads, &fits), &choices));
    } else {
        output::text(&show::text(&name, (&loads, &fits), &choices));
    }
    Ok(match fits.iter().find(|fit| !fit.fits()) {
        None => Exit::Done,
        Some(Fit { lost: None, .. }) => Exit::Problem,
        Some(Fit { lost: Some(_), .. }) => Exit::Warnings,
    })
}

/// The nodes of the settings, as large as the reference has them.
fn reference(session: &Session) -> Vec<Node> {
    let nodes = &session.site.nodes;
    vec![
        Node::reference(nodes.primary.name.as_str(), "primary"),
        Node::reference(nodes.secondary.name.as_str(), "secondary"),
    ]
}

/// The nodes of the cluster with what they have for pods.
async fn live(world: &World) -> Result<Vec<Node>, Problem> {
    let of = ObjectRef::new("v1", "Node", "", "");
    let found = world.doors.kube.list(&of, "").await?;
    let nodes: Vec<Node> = found.iter().filter_map(|node| Node::read(node)).collect();
    if nodes.is_empty() {
        return Err(Problem::new(
            Code::K8s03,
            "No node of the cluster says what it has for pods.",
            "Look with `kubectl get nodes`; without --live the site is compared with the nodes of the reference.",
        ));
    }
    Ok(nodes)
}

fn rooms(nodes: &[Node]) -> Vec<capacity::Amount> {
    nodes.iter().map(|node| node.room).collect()
}

/// Every part that is not chosen, and what it would ask for in addition.
fn choices(session: &Session, nodes: &[Node], now: capacity::Amount) -> Vec<Choice> {
    let mut choices = Vec::new();
    for field in FIELDS
        .iter()
        .filter(|field| field.group == Group::Components)
    {
        let Kind::Choice(words) = field.kind else {
            continue;
        };
        let chosen = session.draft.value(field.id);
        for word in words
            .iter()
            .filter(|word| **word != "off" && **word != chosen)
        {
            let mut draft = session.draft.clone();
            draft.set(field.id, word);
            // What such a part asks for beside is answered as in the example.
            for (missing, _) in draft.problems() {
                if let Some(field) =
                    Field::find(missing).filter(|field| draft.get(field.id).is_empty())
                {
                    draft.set(field.id, field.example);
                }
            }
            // What cannot be combined with the other answers is no choice.
            let Ok(plan) = session.plan_with(&draft) else {
                continue;
            };
            let loads = capacity::loads(&plan);
            choices.push(Choice {
                setting: format!("{}={word}", field.id),
                more: show::whole(&loads, &rooms(nodes)).beyond(now),
                fits: capacity::fits(&loads, nodes),
            });
        }
    }
    choices
}
