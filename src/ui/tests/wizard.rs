//! The questions in good and in bad states.

use super::{check, letters, press};
use crate::{
    app::{
        App, Goto, Input, Screen,
        fixture::{self, at},
        keys::Key,
    },
    capacity::{Amount, Carried, Costs, Fit, costs::Part},
    site::{Field, sample},
    ui::{Theme, shot},
};

/// The questions of a site, at a field.
fn at_field(id: &str) -> App {
    let mut app = fixture::opened(Goto::Settings);
    if let Screen::Wizard(state) = &mut app.screen {
        state.visit(Field::find(id).unwrap().id);
    }
    app
}

/// The looks at the fields of the page are answered.
fn answered(mut app: App, answers: &[(&'static str, Result<&str, &str>)]) -> App {
    app.update(Input::Tick(at(1)));
    app.update(Input::Tick(at(2)));
    let Screen::Wizard(state) = &app.screen else {
        panic!("no questions");
    };
    let draft = state.draft.clone();
    for (field, seen) in answers {
        let of = crate::check::question(&draft, field).unwrap();
        let seen = seen.map(str::to_owned).map_err(str::to_owned);
        app.update(Input::Looked(((*field).to_owned(), of), Some(seen)));
    }
    app.update(Input::Tick(at(182)));
    app
}

fn amount(milli: u64, gib: u64) -> Amount {
    Amount {
        milli,
        bytes: gib << 30,
    }
}

/// What the practice site comes to, as it was once added up.
fn costed(mut app: App) -> App {
    let part =
        |field: &str, label: &str, word: &str, (milli, gib), disk: u64, misfits: &[&str]| Part {
            field: field.to_owned(),
            label: label.to_owned(),
            word: word.to_owned(),
            is_chosen: false,
            asks: amount(milli, gib),
            disk: disk << 30,
            misfits: misfits.iter().map(|words| (*words).to_owned()).collect(),
        };
    let carried = |name: &str, milli, gib| Carried {
        name: name.to_owned(),
        asked: amount(milli, gib),
        room: amount(8_000, 32),
    };
    let fit = |lost: Option<&str>, nodes| Fit {
        lost: lost.map(str::to_owned),
        nodes,
        homeless: Vec::new(),
        waiting: Vec::new(),
    };
    let costs = Costs {
        fits: vec![
            fit(
                None,
                vec![carried("primary", 2_350, 7), carried("secondary", 1_900, 5)],
            ),
            fit(Some("secondary"), vec![carried("primary", 4_250, 12)]),
        ],
        disk: 600 << 30,
        parts: vec![
            part(
                "components.metrics",
                "Metrics server",
                "on",
                (100, 1),
                0,
                &[],
            ),
            part(
                "components.monitoring",
                "Monitoring",
                "on",
                (650, 3),
                60,
                &[],
            ),
            part(
                "components.snowstorm",
                "Snowstorm",
                "full",
                (2_000, 7),
                60,
                &["without primary no room for StatefulSet snowstorm/elasticsearch"],
            ),
        ],
        is_rough: false,
    };
    app.update(Input::Costs(Box::new((sample(), Some(costs)))));
    app
}

#[test]
fn settings_of_a_site() {
    check(
        "wizard_new",
        press(fixture::welcome(), &[Key::Down, Key::Down, Key::Enter]),
    );
    check("wizard_change", fixture::opened(Goto::Settings));
    let mut wrong = press(fixture::welcome(), &[Key::Down, Key::Down, Key::Enter]);
    wrong = press(wrong, &letters("St Mary's"));
    check("wizard_wrong", wrong);
    let keys = [Key::Down, Key::Down, Key::Enter, Key::Ctrl('d')];
    check("wizard_review_wrong", press(fixture::welcome(), &keys));
    let pages = [Key::PageDown; 10];
    check(
        "wizard_review_good",
        press(fixture::opened(Goto::Settings), &pages),
    );
}

#[test]
fn a_secret_never_shows_unless_asked_for() {
    let mut app = press(fixture::welcome(), &[Key::Down, Key::Down, Key::Enter]);
    app = press(app, &[Key::PageDown; 7]);
    // To the access key, the fifth field of the backups.
    app = press(app, &[Key::Down; 4]);
    app = press(app, &letters("canary"));
    let picture = shot(&app, Theme::colour(), (80, 24));
    assert!(
        picture.contains("••••••") && !picture.contains("canary"),
        "{picture}"
    );
    assert!(!format!("{app:?}").contains("canary"));
    let picture = shot(&press(app, &[Key::Ctrl('r')]), Theme::colour(), (80, 24));
    assert!(picture.contains("canary"), "{picture}");
}

#[test]
fn what_the_world_says_stands_under_the_answer_with_its_age() {
    let mut asking = at_field("domains.base");
    asking.update(Input::Tick(at(1)));
    check("wizard_asking", asking);
    let seen = answered(
        at_field("domains.base"),
        &[
            (
                "domains.base",
                Err("This computer's name server knows no name *.care.example.org (NXDOMAIN)."),
            ),
            ("domains.care", Ok("10.0.0.12 (secondary)")),
            (
                "domains.files",
                Err(
                    "This computer's name server leads files.care.example.org to 10.9.9.9, which is not where this name is served.",
                ),
            ),
        ],
    );
    check("wizard_seen", seen);
    let node = answered(
        at_field("nodes.primary.address"),
        &[("nodes.primary.address", Ok("SSH-2.0-OpenSSH_9.6"))],
    );
    check("wizard_seen_good", node);
}

#[test]
fn costs_beside_the_switches_and_on_the_review() {
    check("wizard_costs", costed(at_field("components.monitoring")));
    check(
        "wizard_costs_misfit",
        costed(at_field("components.snowstorm")),
    );
    let review = costed(press(fixture::opened(Goto::Settings), &[Key::PageDown; 10]));
    check("wizard_review_costs", review);
    let whole = costed(press(fixture::opened(Goto::Settings), &[Key::PageDown; 10]));
    check("wizard_whole", press(whole, &[Key::Ctrl('e')]));
}

#[test]
fn problems_as_a_card_and_files_that_are_offered() {
    let mut app = press(fixture::welcome(), &[Key::Down, Key::Down, Key::Enter]);
    app = press(app, &letters("St Mary's"));
    check("wizard_problems", press(app, &[Key::Ctrl('g')]));
    let mut app = at_field("certificate.chain_file");
    let names = ["fullchain.pem-new", "fullchain.pem-old", "fullchain.pem.d/"];
    app.update(Input::Completed(
        "certificate.chain_file".to_owned(),
        "fullchain.pem".to_owned(),
        names.map(str::to_owned).to_vec(),
    ));
    check("wizard_offers", app);
}

#[test]
fn the_questions_in_ascii_and_without_colour_say_the_same() {
    let app = answered(
        at_field("domains.base"),
        &[
            ("domains.base", Err("NXDOMAIN")),
            ("domains.care", Ok("10.0.0.12 (secondary)")),
        ],
    );
    let ascii = shot(&app, Theme::colour().ascii(), (80, 24));
    assert!(ascii.is_ascii(), "{ascii}");
    assert!(
        ascii.contains("!! NXDOMAIN") && ascii.contains("OK Care"),
        "{ascii}"
    );
    let plain = shot(&app, Theme::colour().without_colour(), (80, 24));
    assert_eq!(plain, shot(&app, Theme::colour(), (80, 24)));
}
