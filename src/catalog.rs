//! What each component is, needs, sends and waits for, as data from `assets/catalog`; it knows no site. Pure.

mod component;
mod embedded;
pub mod standin;

pub use component::{
    BucketSpec, BucketsSpec, ComponentFile, HelmSpec, HttpSpec, JobSpec, PinSpec, ReadySpec,
    Remedy, StepFile,
};

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    plan::Stage,
    problem::{Code, Problem},
};

/// Stages in the order in which they are shown: id and title.
pub const STAGES: &[(&str, &str)] = &[
    ("foundation", "Foundation"),
    ("storage", "Storage"),
    ("network", "Network and certificate"),
    ("data", "Data"),
    ("care", "Care"),
    ("proof", "Proof"),
];

/// The whole catalogue, checked.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The components, each after those it needs.
    pub components: Vec<ComponentFile>,
}

impl Catalog {
    /// Reads the catalogue that is part of this program.
    ///
    /// # Errors
    /// Everything that is wrong with it, by file.
    pub fn load() -> Result<Self, Vec<Problem>> {
        Self::read(embedded::COMPONENTS)
    }

    /// Reads component files given as name and text.
    ///
    /// # Errors
    /// Everything that is wrong with them, by file.
    pub fn read(files: &[(&str, &str)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut components = Vec::new();
        for (name, text) in files {
            match serde_yaml::from_str::<ComponentFile>(text) {
                Ok(component) => {
                    problems.extend(faults(name, &component));
                    components.push(component);
                }
                Err(error) => problems.push(wrong(name, "it cannot be read").caused_by(&error)),
            }
        }
        problems.extend(unknown_needs(&components));
        if !problems.is_empty() {
            return Err(problems);
        }
        let components = in_order(components).map_err(|problem| vec![problem])?;
        Ok(Self { components })
    }

    /// A component by its id.
    pub fn component(&self, id: &str) -> Option<&ComponentFile> {
        self.components.iter().find(|component| component.id == id)
    }

    /// The part of it that a site has. A component that is left out is replaced by what it needs wherever it is needed.
    #[must_use]
    pub fn chosen(&self, has: impl Fn(&str) -> bool) -> Self {
        let mut components: Vec<ComponentFile> = Vec::new();
        let mut stands_for: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // Each comes after those it needs, so that one pass settles it.
        for component in &self.components {
            let mut needs: Vec<String> = Vec::new();
            for need in &component.needs {
                let settled = stands_for.get(need).cloned();
                for name in settled.unwrap_or_else(|| vec![need.clone()]) {
                    if !needs.contains(&name) {
                        needs.push(name);
                    }
                }
            }
            if has(&component.id) {
                components.push(ComponentFile {
                    needs,
                    ..component.clone()
                });
            } else {
                stands_for.insert(component.id.clone(), needs);
            }
        }
        Self { components }
    }

    /// The stages in order.
    pub fn stages() -> Vec<Stage> {
        let stage = |(id, title): &(&str, &str)| Stage {
            id: (*id).to_owned(),
            title: (*title).to_owned(),
        };
        STAGES.iter().map(stage).collect()
    }
}

/// A template by its name, such as `valkey/values.yaml`.
pub fn template(name: &str) -> Option<&'static str> {
    embedded::TEMPLATES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// Every template with its name.
pub fn templates() -> &'static [(&'static str, &'static str)] {
    embedded::TEMPLATES
}

fn wrong(file: &str, what: &str) -> Problem {
    Problem::new(
        Code::Plan01,
        format!("The catalogue file `{file}` is wrong: {what}."),
        "Report this: the catalogue is part of care-install. Nothing was changed.",
    )
}

/// What is wrong within one file.
fn faults(file: &str, component: &ComponentFile) -> Vec<Problem> {
    let mut found = Vec::new();
    if file.trim_end_matches(".yaml") != component.id {
        found.push(wrong(file, "its name and its id differ"));
    }
    if !STAGES.iter().any(|(id, _)| *id == component.stage) {
        let what = format!("it names an unknown stage `{}`", component.stage);
        found.push(wrong(file, &what));
    }
    let mut names = BTreeSet::new();
    for (index, step) in component.steps.iter().enumerate() {
        if step.when.is_some() && component.builds_on(index) {
            let what = format!(
                "a step builds on `{}`, which a site may be without",
                step.name
            );
            found.push(wrong(file, &what));
        }
        for need in step.needs.iter().flatten() {
            // Only a step above it: so the steps of a component never make a circle.
            if !names.contains(need) {
                let what = format!(
                    "step `{}` needs `{need}`, which is no step above it",
                    step.name
                );
                found.push(wrong(file, &what));
            }
        }
        if !names.insert(&step.name) {
            found.push(wrong(file, &format!("two steps are named `{}`", step.name)));
        }
        if step.kinds() != 1 {
            let what = format!("step `{}` must be of exactly one kind", step.name);
            found.push(wrong(file, &what));
        }
        for name in step.templates() {
            if template(name).is_none() {
                let what = format!("step `{}` names no template `{name}`", step.name);
                found.push(wrong(file, &what));
            }
        }
    }
    for pin in &component.pins {
        if pin.version.is_none() && !pin.name.contains("{{") {
            let what = format!("`{}` is pinned to no version", pin.name);
            found.push(wrong(file, &what));
        }
    }
    if component.steps.is_empty() {
        found.push(wrong(file, "it has no steps"));
    }
    found
}

fn unknown_needs(components: &[ComponentFile]) -> Vec<Problem> {
    let known: BTreeSet<&str> = components.iter().map(|component| &*component.id).collect();
    components
        .iter()
        .flat_map(|component| component.needs.iter().map(move |need| (component, need)))
        .filter(|(_, need)| !known.contains(need.as_str()))
        .map(|(component, need)| {
            let file = format!("{}.yaml", component.id);
            wrong(&file, &format!("it needs an unknown component `{need}`"))
        })
        .collect()
}

/// Puts each component after those it needs, else by stage and name; a circle is named.
fn in_order(components: Vec<ComponentFile>) -> Result<Vec<ComponentFile>, Problem> {
    let place = |component: &ComponentFile| {
        STAGES
            .iter()
            .position(|(id, _)| *id == component.stage)
            .unwrap_or(STAGES.len())
    };
    let mut left: BTreeMap<(usize, String), ComponentFile> = components
        .into_iter()
        .map(|component| ((place(&component), component.id.clone()), component))
        .collect();
    let mut done: Vec<ComponentFile> = Vec::new();
    while !left.is_empty() {
        let there = |need: &String| done.iter().any(|known| known.id == *need);
        let next = left
            .iter()
            .find(|(_, component)| component.needs.iter().all(there))
            .map(|(key, _)| key.clone());
        let Some(next) = next else {
            let names = circle(&left.into_values().collect::<Vec<_>>());
            let what = format!("its needs make a circle: {}", names.join(" needs "));
            let first = names.first().map_or("", String::as_str);
            return Err(wrong(&format!("{first}.yaml"), &what));
        };
        done.extend(left.remove(&next));
    }
    Ok(done)
}

/// The names along a circle, the first again at the end; every one of the given components needs another of them.
fn circle(left: &[ComponentFile]) -> Vec<String> {
    let mut walk: Vec<String> = left
        .first()
        .map(|first| first.id.clone())
        .into_iter()
        .collect();
    while let Some(here) = walk.last() {
        let needs = left
            .iter()
            .find(|one| one.id == *here)
            .map(|one| &one.needs);
        let next = needs
            .into_iter()
            .flatten()
            .find(|need| left.iter().any(|other| other.id == **need));
        let Some(next) = next.cloned() else { break };
        if let Some(start) = walk.iter().position(|seen| *seen == next) {
            walk.drain(..start);
            walk.push(next);
            break;
        }
        walk.push(next);
    }
    walk
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(id: &str, needs: &str, more: &str) -> String {
        format!(
            "id: {id}\ntitle: T\nsummary: S.\nservice: platform\nstage: data\nneeds: [{needs}]\npins: []\n\
             backup: none\nrestore: none\nsteps:\n- {{name: a, title: A, wait: {{}}, usual: 1s, limit: 1m}}\n{more}"
        )
    }

    fn problems(files: &[(&str, String)]) -> String {
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let found = Catalog::read(&files).unwrap_err();
        found
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_catalogue_of_this_program_is_right() {
        let catalog = Catalog::load().unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert_eq!(catalog.components.len(), 27);
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let text = problems(&[("x.yaml", file("x", "", "colour: red\n"))]);
        assert!(text.contains("x.yaml") && text.contains("colour"), "{text}");
    }

    #[test]
    fn an_unknown_need_is_refused_by_name() {
        let text = problems(&[("x.yaml", file("x", "nowhere", ""))]);
        assert!(text.contains("unknown component `nowhere`"), "{text}");
    }

    #[test]
    fn a_circle_is_refused_by_name() {
        let text = problems(&[
            ("x.yaml", file("x", "y", "")),
            ("y.yaml", file("y", "x", "")),
            ("a.yaml", file("a", "x", "")),
        ]);
        assert!(text.contains("circle: x needs y needs x"), "{text}");
    }

    #[test]
    fn a_step_that_needs_a_later_one_is_refused_by_name() {
        let more = "- {name: b, title: B, needs: [c], wait: {}, usual: 1s, limit: 1m}\n\
                    - {name: c, title: C, wait: {}, usual: 1s, limit: 1m}\n";
        let text = problems(&[("x.yaml", file("x", "", more))]);
        assert!(
            text.contains("step `b` needs `c`, which is no step above it"),
            "{text}"
        );
    }

    #[test]
    fn a_step_that_builds_on_one_that_may_be_missing_is_refused_by_name() {
        let more = "- {name: b, title: B, when: on, needs: [], wait: {}, usual: 1s, limit: 1m}\n\
                    - {name: c, title: C, wait: {}, usual: 1s, limit: 1m}\n";
        let text = problems(&[("x.yaml", file("x", "", more))]);
        assert!(
            text.contains("a step builds on `b`, which a site may be without"),
            "{text}"
        );
    }

    #[test]
    fn an_image_without_a_version_is_refused_by_name() {
        let text =
            file("x", "", "").replace("pins: []", "pins: [{kind: image, name: example.org/a}]");
        let text = problems(&[("x.yaml", text)]);
        assert!(
            text.contains("`example.org/a` is pinned to no version"),
            "{text}"
        );
    }

    #[test]
    fn a_step_of_two_kinds_is_refused_by_name() {
        let more = "- {name: b, title: B, wait: {}, confirm: Sure?, usual: 1s, limit: 1m}\n";
        let text = problems(&[("x.yaml", file("x", "", more))]);
        assert!(
            text.contains("step `b` must be of exactly one kind"),
            "{text}"
        );
    }

    #[test]
    fn every_template_is_used_and_every_file_of_the_folder_is_embedded() {
        let catalog = Catalog::load().unwrap();
        let used: BTreeSet<&str> = catalog
            .components
            .iter()
            .flat_map(|component| &component.steps)
            .flat_map(StepFile::templates)
            .collect();
        for (name, _) in templates() {
            assert!(used.contains(name), "{name} is used by no step");
        }
    }
}
