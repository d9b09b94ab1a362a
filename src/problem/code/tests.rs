//! The codes as one letter, and the tone in which it is written.

use std::{collections::BTreeSet, fmt::Write as _};

use super::Code;

/// Longest runbook: it is read on a screen of 80 columns, below the problem itself.
const LONGEST: usize = 800;

/// How wide the letter is.
const WIDTH: usize = 96;

#[test]
fn every_code_reads_like_a_part_of_one_letter() {
    let mut letter = String::new();
    for code in Code::ALL {
        write!(letter, "{code}  {}", code.title()).unwrap();
        let mut column = WIDTH;
        for word in code.runbook().split(' ') {
            column += 1 + word.chars().count();
            if column > WIDTH {
                letter.push_str("\n   ");
                column = 4 + word.chars().count();
            }
            write!(letter, " {word}").unwrap();
        }
        letter.push_str("\n\n");
    }
    insta::assert_snapshot!("letter", letter);
}

#[test]
fn every_code_stands_once_and_is_found_in_any_case() {
    let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
    for code in Code::ALL {
        assert_eq!(Code::parse(&code.as_str().to_lowercase()), Some(*code));
    }
}

#[test]
fn runbooks_are_whole_sentences_blame_nobody_and_say_more_than_what_happened() {
    for code in Code::ALL {
        let (title, runbook) = (code.title(), code.runbook());
        assert!(!title.ends_with('.'), "{code}: a title is no sentence");
        assert!(runbook.ends_with('.'), "{code}: ends with a period");
        assert!(
            runbook.len() <= LONGEST,
            "{code}: is too long to read at night"
        );
        assert!(!runbook.contains("  "), "{code}: has two spaces");
        let sentences = 1 + runbook.matches(". ").count() + runbook.matches("? ").count();
        assert!(
            sentences >= 3,
            "{code}: what it means, how to look closer, what to do"
        );
        let lower = runbook.to_lowercase();
        for word in [
            "you forgot",
            "your mistake",
            "you must",
            "simply",
            "please",
            "obviously",
        ] {
            assert!(!lower.contains(word), "{code}: `{word}`");
        }
    }
}

/// What is typed stands in backticks, so that its end shows when lines are broken.
#[test]
fn commands_in_runbooks_stand_in_backticks() {
    let programs = [
        "kubectl ",
        "openssl ",
        "systemctl ",
        "journalctl ",
        "kubeadm ",
        "crictl ",
        "dig ",
        "curl ",
        "df -",
        "nc -",
        "ls -",
    ];
    for code in Code::ALL {
        let parts: Vec<&str> = code.runbook().split('`').collect();
        assert!(parts.len() % 2 == 1, "{code}: a backtick is left open");
        for plain in parts.iter().step_by(2) {
            for program in programs {
                let before = plain.split_once(program).map(|(before, _)| before);
                let is_word = before.is_some_and(|before| before.ends_with([' ', '(']));
                assert!(!is_word, "{code}: `{program}` is not in backticks");
            }
        }
    }
}
