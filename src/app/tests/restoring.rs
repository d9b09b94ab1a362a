//! What keys do on the way back to a moment, and on a practice cluster.

use super::*;

#[test]
fn a_restore_begins_only_with_the_name_of_the_site_and_then_shows_the_run() {
    let mut app = fixture::restoring();
    let mut press = |keys: &[Key]| {
        let mut effects = Vec::new();
        for key in keys {
            effects = app.update(Input::Key(*key));
        }
        effects
    };
    let typed = |text: &str| text.chars().map(Key::Char).collect::<Vec<_>>();
    press(&[Key::PageUp, Key::Left, Key::Enter]);
    press(&typed("st-mary"));
    assert!(press(&[Key::Enter]).is_empty());
    let effects = press(&[Key::Char('s'), Key::Enter]);
    let moment = "2026-11-24T04:59:00Z".parse().unwrap();
    assert!(
        matches!(effects.as_slice(), [Effect::Restore(RestoreWish::To(at))] if *at == moment),
        "{effects:?}"
    );
    assert!(matches!(app.screen, Screen::Deploy(_)));
    assert_eq!(app.known.link, Link::Starting);
}

#[test]
fn a_restore_that_is_not_over_is_gone_on_with_or_put_back() {
    let Some(Ok(mut backups)) = fixture::restoring().known.backups else {
        unreachable!("the fixture knows its backups");
    };
    let moment = "2026-11-24T05:00:00Z".parse().unwrap();
    backups.unfinished = Some(backups.inventory.choose(&Wish::to(moment)).unwrap());
    let pressed = |key: Key| {
        let mut app = fixture::opened(Goto::Restore);
        app.update(Input::Backups(Box::new(Ok(backups.clone()))));
        app.update(Input::Key(key))
    };
    let wish = |effects: Vec<Effect>| match effects.first() {
        Some(Effect::Restore(wish)) => Some(*wish),
        _ => None,
    };
    assert_eq!(wish(pressed(Key::Enter)), Some(RestoreWish::GoOn));
    assert_eq!(wish(pressed(Key::Char('x'))), Some(RestoreWish::Cancel));
    assert_eq!(wish(pressed(Key::Left)), None);
}

#[test]
fn the_practice_menu_is_asked_for_by_its_key_and_asks_the_cluster_for_what_is_chosen() {
    let mut life = fixture::health();
    life.known.rehearsal = false;
    assert!(
        life.update(Input::Key(Key::Char('m'))).is_empty(),
        "in life there is nothing to play"
    );
    life.known.rehearsal = true;
    let effects = life.update(Input::Key(Key::Char('m')));
    assert!(
        matches!(effects.as_slice(), [Effect::LoadPractice]),
        "{effects:?}"
    );
    let chosen = |downs: usize| {
        let mut app = fixture::practising("healthy", "20");
        for _ in 0..downs {
            app.update(Input::Key(Key::Down));
        }
        let mut effects = app.update(Input::Key(Key::Enter));
        assert!(app.dialog.is_none());
        match effects.pop() {
            Some(Effect::Practice(wish)) => wish,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        chosen(5),
        crate::app::PracticeWish::Play("secondary-lost".to_owned())
    );
    assert_eq!(chosen(7), crate::app::PracticeWish::Pause);
    assert_eq!(chosen(8), crate::app::PracticeWish::Step);
    assert_eq!(
        chosen(11),
        crate::app::PracticeWish::Speed("max".to_owned())
    );
}
