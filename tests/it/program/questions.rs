//! The questions about a new site in a real terminal: killed while a person types, pasted into, answered from a file, and asked
//! line by line.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use tokio::time::timeout;

use super::{LIMIT, Site, files, terminal::Terminal};
use crate::checks::peers;

/// A key for the group of fields that comes next, and one for the field below.
const NEXT_GROUP: &str = "\u{1b}[6~";
const DOWN: &str = "\u{1b}[B";

/// Waits until a file holds a text.
async fn holds(path: &Path, text: &str) {
    let looks = async {
        while !fs::read_to_string(path).is_ok_and(|all| all.contains(text)) {
            tokio::task::yield_now().await;
        }
    };
    let found = timeout(LIMIT, looks).await;
    assert!(found.is_ok(), "{} never holds {text}", path.display());
}

/// A paste as a terminal sends it: between marks, line ends as the key makes them.
fn pasted(text: &str) -> String {
    format!("\u{1b}[200~{}\u{1b}[201~", text.replace('\n', "\r"))
}

fn asked(site: &Site) -> Terminal {
    Terminal::start(site.command(&["new"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_person_types_the_questions_go_on_at_the_same_letter() {
    let site = Site::new();
    let place = site.folder.join("draft.place");
    let mut screen = asked(&site);
    let begun = |text: &str| text.contains("Site name") && text.contains("Ctrl-D done");
    screen.until("the questions", begun).await;
    for (typed, field, label) in [
        ("st-marys\tSt Ma", "site.display_name", "Full name"),
        ("ry\t\t/etc/kube", "cluster.kubeconfig", "Kubeconfig file"),
    ] {
        screen.send(typed);
        let letters = typed.rsplit('\t').next().unwrap();
        holds(&place, field).await;
        holds(&place, &format!("{letters}\"")).await;
        screen.killed().await;
        screen = asked(&site);
        let there = |text: &str| {
            let line = text.lines().find(|line| line.contains(label));
            line.is_some_and(|line| line.ends_with(letters))
        };
        screen
            .until("the same field with the same text", there)
            .await;
    }
    // Half of a secret is typed: the field is found again, the letters lie nowhere.
    screen.send(&NEXT_GROUP.repeat(7));
    screen.send(&DOWN.repeat(4));
    screen
        .until("the secret", |text| text.contains(">  Backup access key"))
        .await;
    screen.send("canary");
    let hidden = |text: &str| text.contains("Backup access key          ••••••");
    screen.until("the hidden letters", hidden).await;
    holds(&place, "backups.access_key").await;
    screen.killed().await;
    for path in files(site.temp.path()) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("canary"), "{}", path.display());
    }
    let mut screen = asked(&site);
    screen
        .until("the secret again", |text| {
            text.contains(">  Backup access key")
        })
        .await;
    let draft = fs::read_to_string(site.folder.join("draft.yaml")).unwrap();
    assert!(draft.contains("display_name: St Mary"), "{draft}");
    assert!(draft.contains("kubeconfig: /etc/kube"), "{draft}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pasted_certificate_and_key_are_kept_as_files_and_read_at_once() {
    let site = Site::new();
    peers::certificate(site.temp.path(), "*.care.example.org");
    let read = |name: &str| fs::read_to_string(site.beside(name)).unwrap();
    let (chain, key) = (read("fullchain.pem"), read("privkey.pem"));
    let mut screen = asked(&site);
    screen
        .until("the questions", |text| text.contains("Site name"))
        .await;
    screen.send(&pasted("one\ntwo\n"));
    let refused = |text: &str| text.contains("The paste has 2 lines");
    screen.until("a refusal", refused).await;
    screen.send(&NEXT_GROUP.repeat(5));
    screen
        .until("the certificate", |text| text.contains("Certificate key"))
        .await;
    screen.send(&pasted(&format!("{chain}{key}").replace('\n', "\n  ")));
    let kept = |text: &str| text.contains("pasted-chain.pem") && text.contains("pasted-key.pem");
    screen.until("both files", kept).await;
    // What is in them is judged: no name of the site is known yet, so only the key is said to fit.
    let judged = |text: &str| text.contains("OK Certificate key");
    screen.until("the judgement", judged).await;
    let of = |name: &str| fs::read_to_string(site.folder.join(name)).unwrap();
    assert_eq!(of("pasted-chain.pem"), chain);
    assert_eq!(of("pasted-key.pem"), key);
    let mode = fs::metadata(site.folder.join("pasted-key.pem")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    holds(&site.folder.join("draft.yaml"), "key_file: pasted-key.pem").await;
    let draft = of("draft.yaml");
    assert!(!draft.contains("PRIVATE KEY"), "{draft}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_answers_leaves_only_the_rest_to_type_and_says_what_it_did_not_understand() {
    let site = Site::new();
    let variables = include_str!("../../../src/site/import/sample.tfvars");
    let file = site.write("variables.tfvars", variables);
    let mut screen = Terminal::start(site.bare(&[]));
    screen.press("Up/Down", "choose").await;
    screen.send(DOWN);
    let chosen = |text: &str| text.contains(">  Import settings");
    screen.until("the row", chosen).await;
    screen.press("Enter", "open").await;
    screen
        .until("a question", |text| {
            text.contains("Take answers from a file")
        })
        .await;
    screen.send(&format!("{file}\r"));
    let card = |text: &str| text.contains("answers taken") && text.contains("Not understood");
    let text = screen.until("the card", card).await;
    assert!(!text.contains("canary"), "{text}");
    screen.press("Esc", "close").await;
    let address = |text: &str| text.contains("groups") && text.contains("to answer");
    let text = screen.until("the questions", address).await;
    assert!(!text.contains("10 to answer"), "most is answered\n{text}");
    let draft = site.beside("home/sites/.new/draft.yaml");
    holds(&draft, "address: 192.168.20.11").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_by_line_the_same_questions_come_with_reason_and_example_and_a_wrong_answer_is_asked_again()
 {
    let site = Site::new();
    let mut screen = Terminal::start(site.command(&["new", "--plain"]));
    let first =
        |text: &str| text.contains("1 of 10  Site") && text.contains("For example: st-marys");
    screen.until("the first question", first).await;
    screen.send("St Mary\r");
    let wrong = |text: &str| text.contains("cannot be `St Mary`") && text.contains("Why:");
    screen.until("the reason", wrong).await;
    screen.send(&"\u{7f}".repeat(7));
    screen.send("st-marys\r");
    screen
        .until("the second question", |text| {
            text.contains("hand-over record")
        })
        .await;
    screen.send("St Mary's\r");
    let choice = |text: &str| text.contains("existing") && text.contains("new machines");
    screen.until("the third question", choice).await;
    holds(&site.folder.join("draft.yaml"), "display_name: St Mary's").await;
    screen.killed().await;
    let mut screen = Terminal::start(site.command(&["new", "--plain"]));
    let going_on = |text: &str| text.contains("Going on with the answers that were kept");
    screen.until("that it goes on", going_on).await;
}
