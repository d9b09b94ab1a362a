//! The first screen's ways: each leads where its line says, or says why it does not.

use super::*;
use crate::{
    app::{Input, Opened, fixture, keys::Key, known::Here},
    problem::{Code, Problem},
    site::SiteDraft,
    ui::{Theme, shot},
};

fn with(sites: &[(&str, Stands)]) -> App {
    let sites = sites.iter().map(|(name, stands)| SiteRow {
        name: (*name).to_owned(),
        state: String::new(),
        stands: *stands,
    });
    App::new(fixture::at(0), sites.collect())
}

/// Chooses a row and presses Enter.
fn choose(app: &mut App, row: &Row) -> Vec<Effect> {
    let at = rows(app).iter().position(|known| known == row).unwrap();
    app.update(Input::Key(Key::Home));
    for _ in 0..at {
        app.update(Input::Key(Key::Down));
    }
    app.update(Input::Key(Key::Enter))
}

fn opened(at: Goto, here: Here) -> Input {
    Input::Opened(Box::new(Opened {
        site: "st-marys".to_owned(),
        rehearsal: false,
        draft: SiteDraft::default(),
        at,
        place: None,
        here,
    }))
}

#[test]
fn without_a_site_a_restore_cannot_be_chosen_and_says_what_helps() {
    for mut app in [with(&[]), with(&[("begun", Stands::Draft)])] {
        assert!(choose(&mut app, &Row::Restore).is_empty());
        assert!(app.dialog.is_none() && !app.can(Act::Open));
        let picture = shot(&app, Theme::colour(), (80, 24));
        assert!(picture.contains("Not yet: "), "{picture}");
        assert!(!picture.contains("Enter"), "{picture}");
    }
}

#[test]
fn a_restore_leads_to_the_backups_of_the_only_site_wherever_that_stands() {
    for at in [Goto::Health, Goto::Deploy, Goto::Restore] {
        let mut app = with(&[("st-marys", Stands::Deployed), ("begun", Stands::Draft)]);
        let effects = choose(&mut app, &Row::Restore);
        assert!(matches!(&effects[..], [Effect::Open(name)] if name == "st-marys"));
        let effects = app.update(opened(at, Here::Site));
        let looks = effects
            .iter()
            .filter(|effect| matches!(effect, Effect::LoadBackups));
        assert_eq!(looks.count(), 1);
        assert_eq!(app.screen.title(), "restore");
    }
}

#[test]
fn of_several_sites_one_is_chosen_and_a_failure_on_the_way_is_not_remembered() {
    let mut app = with(&[("one", Stands::Stopped), ("two", Stands::Ready)]);
    choose(&mut app, &Row::Restore);
    app.update(Input::Key(Key::Down));
    let effects = app.update(Input::Key(Key::Enter));
    assert!(matches!(&effects[..], [Effect::Open(name)] if name == "two"));
    app.update(Input::Problem(Problem::new(Code::Vault08, "a", "b")));
    app.update(Input::Key(Key::Esc));
    choose(&mut app, &Row::Open(0));
    app.update(opened(Goto::Health, Here::Site));
    assert_eq!(app.screen.title(), "health");
}

#[test]
fn a_cluster_that_is_attached_offers_nothing_that_wants_its_site() {
    let mut app = with(&[]);
    choose(&mut app, &Row::Attach);
    let effects = app.update(Input::Key(Key::Enter));
    assert!(matches!(&effects[..], [Effect::Attach(path)] if path.is_empty()));
    app.update(opened(Goto::Health, Here::Cluster));
    let view = std::sync::Arc::new(fixture::cluster());
    app.update(Input::Cluster(view));
    // A node can be emptied, but the guided way of switching it off is not offered.
    for key in [Key::Char('3'), Key::Char('a')] {
        app.update(Input::Key(key));
    }
    let picture = shot(&app, Theme::colour(), (80, 24));
    assert!(
        picture.contains("drain") && !picture.contains("power"),
        "{picture}"
    );
    for key in [Key::Esc, Key::Char('o')] {
        app.update(Input::Key(key));
    }
    let picture = shot(&app, Theme::colour(), (80, 24));
    assert!(!picture.contains("what a deploy does"), "{picture}");
    app.update(Input::Key(Key::Down));
    app.update(Input::Key(Key::Enter));
    let backups = fixture::restoring().known.backups.unwrap();
    app.update(Input::Backups(Box::new(backups)));
    assert_eq!(app.screen.title(), "restore");
    assert!(!app.can(Act::Open) && app.can(Act::Left));
}
