//! All machines of a site off and on again: what writes stops first, the machine that carries the API goes last and comes first. Pure.

use super::{Action, Ground, NodeDeed, Ready, SiteDeed, Steps, all_ready};

/// The stages of the way off.
pub const OFF: [(&str, &str); 4] = [
    ("look", "Look"),
    ("stop", "Stop what writes"),
    ("rest", "Let the rest go"),
    ("off", "Switch the machines off"),
];

/// The stages of the way back.
pub const ON: [(&str, &str); 4] = [
    ("on", "Switch the machines on"),
    ("database", "Wake the database"),
    ("start", "Start what writes"),
    ("proof", "Proof"),
];

pub fn off(steps: &mut Steps, ground: &Ground) {
    // A database that is not whole is not stopped by its operator, and a copy that is missing now may be the one that is needed.
    if let Some(database) = &ground.database {
        let names = ("database", "The database is whole");
        steps.site(0, names, SiteDeed::Sound(database.clone()));
    }
    if ground.volumes {
        let names = ("volumes", "Every volume has its copies");
        steps.site(0, names, SiteDeed::Whole);
    }
    if !ground.writers.is_empty() {
        let names = ("writers", "Care and all that writes stops");
        steps.site(1, names, SiteDeed::StopWriters(ground.writers.clone()));
    }
    if let Some(database) = &ground.database {
        if let Some(job) = &ground.archive {
            let deed = SiteDeed::Copied {
                database: database.clone(),
                job: Box::new(job.clone()),
            };
            steps.site(1, ("copied", "The last changes are in the bucket"), deed);
        }
        // Before the nodes are closed: an operator moves the primary away from a node that is closed.
        let names = ("rest", "The database stops in order");
        steps.site(2, names, SiteDeed::Rest(database.clone()));
    }
    for machine in &ground.machines {
        let (name, title) = named("close", "No new pods on", &machine.name);
        steps.node(2, (&name, &title), (&machine.name, NodeDeed::Close));
    }
    if ground.volumes {
        steps.site(2, ("detach", "Every volume is let go"), SiteDeed::Detach);
    }
    for machine in &ground.machines {
        let deed = machine.switched_off();
        let (name, title) = named("off", "Switch off", &machine.name);
        steps.node(3, (&name, &title), (&machine.name, deed));
    }
}

pub fn on(steps: &mut Steps, ground: &Ground) {
    let machines = || ground.machines.iter().rev();
    for machine in machines() {
        let deed = NodeDeed::SwitchedOn(machine.on.clone());
        let (name, title) = named("on", "Switch on", &machine.name);
        steps.node(0, (&name, &title), (&machine.name, deed));
        let (name, title) = named("clock", "The clock of", &machine.name);
        steps.node(0, (&name, &title), (&machine.name, NodeDeed::Clock));
    }
    for machine in machines() {
        let (name, title) = named("open", "Pods start on", &machine.name);
        steps.node(0, (&name, &title), (&machine.name, NodeDeed::Open));
    }
    if let Some(database) = &ground.database {
        let names = ("wake", "The database runs again");
        steps.site(1, names, SiteDeed::Wake(database.clone()));
    }
    if ground.volumes {
        let names = ("copies", "Volumes have their copies");
        steps.site(1, names, SiteDeed::Whole);
    }
    let ready = ground.writers.iter().cloned().map(Ready::Object).collect();
    let names = ("start", "Care and all that writes starts");
    steps.add(2, names, Action::Site(SiteDeed::StartWriters), ready);
    let every = all_ready(&["Deployment", "StatefulSet", "DaemonSet"]);
    steps.add(3, ("programs", "Every program runs"), Action::Wait, every);
    for proof in &ground.proofs {
        let mut proof = proof.clone();
        proof.stage = 3;
        steps.push(proof);
    }
}

/// The name and the title of a step for one machine.
fn named(name: &str, title: &str, node: &str) -> (String, String) {
    (format!("{name}-{node}"), format!("{title} {node}"))
}
