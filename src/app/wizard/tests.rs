//! Keys, pastes, ticks and answers of the world, as the questions take them.

use super::{Hands, Kept, Wizard, looks::Seen};
use crate::{
    app::{
        App, Dialog, Effect, Goto, Input, Screen,
        fixture::{self, at},
        keys::Key,
        wizard::brought::Brought,
    },
    site::{Field, Place, Secrets, SiteDraft, sample},
};

fn press(app: &mut App, keys: &[Key]) -> Vec<Effect> {
    keys.iter()
        .flat_map(|key| app.update(Input::Key(*key)))
        .collect()
}

fn letters(app: &mut App, text: &str) -> Vec<Effect> {
    text.chars()
        .flat_map(|letter| app.update(Input::Key(Key::Char(letter))))
        .collect()
}

/// The questions for a new site, at a field.
fn at_field(id: &str) -> App {
    let mut app = App::new(at(0), Vec::new());
    press(&mut app, &[Key::Enter]);
    state(&mut app).visit(Field::find(id).unwrap().id);
    app
}

fn state(app: &mut App) -> &mut Wizard {
    match &mut app.screen {
        Screen::Wizard(state) => state,
        other => panic!("{}", other.title()),
    }
}

fn kept(effects: &[Effect]) -> Vec<&Kept> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::SaveDraft(kept) => Some(&**kept),
            _ => None,
        })
        .collect()
}

fn asked(effects: &[Effect]) -> Vec<(String, String)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Probe(_, asked) => Some(asked.clone()),
            _ => None,
        })
        .flatten()
        .collect()
}

#[test]
fn every_key_is_kept_with_the_field_and_the_text_as_it_stands() {
    let mut app = at_field("nodes.primary.address");
    assert!(kept(&press(&mut app, &[Key::Down, Key::Up])).is_empty());
    let effects = letters(&mut app, "10.0");
    assert_eq!(kept(&effects).len(), 4);
    let last = kept(&effects).pop().unwrap();
    assert_eq!(last.draft.get("nodes.primary.address"), "10.0");
    assert_eq!(last.place.field, "nodes.primary.address");
    assert_eq!((last.place.text.as_str(), last.place.at), ("10.0", 4));
    let effects = press(&mut app, &[Key::Left, Key::Left]);
    assert_eq!(kept(&effects).last().unwrap().place.at, 2);
    let effects = press(&mut app, &[Key::Tab]);
    assert_eq!(
        kept(&effects).last().unwrap().place.field,
        "nodes.primary.ssh_port"
    );
}

#[test]
fn killed_at_any_key_the_questions_go_on_at_the_same_letter() {
    let mut app = at_field("site.name");
    let mut effects = letters(&mut app, "st-marys");
    effects.extend(press(&mut app, &[Key::Tab]));
    effects.extend(letters(&mut app, "St Mary's "));
    effects.extend(press(&mut app, &[Key::PageDown, Key::Down]));
    effects.extend(letters(&mut app, "10.0."));
    effects.extend(press(&mut app, &[Key::Left]));
    let all = kept(&effects);
    assert!(all.len() > 20, "{}", all.len());
    for kept in all {
        // The folder holds what was kept last; the line is what stands in its file.
        let place = Place::read(&kept.place.line());
        let mut next = App::new(at(9), Vec::new());
        next.known.begun = kept.draft.clone();
        next.known.begun_at = place;
        press(&mut next, &[Key::Enter]);
        let state = state(&mut next);
        assert_eq!(state.place(), kept.place);
        assert_eq!(state.draft, kept.draft);
    }
}

#[test]
fn a_secret_is_never_kept_before_there_is_a_vault() {
    let mut app = at_field("backups.secret_key");
    let effects = letters(&mut app, "canary");
    for kept in kept(&effects) {
        let text = format!("{:?}{}", kept, kept.place.line());
        assert!(!text.contains("canary"), "{text}");
        assert_eq!(kept.place.field, "backups.secret_key");
    }
    assert!(!kept(&effects).is_empty());
}

#[test]
fn what_is_typed_is_looked_at_once_it_stands_still_and_not_before() {
    let mut app = at_field("nodes.primary.address");
    assert!(asked(&letters(&mut app, "10.0.0.11")).is_empty());
    assert!(
        asked(&app.update(Input::Tick(at(1)))).is_empty(),
        "a key came since the last tick"
    );
    let first = asked(&app.update(Input::Tick(at(2))));
    let [(field, of)] = first.try_into().unwrap();
    assert_eq!(field, "nodes.primary.address");
    assert!(asked(&app.update(Input::Tick(at(3)))).is_empty());

    // Typing goes on while it is asked, and the late answer is not shown for the new address.
    letters(&mut app, "1");
    let answer = Some(Ok("SSH-2.0-x".to_owned()));
    app.update(Input::Looked((field.clone(), of), answer));
    let of_now = |app: &mut App| {
        let draft = state(app).draft.clone();
        app.known.looks.of(&draft, &field).cloned()
    };
    assert_eq!(of_now(&mut app), None);
    press(&mut app, &[Key::Backspace]);
    let seen = of_now(&mut app).unwrap().seen;
    assert_eq!(seen, Seen::Good("SSH-2.0-x".to_owned()));
}

#[test]
fn leaving_a_field_asks_at_once_and_a_key_asks_again() {
    let mut app = at_field("nodes.primary.address");
    letters(&mut app, "10.0.0.11");
    let effects = press(&mut app, &[Key::Tab]);
    let [(field, of)] = asked(&effects).try_into().unwrap();
    app.update(Input::Looked(
        (field, of),
        Some(Err("no answer".to_owned())),
    ));
    press(&mut app, &[Key::Up]);
    let again = press(&mut app, &[Key::Ctrl('t')]);
    assert_eq!(asked(&again).len(), 1);
    // A field that nobody looks at has no such key.
    press(&mut app, &[Key::Down]);
    assert!(press(&mut app, &[Key::Ctrl('t')]).is_empty());
}

#[test]
fn all_problems_are_a_card_whose_rows_lead_to_their_fields() {
    let mut app = at_field("nodes.primary.address");
    letters(&mut app, "10.0.0");
    state(&mut app).visit("care.admin_email");
    press(&mut app, &[Key::Ctrl('g')]);
    let Some(Dialog::Menu(menu)) = &app.dialog else {
        panic!("{:?}", app.dialog);
    };
    assert!(menu.title.starts_with("1 problem, "), "{}", menu.title);
    assert_eq!(menu.items.first().unwrap().label, "!! Primary address");
    press(&mut app, &[Key::Enter]);
    let state = state(&mut app);
    assert_eq!(state.focus().unwrap().id, "nodes.primary.address");
    assert_eq!(state.entry.text(), "10.0.0", "nothing typed is lost");
}

#[test]
fn a_paste_goes_where_it_belongs_or_is_refused_and_nothing_is_lost() {
    let mut app = at_field("site.name");
    letters(&mut app, "st-");
    app.update(Input::Paste("marys\r\n".to_owned()));
    assert_eq!(state(&mut app).draft.get("site.name"), "st-marys");
    app.update(Input::Paste("one\ntwo\n".to_owned()));
    assert_eq!(state(&mut app).draft.get("site.name"), "st-marys");
    assert!(app.notice.as_deref().unwrap().contains("2 lines"));

    let pem = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n";
    let effects = app.update(Input::Paste(pem.to_owned()));
    assert!(kept(&effects).is_empty());
    assert!(app.notice.as_deref().unwrap().contains("group Certificate"));
    state(&mut app).visit("certificate.key_file");
    let effects = app.update(Input::Paste(pem.to_owned()));
    assert!(matches!(effects.first(), Some(Effect::KeepCertificate(pem)) if pem.key.is_none()));
    let files = vec![(
        "certificate.chain_file".to_owned(),
        "pasted-chain.pem".to_owned(),
    )];
    let effects = app.update(Input::CertificateKept(files));
    let wizard = state(&mut app);
    assert_eq!(
        wizard.draft.get("certificate.chain_file"),
        "pasted-chain.pem"
    );
    assert_eq!(asked(&effects).len(), 1, "the file is read and judged");
    assert_eq!(kept(&effects).len(), 1);
    assert!(app.notice.as_deref().unwrap().contains("pasted-chain.pem"));
}

#[test]
fn a_pasted_certificate_is_not_taken_where_the_cluster_orders_one() {
    let mut app = at_field("certificate.acme_email");
    state(&mut app).draft.set("certificate.source", "acme");
    let pem = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n";
    let effects = app.update(Input::Paste(pem.to_owned()));
    assert!(effects.is_empty());
    assert!(app.notice.as_deref().unwrap().contains("acme"));
}

#[test]
fn a_path_goes_on_as_the_folder_does() {
    let mut app = at_field("certificate.chain_file");
    letters(&mut app, "tls/f");
    let effects = press(&mut app, &[Key::Ctrl('f')]);
    let [Effect::Complete(id, text)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!((*id, text.as_str()), ("certificate.chain_file", "tls/f"));
    let names = ["tls/full-new.pem", "tls/full-old.pem"].map(str::to_owned);
    app.update(Input::Completed(
        (*id).to_owned(),
        text.clone(),
        names.to_vec(),
    ));
    assert_eq!(state(&mut app).entry.text(), "tls/full-");
    assert_eq!(state(&mut app).offers.len(), 2);
    letters(&mut app, "n");
    assert!(state(&mut app).offers.is_empty());
    // An answer for another text changes nothing; the arrow at the end of the line asks, too.
    app.update(Input::Completed(
        (*id).to_owned(),
        "tls/f".to_owned(),
        names.to_vec(),
    ));
    assert_eq!(state(&mut app).entry.text(), "tls/full-n");
    let effects = press(&mut app, &[Key::Right]);
    assert!(matches!(effects.as_slice(), [Effect::Complete(..)]));
    let one = vec!["tls/full-new.pem".to_owned()];
    app.update(Input::Completed(
        (*id).to_owned(),
        "tls/full-n".to_owned(),
        one,
    ));
    assert_eq!(state(&mut app).draft.get(id), "tls/full-new.pem");
    app.update(Input::Completed(
        (*id).to_owned(),
        "tls/full-new.pem".to_owned(),
        Vec::new(),
    ));
    assert!(app.notice.as_deref().unwrap().contains("No file begins"));
}

fn brought(answers: &[(&str, &str)], left: &[&str]) -> Input {
    let mut draft = SiteDraft::new();
    for (id, text) in answers {
        draft.set(id, text);
    }
    Input::Brought(Box::new(Brought {
        from: "variables.tfvars".to_owned(),
        draft,
        secrets: Secrets::new(),
        assumed: Vec::new(),
        left: left.iter().map(|line| (*line).to_owned()).collect(),
    }))
}

fn card(app: &App) -> String {
    match &app.dialog {
        Some(Dialog::Text(card)) => card.plain(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_of_answers_is_asked_for_on_the_first_screen_and_only_the_rest_is_left_to_type() {
    let mut app = App::new(at(0), Vec::new());
    press(&mut app, &[Key::Down, Key::Enter]);
    letters(&mut app, "~/site.yaml");
    let effects = press(&mut app, &[Key::Enter]);
    assert!(matches!(effects.as_slice(), [Effect::Import(path)] if path == "~/site.yaml"));
    let all = sample();
    let answers: Vec<(&str, &str)> = crate::site::FIELDS
        .iter()
        .map(|field| (field.id, all.get(field.id)))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let effects = app.update(brought(
        &answers,
        &["line 3, old_thing: no setting of a site"],
    ));
    assert_eq!(kept(&effects).len(), 1, "it is kept at once");
    let card = card(&app);
    assert!(card.contains("answers taken"), "{card}");
    assert!(card.contains("line 3, old_thing"), "{card}");
    assert!(card.contains("Secrets to type: 2"), "{card}");
    assert!(!card.contains("Still to answer"), "{card}");
    press(&mut app, &[Key::Esc]);
    assert_eq!(state(&mut app).focus().unwrap().id, "backups.access_key");
}

#[test]
fn a_file_changes_nothing_that_was_typed_and_says_so() {
    let mut app = at_field("site.name");
    letters(&mut app, "mine");
    app.update(brought(
        &[
            ("site.name", "theirs"),
            ("domains.base", "care.example.org"),
        ],
        &[],
    ));
    assert_eq!(state(&mut app).draft.get("site.name"), "mine");
    assert_eq!(
        state(&mut app).draft.get("domains.base"),
        "care.example.org"
    );
    let card = card(&app);
    assert!(card.contains("Site name: the file says theirs"), "{card}");
}

#[test]
fn the_costs_are_asked_for_where_they_are_shown_and_once() {
    let mut app = at_field("care.admin_email");
    let cost = |effects: &[Effect]| {
        effects
            .iter()
            .filter(|one| matches!(one, Effect::Cost(_)))
            .count()
    };
    assert_eq!(cost(&press(&mut app, &[Key::PageUp])), 1);
    assert_eq!(
        cost(&press(&mut app, &[Key::Down])),
        0,
        "it is being added up"
    );
    let of = state(&mut app).draft.clone();
    app.update(Input::Costs(Box::new((of, None))));
    assert_eq!(cost(&press(&mut app, &[Key::PageDown, Key::PageDown])), 1);
}

#[test]
fn settings_that_are_only_looked_at_leave_no_draft() {
    let mut app = fixture::opened(Goto::Settings);
    let effects = press(&mut app, &[Key::Down, Key::PageDown, Key::Tab, Key::Esc]);
    assert!(kept(&effects).is_empty());
    let mut app = fixture::opened(Goto::Settings);
    let effects = letters(&mut app, "x");
    assert_eq!(kept(&effects).len(), 1);
    press(&mut app, &[Key::Backspace, Key::Ctrl('d')]);
    assert!(matches!(app.screen, Screen::Checks(_)));
    press(&mut app, &[Key::Esc]);
    assert_eq!(state(&mut app).hands, Hands::Untouched);
    assert!(
        kept(&press(&mut app, &[Key::Down])).is_empty(),
        "what was changed is in the settings"
    );
}
