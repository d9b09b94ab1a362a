//! Who is connected: a limited number, and when it is reached the one who has been silent longest makes room.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{io::AsyncWriteExt as _, net::TcpStream, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Connections at one time.
pub const MOST: usize = 512;

/// What a client reads when every connection is at work.
const FULL: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// The requests of one connection that are being answered.
#[derive(Clone, Debug, Default)]
pub struct AtWork(Arc<AtomicUsize>);

/// One of them; it counts until it is dropped.
#[derive(Debug)]
pub struct Mark(Arc<AtomicUsize>);

impl AtWork {
    /// Counts a request.
    pub fn mark(&self) -> Mark {
        self.0.fetch_add(1, Ordering::Relaxed);
        Mark(Arc::clone(&self.0))
    }

    fn nothing(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Guest {
    at_work: AtWork,
    leave: CancellationToken,
}

/// Everyone who is connected, oldest first.
#[derive(Debug, Default)]
pub struct Guests {
    tasks: JoinSet<u64>,
    there: BTreeMap<u64, Guest>,
    next: u64,
}

impl Guests {
    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Takes one in; what is done for it ends when it has to make room. Gives the stream back when nobody can.
    pub fn welcome<F>(
        &mut self,
        stream: TcpStream,
        serve: impl FnOnce(TcpStream, AtWork) -> F,
    ) -> Option<TcpStream>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.there.len() >= MOST && !self.make_room() {
            return Some(stream);
        }
        let id = self.next;
        self.next += 1;
        let (at_work, leave) = (AtWork::default(), CancellationToken::new());
        let guest = Guest {
            at_work: at_work.clone(),
            leave: leave.clone(),
        };
        self.there.insert(id, guest);
        let served = serve(stream, at_work);
        self.tasks.spawn(async move {
            leave.run_until_cancelled(served).await;
            id
        });
        None
    }

    fn make_room(&mut self) -> bool {
        let mut all = self.there.iter();
        let silent = all.find(|(_, guest)| guest.at_work.nothing());
        let Some(id) = silent.map(|(id, _)| *id) else {
            return false;
        };
        if let Some(guest) = self.there.remove(&id) {
            guest.leave.cancel();
        }
        true
    }

    /// Waits until one has left; for ever when nobody is there.
    pub async fn left(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(id)) => drop(self.there.remove(&id)),
            // What one request breaks ends its own connection; its place is freed when it is the oldest.
            Some(Err(_broken)) => {}
            None => std::future::pending().await,
        }
    }
}

/// Tells a client that there is no place, as far as that can be told in plain HTTP, and lets it go.
pub async fn turn_away(mut stream: TcpStream) {
    // One who does not listen is let go all the same.
    stream.write_all(FULL).await.ok();
    stream.shutdown().await.ok();
}

#[cfg(test)]
mod tests {
    use std::{future::pending, net::Ipv4Addr};

    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn stream(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let address = listener.local_addr().unwrap();
        let (ours, theirs) = tokio::join!(listener.accept(), TcpStream::connect(address));
        (ours.unwrap().0, theirs.unwrap())
    }

    #[tokio::test]
    async fn the_one_silent_longest_makes_room_and_who_is_at_work_stays() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut guests = Guests::default();
        let mut marks = Vec::new();
        for number in 0..MOST {
            let (ours, _theirs) = stream(&listener).await;
            let taken = guests.welcome(ours, |_stream, at_work| {
                // All but the third work.
                marks.extend((number != 2).then(|| at_work.mark()));
                pending()
            });
            assert!(taken.is_none());
        }
        let (ours, _theirs) = stream(&listener).await;
        let back = guests.welcome(ours, |_stream, at_work| {
            marks.push(at_work.mark());
            pending()
        });
        assert!(back.is_none());
        guests.left().await;
        assert_eq!(guests.there.len(), MOST);
        assert!(!guests.there.contains_key(&2));
        let (ours, _theirs) = stream(&listener).await;
        assert!(guests.welcome(ours, |_, _| pending()).is_some());
    }
}
