//! Someone who has never seen the program, at a real terminal of 80x24: only keys that the screen itself tells are pressed.

use std::{
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    parts,
    program::{kill, processes},
};

const COLUMNS: &str = "80";
const ROWS: &str = "24";

/// How long the program may take to show what comes next; a deploy of the practice cluster is the longest.
const LIMIT: Duration = Duration::from_mins(3);

/// Between two looks at the screen.
const LOOK: Duration = Duration::from_millis(50);

/// How many rows a list may have.
const LONGEST: usize = 60;

/// A terminal in tmux with the program in it.
struct Terminal<'a> {
    socket: String,
    home: &'a Path,
}

impl<'a> Terminal<'a> {
    fn open(home: &'a Path) -> Self {
        let terminal = Self {
            socket: format!("care-journey-{}", std::process::id()),
            home,
        };
        let program = format!(
            "env CARE_INSTALL_HOME={home} HOME={home} TERM=screen-256color TZ=UTC {program}; echo ended with $?; read wait",
            home = home.display(),
            program = env!("CARGO_BIN_EXE_care-install"),
        );
        let size = ["-x", COLUMNS, "-y", ROWS];
        let start = ["-f", "/dev/null", "new-session", "-d", "-s", "journey"];
        terminal.tmux(&[&start[..], &size[..], &[&program]].concat());
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let ran = Command::new("tmux")
            .args(["-L", &self.socket])
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "tmux {arguments:?}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
        String::from_utf8(ran.stdout).unwrap()
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "journey"])
    }

    /// Waits until the screen is as it should be, and gives it.
    fn until(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + LIMIT;
        loop {
            let screen = self.screen();
            if fits(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "{what} did not come:\n{screen}");
            thread::sleep(LOOK);
        }
    }

    fn shows(&self, words: &str) -> String {
        self.until(words, |screen| flat(screen).contains(words))
    }

    fn send(&self, key: &str) {
        self.tmux(&["send-keys", "-t", "journey", key]);
    }

    /// Types a text as a person does.
    fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-t", "journey", "-l", text]);
    }

    /// Presses the key that the last rows of the screen name for this.
    fn press(&self, word: &str) {
        let told = |screen: &str| key_for(screen, word);
        let screen = self.until(&format!("a key for `{word}`"), |screen| {
            told(screen).is_some()
        });
        self.send(&tmux_name(&told(&screen).unwrap()));
    }

    /// Presses the key that the help of this screen names for this.
    fn press_as_help_says(&self, does: &str) {
        self.press("help");
        self.shows("Keys of this screen");
        self.go("scroll", &format!("line of help with `{does}`"), |screen| {
            screen.contains(does)
        });
        let screen = self.screen();
        let line = screen.lines().find(|line| line.contains(does)).unwrap();
        let (_, told) = line.split_once('│').unwrap();
        let key = told.split_whitespace().next().unwrap().to_owned();
        self.press("close");
        self.until("the end of help", |screen| {
            !screen.contains("Keys of this screen")
        });
        self.send(&tmux_name(&key));
    }

    /// Walks through a list until the chosen row holds these words: up when such a row is seen above.
    fn choose(&self, words: &str) {
        for _ in 0..LONGEST {
            let screen = self.screen();
            let chosen = |line: &str| {
                let row = line.split_once("> ").map(|(_, row)| row);
                row.is_some_and(|row| row.contains(words))
            };
            if screen.lines().any(chosen) {
                return;
            }
            let above = screen.lines().take_while(|line| !line.contains("> "));
            let key = key_for(&screen, "choose").unwrap();
            let (up, down) = key.split_once('/').unwrap();
            let up = above
                .into_iter()
                .any(|line| line.contains(words))
                .then_some(up);
            self.send(&tmux_name(up.unwrap_or(down)));
            self.until("another row", |now| now != screen);
        }
        panic!("no row holds `{words}`:\n{}", self.screen());
    }

    /// Presses a key again and again, one screen after the other, until the screen fits.
    fn go(&self, word: &str, what: &str, fits: impl Fn(&str) -> bool) {
        for _ in 0..LONGEST {
            let screen = self.screen();
            if fits(&screen) {
                return;
            }
            self.press(word);
            self.until("what the key brings", |now| now != screen);
        }
        panic!("there is no {what}:\n{}", self.screen());
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // The program may have ended it by itself.
        let mut end = Command::new("tmux");
        end.args(["-L", &self.socket, "kill-server"]).status().ok();
        // The practice cluster lives on for the next who looks; here nobody does.
        let home = self.home.to_string_lossy();
        for (pid, arguments) in processes() {
            if arguments.contains(&*home) {
                kill(pid);
            }
        }
    }
}

/// The words of a screen as one line; of a row with a card only what the card says.
fn flat(screen: &str) -> String {
    let words = screen.lines().flat_map(|line| {
        let card = line
            .split_once('│')
            .and_then(|(_, rest)| rest.rsplit_once('│'));
        card.map_or(line, |(inside, _)| inside).split_whitespace()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The key that the footer has before this word: `Enter open`, `Up/Down choose`.
fn key_for(screen: &str, word: &str) -> Option<String> {
    let footer = screen.lines().rev().find(|line| !line.trim().is_empty())?;
    footer.split("  ").find_map(|told| {
        let (key, does) = told.trim().split_once(' ')?;
        (does.trim() == word).then(|| key.to_owned())
    })
}

/// What tmux calls a key; of two the second, which goes on.
fn tmux_name(key: &str) -> String {
    let key = key.rsplit_once('/').map_or(key, |(_, second)| second);
    match key {
        "Esc" => "Escape".to_owned(),
        "PgDn" => "PageDown".to_owned(),
        key => key.strip_prefix("Ctrl-").map_or_else(
            || key.to_owned(),
            |letter| format!("C-{}", letter.to_lowercase()),
        ),
    }
}

#[test]
fn a_newcomer_comes_from_the_welcome_to_a_cured_finding_by_the_keys_that_the_screens_tell() {
    if !parts::has(&[("tmux", "tmux")]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let terminal = Terminal::open(home.path());
    to_the_plan(&terminal);
    to_a_healthy_cluster(&terminal);
    to_the_log_of_a_pod(&terminal);
    to_a_cured_finding(&terminal);
    terminal.press("leave");
    let ended = terminal.shows("ended with 0");
    assert!(
        !ended.contains("Nothing needs attention"),
        "the terminal is as it was:\n{ended}"
    );
    let alternate = ["display-message", "-p", "-t", "journey", "#{alternate_on}"];
    assert_eq!(terminal.tmux(&alternate).trim(), "0");
}

/// Questions with a mistake on the way, then the checks.
fn to_the_plan(terminal: &Terminal<'_>) {
    terminal.shows("What would you like to do?");
    terminal.choose("Rehearse");
    terminal.press("open");
    terminal.shows("10 of 10 groups are complete");
    terminal.go("group", "group Domains", |screen| {
        flat(screen).contains("Base domain")
    });
    terminal.types("!");
    terminal.until("the mistake", |screen| {
        !screen.contains("10 of 10 groups are complete")
    });
    terminal.send("BSpace");
    terminal.shows("10 of 10 groups are complete");
    terminal.press("done");
    terminal.shows("Nothing holds the deploy back");
    terminal.press("plan");
    terminal.shows("35 steps of 15 components");
}

fn to_a_healthy_cluster(terminal: &Terminal<'_>) {
    terminal.press("deploy");
    terminal.shows("Deploy practice?");
    terminal.press("do it");
    terminal.shows("Stage 1 of 6");
    terminal.shows("Done: 35 of 35 steps");
    terminal.press("open");
    terminal.shows("Nothing needs attention");
}

fn to_the_log_of_a_pod(terminal: &Terminal<'_>) {
    terminal.press("next list");
    terminal.until("the pods", |screen| screen.contains("NAMESPACE"));
    terminal.press("log");
    terminal.shows("practice container");
    terminal.press("back");
    terminal.until("the pods", |screen| screen.contains("NAMESPACE"));
}

fn to_a_cured_finding(terminal: &Terminal<'_>) {
    practice(terminal, "out-of-memory");
    // Each list is named with the number that opens it.
    terminal.shows("1 Attention");
    terminal.send("1");
    terminal.shows("1 Attention 1");
    terminal.press("details");
    terminal.shows("was ended for using too much memory");
    terminal.shows("To fix: Read its former log");
    terminal.press("close");
    // The remedy: the log before the end.
    terminal.press("log");
    terminal.until("its log", |screen| screen.contains("log"));
    terminal.press("back");
    practice(terminal, "healthy");
    // What was short of memory begins anew.
    terminal.press("actions");
    terminal.shows("Do something to POD-02");
    terminal.choose("restart");
    terminal.press("do it");
    terminal.shows("rollout restart deployment/care-worker");
    terminal.choose("yes");
    terminal.press("do it");
    terminal.shows("Nothing needs attention");
}

/// Chooses what the practice cluster plays.
fn practice(terminal: &Terminal<'_>, scenario: &str) {
    terminal.press_as_help_says("on the practice cluster: what goes wrong");
    terminal.shows("Practice: what goes wrong");
    terminal.choose(scenario);
    terminal.press("do it");
    terminal.shows(&format!("plays {scenario} now"));
}
