//! The rows of the shown list in their order. The order is worked out once for each thing that changes it, and not for each key. Pure.

use std::{borrow::Cow, sync::Arc};

use super::{
    HealthScreen, Sorted,
    row::{self, By, Key, Row},
    tab::Tab,
    used::Figure,
};
use crate::{
    app::{App, Known, Screen},
    watch::view::ClusterView,
};

/// What an order follows from.
#[derive(Debug)]
struct Of {
    view: Arc<ClusterView>,
    tab: Tab,
    namespace: Option<String>,
    filter: String,
    sorted: Option<Sorted>,
    /// The time and the number of the measurements, while it is sorted by them.
    measured: Option<u64>,
}

impl Of {
    fn new(known: &Known, state: &HealthScreen) -> Self {
        let sorted = state.sort();
        let measured = sorted.and_then(|sorted| Figure::of(sorted.col));
        Self {
            view: Arc::clone(&known.cluster),
            tab: state.tab,
            namespace: state.namespace.clone(),
            filter: state.filter.text(),
            sorted,
            measured: measured.map(|_| known.usage.heard()),
        }
    }

    /// Whether nothing is otherwise that an order follows from.
    fn holds(&self, known: &Known, state: &HealthScreen) -> bool {
        let sorted = state.sort();
        let measured = sorted.and_then(|sorted| Figure::of(sorted.col));
        Arc::ptr_eq(&self.view, &known.cluster)
            && self.tab == state.tab
            && self.sorted == sorted
            && self.measured == measured.map(|_| known.usage.heard())
            && self.namespace == state.namespace
            && state.filter.text() == self.filter
    }
}

/// An order that was worked out.
#[derive(Debug)]
pub struct Listed {
    of: Of,
    order: Vec<u32>,
}

/// The rows of a list that filter and namespace let through, sorted.
#[derive(Debug)]
pub struct Rows<'a> {
    view: &'a ClusterView,
    tab: Tab,
    order: Cow<'a, [u32]>,
}

impl<'a> Rows<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The row at a place.
    pub fn get(&self, at: usize) -> Option<Row<'a>> {
        let index = *self.order.get(at)?;
        row::get(self.view, self.tab, usize::try_from(index).ok()?)
    }

    /// All, in their order.
    pub fn all(&self) -> impl Iterator<Item = Row<'a>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// Where a row stands.
    pub fn position(&self, wanted: &str) -> Option<usize> {
        self.all().position(|row| row.is(wanted))
    }
}

/// The rows of the shown list.
pub fn rows<'a>(known: &'a Known, state: &'a HealthScreen, by: By<'_>) -> Rows<'a> {
    let kept = state
        .listed
        .as_ref()
        .filter(|kept| kept.of.holds(known, state));
    let order = match kept {
        Some(kept) => Cow::Borrowed(kept.order.as_slice()),
        None => Cow::Owned(order(known, state, by, &[])),
    };
    Rows {
        view: &known.cluster,
        tab: state.tab,
        order,
    }
}

/// Works the order out anew when something is otherwise.
pub fn refresh(app: &mut App) {
    let App {
        known, screen, now, ..
    } = &mut *app;
    let Screen::Health(state) = screen else {
        return;
    };
    let kept = state.listed.take();
    if kept
        .as_ref()
        .is_some_and(|kept| kept.of.holds(known, state))
    {
        state.listed = kept;
        return;
    }
    let by = By {
        now: *now,
        usage: &known.usage,
    };
    let before = kept.map_or_else(Vec::new, |kept| kept.order);
    let order = order(known, state, by, &before);
    let of = Of::new(known, state);
    state.listed = Some(Listed { of, order });
}

/// The order of the rows that are let through. It begins with the one before: what is nearly sorted is sorted soon.
fn order(known: &Known, state: &HealthScreen, by: By<'_>, before: &[u32]) -> Vec<u32> {
    let view = &*known.cluster;
    let text = state.filter.text();
    let count = row::count(view, state.tab);
    let let_through =
        |index: usize| row::get(view, state.tab, index).filter(|row| state.lets(row, &text));
    let small = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    let Some(sorted) = state.sort() else {
        return (0..count)
            .filter(|index| let_through(*index).is_some())
            .map(small)
            .collect();
    };
    let mut keys: Vec<Option<Key<'_>>> = (0..count)
        .map(|index| let_through(index).map(|row| row.key(sorted.col, by)))
        .collect();
    let mut rows: Vec<(Key<'_>, u32)> = Vec::with_capacity(count);
    for index in before.iter().copied().chain((0..count).map(small)) {
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        if let Some(key) = keys.get_mut(at).and_then(Option::take) {
            rows.push((key, index));
        }
    }
    rows.sort_by(|(left, at), (right, other)| {
        // What is not known comes last, however it is turned.
        let unknown = |key: &Key<'_>| *key == Key::Nothing;
        let known = unknown(left).cmp(&unknown(right));
        let order = left.cmp(right).then(at.cmp(other));
        known.then(if sorted.turned {
            order.reverse()
        } else {
            order
        })
    });
    rows.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{Input, fixture, health, keys::Key},
        watch::view::Health,
    };

    fn kept(app: &App) -> &[u32] {
        let Screen::Health(state) = &app.screen else {
            panic!()
        };
        state.listed.as_ref().unwrap().order.as_slice()
    }

    fn anew(app: &App) -> Vec<u32> {
        let Screen::Health(state) = &app.screen else {
            panic!()
        };
        order(&app.known, state, health::by(app), &[])
    }

    /// A view with so many pods, whose names are in another order than their states.
    fn many(pods: usize) -> Arc<ClusterView> {
        let mut view = fixture::cluster();
        let pod = |number: usize| {
            let status = ["Running", "Pending", "Completed"][number * 7 % 3];
            let place = ["care", "odoo"][number % 2];
            fixture::pod(place, &format!("pod-{number}"), status, Health::Good).into()
        };
        view.pods = (0..pods).map(pod).collect();
        Arc::new(view)
    }

    #[test]
    fn an_order_is_worked_out_once_and_not_for_each_key() {
        let mut app = fixture::measured();
        app.update(Input::Cluster(many(1000)));
        for key in ['2', 's', 's', 's', 's'] {
            app.update(Input::Key(Key::Char(key)));
        }
        let before = kept(&app).as_ptr();
        for key in [
            Key::Down,
            Key::PageDown,
            Key::End,
            Key::Up,
            Key::Enter,
            Key::Esc,
        ] {
            app.update(Input::Key(key));
            assert_eq!(kept(&app).as_ptr(), before, "{key:?}");
        }
        app.update(Input::Tick(fixture::at(1)));
        app.update(Input::Resize(120, 40));
        assert_eq!(kept(&app).as_ptr(), before);
    }

    #[test]
    fn what_is_kept_is_what_would_be_worked_out_anew() {
        let mut app = fixture::measured();
        let mut views = [700, 3, 699, 0, 701].into_iter().cycle();
        let keys = "2ssSs/od\nsssss3sS2ssssssSss2s/x1\n1t2";
        for round in 0..4 {
            for letter in keys.chars() {
                let key = match letter {
                    '\n' => Key::Enter,
                    letter => Key::Char(letter),
                };
                app.update(Input::Key(key));
                assert_eq!(kept(&app), anew(&app), "{letter} in round {round}");
                app.update(Input::Cluster(many(views.next().unwrap())));
                assert_eq!(
                    kept(&app),
                    anew(&app),
                    "a view after {letter} in round {round}"
                );
            }
            app.update(Input::Key(Key::Esc));
        }
    }
}
