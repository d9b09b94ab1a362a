//! Draws the health of a site: services first, then what needs attention, pods, volumes and nodes. Pure.

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::{
    WIDE,
    paint::{Paint, Strip},
    top, with_details,
};
use crate::{
    app::{
        App,
        health::{self, HealthScreen, Row, Tab},
        words::{Tone, since, span},
    },
    watch::view::{ClusterView, Finding, Health, NodeRow, PodRow, VolumeRow},
};

/// Draws the screen.
pub fn draw(app: &App, state: &HealthScreen, paint: &mut Paint<'_>, area: Rect) {
    let view = &*app.known.cluster;
    let across: usize = if area.width >= WIDE { 3 } else { 2 };
    let rows = view.services.len().div_ceil(across).max(1);
    let (head, rest) = top(area, u16::try_from(rows).unwrap_or(3));
    services(view, across, paint, head);
    let (line, rest) = top(rest, 1);
    paint.divide(line);
    let rows = health::rows(view, state);
    let chosen = health::chosen(state, &rows);
    let rest = if rest.width >= WIDE {
        let (list, details) = with_details(paint, rest);
        if let Some(row) = rows.get(chosen) {
            paint.paragraphs(details, &row.details());
        }
        list
    } else {
        rest
    };
    let (tabs, rest) = top(rest, 1);
    names(view, state, paint, tabs);
    let (heads, list) = top(rest, 1);
    if rows.is_empty() {
        empty(view, state, paint, heads);
        return;
    }
    let line = |row: &Row<'_>| match row {
        Row::Finding(row) => finding(row, app.now, paint, list),
        Row::Pod(row) => pod(row, app.now, paint, list),
        Row::Volume(row) => volume(row, app.now, paint, list),
        Row::Node(row) => node(row, app.now, paint, list),
    };
    let lines: Vec<Strip> = rows.iter().map(line).collect();
    let header = heading(state.tab, paint, heads);
    paint.line(heads, 0, &header);
    paint.strips(list, chosen, &lines);
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
            let said = if service.health == Health::Good {
                String::new()
            } else if service.note.is_empty() {
                format!(": {}", service.health.word())
            } else {
                format!(": {}", service.note)
            };
            let title = format!("{}{said}", service.service.title());
            strip = strip
                .cell(3, mark(service.health), style)
                .cell(columns.saturating_sub(4), &title, style)
                .gap(1);
        }
        paint.line(area, row, &strip);
    }
}

/// The names of the lists with how much is in them.
fn names(view: &ClusterView, state: &HealthScreen, paint: &mut Paint<'_>, area: Rect) {
    let good = |all: usize, good: usize| format!("{good}/{all}");
    let mut strip = paint.strip(area);
    for (index, tab) in Tab::ALL.into_iter().enumerate() {
        let text = match tab {
            Tab::Attention => format!("Attention {}", view.findings.len()),
            Tab::Pods => {
                let ok = view.pods.iter().filter(|row| row.health == Health::Good);
                format!("Pods {}", good(view.pods.len(), ok.count()))
            }
            Tab::Volumes => {
                let ok = view.volumes.iter().filter(|row| row.health == Health::Good);
                format!("Volumes {}", good(view.volumes.len(), ok.count()))
            }
            Tab::Nodes => {
                let ok = view.nodes.iter().filter(|row| row.health == Health::Good);
                format!("Nodes {}", good(view.nodes.len(), ok.count()))
            }
        };
        let style = if tab == state.tab {
            paint.theme.cursor()
        } else {
            paint.theme.tone(Tone::Dim)
        };
        strip = strip.put(&format!(" {} {text} ", index + 1), style).gap(1);
    }
    let filter = match (state.typing, state.filter.is_empty()) {
        (true, _) => format!("filter: {}_", state.filter.text()),
        (false, false) => format!("filter: {}", state.filter.text()),
        (false, true) => String::new(),
    };
    let strip = strip.gap(1).put(&filter, paint.theme.tone(Tone::Busy));
    paint.line(area, 0, &strip);
}

fn empty(view: &ClusterView, state: &HealthScreen, paint: &mut Paint<'_>, area: Rect) {
    let (text, tone) = if !state.filter.is_empty() {
        ("No row holds this text. Esc shows all.", Tone::Dim)
    } else if view.at.is_none() {
        ("Nothing has been heard from the cluster yet.", Tone::Busy)
    } else if state.tab == Tab::Attention {
        ("Nothing needs attention.", Tone::Good)
    } else {
        ("There are none.", Tone::Dim)
    };
    paint.text(area, 0, text, paint.theme.tone(tone));
}

fn heading(tab: Tab, paint: &Paint<'_>, area: Rect) -> Strip {
    let style = paint.theme.accent();
    let strip = paint.strip(area);
    let wide = usize::from(area.width);
    match tab {
        Tab::Attention => strip
            .gap(12)
            .cell(wide.saturating_sub(12 + 17), "WHAT", style)
            .cell(9, "CODE", style)
            .number(8, "SINCE", style),
        Tab::Pods => {
            let (namespace, name, node) = pod_columns(wide);
            strip
                .gap(3)
                .cell(namespace, "NAMESPACE", style)
                .cell(name, "POD", style)
                .cell(6, "READY", style)
                .cell(18, "STATUS", style)
                .number(4, "RST", style)
                .number(8, "AGE", style)
                .gap(1)
                .cell(node, "NODE", style)
        }
        Tab::Volumes => strip
            .gap(3)
            .cell(16, "NAMESPACE", style)
            .cell(
                wide.saturating_sub(3 + 16 + 10 + 8 + 20 + 8),
                "CLAIM",
                style,
            )
            .cell(10, "STATUS", style)
            .cell(8, "SIZE", style)
            .cell(20, "CLASS", style)
            .number(8, "AGE", style),
        Tab::Nodes => strip
            .gap(3)
            .cell(
                wide.saturating_sub(3 + 11 + 18 + 10 + 6 + 5 + 9),
                "NODE",
                style,
            )
            .cell(11, "PART", style)
            .cell(18, "STATUS", style)
            .cell(10, "KUBELET", style)
            .number(6, "PODS", style)
            .number(5, "CPU", style)
            .number(9, "MEMORY", style),
    }
}

fn age(then: Option<Timestamp>, now: Timestamp) -> String {
    then.map_or_else(String::new, |then| span(since(then, now)))
}

fn finding(row: &Finding, now: Timestamp, paint: &Paint<'_>, area: Rect) -> Strip {
    let style = paint.theme.tone(health::tone(row.health));
    paint
        .strip(area)
        .cell(3, mark(row.health), style)
        .cell(9, row.health.word(), style)
        .cell(
            usize::from(area.width).saturating_sub(12 + 18),
            &row.problem.what,
            paint.theme.tone(Tone::Plain),
        )
        .gap(1)
        .cell(9, row.problem.code.as_str(), paint.theme.tone(Tone::Dim))
        .number(8, &age(row.since, now), paint.theme.tone(Tone::Plain))
}

/// Columns of the namespace, the name and the node of a pod.
fn pod_columns(wide: usize) -> (usize, usize, usize) {
    let node = if wide >= 100 { 16 } else { 0 };
    let namespace = if wide >= 76 { 14 } else { 8 };
    let rest = wide.saturating_sub(3 + namespace + 6 + 18 + 4 + 8 + 1 + node);
    (namespace, rest, node)
}

fn pod(row: &PodRow, now: Timestamp, paint: &Paint<'_>, area: Rect) -> Strip {
    let theme = paint.theme;
    let style = theme.tone(health::tone(row.health));
    let plain = theme.tone(Tone::Plain);
    let (namespace, name, node) = pod_columns(area.width.into());
    paint
        .strip(area)
        .cell(3, mark(row.health), style)
        .cell(
            namespace.saturating_sub(1),
            &row.namespace,
            theme.tone(Tone::Dim),
        )
        .gap(1)
        .cell(name.saturating_sub(1), &row.name, plain)
        .gap(1)
        .cell(6, &format!("{}/{}", row.ready, row.containers), plain)
        .cell(18, &row.status, style)
        .number(4, &row.restarts.to_string(), plain)
        .number(8, &age(row.since, now), plain)
        .gap(1)
        .cell(node, &row.node, theme.tone(Tone::Dim))
}

fn volume(row: &VolumeRow, now: Timestamp, paint: &Paint<'_>, area: Rect) -> Strip {
    let theme = paint.theme;
    let style = theme.tone(health::tone(row.health));
    let plain = theme.tone(Tone::Plain);
    let name = usize::from(area.width).saturating_sub(3 + 16 + 10 + 8 + 20 + 8);
    paint
        .strip(area)
        .cell(3, mark(row.health), style)
        .cell(15, &row.namespace, theme.tone(Tone::Dim))
        .gap(1)
        .cell(name.saturating_sub(1), &row.name, plain)
        .gap(1)
        .cell(10, &row.status, style)
        .cell(8, &row.size, plain)
        .cell(20, &row.class, theme.tone(Tone::Dim))
        .number(8, &age(row.since, now), plain)
}

fn node(row: &NodeRow, _now: Timestamp, paint: &Paint<'_>, area: Rect) -> Strip {
    let theme = paint.theme;
    let style = theme.tone(health::tone(row.health));
    let plain = theme.tone(Tone::Plain);
    let name = usize::from(area.width).saturating_sub(3 + 11 + 18 + 10 + 6 + 5 + 9);
    paint
        .strip(area)
        .cell(3, mark(row.health), style)
        .cell(name.saturating_sub(1), &row.name, plain)
        .gap(1)
        .cell(11, &row.role, theme.tone(Tone::Dim))
        .cell(18, &row.status, style)
        .cell(10, &row.version, plain)
        .number(6, &row.pods.to_string(), plain)
        .number(5, &row.cpu, plain)
        .number(9, &row.memory, plain)
}
