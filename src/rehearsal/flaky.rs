//! The API of the scenario `api-flaky`: it refuses, breaks off or delays one request of five, and lets all others through.
//!
//! Nothing is changed by a request that is refused. Only reads are broken off: `kubectl` repeats a read of which it hears
//! nothing, and a write only when the answer says when.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Bytes;

use super::{Scenario, answer::Failure, control, hub::Hub};

/// So many requests of a hundred meet trouble.
const SHARE: u64 = 20;

/// How long a slow answer takes.
const SLOW: Duration = Duration::from_millis(1500);

/// When a refused client may ask again, in seconds.
const AGAIN: HeaderValue = HeaderValue::from_static("1");

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    TooMany,
    Internal,
    Unavailable,
    Slow,
    Reset,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Met {
    /// It is answered as always.
    Through,
    /// This is its answer.
    Refused(Response<Bytes>),
    /// The connection ends without one.
    Broken,
}

/// Meets requests with trouble while the scenario is played.
#[derive(Debug, Default)]
pub struct Flaky {
    asked: AtomicU64,
    /// The revision of the cluster at which it was looked whether the scenario is played, and whether it was.
    known: AtomicU64,
    played: AtomicBool,
}

impl Flaky {
    /// Meets one request; a slow one has waited by then.
    pub async fn meet<B>(&self, hub: &Hub, request: &Request<B>) -> Met {
        // Whoever looks for the practice cluster asks for its version, and must not take it for gone.
        if request.uri().path() == "/version" || !self.played(hub).await {
            return Met::Through;
        }
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        match trouble(number, request.method() == Method::GET) {
            Trouble::None => Met::Through,
            Trouble::Slow => {
                tokio::time::sleep(SLOW).await;
                Met::Through
            }
            Trouble::Reset => Met::Broken,
            Trouble::TooMany => refused(
                429,
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later",
            ),
            Trouble::Internal => refused(500, "InternalError", "etcdserver: request timed out"),
            Trouble::Unavailable => refused(
                503,
                "ServiceUnavailable",
                "the server is currently unable to handle the request",
            ),
        }
    }

    async fn played(&self, hub: &Hub) -> bool {
        let revision = *hub.revision().borrow();
        if self.known.load(Ordering::Relaxed) != revision {
            let look = hub.ask(|cluster, _| {
                let map = cluster
                    .store
                    .get("ConfigMap", "kube-system", control::SCENARIO);
                control::played(map.map(AsRef::as_ref)) == Scenario::ApiFlaky.name()
            });
            // A cluster that has stopped refuses by itself.
            self.played
                .store(look.await.unwrap_or(false), Ordering::Relaxed);
            self.known.store(revision, Ordering::Relaxed);
        }
        self.played.load(Ordering::Relaxed)
    }
}

/// The trouble of a request by its number: always the same, and spread as by chance.
fn trouble(number: u64, reads: bool) -> Trouble {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^= mixed >> 27;
    if mixed % 100 >= SHARE {
        return Trouble::None;
    }
    match (mixed >> 32) % 5 {
        0 => Trouble::TooMany,
        1 => Trouble::Internal,
        2 => Trouble::Slow,
        3 if reads => Trouble::Reset,
        _ => Trouble::Unavailable,
    }
}

fn refused(code: u16, reason: &'static str, message: &str) -> Met {
    let body = Failure::new(code, reason, message).body().to_string();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response.headers_mut().insert(header::RETRY_AFTER, AGAIN);
    Met::Refused(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_one_request_of_five_meets_trouble_of_every_kind_and_no_write_is_broken_off() {
        let all: Vec<Trouble> = (0..1000).map(|number| trouble(number, true)).collect();
        let met = all.iter().filter(|one| **one != Trouble::None).count();
        assert!((150..250).contains(&met), "{met}");
        for kind in [
            Trouble::TooMany,
            Trouble::Internal,
            Trouble::Unavailable,
            Trouble::Slow,
            Trouble::Reset,
        ] {
            assert!(all.contains(&kind), "{kind:?}");
        }
        assert!((0..1000).all(|number| trouble(number, false) != Trouble::Reset));
    }
}
