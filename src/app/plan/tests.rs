//! From the big picture to a single field, and back, by keys alone.

use super::*;
use crate::app::{Input, fixture, keys::Key};

fn press(app: &mut App, keys: &[Key]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys {
        effects.extend(app.update(Input::Key(*key)));
    }
    effects
}

fn type_text(app: &mut App, text: &str) {
    for letter in text.chars() {
        press(app, &[Key::Char(letter)]);
    }
}

fn of(app: &App) -> &PlanScreen {
    match &app.screen {
        Screen::Plan(state) => state,
        other => panic!("another screen: {}", other.title()),
    }
}

fn card_of(app: &App) -> &TextCard {
    match &app.dialog {
        Some(Dialog::Text(card)) => card,
        other => panic!("no card: {other:?}"),
    }
}

#[test]
fn two_keys_lead_from_the_steps_to_the_values_of_a_release_and_esc_leads_back() {
    let mut app = fixture::planned();
    press(&mut app, &[Key::Enter]);
    let inside = of(&app).inside.clone().unwrap();
    assert_eq!((inside.step.as_str(), inside.part), ("longhorn/step", 1));
    press(&mut app, &[Key::Enter]);
    assert!(
        card_of(&app).title.contains("Release longhorn"),
        "{}",
        card_of(&app).title
    );
    press(&mut app, &[Key::Esc]);
    assert!(app.dialog.is_none() && of(&app).inside.is_some());
    press(&mut app, &[Key::Esc]);
    assert!(of(&app).inside.is_none());
    let chosen = of(&app).chosen.clone();
    assert_eq!(
        chosen,
        Some(Chosen::Step(StepId::from_text("longhorn/step")))
    );
}

#[test]
fn what_is_secret_is_stars_in_a_part_and_is_not_found_by_its_text() {
    let mut app = fixture::planned();
    press(&mut app, &[Key::Down, Key::Down, Key::Enter, Key::Enter]);
    let text = card_of(&app).plain();
    assert!(text.contains("kind: Secret"), "{text}");
    assert!(
        !text.contains("hunter2") && !text.contains("aHVudGVyMg"),
        "{text}"
    );
    press(&mut app, &[Key::Esc, Key::Char('/')]);
    type_text(&mut app, "hunter2");
    assert!(of(&app).search.as_ref().unwrap().found().is_empty());
}

#[test]
fn a_search_goes_to_the_line_of_a_field_and_esc_comes_back_to_what_was_found() {
    let mut app = fixture::planned();
    press(&mut app, &[Key::Char('/')]);
    type_text(&mut app, "secret valkey");
    press(&mut app, &[Key::Enter]);
    let search = of(&app).search.as_ref().unwrap();
    assert!(
        !search.typing && search.found().len() > 1,
        "{:?}",
        search.found()
    );
    press(&mut app, &[Key::End, Key::Enter]);
    let place = of(&app).search.as_ref().unwrap().chosen().unwrap();
    let card = card_of(&app);
    let line = &card.body[place.line.unwrap()];
    assert_eq!(line.tone, Tone::Busy);
    let (_, value) = place.label.rsplit_once(": ").unwrap();
    assert!(
        line.text.contains(value),
        "{} in {}",
        place.label,
        line.text
    );
    press(&mut app, &[Key::Esc, Key::Esc]);
    assert!(of(&app).inside.is_none() && of(&app).search.is_some());
    press(&mut app, &[Key::Esc]);
    assert!(of(&app).search.is_none());
}

#[test]
fn letters_that_are_typed_into_a_search_do_nothing_else() {
    let mut app = fixture::planned();
    press(&mut app, &[Key::Char('/')]);
    let effects = press(&mut app, &[Key::Char('y'), Key::Char('d'), Key::Char('q')]);
    assert!(effects.is_empty() && app.dialog.is_none());
    assert_eq!(of(&app).search.as_ref().unwrap().entry.text(), "ydq");
    app.update(Input::Paste("long".to_owned()));
    assert_eq!(of(&app).search.as_ref().unwrap().entry.text(), "ydqlong");
}

#[test]
fn a_stage_is_closed_and_opened_and_a_plan_that_is_made_anew_keeps_the_row() {
    let mut app = fixture::planned();
    let count = |app: &App| rows(plan(app).unwrap(), of(app)).len();
    let all = count(&app);
    press(&mut app, &[Key::Left]);
    assert_eq!(count(&app), all - 1);
    assert_eq!(of(&app).chosen, Some(Chosen::Stage(0)));
    press(&mut app, &[Key::Enter]);
    assert_eq!(count(&app), all);
    press(&mut app, &[Key::End]);
    let chosen = of(&app).chosen.clone();
    let Planned::Made(made) = &app.known.plan else {
        panic!("no plan");
    };
    let made = std::sync::Arc::clone(made);
    app.update(Input::Plan(made));
    assert_eq!(of(&app).chosen, chosen);
}

#[test]
fn a_step_that_is_looked_into_may_vanish_from_a_plan_that_is_made_anew() {
    let mut app = fixture::planned();
    press(&mut app, &[Key::Enter]);
    let Planned::Made(made) = &app.known.plan else {
        panic!("no plan");
    };
    let mut other = (**made).clone();
    other.steps.remove(0);
    app.update(Input::Plan(std::sync::Arc::new(other)));
    press(&mut app, &[Key::Enter, Key::Down, Key::Esc]);
    assert!(app.dialog.is_none());
}

#[test]
fn the_usual_time_is_the_longest_chain_and_not_the_sum() {
    let app = fixture::planned();
    let plan = plan(&app).unwrap();
    let mut plan = plan.clone();
    let (first, second) = (plan.steps[0].usual, plan.steps[1].usual);
    plan.steps[1].needs.clear();
    assert_eq!(usual(&plan), first.max(second));
    plan.steps[1].needs = vec![plan.steps[0].id.clone()];
    assert_eq!(usual(&plan), first + second);
}

#[test]
fn the_difference_opens_at_the_step_that_was_looked_at() {
    let mut app = fixture::planned();
    press(&mut app, &[Key::Enter]);
    let many = "   + Secret a/b\n".repeat(60);
    let text = format!(
        "A deploy would change 120 things in c.\n\nother/step\n{many}\nlonghorn/step\n{many}"
    );
    app.update(Input::Difference(text));
    let card = card_of(&app);
    assert_eq!(card.body[card.scroll + CONTEXT].text, "longhorn/step");
}
