//! The first screen, its cards, and vaults that do not open.

use super::{super::letters, App, Input, long, press};
use crate::{
    app::{
        SiteRow,
        fixture::{self, at},
        hint::Hints,
        keys::Key,
        known::Stands,
    },
    problem::{Code, Problem},
    site::sample,
};

fn row(name: &str, state: &str, stands: Stands) -> SiteRow {
    SiteRow {
        name: name.to_owned(),
        state: state.to_owned(),
        stands,
    }
}

/// More sites than rows, one with a long name, one that cannot be read.
fn many() -> App {
    let mut sites = vec![
        row(&long(), "deployed today 08:12", Stands::Deployed),
        row(
            "broken",
            "The journal of this site cannot be read: it was written by a newer care-install.",
            Stands::Unreadable,
        ),
        row("begun", "the questions are not finished", Stands::Draft),
        row("fresh", "ready to deploy", Stands::Ready),
    ];
    let more = (1..60).map(|count| row(&format!("ward-{count}"), "ready to deploy", Stands::Ready));
    sites.extend(more);
    App::new(at(0), sites)
}

fn begun() -> App {
    let mut app = App::new(at(0), Vec::new());
    app.known.begun = sample();
    app
}

fn new_here(mut app: App) -> App {
    app.hints = Some(Hints::default());
    app
}

fn vault() -> App {
    let mut app = fixture::welcome();
    app.update(Input::Unlock("st-marys".to_owned()));
    app
}

fn refused(code: Code, what: &str, remedy: &str) -> App {
    let mut app = press(vault(), &letters("four words"));
    app.update(Input::Key(Key::Enter));
    app.update(Input::Problem(Problem::new(code, what, remedy)));
    app
}

pub fn states() -> Vec<(&'static str, App)> {
    let empty = || App::new(at(0), Vec::new());
    let mut notice = fixture::welcome();
    notice.update(Input::Notice(format!(
        "Copied, and kept as /home/technician/.local/share/care-install/sites/{}/reports/copied.txt",
        long()
    )));
    let mut problem = fixture::welcome();
    let long_cause = format!("the file {} cannot be read", long());
    problem.update(Input::Problem(fixture::failure().because(long_cause)));
    let typed = |text: &str| {
        let keys = [vec![Key::Char(':')], letters(text)].concat();
        press(fixture::health(), &keys)
    };
    vec![
        ("welcome_many", many()),
        ("welcome_many_end", press(many(), &[Key::End])),
        ("welcome_unreadable", press(many(), &[Key::Down])),
        ("welcome_begun", begun()),
        ("welcome_hint", new_here(empty())),
        ("welcome_opening", press(fixture::welcome(), &[Key::Enter])),
        ("welcome_notice", notice),
        ("welcome_help", press(empty(), &[Key::Char('?')])),
        (
            "welcome_restore_barred",
            press(empty(), &[Key::Down, Key::Down, Key::Down]),
        ),
        (
            "welcome_restore_which",
            press(fixture::welcome(), &[Key::End, Key::Up, Key::Enter]),
        ),
        (
            "welcome_attach",
            press(empty(), &[Key::Down, Key::Down, Key::Enter]),
        ),
        ("welcome_import", press(empty(), &[Key::Down, Key::Enter])),
        ("vault_question", vault()),
        ("vault_typed", press(vault(), &letters("four words"))),
        (
            "vault_wrong",
            refused(
                Code::Vault01,
                "The passphrase does not open the vault.",
                "Try again; look at upper and lower case.",
            ),
        ),
        (
            "vault_damaged",
            refused(
                Code::Vault02,
                "The vault of st-marys is damaged.",
                "Put the last good copy of vault.age back.",
            ),
        ),
        ("problem", problem),
        ("find_welcome", press(fixture::welcome(), &[Key::Char(':')])),
        ("find_begun", typed("")),
        ("find_typed", typed("odoo")),
        ("find_nothing", typed("no such thing")),
        ("goto", press(fixture::health(), &[Key::Char('o')])),
        ("hint_health", new_here(fixture::health())),
        ("hint_plan", new_here(fixture::planned())),
    ]
}
