//! What was recorded is shown again, and nothing secret is in it.

use super::*;
use crate::app::{Goto, fixture};

fn play(mut app: App, inputs: impl IntoIterator<Item = Input>) -> (App, String) {
    let mut recording = Recording::default();
    let mut text = Recording::head(&app, false).unwrap();
    for input in inputs {
        text.push('\n');
        text.push_str(&recording.line(&app, &input).unwrap());
        app.update(input);
    }
    (app, text)
}

fn keys(keys: &[Key]) -> impl Iterator<Item = Input> + '_ {
    keys.iter().map(|key| Input::Key(*key))
}

#[test]
fn a_secret_that_is_typed_or_pasted_is_recorded_by_its_length_alone() {
    let typed = "canary".chars().map(|letter| Input::Key(Key::Char(letter)));
    let unlock = [Input::Unlock("st-marys".to_owned())].into_iter();
    let pasted = [Input::Paste("canary\r\n".to_owned())].into_iter();
    let (app, text) = play(
        fixture::welcome(),
        unlock.chain(typed.clone()).chain(pasted),
    );
    assert!(
        !text.contains("canary") && text.contains("xxxxxx"),
        "{text}"
    );
    let again = replay(&text, None).unwrap();
    let (Some(Dialog::Ask(was)), Some(Dialog::Ask(is))) = (&app.dialog, &again.app.dialog) else {
        panic!("{again:?}");
    };
    assert_eq!(
        (was.entry.len(), was.entry.at()),
        (is.entry.len(), is.entry.at())
    );

    // The same for the secrets among the questions: the access key is the fifth field of the backups.
    let way = [
        vec![Key::Down, Key::Down, Key::Enter],
        vec![Key::PageDown; 7],
        vec![Key::Down; 4],
    ]
    .concat();
    let (app, text) = play(fixture::welcome(), keys(&way).chain(typed));
    let Screen::Wizard(state) = &app.screen else {
        panic!()
    };
    assert!(state.focus().unwrap().secret().is_some());
    assert!(
        !text.contains("\"c\"") && text.matches("\"x\"").count() == 6,
        "{text}"
    );
}

#[test]
fn a_plan_is_recorded_with_its_secrets_masked_and_looks_the_same() {
    let plan = Arc::new(fixture::plan());
    let (app, text) = play(fixture::opened(Goto::Plan), [Input::Plan(plan)]);
    assert!(!text.contains("hunter2") && text.contains("***"), "{text}");
    drop(app);
    let Line::In(Input::Plan(again)) = serde_json::from_str(text.lines().last().unwrap()).unwrap()
    else {
        panic!("{text}");
    };
    for (was, is) in fixture::plan().steps.iter().zip(&again.steps) {
        assert_eq!(
            (&was.id, &was.title, was.usual),
            (&is.id, &is.title, is.usual)
        );
    }
}

#[test]
fn a_torn_last_line_is_the_end_and_another_file_is_refused() {
    let (_, text) = play(fixture::welcome(), keys(&[Key::Down, Key::Down]));
    let torn: String = text.chars().take(text.chars().count() - 3).collect();
    assert_eq!(replay(&text, None).unwrap().inputs, 2);
    assert_eq!(replay(&torn, None).unwrap().inputs, 1);
    assert_eq!(replay(&text, Some(1)).unwrap().inputs, 1);
    assert_eq!(replay("{}", None).unwrap_err().code, Code::File05);
    assert_eq!(replay("", None).unwrap_err().code, Code::File05);
}

#[test]
fn a_pasted_private_key_is_recognised_again_and_nothing_of_it_is_recorded() {
    let way = [vec![Key::Enter], vec![Key::PageDown; 5]].concat();
    let chain = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: canary\n\ncanary/+=\n-----END EC PRIVATE KEY-----\n";
    for paste in [
        chain.to_owned() + &key.replace("Proc-Type: 4,ENCRYPTED\nDEK-Info: canary\n\n", ""),
        key.to_owned(),
        key.replace('\n', "\\n"),
        key.replace('\n', "\r\n"),
        // Cut off in the middle.
        key.split("-----END").next().unwrap().to_owned(),
    ] {
        let start = App::new(fixture::at(0), Vec::new());
        let (app, text) = play(start, keys(&way).chain([Input::Paste(paste.clone())]));
        assert!(
            !text.contains("canary") && text.contains("PRIVATE KEY"),
            "{text}"
        );
        let again = replay(&text, None).unwrap().app;
        assert!(app.notice.is_some() || app.dialog.is_some() || paste.starts_with(chain));
        assert_eq!(app.notice, again.notice, "{paste}");
        let (Screen::Wizard(was), Screen::Wizard(is)) = (&app.screen, &again.screen) else {
            panic!("{}", again.screen.title());
        };
        assert_eq!(was.draft, is.draft);
        assert_eq!(was.entry.text(), is.entry.text());
    }
}

/// A key as a terminal without bracketed paste sends it.
fn as_keys(text: &str) -> impl Iterator<Item = Input> + '_ {
    text.chars().map(|letter| match letter {
        '\n' => Input::Key(Key::Enter),
        letter => Input::Key(Key::Char(letter)),
    })
}

#[test]
fn a_private_key_that_comes_letter_by_letter_is_recorded_by_its_length_alone() {
    const BODY: &str =
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQDcanary0123456\nc2hvcnQ=";
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
        let key = format!("-----BEGIN {label}-----\n{BODY}\n-----END {label}-----\nafter");
        // Into the first question about a new site, and onto a screen that takes no text.
        for begin in [&[Key::Down, Key::Down, Key::Enter][..], &[]] {
            let (app, text) = play(fixture::welcome(), keys(begin).chain(as_keys(&key)));
            let typed: String = text
                .lines()
                .filter_map(|line| {
                    line.strip_prefix("{\"in\":{\"Key\":{\"Char\":\"")?
                        .chars()
                        .next()
                })
                .collect();
            let stars =
                "*".repeat(BODY.replace('\n', "").len() + format!("-----END {label}-----").len());
            assert_eq!(typed, format!("-----BEGIN {label}-----{stars}after"));
            let again = replay(&text, None).unwrap();
            assert_eq!(app.screen.title(), again.app.screen.title());
        }
    }
}

#[test]
fn what_the_world_repeats_of_a_typed_key_is_not_recorded_either() {
    let mut recording = Recording::default();
    let app = fixture::welcome();
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";
    let key = format!("-----BEGIN PRIVATE KEY-----\n{line}");
    for input in as_keys(&key) {
        recording.line(&app, &input).unwrap();
    }
    for typed in [line, "MIIEvQ", "MIIEvQIBADANBgk"] {
        let mut draft = SiteDraft::default();
        draft.set("certificate.key_file", &format!("old.pem{typed}"));
        draft.set("site.name", "st-marys");
        let costs = Input::Costs(Box::new((draft, None)));
        let said = recording.line(&app, &costs).unwrap();
        assert!(
            !said.contains("MIIE") && said.contains("st-marys"),
            "{said}"
        );
        let paste = recording
            .line(&app, &Input::Paste(format!("{typed}\n")))
            .unwrap();
        assert!(!paste.contains("MIIE"), "{paste}");
    }
    // A cut-off key does not hide for ever what a person types.
    let letter = Input::Key(Key::Char('y'));
    assert!(recording.line(&app, &letter).unwrap().contains('*'));
    for second in [0, 1, 12] {
        recording
            .line(&app, &Input::Tick(fixture::at(second)))
            .unwrap();
        if second == 0 {
            assert!(recording.line(&app, &letter).unwrap().contains('*'));
        }
    }
    assert!(recording.line(&app, &letter).unwrap().contains('y'));
}
