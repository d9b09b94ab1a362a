//! What happens in memory: the first frame, and the plan of the sample site.

use std::time::Duration;

use care_install::{
    app::{App, Input, SiteRow, known::Stands},
    catalog::Catalog,
    plan,
    site::{SecretName, Secrets, Site, sample},
    ui::{self, Theme},
};
use jiff::Timestamp;
use ratatui::{Terminal, backend::TestBackend};
use secrecy::SecretString;

use crate::table::{Table, repeat};

const FRAMES: usize = 1000;
const PLANS: usize = 200;

/// Adds its rows.
pub fn measure(table: &mut Table) {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let samples = repeat(FRAMES, || first_frame(columns, rows));
        let what = format!("first frame, in memory, {columns}x{rows}");
        table.times(&what, samples, Some(Duration::from_millis(15)));
    }
    let secrets = secrets();
    let site = Site::try_from(&sample()).unwrap();
    let samples = repeat(PLANS, || {
        plan::build(&site, &secrets, &Catalog::load().unwrap()).unwrap()
    });
    table.times(
        "plan of the sample site, catalogue included",
        samples,
        Some(Duration::from_millis(20)),
    );
}

fn first_frame(columns: u16, rows: u16) -> Terminal<TestBackend> {
    let row = |name: &str| SiteRow {
        name: name.to_owned(),
        state: "deployed 2 days ago".to_owned(),
        stands: Stands::Deployed,
    };
    let mut app = App::new(Timestamp::now(), vec![row("st-marys"), row("st-johns")]);
    app.update(Input::Resize(columns, rows));
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal
        .draw(|frame| ui::draw(&app, Theme::colour(), frame))
        .unwrap();
    terminal
}

fn secrets() -> Secrets {
    let mut secrets = Secrets::new();
    secrets.generate_missing().unwrap();
    for &name in SecretName::ALL {
        if secrets.get(name).is_none() {
            secrets.set(name, SecretString::from("made-up"));
        }
    }
    secrets
}
