//! What is said about site files, good and bad.

use proptest::prelude::*;

use super::*;
use crate::site::{Group, Site, sample};

/// Reads a text that must be refused and gives its problems as short lines: `line:column CODE`.
fn refused(text: &str) -> Vec<String> {
    let problems = read("site.yaml", text).expect_err("the text is refused");
    problems
        .iter()
        .map(|problem| {
            let rest = problem
                .what
                .strip_prefix("site.yaml, line ")
                .expect("every problem has its line");
            let (line, rest) = rest.split_once(", column ").unwrap();
            let (column, _) = rest.split_once(": ").unwrap();
            format!("{line}:{column} {}", problem.code)
        })
        .collect()
}

fn sample_text() -> String {
    write(&sample().filled())
}

/// The sample with one line changed.
fn with(from: &str, to: &str) -> String {
    let text = sample_text();
    assert!(text.contains(from), "the sample holds `{from}`");
    text.replacen(from, to, 1)
}

#[test]
fn what_is_written_is_read_again() {
    let draft = sample().filled();
    let text = write(&draft);
    assert!(
        text.starts_with("schema: 1\nsite:\n  name: rehearsal\n"),
        "{text}"
    );
    assert!(
        text.contains("  version: '1.36'\n") && text.contains("    ssh_port: 22\n"),
        "{text}"
    );
    let (again, site) = read("site.yaml", &text).unwrap();
    assert_eq!(again, draft);
    assert_eq!(site, Site::try_from(&sample()).unwrap());
}

#[test]
fn lists_keep_their_items_and_an_empty_list_stays_empty() {
    let mut draft = sample();
    draft.set("domains.public", "none");
    draft.set("nodes.workers", "w1=10.0.0.13,w2=10.0.0.14");
    let text = write(&draft);
    assert!(text.contains("public: []"), "{text}");
    let (_, site) = read("site.yaml", &text).unwrap();
    assert_eq!(site.nodes.workers.len(), 2);
    assert!(site.domains.hosts.iter().all(|host| !host.public));
}

#[test]
fn every_problem_of_a_file_is_told_with_line_and_column() {
    let text = "schema: 1\n\
                site:\n  name: St Mary\n  nmae: x\n\
                nodes:\n  primary: {address: 10.0.0.300}\n  secondary:\n    address: [10.0.0.12]\n\
                domains:\n  base: care.example.org\n  public: care\n\
                colour: red\n";
    let problems = refused(text);
    let expected = [
        // What is missing is told at the nearest section that is there, else at the beginning.
        "1:1 SITE-02",
        "1:1 SITE-02",
        "1:1 SITE-02",
        "1:1 SITE-02",
        "1:1 SITE-02",
        "1:1 SITE-02",
        "3:9 SITE-01",
        "4:3 SITE-11",
        "6:22 SITE-01",
        "8:14 SITE-12",
        "11:11 SITE-12",
        "12:1 SITE-11",
    ];
    assert_eq!(problems, expected);
}

#[test]
fn syntax_errors_point_to_their_place_and_nothing_else_is_said() {
    assert_eq!(
        refused("schema: 1\nsite: {name: x\nnodes: 1"),
        ["3:6 SITE-10"]
    );
    assert_eq!(refused("schema: 1\nsite:\n\tname: x\n"), ["3:2 SITE-10"]);
    assert_eq!(refused("- a\n- b\n"), ["1:1 SITE-10"]);
    assert_eq!(refused("just words"), ["1:1 SITE-10"]);
    assert_eq!(refused("schema: 1\n---\nschema: 1\n"), ["2:1 SITE-10"]);
}

#[test]
fn an_unknown_name_is_told_with_the_nearest_known_one() {
    offers("  display_name:", "  displayname:", "`site.display_name`");
    offers("backups:\n", "backup:\n", "`backups`");
    offers("  bucket:", "  buckte:", "`backups.bucket`");
    offers("    ssh_port:", "    sshport:", "`nodes.primary.ssh_port`");
    offers("schema: 1\n", "schema: 1\nbucket: x\n", "`backups.bucket`");
    offers("schema: 1\n", "schema: 1\nsite.name: x\n", "`site: name`");
    offers(
        "schema: 1\n",
        "schema: 1\nqqqqqqq: x\n",
        "Known here: site, cluster",
    );
    offers("schema: 1", "shema: 1", "`schema`");
}

fn offers(from: &str, to: &str, offered: &str) {
    let problems = read("site.yaml", &with(from, to)).unwrap_err();
    let unknown: Vec<_> = problems
        .iter()
        .filter(|problem| problem.code == Code::Site11)
        .collect();
    assert_eq!(unknown.len(), 1, "{to}: {problems:#?}");
    assert!(
        unknown[0].remedy.contains(offered),
        "{to}: {}",
        unknown[0].remedy
    );
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let text = with("backups:\n", "backups:\n  secret_key: canary-5519\n");
    let problems = read("site.yaml", &text).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].code, Code::Site15);
    assert!(!format!("{problems:?}").contains("canary"));
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    assert_eq!(
        refused(&with("schema: 1\n", "schema: 1\nschema: 1\n")),
        ["2:1 SITE-16"]
    );
    let text = with("  name: rehearsal\n", "  name: rehearsal\n  name: other\n");
    assert_eq!(refused(&text), ["4:3 SITE-16"]);
}

#[test]
fn odd_yaml_is_refused_in_words() {
    assert_eq!(
        refused(&with(
            "  name: rehearsal\n",
            "  name: &a rehearsal\n  display_name: *a\n"
        ))
        .first()
        .unwrap(),
        "4:17 SITE-12"
    );
    assert_eq!(
        refused(&with("schema: 1\n", "schema: 1\n? [a, b]\n: c\n")),
        ["2:3 SITE-12"]
    );
    assert_eq!(
        refused(&with("  name: rehearsal\n", "  name: {a: {b: c}, d: e}\n")),
        ["3:3 SITE-12"]
    );
    let deep = format!(
        "schema: 1\nsite: {}x{}\n",
        "{a: ".repeat(40),
        "}".repeat(40)
    );
    assert!(
        refused(&deep)
            .iter()
            .any(|problem| problem.ends_with("SITE-10"))
    );
}

#[test]
fn the_schema_is_asked_for_and_a_newer_one_refused_alone() {
    assert_eq!(refused(&with("schema: 1\n", "")), ["1:1 SITE-14"]);
    assert_eq!(
        refused(&with("schema: 1\n", "schema: one\n")),
        ["1:9 SITE-14"]
    );
    assert_eq!(
        refused(&with("schema: 1\n", "schema: 2\nnew_section: {a: 1}\n")),
        ["1:9 SITE-13"]
    );
    assert_eq!(refused("").first().unwrap(), "1:1 SITE-14");
}

#[test]
fn warnings_have_their_place_too() {
    let found = warnings("site.yaml", &with("version: '1.36'", "version: '1.34'"));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].what.starts_with("site.yaml, line "),
        "{}",
        found[0].what
    );
}

#[test]
fn the_example_is_a_complete_site_and_shows_every_field() {
    let text = example();
    let (draft, _) = read("site.example.yaml", &text).unwrap();
    for field in FIELDS {
        let name = field.id.rsplit('.').next().unwrap();
        let shown = field.secret().is_some() || text.contains(&format!("{name}: "));
        assert!(shown && text.contains(field.label), "{}", field.id);
        if field.required() && field.secret().is_none() {
            assert_eq!(draft.get(field.id), field.example);
        }
    }
    let uncommented = text
        .replace("# ", "")
        .lines()
        .filter(|line| line.contains(": "))
        .count();
    assert!(uncommented > FIELDS.len() / 2);
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "no line is too wide"
    );
    assert!(
        Group::ALL
            .iter()
            .all(|group| group.fields().next().is_some())
    );
}

/// Set, the test writes the file anew instead of comparing it.
const RENEW: &str = "CARE_RENEW";

#[test]
fn the_example_of_the_repository_is_what_the_table_makes_and_a_complete_site() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/site.example.yaml");
    if std::env::var_os(RENEW).is_some() {
        let (path, mode) = (std::path::Path::new(path), crate::sys::files::Mode::Shared);
        crate::sys::files::write_atomic(path, example().as_bytes(), mode).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        text == example(),
        "templates/site.example.yaml is not what the table of fields makes; renew it with \
         {RENEW}=1 cargo test --lib the_example_of_the_repository"
    );
    let (draft, _) = read("site.example.yaml", &text).unwrap();
    let site = Site::try_from(&draft).unwrap();
    assert_eq!(site.nodes.primary.address.to_string(), "192.168.20.11");
}

/// Every line end and other character of Unicode that YAML treats in its own way, with one that it does not.
fn odd_characters() -> impl Iterator<Item = char> {
    ('\0'..='\u{20}')
        .chain('\u{7f}'..='\u{a0}')
        .chain("\u{ad}\u{2028}\u{2029}\u{202e}\u{200d}\u{feff}\u{fffe}\u{ffff}".chars())
        .chain("\u{fdd0}\u{e000}\u{1fffe}\u{10ffff}#:'\"\\%@`&*!|>-?[]{},~\u{ae}".chars())
}

#[test]
fn no_character_changes_a_text_on_its_way_through_the_file() {
    for odd in odd_characters() {
        for text in [
            format!("0{odd}\u{ae}"),
            format!("0 {odd} \u{ae}"),
            format!("{odd}\u{ae}"),
            format!("\u{ae}{odd}"),
            format!("{odd}{odd} x"),
        ] {
            let mut draft = sample();
            draft.set("site.display_name", &text);
            draft.set("nodes.workers", &text);
            let written = write(&draft);
            let again = read_draft("draft.yaml", &written).unwrap();
            let both = |draft: &SiteDraft| {
                let name = draft.get("site.display_name").to_owned();
                (name, draft.list("nodes.workers"))
            };
            assert_eq!(both(&again), both(&draft), "{text:?}\n{written}");
        }
    }
}

#[test]
fn line_ends_and_marks_are_no_part_of_an_answer() {
    for junk in [
        '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}', '\u{1b}', '\u{9b}',
    ] {
        let mut draft = SiteDraft::new();
        draft.set("site.display_name", &format!("{junk}St{junk} Mary{junk}"));
        assert_eq!(draft.get("site.display_name"), "St Mary", "{junk:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_never_panics(text in "(schema: 1\n)?[ -~\n\t\u{e4}\u{2028}\\[\\]{}:,'\"&*!|>-]{0,200}") {
        if let Err(problems) = read("site.yaml", &text) {
            prop_assert!(problems.iter().all(|problem| problem.what.starts_with("site.yaml, line ")));
        }
    }

    #[test]
    fn a_file_with_anything_inserted_never_panics(at in 0_usize..1500, junk in "\\PC{1,12}") {
        let text = sample_text();
        let (before, after): (Vec<_>, Vec<_>) = text.chars().enumerate().partition(|(index, _)| *index < at);
        let only = |part: Vec<(usize, char)>| part.into_iter().map(|(_, c)| c).collect::<String>();
        let text = format!("{}{junk}{}", only(before), only(after));
        drop(read("site.yaml", &text));
        drop(warnings("site.yaml", &text));
    }

    #[test]
    fn any_draft_is_judged_and_written_and_read_again(answers in proptest::collection::vec((0..FIELDS.len(), "\\PC{0,20}|[0-9a-z./=, -]{0,24}"), 0..20)) {
        let mut draft = sample();
        for (index, text) in &answers {
            draft.set(FIELDS[*index].id, text);
        }
        let valid = draft.problems().is_empty();
        prop_assert_eq!(Site::try_from(&draft).is_ok(), valid);
        let text = write(&draft);
        let again = read_draft("draft.yaml", &text);
        prop_assert!(again.is_ok(), "{:?}\n{}", again, text);
        let again = again.unwrap();
        for field in FIELDS.iter().filter(|field| field.secret().is_none()) {
            match field.kind.shape() {
                Shape::List => prop_assert_eq!(draft.list(field.id), again.list(field.id)),
                Shape::Text | Shape::Number => prop_assert_eq!(draft.get(field.id), again.get(field.id)),
            }
        }
        prop_assert_eq!(write(&again.filled()), write(&draft.filled()));
    }
}
