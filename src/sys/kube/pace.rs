//! How fast the API is asked: as many requests at once as it takes well, fewer as soon as it says that they are too many.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// Requests at once when all goes well.
const MOST: f64 = 24.0;

/// Requests at once in the worst of times.
const LEAST: f64 = 1.0;

/// Refusals within this time are one piece of news: their requests were sent together.
const ONE_NEWS: Duration = Duration::from_millis(100);

/// Longest pause for everyone that a server may ask for.
const LONGEST_REST: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct State {
    limit: f64,
    at_work: u32,
    slowed: Option<Instant>,
    rests_until: Option<Instant>,
}

/// The pace of one connection.
#[derive(Debug)]
pub struct Pace {
    state: Mutex<State>,
    freed: Notify,
}

/// A place among the requests on their way.
#[derive(Debug)]
pub struct Place<'a>(&'a Pace);

impl Default for Pace {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                limit: MOST,
                at_work: 0,
                slowed: None,
                rests_until: None,
            }),
            freed: Notify::new(),
        }
    }
}

impl Pace {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place, and for the end of the rest that the server asked for.
    pub async fn enter(&self) -> Place<'_> {
        loop {
            let freed = self.freed.notified();
            match self.try_enter() {
                Ok(place) => return place,
                Err(Some(until)) => sleep_until(until).await,
                Err(None) => freed.await,
            }
        }
    }

    /// A place now, or until when everyone rests, or nothing while all places are taken.
    fn try_enter(&self) -> Result<Place<'_>, Option<Instant>> {
        let mut state = self.state();
        if let Some(until) = state.rests_until.filter(|until| *until > Instant::now()) {
            return Err(Some(until));
        }
        if f64::from(state.at_work) + 1.0 > state.limit.max(LEAST) {
            return Err(None);
        }
        state.at_work += 1;
        Ok(Place(self))
    }

    /// A request was taken well: a little more at once.
    pub fn well(&self) {
        let mut state = self.state();
        state.limit = (state.limit + 1.0 / state.limit).min(MOST);
    }

    /// It was too much: half as many at once, and a rest for everyone when the server names one.
    pub fn too_much(&self, rest: Option<Duration>) {
        let now = Instant::now();
        let mut state = self.state();
        if state.slowed.is_none_or(|at| now - at >= ONE_NEWS) {
            state.limit = (state.limit / 2.0).max(LEAST);
            state.slowed = Some(now);
        }
        if let Some(rest) = rest {
            let until = now + rest.min(LONGEST_REST);
            state.rests_until = state.rests_until.max(Some(until));
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.state().at_work -= 1;
        self.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(pace: &Pace) -> usize {
        let mut taken = Vec::new();
        while let Ok(place) = pace.try_enter() {
            taken.push(place);
        }
        taken.len()
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_halve_the_requests_at_once_and_successes_bring_them_back_one_by_one() {
        let pace = Pace::default();
        assert_eq!(places(&pace), 24);
        // Sent together, refused together.
        pace.too_much(None);
        pace.too_much(None);
        assert_eq!(places(&pace), 12);
        for expected in [6, 3, 1, 1] {
            tokio::time::advance(ONE_NEWS).await;
            pace.too_much(None);
            assert_eq!(places(&pace), expected);
        }
        for _ in 0..400 {
            pace.well();
        }
        assert_eq!(places(&pace), 24);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_that_the_server_asks_for_is_kept_by_everyone() {
        let pace = Pace::default();
        pace.too_much(Some(Duration::from_secs(3)));
        let began = Instant::now();
        let _place = pace.enter().await;
        assert_eq!(began.elapsed().as_secs(), 3);
    }

    #[tokio::test]
    async fn who_waits_for_a_place_gets_the_next_that_is_freed() {
        let pace = Pace::default();
        let mut taken = Vec::new();
        while let Ok(place) = pace.try_enter() {
            taken.push(place);
        }
        let leave = async {
            tokio::task::yield_now().await;
            taken.pop();
        };
        let ((), _place) = tokio::join!(leave, pace.enter());
    }
}
