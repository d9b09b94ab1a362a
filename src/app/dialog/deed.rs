//! Cards for what is done by hand: what can be done, how many, and whether it is meant. Pure.

use super::{Ask, Asked, Dialog, Does, Item, Menu, power};
use crate::app::{
    App, Effect,
    health::{
        self,
        deed::{Deed, pods},
        row::Row,
    },
    known::Here,
    words::{Tone, Words},
};
/// Most pods that a workload is given by hand.
const MOST: u32 = 50;

/// What can be done to the chosen row.
pub fn menu(app: &App) -> Option<Dialog> {
    let row = health::chosen_row(app)?;
    let deeds = health::deed::possible(row, &app.known.cluster, app.now);
    if deeds.is_empty() {
        return None;
    }
    let machine = match row {
        // The guided run wants the site's journal and lock.
        Row::Node(node) if app.known.here == Here::Site => power::items(node, &app.known.cluster),
        _ => Vec::new(),
    };
    let items = deeds.into_iter().map(|deed| Item {
        label: deed.label().to_owned(),
        hint: match &deed {
            Deed::Scale { to, .. } => format!("has {} now; asks how many", pods(*to)),
            deed => deed.what(),
        },
        does: Does::Ask(Box::new(deed)),
    });
    Some(Dialog::Menu(Menu {
        title: format!("Do something to {}", row.identity()),
        body: vec![Words::new(
            Tone::Dim,
            "Nothing is done before you have seen the command and said yes.",
        )],
        items: items.chain(machine).collect(),
        chosen: 0,
    }))
}

/// Asks whether it is meant; what destroys wants its name typed.
pub fn confirm(deed: Deed) -> Dialog {
    let title = format!("Really {}?", deed.label());
    if let Some(name) = deed.typed() {
        let title = format!("Type {name} to {}", deed.label());
        let hint = format!(
            "{}\n\n$ {}\n\nRisk: {}\n\nType {name} to do it.",
            deed.what(),
            deed.command(),
            deed.risk()
        );
        return Dialog::Ask(Box::new(Ask::reason(
            title,
            &hint,
            Asked::Deed(Box::new(deed)),
        )));
    }
    let body = vec![
        Words::new(Tone::Strong, deed.what()),
        Words::empty(),
        Words::new(Tone::Plain, format!("$ {}", deed.command())).labelled(2),
        Words::empty(),
        Words::new(Tone::Warn, format!("Risk: {}", deed.risk())),
    ];
    let item = |label: &str, hint: &str, does| Item {
        label: label.to_owned(),
        hint: hint.to_owned(),
        does,
    };
    let items = vec![
        item("no", "nothing is changed", Does::Nothing),
        item("yes", "do it now", Does::Do(Box::new(deed))),
    ];
    Dialog::Menu(Menu {
        title,
        body,
        items,
        chosen: 0,
    })
}

/// Goes on with what was chosen in the menu.
pub fn chosen(app: &mut App, deed: Deed) {
    app.dialog = Some(match deed {
        Deed::Scale { workload, to } => {
            let hint = format!(
                "{} has {} now. How many shall it have?",
                workload.name,
                pods(to)
            );
            Dialog::Ask(Box::new(Ask::reason(
                format!("Scale {}", workload.name),
                &hint,
                Asked::Copies(workload),
            )))
        }
        deed => confirm(deed),
    });
}

/// Takes the number of pods that was typed.
pub fn copies(app: &mut App, text: &str) {
    let Some(Dialog::Ask(ask)) = &mut app.dialog else {
        return;
    };
    let Asked::Copies(workload) = &ask.asked else {
        return;
    };
    let typed = text.trim().parse().ok().filter(|count| *count <= MOST);
    let Some(to) = typed else {
        ask.wrong = Some("A number from 0 to 50.");
        return;
    };
    let workload = workload.clone();
    app.dialog = Some(confirm(Deed::Scale { workload, to }));
}

/// Does what was typed for, if it was the right name.
pub fn named(app: &mut App, text: &str) -> Vec<Effect> {
    let Some(Dialog::Ask(ask)) = &mut app.dialog else {
        return Vec::new();
    };
    let Asked::Deed(deed) = &ask.asked else {
        return Vec::new();
    };
    if deed.typed() != Some(text.trim()) {
        ask.wrong = Some("That is not its name.");
        return Vec::new();
    }
    let deed = deed.clone();
    app.dialog = None;
    perform(app, *deed)
}

/// Does it.
pub fn perform(app: &mut App, deed: Deed) -> Vec<Effect> {
    app.notice = Some(format!("{} ...", deed.what().trim_end_matches('.')));
    vec![Effect::Do(Box::new(deed))]
}
