//! The screens on a real terminal: it is given back as it was on every way out, stops and goes on, and never hangs.

mod pty;

use std::{fs, time::Duration};

use care_install::{
    app::{App, Effect},
    sys::clock::Clock,
    tui::{self, Channels, Line, Look},
    ui::Theme,
};
use rustix::process::Signal;
use tokio::sync::{mpsc, watch};

use pty::{Ran, Shown};

/// What the first screen says.
const WELCOME: &str = "What would you like to do?";

/// What stands in its first row, in one piece.
const ROW: &str = "about 15 minutes of questions";

/// The program at its first screen.
async fn welcome() -> Shown {
    let mut shown = Shown::start(&[], &[]).await;
    shown.until(WELCOME).await;
    shown
}

#[tokio::test]
async fn a_key_that_leaves_gives_the_terminal_back() {
    for key in ["q", "\u{3}"] {
        let mut shown = welcome().await;
        shown.is_taken();
        shown.send(key).await;
        shown.ended().await.gave_back().exits(0);
    }
}

#[tokio::test]
async fn each_signal_that_ends_gives_the_terminal_back() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let shown = welcome().await;
        shown.signal(signal);
        shown.ended().await.gave_back().exits(0);
    }
}

#[tokio::test]
async fn a_stop_gives_the_terminal_to_the_shell_and_going_on_draws_everything_again() {
    let mut shown = welcome().await;
    shown.signal(Signal::TSTP);
    shown.stands_still().await;
    shown.is_given_back();
    shown.forget();
    shown.signal(Signal::CONT);
    shown.until(WELCOME).await;
    shown.until("leave").await;
    shown.is_taken();
    shown.send("q").await;
    shown.ended().await.gave_back().exits(0);
}

#[tokio::test]
async fn a_shell_that_changed_the_terminal_meanwhile_does_no_harm() {
    let mut shown = welcome().await;
    shown.signal(Signal::STOP);
    shown.stands_still().await;
    shown.set_as_before();
    shown.resize(120, 40);
    shown.forget();
    shown.signal(Signal::CONT);
    shown.until(WELCOME).await;
    // The new size alone draws too, and may be heard first.
    shown.comes_to_be_taken().await;
    shown.send("q").await;
    shown.ended().await.gave_back().exits(0);
}

#[tokio::test]
async fn a_terminal_that_goes_ends_the_program_with_and_without_a_signal() {
    // The kernel tells a program of this terminal by SIGHUP ...
    let shown = welcome().await;
    shown.goes().await;
    // ... and one of another session not at all: it reads nothing, for ever.
    let shown = pty::Loose::start().await;
    shown.goes().await;
}

#[tokio::test]
async fn a_panic_in_any_task_gives_the_terminal_back_with_its_words_and_ends_the_program() {
    let mut shown = Shown::of_test("screens::a_program_with_a_part_that_fails").await;
    shown.until(WELCOME).await;
    // The last row: the practice cluster, which this program cannot open.
    shown.send("\u{1b}[F").await;
    shown.send("\r").await;
    let ran: Ran = shown.ended().await;
    let ran = ran.gave_back();
    let text = ran.after("\u{1b}[?1049l");
    assert!(text.contains("a canary that sings"), "{text}");
    assert!(text.contains("A part of care-install has failed"), "{text}");
}

/// The screens, joined to a part that fails with the first wish.
#[tokio::test]
#[ignore = "a program of its own, for the test above"]
async fn a_program_with_a_part_that_fails() {
    let (_inputs, heard) = mpsc::channel(1);
    let (effects, mut asked) = mpsc::channel(8);
    let (_clock, shown) = watch::channel(Clock::real());
    tokio::spawn(async move {
        while let Some(effect) = asked.recv().await {
            assert!(!matches!(effect, Effect::Rehearse), "a canary that sings");
        }
    });
    let look = Look {
        theme: Theme::colour(),
        line: Line::Fast,
    };
    let channels = Channels {
        inputs: heard,
        effects,
        clock: shown,
        record: None,
    };
    let app = App::new(jiff::Timestamp::now(), Vec::new());
    let problem = tui::run(app, look, channels).await.unwrap_err();
    eprintln!("{problem}");
}

#[tokio::test]
async fn everything_is_drawn_again_when_asked_and_the_mouse_is_heard_only_when_wanted() {
    let mut shown = welcome().await;
    shown.until("leave").await;
    assert!(!shown.mode(1000));
    shown.forget();
    shown.send("\u{c}").await;
    shown.until(WELCOME).await;
    shown.until("leave").await;
    shown.send("\u{1b}[20~").await;
    shown.until("The mouse scrolls").await;
    assert!(shown.mode(1000) && shown.mode(1006));
    // Down: the words of the keys are there again; then a click on the word `leave`.
    shown.forget();
    shown.send("\u{1b}[B").await;
    shown.until("leave").await;
    let column = 2 + " Up/Down choose  Enter open  ? help  ".len();
    shown.send(&format!("\u{1b}[<0;{column};24M")).await;
    shown.ended().await.gave_back().exits(0);
}

#[tokio::test]
async fn a_terminal_that_nobody_knows_gets_what_every_terminal_can() {
    let mut shown = Shown::start(&[], &[("TERM", "no-such-terminal")]).await;
    shown.until(WELCOME).await;
    shown.until("leave").await;
    shown.send("q").await;
    let ran = shown.ended().await.gave_back().exits(0);
    assert!(ran.bytes.is_ascii());
    assert!(!ran.text().contains("\u{1b}[0;3"), "no colours");
}

#[tokio::test]
async fn a_terminal_that_shows_only_lines_gets_lines_and_the_program_ends_by_itself() {
    for term in ["dumb", "unknown", ""] {
        let ran = Shown::start(&[], &[("TERM", term)]).await.ended().await;
        let ran = ran.exits(0);
        assert!(ran.text().contains("There is no site"), "{}", ran.text());
        assert!(!ran.bytes.contains(&0x1b), "{}", ran.text());
    }
}

#[tokio::test]
async fn a_text_that_is_copied_is_kept_as_a_file_that_is_named() {
    let mut shown = Shown::start(&["rehearse"], &[]).await;
    shown.until("REHEARSAL").await;
    shown.send("\u{b}list nodes\r").await;
    // The machines of the practice cluster; the first row with its details.
    shown.until("secondary").await;
    shown.send("c").await;
    shown.until("]52;c;").await;
    shown.until("and kept as").await;
    let kept = shown.home().join("practice/rehearsal/reports/copied.txt");
    let text = fs::read_to_string(kept).unwrap();
    assert!(text.starts_with("primary\n"), "{text}");
    shown.send("q").await;
    shown.ended().await.gave_back().exits(0);
}

/// What a line of 9600 Bd carries in a second.
const LINE: usize = 960;

#[tokio::test]
#[ignore = "takes a minute: what a serial line carries while nothing is pressed"]
async fn a_serial_line_carries_the_screens() {
    const LOOK: Duration = Duration::from_secs(30);
    let mut shown = Shown::start(&["rehearse", "--serial", "--speed", "20"], &[]).await;
    shown.until("REHEARSAL").await;
    shown.send("\u{b}screen health\r").await;
    shown.until("needs attention").await;
    let health = shown.bytes_within(LOOK).await / 30;
    // Another screen, and a deploy that goes on.
    shown.send("\u{b}screen checks\r").await;
    shown.until("holds the deploy").await;
    shown.send("\u{b}screen plan\r").await;
    shown.until("y deploy").await;
    shown.forget();
    shown.send("y").await;
    shown.until("practice cluster").await;
    shown.send("\r").await;
    shown.until("Stage").await;
    let deploy = shown.bytes_within(LOOK).await / 30;
    println!(
        "health: {health} bytes a second, deploy: {deploy} bytes a second\n{}",
        shown.words()
    );
    assert!(health <= LINE && deploy <= LINE, "{health}, {deploy}");
    shown.signal(Signal::TERM);
    shown.ended().await.gave_back();
}
