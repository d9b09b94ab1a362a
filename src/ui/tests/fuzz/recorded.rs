//! Random sessions that were recorded draw the same pictures again, and the file holds nothing that was secret.

use std::sync::Arc;

use super::world::World;
use crate::{
    app::{
        App, fixture,
        record::{Recording, is_secret, replay},
    },
    ui::{Theme, shot},
    watch::{replay::pictures, view::ClusterView},
};

const SESSIONS: u64 = 8;
const STEPS: u64 = 700;

/// A session from its first screen until something secret is typed: that alone is not shown again as it was.
fn session(seed: u64, views: &Arc<[Arc<ClusterView>]>) -> (App, String, usize) {
    let mut world = World::new(fixture::welcome(), seed, Arc::clone(views));
    let mut recording = Recording::default();
    let mut lines = vec![Recording::head(&world.app, false).unwrap()];
    for _ in 0..STEPS {
        if is_secret(&world.app) {
            break;
        }
        let input = world.next();
        if let Some(input) = &input {
            lines.push(recording.line(&world.app, input).unwrap());
        }
        world.step(input);
    }
    let count = lines.len() - 1;
    (world.app, lines.join("\n"), count)
}

#[test]
fn a_recorded_session_draws_the_same_again() {
    let views: Arc<[Arc<ClusterView>]> = pictures().into_iter().map(Arc::new).collect();
    let mut longest = 0;
    for seed in 0..SESSIONS {
        let (app, text, count) = session(seed, &views);
        let again = replay(&text, None).unwrap();
        assert_eq!(again.inputs, count, "seed {seed}: a line cannot be read");
        for size in [(80, 24), (120, 40)] {
            let was = shot(&app, Theme::colour(), size);
            assert_eq!(was, shot(&again.app, Theme::colour(), size), "seed {seed}");
        }
        longest = longest.max(count);
    }
    assert!(longest > 300, "the longest session has {longest} inputs");
}
