//! The menu of the practice cluster: what goes wrong on it, and how its time passes. Pure.

use super::{Dialog, Does, Item, Menu, PracticeWish};
use crate::app::{
    known::Practice,
    words::{Tone, Words},
};

/// Speeds that can be chosen.
const SPEEDS: [(&str, &str); 3] = [
    ("1", "as fast as life"),
    ("20", "twenty times faster"),
    ("max", "the next due change at once"),
];

/// How a paused time is called.
const PAUSED: &str = "paused";

/// What is so now is marked by a word, so that no colour is needed.
fn marked(now: bool, hint: &str) -> String {
    if now {
        format!("NOW  {hint}")
    } else {
        format!("     {hint}")
    }
}

/// The switch of each machine.
fn machines(practice: &Practice) -> impl Iterator<Item = Item> + '_ {
    practice.machines.iter().map(|(node, runs)| {
        let (label, hint) = if *runs {
            ("off", "cuts the power of this machine")
        } else {
            ("on", "it starts within 90 s by its clock")
        };
        Item {
            label: format!("{node}: {label}"),
            hint: marked(false, hint),
            does: Does::Practice(PracticeWish::Machine(node.clone(), !runs)),
        }
    })
}

impl Dialog {
    /// The scenarios with the one that is played, and what can be done with time.
    pub fn practice(practice: &Practice) -> Self {
        let item = |label: &str, now: bool, hint: &str, wish| Item {
            label: label.to_owned(),
            hint: marked(now, hint),
            does: Does::Practice(wish),
        };
        let mut items: Vec<Item> = practice
            .scenarios
            .iter()
            .map(|(name, brief)| {
                let wish = PracticeWish::Play(name.clone());
                item(name, *name == practice.playing, brief, wish)
            })
            .collect();
        let paused = practice.pace == PAUSED;
        items.push(item(
            "clock: pause",
            paused,
            "time stands still",
            PracticeWish::Pause,
        ));
        items.push(item(
            "clock: step",
            false,
            "to the next due change, and pause",
            PracticeWish::Step,
        ));
        for (speed, hint) in SPEEDS {
            let wish = PracticeWish::Speed(speed.to_owned());
            items.push(item(
                &format!("clock: {speed}"),
                practice.pace == speed,
                hint,
                wish,
            ));
        }
        items.extend(machines(practice));
        let chosen = practice
            .scenarios
            .iter()
            .position(|(name, _)| *name == practice.playing);
        let body = if SPEEDS.iter().any(|(speed, _)| *speed == practice.pace) || paused {
            Vec::new()
        } else {
            vec![Words::new(
                Tone::Dim,
                format!(
                    "The clock passes {} times faster than in life.",
                    practice.pace
                ),
            )]
        };
        Self::Menu(Menu {
            title: "Practice: what goes wrong, and the clock".to_owned(),
            body,
            items,
            chosen: chosen.unwrap_or(0),
        })
    }
}
