//! The watches behind the picture: it follows every kind, redraws when something changed, and says when it hears nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};

use super::{
    Watched,
    history::History,
    picture,
    services::Carriers,
    snapshot::{Kind, Objects, Snapshot, key},
    view::ClusterView,
};
use crate::{
    catalog::Catalog,
    problem::Problem,
    sys::{
        DoorError,
        feed::Feed,
        kube::{Kube, Only},
    },
};

/// Shortest pause between two pictures.
const PAUSE: Duration = Duration::from_millis(250);

/// Without news the picture is drawn anew after this, because ages become findings too.
const REFRESH: Duration = Duration::from_secs(5);

/// Pause before a kind that is not served, or a watch that cannot begin, is tried again.
const AGAIN: Duration = Duration::from_secs(3);

/// A picture that took long is followed by a pause of so many times that long.
const REST: u32 = 4;

/// Pieces of news that may wait.
const QUEUE: usize = 64;

/// What is heard of one kind.
struct News {
    kind: Kind,
    /// Its objects; nothing when none could be read yet.
    objects: Option<Arc<Objects>>,
    stale_since: Option<Timestamp>,
    /// What went wrong last, if anything.
    trouble: Option<Problem>,
}

/// Follows the cluster until nobody looks any more.
pub async fn follow(watched: Watched, publish: watch::Sender<Arc<ClusterView>>) {
    let (tell, mut hear) = mpsc::channel(QUEUE);
    let feed = watched.kube.feed();
    // The tasks end with this set, and the set with this function.
    let mut tasks = JoinSet::new();
    for kind in Kind::ALL {
        let (kube, feed, tell) = (watched.kube.clone(), feed.clone(), tell.clone());
        tasks.spawn(follow_kind(kind, kube, feed, tell));
    }
    let mut board = Board::new(watched);
    let mut due = Instant::now() + REFRESH;
    let mut drawn = Instant::now();
    let mut pause = PAUSE;
    loop {
        tokio::select! {
            () = publish.closed() => return,
            Some(news) = hear.recv() => {
                if board.take(news) {
                    due = due.min((drawn + pause).max(Instant::now()));
                }
            }
            () = tokio::time::sleep_until(due) => {
                let began = Instant::now();
                publish.send_replace(Arc::new(board.draw()));
                drawn = Instant::now();
                pause = PAUSE.max((drawn - began) * REST);
                due = drawn + REFRESH;
            }
        }
    }
}

/// Which objects of a kind are looked at.
pub fn only(kind: Kind) -> Only {
    match kind {
        Kind::Certificate => Only::Certificates,
        Kind::Release => Only::Releases,
        Kind::Pod => Only::PodsInShort,
        _ => Only::All,
    }
}

/// Tells what one kind does, until nobody hears it.
async fn follow_kind(kind: Kind, kube: Kube, feed: Feed, tell: mpsc::Sender<News>) {
    let of = kind.everywhere();
    let news = |objects, stale_since, trouble: Option<DoorError>| News {
        kind,
        objects,
        stale_since,
        trouble: trouble.map(|error| error.problem),
    };
    let mut lost = None;
    loop {
        // A kind that nobody serves would be asked for many times a second by its watch.
        let served = if kind.comes_with_an_operator() {
            kube.serves(&of).await
        } else {
            Ok(true)
        };
        let begun = match served {
            Ok(true) => feed.watch_only(&of, only(kind)).await.map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        let news = match begun {
            Ok(Some(mut watch)) => loop {
                let stale = watch.stale_since();
                let trouble = watch.trouble().filter(|_| stale.is_some());
                let news = news(Some(watch.objects()), stale, trouble);
                if tell.send(news).await.is_err() {
                    return;
                }
                watch.changed().await;
            },
            Ok(None) => news(Some(Arc::default()), None, None),
            // Whoever may not see these objects sees the rest.
            Err(error) if kind.may_be_hidden() => news(Some(Arc::default()), None, Some(error)),
            Err(error) => {
                let since = *lost.get_or_insert_with(Timestamp::now);
                news(None, Some(since), Some(error))
            }
        };
        if tell.send(news).await.is_err() {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What is known so far.
struct Board {
    watched: Watched,
    carriers: Carriers,
    snapshot: Snapshot,
    history: History,
    heard: BTreeSet<Kind>,
    stale: BTreeMap<Kind, Timestamp>,
    trouble: BTreeMap<Kind, Problem>,
}

impl Board {
    fn new(watched: Watched) -> Self {
        Self {
            watched,
            carriers: carriers(),
            snapshot: Snapshot::default(),
            history: History::default(),
            heard: BTreeSet::new(),
            stale: BTreeMap::new(),
            trouble: BTreeMap::new(),
        }
    }

    /// Takes news; says whether the picture is different now.
    fn take(&mut self, news: News) -> bool {
        let before = match news.stale_since {
            Some(since) => self.stale.insert(news.kind, since),
            None => self.stale.remove(&news.kind),
        };
        let mut different = before != news.stale_since;
        let before = match &news.trouble {
            Some(trouble) => self.trouble.insert(news.kind, trouble.clone()),
            None => self.trouble.remove(&news.kind),
        };
        different |= before != news.trouble;
        if let Some(objects) = news.objects {
            different |= self.heard.insert(news.kind);
            different |= self.snapshot.take(news.kind, objects);
        }
        different
    }

    fn draw(&mut self) -> ClusterView {
        let first = self.stale.values().min();
        let stale_since = first.map(|since| self.watched.clock.at(*since));
        let trouble = self.stale.keys().find_map(|kind| self.trouble.get(kind));
        let trouble = trouble.cloned();
        // A picture of half the kinds would call healthy things missing.
        if self.heard.len() < Kind::ALL.len() {
            return ClusterView {
                stale_since,
                trouble,
                ..ClusterView::default()
            };
        }
        // Nobody can tell what has become of it since: it is judged by the last moment that is known.
        let at = stale_since.unwrap_or_else(|| self.watched.clock.now());
        let picture = picture::draw(&self.snapshot, &self.carriers, at);
        let mut view = ClusterView {
            stale_since,
            trouble,
            unseen: self.unseen(),
            ..picture
        };
        self.history.look(&view);
        self.history.remember(&mut view);
        view.timeline = self.history.rows(std::mem::take(&mut view.timeline));
        view
    }

    /// The kinds that are not shown, and why.
    fn unseen(&self) -> Vec<(String, String)> {
        let told = self.trouble.iter();
        told.filter(|(kind, _)| kind.may_be_hidden() && !self.stale.contains_key(kind))
            .map(|(kind, problem)| (kind.word().to_owned(), problem.what.clone()))
            .collect()
    }
}

/// Our own catalogue: tests hold that it can be read; without it no service is known.
fn carriers() -> Carriers {
    match Catalog::load() {
        Ok(catalog) => Carriers::of(&catalog),
        Err(problems) => {
            tracing::error!(count = problems.len(), "the catalogue cannot be read");
            Carriers::default()
        }
    }
}

/// One picture, from one list of every kind.
pub async fn once(watched: Watched) -> Result<ClusterView, DoorError> {
    let lists = Kind::ALL.map(|kind| {
        let kube = watched.kube.clone();
        async move {
            let of = kind.everywhere();
            (kind, kube.list_only(&of, "", only(kind)).await)
        }
    });
    let mut snapshot = Snapshot::default();
    for (kind, list) in join_all(lists).await {
        let list = match list {
            Ok(list) => list,
            // Without these the picture is smaller and still true.
            Err(_) if kind.may_be_hidden() => Vec::new(),
            Err(error) => return Err(error),
        };
        let objects: Objects = list
            .into_iter()
            .map(|object| (key(&object), object))
            .collect();
        snapshot.take(kind, Arc::new(objects));
    }
    Ok(picture::draw(&snapshot, &carriers(), watched.clock.now()))
}
