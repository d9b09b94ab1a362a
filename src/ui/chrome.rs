//! What every screen has: the header with site and freshness, the footer with the keys that work now. Pure.

use ratatui::layout::Rect;

use super::{
    LEAST_COLUMNS, LEAST_ROWS,
    paint::{Paint, Strip},
    top,
};
use crate::app::{
    App, Link, Screen, checks, hint,
    keys::Binding,
    wizard::{Standing, Wizard},
    words::{Tone, about, counted, since, span, width, wrap},
};
use crate::{problem::Code, site::Group};

/// Draws header and footer and gives the room between them.
pub fn frame(app: &App, paint: &mut Paint<'_>, area: Rect) -> Rect {
    let (head, rest) = top(area, 1);
    let (line, rest) = top(rest, 1);
    let (body, foot) = top(rest, rest.height.saturating_sub(2));
    let (foot_line, foot) = top(foot, 1);
    header(app, paint, head);
    paint.rule(line);
    paint.rule(foot_line);
    hinted(app, paint, foot_line);
    footer(app, paint, (foot_line, foot));
    Rect {
        x: body.x + 1,
        width: body.width.saturating_sub(2),
        ..body
    }
}

fn header(app: &App, paint: &mut Paint<'_>, area: Rect) {
    let theme = paint.theme;
    let (fresh, tone) = freshness(app);
    let practice = if app.known.rehearsal {
        " REHEARSAL "
    } else {
        ""
    };
    let between = if practice.is_empty() || fresh.is_empty() {
        0
    } else {
        2
    };
    let right = width(practice) + between + width(&fresh) + 1;
    let room = usize::from(area.width).saturating_sub(right + 1);
    let name = if app.known.site.is_empty() {
        concat!("care-install ", env!("CARGO_PKG_VERSION"))
    } else {
        app.known.site.as_str()
    };
    let title = format!("{name}{}{}", theme.dot(), subject(app));
    let strip = paint
        .strip(area)
        .gap(1)
        .cell(room, &title, theme.tone(Tone::Strong))
        .put(practice, theme.rehearsal())
        .gap(between)
        .put(&fresh, theme.tone(tone));
    paint.line(area, 0, &strip);
}

fn subject(app: &App) -> String {
    match &app.screen {
        Screen::Logs(state) => match &state.source {
            crate::app::logs::Source::Step(id) => format!("log of {id}"),
            crate::app::logs::Source::Pod { namespace, name } => {
                format!("log of {namespace}/{name}")
            }
        },
        // What was asked for says what it is with its first event.
        Screen::Deploy(_) if app.known.link == Link::Starting => "run".to_owned(),
        Screen::Deploy(_) => app.known.run.purpose.noun().to_owned(),
        screen => screen.title().to_owned(),
    }
}

/// A hint in the line above the footer: it takes no room, so nothing moves when it goes.
fn hinted(app: &App, paint: &mut Paint<'_>, line: Rect) {
    let Some(words) = hint::hint(app) else { return };
    let inside = Rect {
        x: line.x + 2,
        width: line.width.saturating_sub(4),
        ..line
    };
    let words = format!(" {words} ");
    paint.text(inside, 0, &words, paint.theme.tone(Tone::Remedy));
}

/// How fresh what is shown is, in words.
fn freshness(app: &App) -> (String, Tone) {
    let known = &app.known;
    match &app.screen {
        Screen::Deploy(_) => match known.link {
            Link::None => ("no run yet".to_owned(), Tone::Dim),
            Link::Starting => ("starting".to_owned(), Tone::Busy),
            Link::Lost(then) => (
                format!("NOT HEARD for {}", span(since(then, app.now))),
                Tone::Bad,
            ),
            Link::Live if known.run.ended.is_some() => ("ended".to_owned(), Tone::Dim),
            Link::Live => ("live".to_owned(), Tone::Good),
        },
        Screen::Health(_) => match (known.cluster.at, known.cluster.stale_since) {
            (None, None) => ("connecting".to_owned(), Tone::Busy),
            (_, Some(then)) => {
                let code = known.cluster.trouble.as_ref().map(|trouble| trouble.code);
                let why = match code {
                    Some(Code::Kube06) => "login refused",
                    Some(Code::Kube02) => "certificate not trusted",
                    Some(Code::Kube04) => "something else answers",
                    Some(Code::Kube10) => "API overloaded",
                    _ => "no answer",
                };
                let ago = span(since(then, app.now));
                (format!("STALE: {why} for {ago}"), Tone::Bad)
            }
            // Changes come as they happen: nothing new is no sign of age.
            (Some(_), None) => ("live".to_owned(), Tone::Good),
        },
        Screen::Wizard(state) => settings(state, app.size.0),
        Screen::Checks(_) => checks(app),
        _ => (String::new(), Tone::Dim),
    }
}

/// How far the checks are.
fn checks(app: &App) -> (String, Tone) {
    let known = &app.known;
    let counts = checks::counts(&known.checks, &known.waivers);
    let mut text = match (counts.done, known.checking) {
        (0, true) => return ("checking".to_owned(), Tone::Busy),
        (0, false) => return (String::new(), Tone::Dim),
        (done, _) => format!("{} done", done.saturating_sub(known.asked_again.len())),
    };
    text = format!("{text} · {} fail · {} warn", counts.failed, counts.warned);
    if counts.waived > 0 {
        text = format!("{text} · {} waived", counts.waived);
    }
    if let Some(took) = known.check_took {
        text = format!("{text} · {}", about(took));
    }
    let tone = match (known.checking, counts.failed, counts.warned) {
        (true, ..) => Tone::Busy,
        (false, 0, 0) => Tone::Good,
        (false, 0, _) => Tone::Warn,
        (false, ..) => Tone::Bad,
    };
    (text, tone)
}

/// How far the questions are.
fn settings(state: &Wizard, columns: u16) -> (String, Tone) {
    const ROOMY: u16 = 80;
    let good = |group: &&Group| state.standing(**group) == Standing::Good;
    let good = Group::ALL.iter().filter(good).count();
    let (wrong, open) = state.counts();
    let mut text = format!("{good} of {} groups", Group::ALL.len());
    if open > 0 && columns >= ROOMY {
        text = format!("{text} · {open} to answer");
    }
    let tone = match (wrong, open) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Dim,
        _ => Tone::Bad,
    };
    (format!("{text} · {}", counted(wrong, "problem")), tone)
}

/// The keys that work now, as many as fit; a short answer to the last key stands in their place, a longer one also in that of
/// the line above them.
fn footer(app: &App, paint: &mut Paint<'_>, (line, area): (Rect, Rect)) {
    let theme = paint.theme;
    if let Some(notice) = &app.notice {
        let lines = wrap(notice, usize::from(area.width).saturating_sub(2));
        let style = theme.tone(Tone::Busy);
        let last = match lines.as_slice() {
            [first, rest @ ..] if !rest.is_empty() => {
                paint.clear(line);
                let strip = paint.strip(line).gap(1).put(first, style);
                paint.line(line, 0, &strip);
                rest.join(" ")
            }
            _ => notice.clone(),
        };
        let strip = paint.strip(area).gap(1).put(&last, style);
        paint.line(area, 0, &strip);
        return;
    }
    let mut strip = paint.strip(area).gap(1);
    for (name, word) in shown_keys(app, area.width) {
        let key = theme.accent();
        strip = strip
            .put(name, key)
            .gap(1)
            .put(word, theme.tone(Tone::Plain))
            .gap(2);
    }
    paint.line(area, 0, &strip);
}

/// Names and words of the keys in the footer.
pub fn shown_keys(app: &App, columns: u16) -> Vec<(&'static str, &'static str)> {
    let table = app.bindings();
    let works = |at: usize| {
        let binding: Option<&Binding> = table.get(at);
        binding.is_some_and(|binding| app.can(binding.act))
    };
    let keys: Vec<(&'static str, &'static str)> = table
        .iter()
        .enumerate()
        // A row without a name belongs to the row before: `Up/Down` works when one of them does.
        .filter(|(at, _)| {
            let next = table.get(at + 1).is_some_and(|next| next.name.is_empty());
            works(*at) || (next && works(at + 1))
        })
        .filter(|(_, binding)| !binding.word.is_empty())
        .map(|(_, binding)| (binding.name, binding.word))
        .collect();
    // Help and leave are always in sight; the rest gives way from its end.
    let cost = |(name, word): &(&str, &str)| width(name) + width(word) + 3;
    let always = |(name, _): &&(&str, &str)| matches!(*name, "?" | "q" | "Esc" | "F1");
    let mut room = usize::from(columns).saturating_sub(keys.iter().filter(always).map(cost).sum());
    keys.iter()
        .filter(|key| {
            if always(key) {
                return true;
            }
            let fits = cost(key) <= room;
            room = if fits { room - cost(key) } else { 0 };
            fits
        })
        .copied()
        .collect()
}

/// What stands on a terminal that holds no screen.
pub fn too_small(paint: &mut Paint<'_>, area: Rect) {
    let lines = [
        "This window is too small.".to_owned(),
        format!("It has {} x {};", area.width, area.height),
        format!("{LEAST_COLUMNS} x {LEAST_ROWS} are needed."),
        "Make it larger, or use --plain.".to_owned(),
    ];
    for (row, line) in (0..).zip(lines) {
        let strip = Strip::new(paint.theme, area.width).put(&line, paint.theme.tone(Tone::Plain));
        paint.line(area, row, &strip);
    }
}
