//! The cluster of a site with everything that leads to it: in life by its kubeconfig, in practice by its point.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{
    catalog::standin::{self, Makers},
    engine::run::{Chosen, Setting},
    problem::{Code, Problem},
    rehearsal::{Speed, pace, schema},
    session::{Mode, Session, practice},
    site::Site,
    sys::{
        Doors, Routes,
        clock::Clock,
        helm::{Helm, Place, Practice},
        kube::{Kube, Source},
    },
};

/// The tools of this computer that the person chose.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// The helm command; none takes the one on the PATH.
    pub helm: Option<PathBuf>,
    /// A folder of charts instead of the repositories.
    pub charts: Option<PathBuf>,
    /// Addresses of the site that are reached another way, such as by a tunnel.
    pub through: Vec<(SocketAddr, SocketAddr)>,
    /// How fast the practice cluster's time passes; none takes it as it is, or the usual speed.
    pub speed: Option<Speed>,
}

/// The way to a site's cluster, before anything is asked of it.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Where the API is and who asks.
    pub source: Source,
    /// Where names lead.
    pub routes: Routes,
    /// How charts are installed.
    pub helm: Helm,
    /// The cluster's time.
    pub clock: Clock,
    /// What the journal calls the practice cluster; in life it is called by its address.
    practice: Option<String>,
}

impl Reach {
    /// Finds helm and the kubeconfig's place, or the practice cluster, which is started when it is not there.
    ///
    /// # Errors
    /// The practice cluster cannot be started; in life nothing fails here.
    pub async fn of(session: &Session, tools: &Tools) -> Result<Self, Problem> {
        match session.place.mode {
            Mode::Life => Ok(Self::life(session, tools).await),
            Mode::Rehearsal => Self::practice(session, tools).await,
        }
    }

    async fn life(session: &Session, tools: &Tools) -> Self {
        let Site { cluster, .. } = &*session.site;
        let file = cluster.kubeconfig.as_ref();
        let ways = tools.through.iter().map(|(of, by)| (of.to_string(), *by));
        let place = Place {
            program: tools.helm.clone(),
            charts: tools.charts.clone(),
            work: session.place.helm(),
        };
        Self {
            source: Source::Kubeconfig {
                file: file.map(|file| session.place.path(file.as_str())),
                context: cluster.context.as_ref().map(ToString::to_string),
            },
            routes: Routes {
                connect: ways.collect(),
                ..Routes::default()
            },
            helm: Helm::find(place).await,
            clock: Clock::real(),
            practice: None,
        }
    }

    /// The way to a cluster whose site is not here: by this kubeconfig, or by the one that kubectl would take.
    async fn attached(file: Option<PathBuf>, tools: &Tools, work: &Path) -> Self {
        let ways = tools.through.iter().map(|(of, by)| (of.to_string(), *by));
        let place = Place {
            program: tools.helm.clone(),
            charts: tools.charts.clone(),
            work: work.to_path_buf(),
        };
        Self {
            source: Source::Kubeconfig {
                file,
                context: None,
            },
            routes: Routes {
                connect: ways.collect(),
                ..Routes::default()
            },
            helm: Helm::find(place).await,
            clock: Clock::real(),
            practice: None,
        }
    }

    async fn practice(session: &Session, tools: &Tools) -> Result<Self, Problem> {
        let point = practice::ensure(&session.place, tools.speed).await?;
        let kube = Kube::connect(&point.source()).await?;
        let taken = pace::taken(&kube).await?;
        Ok(Self {
            source: point.source(),
            clock: taken.map_or_else(|| point.clock(), |taken| taken.clock()),
            routes: point.routes,
            helm: Helm::Practice(Practice {
                objects: |release| standin::objects(release, Makers::Chart),
                definition: schema::crd,
            }),
            // Its address changes with every start; the cluster does not.
            practice: Some(format!("practice cluster of {}", session.site.name)),
        })
    }
}

/// A cluster and the way to it.
#[derive(Clone, Debug)]
pub struct World {
    /// The doors.
    pub doors: Doors,
    /// What the journal calls the cluster; it stays the same while the cluster does.
    pub cluster: String,
    /// True on the practice cluster.
    pub rehearsal: bool,
}

impl World {
    /// Connects; the API is not asked anything yet.
    ///
    /// # Errors
    /// The kubeconfig is missing or wrong.
    pub async fn at(reach: Reach) -> Result<Self, Problem> {
        let kube = Kube::connect(&reach.source).await?;
        let rehearsal = reach.practice.is_some();
        Ok(Self {
            cluster: reach.practice.unwrap_or_else(|| kube.server().to_owned()),
            doors: Doors {
                feed: kube.feed(),
                kube,
                helm: reach.helm,
                clock: reach.clock,
                routes: reach.routes,
            },
            rehearsal,
        })
    }

    /// Finds the way and connects.
    ///
    /// # Errors
    /// As [`Reach::of`] and [`World::at`].
    pub async fn open(session: &Session, tools: &Tools) -> Result<Self, Problem> {
        Self::at(Reach::of(session, tools).await?).await
    }

    /// A cluster whose site is not here, by this kubeconfig or by the one that kubectl would take.
    ///
    /// # Errors
    /// As [`World::at`].
    pub async fn attached(
        file: Option<PathBuf>,
        tools: &Tools,
        work: &Path,
    ) -> Result<Self, Problem> {
        let reach = Reach::attached(file, tools, work).await;
        Self::at(reach).await.map_err(|mut problem| {
            if problem.code == Code::Kube01 {
                // There are no settings in which it could be named.
                "Copy /etc/kubernetes/admin.conf from the primary node to this computer, and attach with its path."
                    .clone_into(&mut problem.remedy);
            }
            problem
        })
    }

    /// What a run on this cluster needs to know beside its plan.
    pub fn setting(&self, session: &Session, chosen: Chosen) -> Setting {
        Setting {
            journal: session.place.journal(),
            cluster: self.cluster.clone(),
            rehearsal: self.rehearsal,
            chosen,
            clock: self.doors.clock,
            hold: None,
        }
    }
}
