//! If this node stops now: for each node what becomes of each service, short and in full. Pure.

use crate::{
    app::words::{Tone, Words, about},
    watch::view::{ClusterView, NodeRow, ServiceStop, Stop},
};

/// Columns of a service's name in the full answer.
const NAME: usize = 26;

fn tone(stop: Stop) -> Tone {
    match stop {
        Stop::GoesOn => Tone::Good,
        Stop::Fewer => Tone::Plain,
        Stop::Pauses(_) => Tone::Warn,
        Stop::Ends => Tone::Bad,
    }
}

fn words(stop: Stop) -> String {
    match stop {
        Stop::GoesOn => "goes on".to_owned(),
        Stop::Fewer => "goes on, with less".to_owned(),
        Stop::Pauses(span) => format!("away for about {}", about(span)),
        Stop::Ends => "ends until it is back".to_owned(),
    }
}

/// One line for a node: what would be felt.
pub fn short(node: &NodeRow) -> Option<Words> {
    let worst = node.stops.iter().map(|one| one.stop).max()?;
    let felt: Vec<&ServiceStop> = node
        .stops
        .iter()
        .filter(|one| one.stop > Stop::Fewer)
        .collect();
    let text = if felt.is_empty() {
        "every service goes on".to_owned()
    } else {
        let parts: Vec<String> = felt
            .iter()
            .map(|one| format!("{} {}", one.service.title(), words(one.stop)))
            .collect();
        parts.join("; ")
    };
    let text = format!("If {} stops now: {text}.", node.name);
    Some(Words::new(
        tone(worst.min(Stop::Pauses(std::time::Duration::MAX))),
        text,
    ))
}

/// The full answer for every node.
pub fn full(view: &ClusterView) -> Vec<Words> {
    let mut story = Vec::new();
    for node in &view.nodes {
        if !story.is_empty() {
            story.push(Words::empty());
        }
        story.push(Words::new(
            Tone::Strong,
            format!("If {} stops now", node.name),
        ));
        if node.stops.is_empty() {
            let text = "It does not answer now: what you see is what has become of it.";
            story.push(Words::new(Tone::Dim, text).moved(2));
        }
        for one in &node.stops {
            let why = match one.why.as_str() {
                "" => String::new(),
                why => format!(" ({why})"),
            };
            let text = format!("{:<NAME$}{}{why}", one.service.title(), words(one.stop));
            story.push(Words::new(tone(one.stop), text).moved(2).labelled(NAME));
        }
        // What concerns no service alone: the API, volumes, budgets.
        let lines = node.details.iter();
        let head = format!("If {} stops now:", node.name);
        let more = lines.skip_while(|line| **line != head).skip(1);
        for line in more.take_while(|line| line.starts_with("  ")) {
            story.push(Words::new(Tone::Dim, line.trim()).moved(2));
        }
    }
    story
}
