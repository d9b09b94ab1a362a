//! Sick clusters: a healthy site with one thing wrong, as a real cluster would show it, and what the health screen says first.
//!
//! Each sickness changes the objects of the deployed sample site with all its components and is looked at ten minutes later. The
//! golden file is read like a letter: the sickness, the finding that stands first, and what is told under it.

mod apps;
mod data;
mod machines;
mod real;
mod world;

use std::{collections::BTreeMap, fmt::Write as _};

use care_install::{
    problem::Code,
    watch::view::{Finding, Health},
};

use crate::scenes::steady;
use world::World;

/// A sickness: what a person would call it, the codes of its findings (mostly one), and how it looks.
pub type Sickness = (&'static str, &'static str, fn(&mut World));

fn all() -> impl Iterator<Item = &'static Sickness> + Clone {
    machines::ALL.iter().chain(data::ALL).chain(apps::ALL)
}

#[test]
fn the_healthy_site_with_everything_gives_no_finding() {
    let world = World::healthy();
    assert_eq!(world.view().findings, []);
}

#[test]
fn every_sickness_gives_its_own_finding_first_and_not_ten_symptoms() {
    let mut letter = String::new();
    let mut wrong = Vec::new();
    for (sickness, code, strikes) in all() {
        let mut world = World::healthy();
        strikes(&mut world);
        let view = world.view();
        writeln!(letter, "======== {sickness}\n").unwrap();
        let causes: Vec<&Finding> = view.causes().collect();
        let codes: Vec<&str> = causes
            .iter()
            .map(|cause| cause.problem.code.as_str())
            .collect();
        if codes.join(" ") != *code {
            wrong.push(format!("{sickness}: {codes:?} and not {code}"));
        }
        for cause in causes {
            letter.push_str(&steady(&told(cause, world.began())));
            let mut effects = BTreeMap::new();
            for effect in view.effects(cause) {
                let what = steady(&format!("{} {}", effect.problem.code, effect.problem.what));
                *effects.entry(what).or_insert(0) += 1;
            }
            for (what, times) in effects {
                let times = if times > 1 {
                    format!(" ({times} times)")
                } else {
                    String::new()
                };
                writeln!(letter, "    follows: {what}{times}").unwrap();
            }
        }
        let services: Vec<String> = view
            .services
            .iter()
            .filter(|row| row.health != Health::Good)
            .map(|row| format!("{} {}", row.service.title(), row.health.word()))
            .collect();
        writeln!(letter, "    services: {}\n", services.join(", ")).unwrap();
    }
    insta::assert_snapshot!("sick-clusters", letter);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn there_are_more_than_forty_and_each_is_told_by_a_code_that_is_explained() {
    let mut codes = all().flat_map(|(_, codes, _)| codes.split(' '));
    assert!(all().count() >= 40);
    assert!(codes.all(|code| Code::parse(code).is_some()));
}

fn told(finding: &Finding, began: jiff::Timestamp) -> String {
    let problem = &finding.problem;
    let since = match finding.since {
        None => "not told since when".to_owned(),
        Some(since) => {
            let minutes = since.duration_since(began).as_secs().div_euclid(60);
            match minutes {
                0 => "since it began".to_owned(),
                late if late > 0 => format!("since {late} min after it began"),
                early => format!("since {} min before it was noticed", -early),
            }
        }
    };
    let services: Vec<&str> = finding
        .services
        .iter()
        .map(|service| service.title())
        .collect();
    let mut text = format!(
        "{} [{}] {}\n    {}, {since}; concerns {}\n",
        finding.health.word(),
        problem.code,
        problem.what,
        finding.about,
        if services.is_empty() {
            "none of the services".to_owned()
        } else {
            services.join(", ")
        },
    );
    for cause in &problem.causes {
        writeln!(text, "    because: {cause}").unwrap();
    }
    writeln!(text, "    to fix: {}", problem.remedy).unwrap();
    text
}
