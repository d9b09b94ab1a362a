//! What the built program takes: its size, its first frame in a terminal, and the way back into a deploy that was killed.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use care_install::{rehearsal, sys::daemon};

use crate::{table::Table, terminal};

const PROGRAM: &str = env!("CARGO_BIN_EXE_care-install");
const STARTS: usize = 40;
const KILLS: usize = 15;
/// The deploy is killed when so many steps are done.
const DONE: usize = 8;
/// The largest program, in millions of bytes.
const LARGEST: f64 = 25.0;

/// Adds its rows.
pub fn measure(table: &mut Table) {
    let bytes = Path::new(PROGRAM).metadata().unwrap().len();
    let large = f64::from(u32::try_from(bytes).unwrap()) / 1e6;
    table.figure(
        "size of the program",
        format!("{large:.1} MB"),
        "25 MB",
        Some(large <= LARGEST),
    );

    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for (columns, rows) in [(80, 24), (120, 40)] {
        let samples = (0..STARTS)
            .map(|_| first_frame(folder.path(), (columns, rows)))
            .collect();
        let what = format!("first frame, from start of the program, {columns}x{rows}");
        table.times(&what, samples, Some(Duration::from_millis(15)));
    }
    let mut warm = Vec::new();
    let mut cold = Vec::new();
    for turn in 0..KILLS {
        let site = folder.path().join(format!("warm-{turn}"));
        killed(folder.path(), &site);
        warm.push(again(folder.path(), &site));
        let site = folder.path().join(format!("cold-{turn}"));
        killed(folder.path(), &site);
        end_cluster(&site);
        cold.push(again(folder.path(), &site));
    }
    let budget = Some(Duration::from_millis(300));
    table.times("start after a kill to the first step at work", warm, budget);
    table.times("the same, practice cluster killed too", cold, budget);
}

fn program(home: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .env("CARE_INSTALL_HOME", home)
        .env("TERM", "xterm-256color");
    command
}

/// Starts the program in a terminal of this process and waits until its last line is drawn.
fn first_frame(home: &Path, size: (u16, u16)) -> Duration {
    let mut command = program(home);
    let mut screen = terminal::open(&mut command, size);
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut heard = Vec::new();
    let mut piece = [0; 8192];
    // The keys stand in the last line of the screen.
    while !String::from_utf8_lossy(&heard).contains("leave") {
        let read = screen.read(&mut piece).unwrap();
        heard.extend_from_slice(&piece[..read]);
    }
    let took = began.elapsed();
    end(&mut child);
    took
}

/// A practice deploy in lines of JSON.
fn deploy(home: &Path, site: &Path) -> Child {
    program(home)
        .args(["rehearse", "--yes", "--json", "--speed", "max", "--site"])
        .arg(site)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads lines until a step is in this state for the n-th time.
fn until(child: &mut Child, state: &str, mut count: usize) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines {
        if line.unwrap().contains(state) {
            count -= 1;
            if count == 0 {
                return;
            }
        }
    }
    panic!("the deploy ended before");
}

/// A deploy that is killed in the middle.
fn killed(home: &Path, site: &Path) {
    let mut child = deploy(home, site);
    until(&mut child, r#""state":"done""#, DONE);
    end(&mut child);
}

/// The next start, until it has a step at work; then everything is ended.
fn again(home: &Path, site: &Path) -> Duration {
    let began = Instant::now();
    let mut child = deploy(home, site);
    until(&mut child, r#""state":"running""#, 1);
    let took = began.elapsed();
    end(&mut child);
    end_cluster(site);
    took
}

fn end(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Ends the practice cluster of the site, which lives in a process of its own, and waits until it is gone.
fn end_cluster(site: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = site.join("rehearsal/cluster");
    runtime.block_on(async {
        let point = rehearsal::find(&folder).await.unwrap();
        daemon::terminate(point.pid);
        while rehearsal::find(&folder).await.is_some() {
            tokio::task::yield_now().await;
        }
    });
}
