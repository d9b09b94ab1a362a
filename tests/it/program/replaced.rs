//! The program's file is replaced, or taken away, while its screens stand: what they start works all the same.

use std::fs;

use super::{Site, terminal::Terminal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn screens_whose_program_was_replaced_or_taken_away_still_begin_a_run() {
    for replaced in [false, true] {
        let site = Site::new();
        let program = site.beside("care-install");
        fs::copy(env!("CARGO_BIN_EXE_care-install"), &program).unwrap();
        let mut screen =
            Terminal::start(site.command_of(&program, &["rehearse", "--speed", "max"]));
        screen
            .until("the practice cluster", |text| text.contains("REHEARSAL"))
            .await;
        fs::remove_file(&program).unwrap();
        if replaced {
            // As an upgrade does it; this one cannot even run.
            fs::write(&program, "not a program").unwrap();
        }
        screen.send("\u{b}screen plan\r");
        screen.press("y", "deploy").await;
        screen.choose("Deploy").await;
        screen.send("\r");
        screen
            .until("the end", |text| text.contains("Done: 35 of 35 steps"))
            .await;
        screen.press("q", "leave").await;
        assert_eq!(screen.ended().await, Some(0));
    }
}
