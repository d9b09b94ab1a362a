//! Draws the health of a site: services first, then what needs attention and the list that was chosen. Pure.

use ratatui::layout::Rect;

use super::{
    left,
    paint::{Paint, Strip},
    top,
};
use crate::{
    app::{
        App, dialog,
        health::{
            self, By, Column, HealthScreen, Row, Rows, Tab, said,
            tab::{Look, MARK},
        },
        list, story,
        words::{Tone, Words, since, span, width},
    },
    problem::Problem,
    watch::view::{ClusterView, Health, ServiceRow},
};

/// From so many columns on the details stand beside the list, which still shows all its columns.
const BESIDE: u16 = 180;

/// With so many rows for both the details stand below the list.
const BELOW: u16 = 22;

/// With so many rows there is room to say what to do about a lost connection.
const TALL: u16 = 14;

/// Draws the screen.
pub fn draw(app: &App, state: &HealthScreen, paint: &mut Paint<'_>, area: Rect) {
    let view = &*app.known.cluster;
    let across = across(view, area);
    let rows = view.services.len().div_ceil(across).max(1);
    let (head, rest) = top(area, u16::try_from(rows).unwrap_or(3));
    services(view, across, paint, head);
    let rest = stale(app, paint, rest);
    let (line, rest) = top(rest, 1);
    paint.divide(line);
    narrowed(app, state, paint, line);
    let rows = health::rows(&app.known, state, health::by(app));
    let chosen = health::chosen(state, &rows);
    let (list, details) = if rows.is_empty() {
        (rest, None)
    } else {
        parts(paint, rest)
    };
    let mut told = rows.get(chosen);
    if let (Some(details), Some(row)) = (details, told) {
        paint.paragraphs(details, &said::details(row, health::by(app)));
        told = None;
    }
    let (tabs, rest) = top(list, 1);
    names(view, state, paint, tabs);
    let (heads, list) = top(rest, 1);
    if rows.is_empty() {
        empty(view, state, paint, heads);
        below(app, (state, None), paint, (list, 1));
        return;
    }
    let widths = widths(app, state, heads.width.into());
    let header = heading(state, &widths, paint, heads);
    paint.line(heads, 0, &header);
    table(app, &widths, (&rows, chosen), paint, list);
    below(app, (state, told), paint, (list, rows.len() + 1));
}

/// Below what needs attention, when there is room: what the chosen finding says, as a row cuts it, or what there is when all
/// is well; and what a node's stop would mean.
fn below(
    app: &App,
    (state, told): (&HealthScreen, Option<Row<'_>>),
    paint: &mut Paint<'_>,
    (area, used): (Rect, usize),
) {
    let view = &*app.known.cluster;
    let used = u16::try_from(used).unwrap_or(u16::MAX);
    if state.tab != Tab::Attention || state.is_narrowed() || used >= area.height {
        return;
    }
    let (_, rest) = top(area, used);
    let mut story = Vec::new();
    if let Some(Row::Finding(finding)) = told {
        story.extend(shortened(&finding.problem, rest));
    } else if view.findings.is_empty() && view.stale_since.is_none() {
        story.extend(said::well(view, app.now));
    }
    let stops: Vec<Words> = view.nodes.iter().filter_map(health::stops::short).collect();
    if !story.is_empty() && !stops.is_empty() {
        story.push(Words::empty());
    }
    story.extend(stops);
    paint.paragraphs(rest, &story);
}

/// A problem as far as there is room: its remedy is never what is cut, the last causes are.
fn shortened(problem: &Problem, area: Rect) -> Vec<Words> {
    let mut problem = problem.clone();
    loop {
        let story = story::problem(&problem);
        let lines = dialog::lines(&story, area.width.into());
        if lines.len() <= area.height.into() || problem.causes.pop().is_none() {
            return story;
        }
    }
}

/// The place of the list, and that of the details when there is room for them.
fn parts(paint: &mut Paint<'_>, area: Rect) -> (Rect, Option<Rect>) {
    if area.width >= BESIDE {
        let (list, rest) = left(area, area.width * 3 / 5);
        let (line, details) = left(rest, 2);
        paint.upright(line);
        return (list, Some(details));
    }
    if area.height < BELOW {
        return (area, None);
    }
    let below = area.height * 2 / 5;
    let (list, rest) = top(area, area.height - below - 1);
    let (line, details) = top(rest, 1);
    paint.divide(line);
    (list, Some(details))
}

fn mark(health: Health) -> &'static str {
    match health {
        Health::Good => "OK",
        Health::Unknown => "--",
        Health::Busy => "..",
        Health::Warn => "??",
        Health::Bad => "!!",
    }
}

/// From so many rows on there is a row for each service whose state takes more words than a part of one holds.
const ROOMY: u16 = 20;

/// How many services stand in a row: as many as can be read whole.
fn across(view: &ClusterView, area: Rect) -> usize {
    let most: usize = if area.width >= super::WIDE { 3 } else { 2 };
    let longest = view
        .services
        .iter()
        .map(|service| width(&service_words(service)));
    let longest = longest.max().unwrap_or(0);
    let fits = |across: &usize| longest + SIGN <= usize::from(area.width) / across;
    match (1..=most).rev().find(fits) {
        Some(across) if area.height >= ROOMY => across,
        None if area.height >= ROOMY => 1,
        _ => most,
    }
}

/// Columns of a mark with the gaps around a service.
const SIGN: usize = 4;

/// A service, and what is not well with it.
fn service_words(service: &ServiceRow) -> String {
    let said = if service.health == Health::Good {
        String::new()
    } else if service.note.is_empty() {
        format!(": {}", service.health.word())
    } else {
        format!(": {}", service.note)
    };
    format!("{}{said}", service.service.title())
}

fn services(view: &ClusterView, across: usize, paint: &mut Paint<'_>, area: Rect) {
    if view.services.is_empty() {
        let text = "The services are not known yet.";
        paint.text(area, 0, text, paint.theme.tone(Tone::Dim));
        return;
    }
    let columns = usize::from(area.width) / across;
    for (row, part) in (0..area.height).zip(view.services.chunks(across)) {
        let mut strip = paint.strip(area);
        for service in part {
            let style = paint.theme.tone(health::tone(service.health));
            strip = strip
                .cell(3, mark(service.health), style)
                .cell(columns.saturating_sub(SIGN), &service_words(service), style)
                .gap(1);
        }
        paint.line(area, row, &strip);
    }
}

/// While nothing is heard: from when the picture is, and why there is no newer one.
fn stale(app: &App, paint: &mut Paint<'_>, area: Rect) -> Rect {
    let view = &*app.known.cluster;
    let Some(then) = view.stale_since else {
        return area;
    };
    let ago = span(since(then, app.now));
    let why = view
        .trouble
        .as_ref()
        .map_or("No answer.", |trouble| trouble.what.as_str());
    let text = match view.at {
        Some(_) => format!("What you see is {ago} old; it is asked again all the time. {why}"),
        None => why.to_owned(),
    };
    let mut story = vec![Words::new(Tone::Bad, text)];
    // On a low terminal the rows are needed more.
    if let Some(trouble) = view.trouble.as_ref().filter(|_| area.height >= TALL) {
        story.push(Words::new(
            Tone::Remedy,
            format!("To fix: {}", trouble.remedy),
        ));
    }
    let most = if area.height >= TALL { 4 } else { 1 };
    let lines = dialog::lines(&story, area.width.into()).len().min(most);
    let (head, rest) = top(area, u16::try_from(lines).unwrap_or(1));
    paint.paragraphs(head, &story);
    rest
}

/// What the list is narrowed to, on the line above it, and why it does not say what is used now.
fn narrowed(app: &App, state: &HealthScreen, paint: &mut Paint<'_>, area: Rect) {
    let mut words = Vec::new();
    if let Some(namespace) = &state.namespace {
        words.push(format!("namespace {namespace}"));
    }
    match (state.typing, state.filter.is_empty()) {
        (true, _) => words.push(format!("filter: {}_", state.filter.text())),
        (false, false) => words.push(format!("filter: {}", state.filter.text())),
        (false, true) => {}
    }
    let mut rest = area;
    if !words.is_empty() {
        let text = format!(" {} ", words.join(", "));
        let (_, place) = left(rest, 2);
        let style = paint.theme.tone(Tone::Busy);
        paint.text(place, 0, &text, style);
        let taken = u16::try_from(width(&text)).unwrap_or(u16::MAX);
        (_, rest) = left(place, taken.min(place.width));
    }
    // While the whole picture is old, that is said above.
    let measured =
        matches!(state.tab, Tab::Pods | Tab::Nodes) && app.known.cluster.stale_since.is_none();
    let note = health::used::note(health::by(app)).filter(|_| measured);
    if let Some(note) = note {
        let (_, place) = left(rest, 2.min(rest.width));
        paint.text(place, 0, &format!(" {note} "), paint.theme.tone(Tone::Warn));
    }
}

/// The names of the lists with how much is in them, as many as fit around the chosen one.
fn names(view: &ClusterView, state: &HealthScreen, paint: &mut Paint<'_>, area: Rect) {
    let room = usize::from(area.width);
    let label = |tab: Tab, counted: bool| {
        let count = if counted {
            format!(" {}", tab.count(view))
        } else {
            String::new()
        };
        // Seen without colour, too: something in there does not work.
        let bad = if tab.worst(view) == Health::Bad {
            "!"
        } else {
            ""
        };
        format!(" {} {}{bad}{count} ", tab.key(), tab.title())
    };
    let all = |counted: bool| -> Vec<(Tab, String)> {
        let counts = |tab: Tab| counted || tab == state.tab;
        let tabs = Tab::ALL.into_iter();
        tabs.map(|tab| (tab, label(tab, counts(tab)))).collect()
    };
    let wide = |labels: &[(Tab, String)]| labels.iter().map(|(_, text)| width(text)).sum::<usize>();
    let counted = all(true);
    let labels = if wide(&counted) <= room {
        counted
    } else {
        all(false)
    };
    // The first that is shown lies so far left that the chosen one is in sight, with the one after it.
    let until = (state.tab.index() + 2).min(labels.len());
    let cut = |first: usize| {
        labels
            .get(first..until)
            .is_some_and(|part| wide(part) > room)
    };
    let first = (0..state.tab.index())
        .find(|first| !cut(*first))
        .unwrap_or(state.tab.index());
    let mut strip = paint.strip(area);
    let mut used = 0;
    let mut shown = first;
    for (tab, text) in labels.iter().skip(first) {
        used += width(text);
        if used > room {
            break;
        }
        shown += 1;
        let style = match tab.worst(view) {
            _ if *tab == state.tab => paint.theme.cursor(),
            Health::Bad => paint.theme.tone(Tone::Bad),
            Health::Warn => paint.theme.tone(Tone::Warn),
            Health::Good | Health::Busy | Health::Unknown => paint.theme.tone(Tone::Dim),
        };
        strip = strip.put(text, style);
    }
    paint.line(area, 0, &strip);
    paint.beside(area, (first > 0, shown < labels.len()));
}

fn empty(view: &ClusterView, state: &HealthScreen, paint: &mut Paint<'_>, area: Rect) {
    let hidden = view
        .unseen
        .iter()
        .find(|(kind, _)| state.tab.kinds().contains(&kind.as_str()));
    let (text, tone) = if !state.filter.is_empty() {
        (
            "No row holds this text. Esc shows all.".to_owned(),
            Tone::Dim,
        )
    } else if state.namespace.is_some() {
        (
            "Nothing in this namespace. Esc shows all.".to_owned(),
            Tone::Dim,
        )
    } else if view.at.is_none() {
        (
            "Nothing has been heard from the cluster yet.".to_owned(),
            Tone::Busy,
        )
    } else if let Some((_, why)) = hidden {
        (format!("Not shown: {why}"), Tone::Warn)
    } else if state.tab == Tab::Attention {
        ("Nothing needs attention.".to_owned(), Tone::Good)
    } else {
        ("There are none.".to_owned(), Tone::Dim)
    };
    paint.text(area, 0, &text, paint.theme.tone(tone));
}

/// How wide each shown column is. One by which the list is sorted is shown wherever it is.
fn widths(app: &App, state: &HealthScreen, room: usize) -> Vec<(&'static Column, usize)> {
    let sorted = state.sort().map(|sorted| sorted.col);
    let shown: Vec<&Column> = state
        .tab
        .columns(app.known.usage.is_known())
        .filter(|column| room >= column.from || sorted == Some(column.col))
        .collect();
    let fixed: usize = shown.iter().map(|column| column.width + 1).sum();
    let rest = room.saturating_sub(MARK + fixed);
    let wide = |column: &Column| match column.width {
        0 => rest,
        width => width,
    };
    shown
        .into_iter()
        .map(|column| (column, wide(column)))
        .collect()
}

fn heading(
    state: &HealthScreen,
    widths: &[(&Column, usize)],
    paint: &Paint<'_>,
    area: Rect,
) -> Strip {
    let style = paint.theme.tone(Tone::Dim);
    let mut strip = paint.strip(area).gap(MARK);
    for (column, wide) in widths.iter().copied() {
        let sign = match state.sort() {
            Some(sorted) if sorted.col == column.col && sorted.turned => "v",
            Some(sorted) if sorted.col == column.col => "^",
            _ => "",
        };
        let title = format!("{sign}{}", column.title);
        strip = match column.look {
            Look::Number => strip.number(wide, &title, style),
            Look::Plain | Look::Dim | Look::Health => strip.cell(wide, &title, style),
        }
        .gap(1);
    }
    strip
}

/// The rows in sight; the others are not even written.
fn table(
    app: &App,
    widths: &[(&Column, usize)],
    (rows, chosen): (&Rows<'_>, usize),
    paint: &mut Paint<'_>,
    area: Rect,
) {
    let first = list::top(chosen, rows.len(), area.height.into());
    for (line, index) in (0..area.height).zip(first..rows.len()) {
        let Some(row) = rows.get(index) else { break };
        let strip = strip(row, health::by(app), widths, paint.strip(area), paint);
        paint.line(area, line, &strip);
        if index == chosen {
            paint.choose(area, line);
        }
    }
    paint.overflow(area, first, rows.len());
}

fn strip(
    row: Row<'_>,
    by: By<'_>,
    widths: &[(&Column, usize)],
    strip: Strip,
    paint: &Paint<'_>,
) -> Strip {
    let theme = paint.theme;
    let health = theme.tone(health::tone(row.health()));
    let mut strip = strip.cell(MARK, mark(row.health()), health);
    for (column, wide) in widths {
        let text = row.cell(column.col, by);
        strip = match column.look {
            Look::Plain => strip.cell(*wide, &text, theme.tone(Tone::Plain)),
            Look::Dim => strip.cell(*wide, &text, theme.tone(Tone::Dim)),
            Look::Health => strip.cell(*wide, &text, health),
            Look::Number => strip.number(*wide, &text, theme.tone(Tone::Plain)),
        }
        .gap(1);
    }
    strip
}
