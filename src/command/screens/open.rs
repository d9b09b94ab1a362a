//! Opening a site for the screens: its vault, where it stands, and the run that goes on in it.

use std::path::Path;

use secrecy::SecretString;

use super::{
    answers::at_home,
    desk::{Desk, Open},
};
use crate::{
    app::{
        Goto, Input, Opened, RestoreWish,
        known::{Backups, Here},
    },
    check::Waiver,
    command::{
        Failure, context,
        restore::cancelled,
        waivers::{keep_waivers, since_last_run},
    },
    engine::{
        event::{Command, Outcome},
        journal::Journal,
    },
    host::{self, Joined},
    plan::Powering,
    restore::Wish,
    session::{Mode, Session, Workplace, World, restore, standing},
    site::SiteDraft,
    sys::{
        lease,
        sites::SiteDir,
        vault::{Lock, LockKind},
    },
};

impl Desk<'_> {
    /// Opens a site; one that wants a passphrase asks for it first.
    pub(super) async fn open_place(&mut self, place: Workplace, passphrase: Option<SecretString>) {
        let dir = SiteDir::at(place.site.clone());
        if !dir.has_site() {
            // Its questions are not finished.
            self.draft = dir.clone();
            self.questions(&dir).await;
            return;
        }
        let lock = match (dir.lock_kind(), passphrase) {
            (Ok(Some(LockKind::Passphrase)), Some(passphrase)) => Lock::Passphrase(passphrase),
            (Ok(Some(LockKind::Passphrase)), None) => match self.context.told_passphrase() {
                Ok(Some(passphrase)) => Lock::Passphrase(passphrase),
                Ok(None) => return self.tell(Input::Unlock(label(&dir))).await,
                Err(problem) => return self.tell(Input::Problem(problem)).await,
            },
            (Ok(_), _) => dir.key_lock(),
            (Err(problem), _) => return self.tell(Input::Problem(problem)).await,
        };
        if let Err(problem) = self.context.start_logs(&place) {
            self.tell(Input::Problem(problem)).await;
        }
        // A vault with a passphrase takes a second of work.
        let opened = tokio::task::spawn_blocking(move || Session::open(place, lock));
        match opened.await {
            Ok(Ok(session)) => self.show(session).await,
            Ok(Err(problems)) => self.tell_problems(problems).await,
            Err(broken) => tracing::error!(%broken, "opening a site broke off"),
        }
    }

    /// Shows a cluster by its kubeconfig alone; or, when that is what was named, the site in a folder from elsewhere.
    pub(super) async fn attach(&mut self, text: &str) {
        let file = (!text.is_empty()).then(|| at_home(Path::new("."), text));
        if let Some(folder) = file.as_ref().filter(|file| file.is_dir()) {
            return self.open_folder(folder).await;
        }
        let world = World::attached(file, &self.tools, self.draft.path()).await;
        let world = match world {
            Ok(world) => world,
            Err(problem) => return self.tell(Input::Problem(problem)).await,
        };
        self.clock.send_replace(world.doors.clock);
        let opened = Opened {
            site: format!("cluster {}", world.cluster),
            rehearsal: false,
            draft: SiteDraft::default(),
            at: Goto::Health,
            place: None,
            here: Here::Cluster,
        };
        self.open = Some(Open::attached(Some(world)));
        self.tell(Input::Opened(Box::new(opened))).await;
    }

    /// A site's folder that was copied here.
    async fn open_folder(&mut self, folder: &Path) {
        let place = self.sites.resolve(folder.to_str());
        let place = place.map_err(Failure::from);
        let place = place.and_then(|dir| context::workplace(&dir, self.context.mode()));
        match place {
            Ok(place) => self.open_place(place, None).await,
            Err(failure) => self.tell_problems(failure.problems).await,
        }
    }

    /// The questions of a site that is not made yet, with the answers that its folder keeps.
    pub(super) async fn questions(&self, dir: &SiteDir) {
        match dir.load_draft() {
            Ok(draft) => {
                let opened = Opened {
                    site: String::new(),
                    rehearsal: false,
                    draft,
                    at: Goto::New,
                    place: dir.load_place(),
                    here: Here::Site,
                };
                self.tell(Input::Opened(Box::new(opened))).await;
            }
            Err(problems) => self.tell_problems(problems).await,
        }
    }

    /// Shows an opened site where it stands, and the run that goes on in it.
    pub(super) async fn show(&mut self, session: Session) {
        let place = session.place.clone();
        let rehearsal = place.mode == Mode::Rehearsal;
        let dir = SiteDir::at(place.site.clone());
        let draft = dir.load_draft().unwrap_or_else(|_| session.draft.clone());
        let site = label(&dir);
        self.open = Some(Open::new(session));
        if rehearsal && self.world().await.is_none() {
            return;
        }
        let joined = host::join(&place.work()).await;
        let memory = Journal::look(&place.journal());
        let memory = match memory {
            Ok(memory) => memory,
            Err(problem) => {
                self.tell(Input::Problem(problem)).await;
                return;
            }
        };
        let power = Journal::look(&place.power_journal()).unwrap_or_default();
        let memory = standing::newest(memory, power);
        let unfinished = restore::unfinished(&place).ok().flatten().is_some();
        let at = match (&joined, &memory.run, &memory.outcome) {
            (None, ..) if unfinished => Goto::Restore,
            (None, None, _) if rehearsal || dir.has_draft() => Goto::Settings,
            (None, None, _) => Goto::Checks,
            (None, Some(_), Some(Outcome::Done | Outcome::DoneWithWarnings)) => Goto::Health,
            (Some(_), ..) | (None, Some(_), _) => Goto::Deploy,
        };
        let opened = Opened {
            site,
            rehearsal,
            draft,
            at,
            place: None,
            here: Here::Site,
        };
        self.tell(Input::Opened(Box::new(opened))).await;
        let ended = memory.outcome.as_ref().and(memory.events.last());
        let ended = ended.map(standing::moment);
        match since_last_run(&place.reports(), ended) {
            Ok(waivers) => self.tell(Input::Waivers(waivers)).await,
            Err(problem) => self.tell(Input::Problem(problem)).await,
        }
        match joined {
            Some(joined) => self.hear(joined),
            None => {
                for event in standing::past(memory) {
                    self.tell(Input::Run(Box::new(event))).await;
                }
            }
        }
    }

    /// Tells the screens everything that happens in the run.
    fn hear(&mut self, joined: Joined) {
        let Joined {
            mut events,
            commands,
            mut steering,
        } = joined;
        let inputs = self.inputs.clone();
        let Some(open) = &mut self.open else { return };
        open.commands = Some(commands);
        open.tasks.spawn(async move {
            loop {
                let input = tokio::select! {
                    event = events.recv() => match event {
                        Some(event) => Input::Run(Box::new(event)),
                        None => break,
                    },
                    Some(steering) = steering.recv() => Input::Steering(steering),
                };
                if inputs.send(input).await.is_err() {
                    return;
                }
            }
            inputs.send(Input::RunGone).await.ok();
        });
    }

    /// Writes down an accepted failure with the name of the person.
    pub(super) async fn keep_waiver(&mut self, mut waiver: Waiver) {
        let Some(session) = self.session() else {
            return;
        };
        let reports = session.place.reports();
        waiver.by = lease::this_person();
        // The time of the screens may be a practice cluster's.
        waiver.at = jiff::Timestamp::now();
        if let Err(problem) = keep_waivers(&reports, std::slice::from_ref(&waiver)) {
            return self.tell(Input::Problem(problem)).await;
        }
        self.tell(Input::Waived(waiver)).await;
    }

    /// Begins the run in a process of its own and listens to it.
    pub(super) async fn deploy(&mut self, waivers: &[Waiver]) {
        let Some(session) = self.session() else {
            return;
        };
        let place = session.place.clone();
        if let Err(problem) = keep_waivers(&place.reports(), waivers) {
            self.tell(Input::Problem(problem)).await;
            return;
        }
        let started = host::start(session, self.options(), &["deploy"]).await;
        match started {
            Ok(joined) => self.hear(joined),
            Err(problem) => self.tell(Input::Problem(problem)).await,
        }
    }

    /// What can be restored now, or why that is not known.
    pub(super) async fn backups(&mut self) {
        let Some(world) = self.world().await else {
            return;
        };
        let place = self.session().map(|session| session.place.clone());
        let found = restore::inventory(&world).await;
        let found = found.and_then(|inventory| {
            let unfinished = place.as_ref().map(restore::unfinished).transpose()?;
            Ok(Backups {
                inventory,
                unfinished: unfinished.flatten(),
                zone: jiff::tz::TimeZone::system(),
            })
        });
        self.tell(Input::Backups(Box::new(found))).await;
    }

    /// Writes down what is wished of a restore, and runs it in a process of its own.
    pub(super) async fn restore(&mut self, wish: RestoreWish) {
        let Some(world) = self.world().await else {
            return;
        };
        let Some(session) = self.session() else {
            return;
        };
        let agreed = match wish {
            RestoreWish::To(moment) => agree(session, &world, moment).await,
            RestoreWish::GoOn => Ok(()),
            RestoreWish::Cancel => cancelled(session, &world).await.map(drop),
        };
        if let Err(failure) = agreed {
            self.tell_problems(failure.problems).await;
            return;
        }
        match host::start(session, self.options(), &["restore"]).await {
            Ok(joined) => self.hear(joined),
            Err(problem) => self.tell(Input::Problem(problem)).await,
        }
    }

    /// Switches a machine or all off or on in a process of its own.
    pub(super) async fn power(&mut self, powering: &Powering, accepted: Option<String>) {
        let Some(session) = self.session() else {
            return;
        };
        let waived = accepted.map(|reason| format!("--waive={reason}"));
        let command = ["power", powering.way.word(), powering.node.as_str()];
        let command: Vec<&str> = command.into_iter().chain(waived.as_deref()).collect();
        match host::start(session, self.options(), &command).await {
            Ok(joined) => self.hear(joined),
            Err(problem) => self.tell(Input::Problem(problem)).await,
        }
    }

    /// The options of this process that the one in the background needs too.
    fn options(&self) -> Vec<std::ffi::OsString> {
        let global = &self.context.global;
        let mut options = vec!["--log-level".into(), global.log_level.clone().into()];
        for (name, path) in [("--helm", &global.helm), ("--charts", &global.charts)] {
            if let Some(path) = path {
                options.extend([name.into(), path.clone().into_os_string()]);
            }
        }
        for way in &global.through {
            options.extend(["--through".into(), way.to_string().into()]);
        }
        options
    }

    pub(super) async fn command(&self, command: Command) {
        let commands = self.open.as_ref().and_then(|open| open.commands.as_ref());
        match commands {
            Some(commands) if commands.send(command).await.is_ok() => {}
            _ => {
                let words = "The run cannot be heard; open the site again.".to_owned();
                self.tell(Input::Notice(words)).await;
            }
        }
    }
}

/// Judges the moment once more, as the cluster is now, and writes it down.
async fn agree(session: &Session, world: &World, moment: jiff::Timestamp) -> Result<(), Failure> {
    if let Some(begun) = restore::unfinished(&session.place)? {
        return Err(restore::not_over(&begun).into());
    }
    let intent = restore::inventory(world).await?.choose(&Wish::to(moment))?;
    session.restore_plan(&intent)?;
    Ok(restore::agree(&session.place, &intent)?)
}

/// What the screens call the site: the name of its folder.
fn label(dir: &SiteDir) -> String {
    let name = dir.path().file_name().map(Path::new);
    name.unwrap_or(dir.path()).display().to_string()
}
