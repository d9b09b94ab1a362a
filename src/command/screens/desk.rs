//! The desk: takes one wish of the screens after the other; what takes long is done beside it.

use std::{collections::BTreeMap, sync::Arc};

use secrecy::SecretString;
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
};

use super::{First, hand, logs, work};
use crate::{
    app::{
        Effect, Input, Lock as Locked,
        health::deed::Deed,
        logs::{store::Store, wish::Wish},
    },
    command::{Context, settings},
    compare::Mask,
    engine::event::Command,
    plan::ObjectRef,
    problem::Problem,
    session::{Reach, Session, Tools, Workplace, World},
    site::{Secrets, SiteDraft},
    sys::{
        clock::Clock,
        files,
        sites::{SiteDir, Sites},
        vault::Lock,
    },
};

/// What the desk holds.
pub struct Desk<'a> {
    pub(super) context: &'a Context,
    pub(super) sites: Sites,
    /// Where the answers about a new site are kept.
    pub(super) draft: SiteDir,
    pub(super) tools: Tools,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) clock: watch::Sender<Clock>,
    pub(super) open: Option<Open>,
    /// Looks at answers that are on their way, by field.
    pub(super) looking: BTreeMap<String, AbortHandle>,
}

/// The site that is open, or the cluster that is attached; what works for it ends with it.
pub(super) struct Open {
    /// Nothing where only the cluster is here, and not its site.
    pub(super) session: Option<Session>,
    pub(super) world: Option<World>,
    /// The run that is heard.
    pub(super) commands: Option<mpsc::Sender<Command>>,
    pub(super) watching: Option<AbortHandle>,
    /// The log that is read.
    reading: Option<AbortHandle>,
    pub(super) tasks: JoinSet<()>,
}

impl Open {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session: Some(session),
            ..Self::attached(None)
        }
    }

    /// A cluster without its site.
    pub(super) fn attached(world: Option<World>) -> Self {
        Self {
            session: None,
            world,
            commands: None,
            watching: None,
            reading: None,
            tasks: JoinSet::new(),
        }
    }
}

impl<'a> Desk<'a> {
    /// An empty desk.
    pub fn new(
        context: &'a Context,
        (sites, draft): (Sites, SiteDir),
        tools: Tools,
        (inputs, clock): (mpsc::Sender<Input>, watch::Sender<Clock>),
    ) -> Self {
        Self {
            context,
            sites,
            draft,
            tools,
            inputs,
            clock,
            open: None,
            looking: BTreeMap::new(),
        }
    }

    /// Works until the screens are closed.
    pub async fn work(mut self, first: First, mut asked: mpsc::Receiver<Effect>) {
        self.begin(first).await;
        while let Some(effect) = asked.recv().await {
            let mut next = Some(effect);
            while let Some(effect) = next.take() {
                // Of answers that are kept one after the other only the newest is written.
                if matches!(effect, Effect::SaveDraft(_)) {
                    next = asked.try_recv().ok();
                    if matches!(next, Some(Effect::SaveDraft(_))) {
                        continue;
                    }
                }
                self.perform(effect).await;
            }
        }
    }

    async fn begin(&mut self, first: First) {
        match first {
            First::Welcome => {}
            First::New => self.questions(&self.draft).await,
            First::Site(name) => self.open_named(&name, None).await,
            First::Opened(session) => self.show(*session).await,
            First::Attached(text) => self.attach(&text).await,
        }
    }

    /// Tells the screens; they may have been closed.
    pub(super) async fn tell(&self, input: Input) {
        self.inputs.send(input).await.ok();
    }

    pub(super) async fn tell_problems(&self, problems: Vec<Problem>) {
        if let Some(problem) = joined(problems) {
            self.tell(Input::Problem(problem)).await;
        }
    }

    /// The site that is open.
    pub(super) fn session(&self) -> Option<&Session> {
        self.open.as_ref()?.session.as_ref()
    }

    async fn perform(&mut self, effect: Effect) {
        match effect {
            // The screens do these themselves.
            Effect::Leave | Effect::Redraw | Effect::Mouse(_) => {}
            Effect::KeepHints(hints) => super::keep::hints(&self.sites, &hints),
            Effect::Copy(text) => self.keep_copy(text).await,
            Effect::Open(name) => self.open_named(&name, None).await,
            Effect::Unlock(name, passphrase) => self.open_named(&name, Some(passphrase)).await,
            Effect::Rehearse => self.open_practice().await,
            Effect::Attach(text) => self.attach(&text).await,
            Effect::SaveDraft(draft) => self.save_draft(&draft).await,
            Effect::CreateSite(draft, secrets, locked) => {
                self.create(*draft, secrets, locked).await;
            }
            Effect::ChangeSite(draft, secrets) => self.change(*draft, secrets).await,
            Effect::Probe(draft, asked) => self.probe(&draft, asked),
            Effect::Cost(draft) => self.cost(*draft),
            Effect::Complete(field, text) => self.complete(field, text).await,
            Effect::KeepCertificate(pem) => self.keep_certificate(pem).await,
            Effect::Import(path) => self.import(&path).await,
            Effect::RunChecks(code) => self.check(code).await,
            Effect::KeepWaiver(waiver) => self.keep_waiver(waiver).await,
            Effect::LoadPlan => self.plan().await,
            Effect::Compare => self.compare().await,
            Effect::StartDeploy(waivers) => self.deploy(&waivers).await,
            Effect::LoadBackups => self.backups().await,
            Effect::Restore(wish) => self.restore(wish).await,
            Effect::Power(powering, accepted) => self.power(&powering, accepted).await,
            Effect::Command(command) => self.command(command).await,
            Effect::LoadPractice => self.practice().await,
            Effect::Practice(wish) => self.practise(wish).await,
            Effect::WatchCluster => self.watch().await,
            Effect::ReadUsage => self.usage(),
            Effect::Do(deed) => self.by_hand(*deed).await,
            Effect::ReadObject(target) => self.read_object(target).await,
            Effect::ReadLog(wish) => self.read_log(wish).await,
            Effect::EndLog => self.end_log(),
            Effect::SaveLog { name, store } => self.save_log(&name, store).await,
        }
    }

    async fn create(&mut self, draft: SiteDraft, secrets: Secrets, locked: Locked) {
        let (sites, dir) = (self.sites.clone(), self.draft.clone());
        let for_life = self.context.mode();
        // Locking a vault with a passphrase takes a second of work.
        let made = tokio::task::spawn_blocking(move || {
            let lock = match locked {
                Locked::Passphrase(passphrase) => Lock::Passphrase(passphrase),
                Locked::KeyFile => dir.make_key_lock().map_err(|problem| vec![problem])?,
            };
            let dir = settings::make(&sites, dir, (&draft, &secrets), &lock)?;
            // A key file has moved with the folder.
            let lock = match lock {
                Lock::KeyFile(_) => dir.key_lock(),
                lock @ Lock::Passphrase(_) => lock,
            };
            let place = Workplace {
                site: dir.path().to_path_buf(),
                mode: for_life,
            };
            Session::open(place, lock)
        });
        match made.await {
            Ok(Ok(session)) => self.show(session).await,
            Ok(Err(problems)) => self.tell_problems(problems).await,
            Err(broken) => tracing::error!(%broken, "making a site broke off"),
        }
    }

    async fn change(&mut self, draft: SiteDraft, secrets: Secrets) {
        let Some(mut session) = self.session().cloned() else {
            return;
        };
        let changed = tokio::task::spawn_blocking(move || {
            session.change(&draft, &secrets)?;
            Ok::<_, Vec<Problem>>(session)
        });
        match changed.await {
            Ok(Ok(session)) => {
                let Some(open) = &mut self.open else { return };
                open.session = Some(session);
                // The new settings may name another cluster.
                open.world = None;
            }
            Ok(Err(problems)) => self.tell_problems(problems).await,
            Err(broken) => tracing::error!(%broken, "changing a site broke off"),
        }
    }

    async fn plan(&mut self) {
        let Some(open) = &mut self.open else { return };
        let Some(session) = &mut open.session else {
            return;
        };
        // A restore in another process may have made the next database.
        session.recall_database().ok();
        let session = session.clone();
        let input = match session.plan_alone() {
            Ok(plan) => Input::Plan(Arc::new(plan)),
            Err(problems) => Input::Refused(problems),
        };
        let made = matches!(input, Input::Plan(_));
        let inputs = self.inputs.clone();
        inputs.send(input).await.ok();
        // Where the cluster is connected, it tells what would be upgraded, and the copies that come before.
        if let Some(world) = open.world.clone().filter(|_| made) {
            open.tasks.spawn(work::plan((session, world), inputs));
        }
    }

    /// Compares the plan with the cluster beside everything else.
    async fn compare(&mut self) {
        let Some(world) = self.world().await else {
            return;
        };
        let inputs = self.inputs.clone();
        let Some(session) = self.session().cloned() else {
            return;
        };
        if let Some(open) = &mut self.open {
            open.tasks.spawn(work::compare(session, world, inputs));
        }
    }

    /// The open site's cluster, connected; a problem is told.
    pub(super) async fn world(&mut self) -> Option<World> {
        let open = self.open.as_mut()?;
        if let Some(world) = &open.world {
            return Some(world.clone());
        }
        let session = open.session.as_ref()?;
        match World::open(session, &self.tools).await {
            Ok(world) => {
                self.clock.send_replace(world.doors.clock);
                open.world = Some(world.clone());
                Some(world)
            }
            Err(problem) => {
                self.tell(Input::Problem(problem)).await;
                None
            }
        }
    }

    async fn check(&mut self, code: Option<crate::problem::Code>) {
        let Some(session) = self.session() else {
            return;
        };
        let reach = match Reach::of(session, &self.tools).await {
            Ok(reach) => reach,
            Err(problem) => {
                self.tell(Input::Checks(Vec::new(), true)).await;
                self.tell(Input::Problem(problem)).await;
                return;
            }
        };
        let asked = crate::command::look::asked(session, &reach, code);
        let inputs = self.inputs.clone();
        if let Some(open) = &mut self.open {
            open.tasks.spawn(work::checks(asked, inputs));
        }
    }

    pub(super) async fn watch(&mut self) {
        if self
            .open
            .as_ref()
            .is_none_or(|open| open.watching.is_some())
        {
            return;
        }
        let Some(world) = self.world().await else {
            return;
        };
        let inputs = self.inputs.clone();
        if let Some(open) = &mut self.open {
            open.watching = Some(open.tasks.spawn(work::watch(world, inputs)));
        }
    }

    /// Asks what is used, where the cluster is connected already: whoever connects tells a failure.
    fn usage(&mut self) {
        let inputs = self.inputs.clone();
        let Some(open) = &mut self.open else { return };
        let Some(world) = &open.world else { return };
        // It is asked without end: what is done must not be kept.
        while open.tasks.try_join_next().is_some() {}
        open.tasks
            .spawn(work::usage(world.doors.kube.clone(), inputs));
    }

    /// Does something in the cluster beside everything else.
    async fn by_hand(&mut self, deed: Deed) {
        let Some(world) = self.world().await else {
            return;
        };
        let inputs = self.inputs.clone();
        if let Some(open) = &mut self.open {
            let (kube, now) = (world.doors.kube, world.doors.clock.now());
            open.tasks.spawn(hand::perform(kube, (deed, now), inputs));
        }
    }

    async fn read_object(&mut self, target: ObjectRef) {
        let Some(world) = self.world().await else {
            return;
        };
        let inputs = self.inputs.clone();
        let mask = match self.session().map(Session::mask) {
            Some(Ok(mask)) => mask,
            Some(Err(problems)) => return self.tell_problems(problems).await,
            // What Secrets hold and what is called a password is hidden all the same.
            None => Mask::of(&Secrets::default()),
        };
        if let Some(open) = &mut self.open {
            let reading = work::object(world, target, mask, inputs);
            open.tasks.spawn(reading);
        }
    }

    /// Reads a log instead of the one that was read before.
    async fn read_log(&mut self, wish: Wish) {
        let Some(world) = self.world().await else {
            return;
        };
        self.end_log();
        let inputs = self.inputs.clone();
        if let Some(open) = &mut self.open {
            open.reading = Some(open.tasks.spawn(logs::read(world, wish, inputs)));
        }
    }

    fn end_log(&mut self) {
        let reading = self.open.as_mut().and_then(|open| open.reading.take());
        if let Some(reading) = reading {
            reading.abort();
        }
    }

    /// Keeps a log in the reports of the site.
    async fn save_log(&mut self, name: &str, store: Store) {
        let folder = self.reports();
        let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
        let path = folder.join(format!("log-{name}-{now}.log"));
        // A large log takes a moment to be written.
        let saved = tokio::task::spawn_blocking(move || {
            files::create_folder(&folder)?;
            files::write_atomic(&path, &store.text(), files::Mode::Private)?;
            Ok::<_, Problem>(path)
        });
        match saved.await {
            Ok(Ok(path)) => {
                let words = format!("Saved as {}", path.display());
                self.tell(Input::Notice(words)).await;
            }
            Ok(Err(problem)) => self.tell(Input::Problem(problem)).await,
            Err(broken) => tracing::error!(%broken, "saving a log broke off"),
        }
    }

    /// Opens a site that another process of ours may be at work on.
    async fn open_practice(&mut self) {
        match self.context.practice_place() {
            Ok(place) => self.open_place(place, None).await,
            Err(failure) => self.tell_problems(failure.problems).await,
        }
    }

    async fn open_named(&mut self, name: &str, passphrase: Option<SecretString>) {
        let place = self
            .sites
            .resolve(Some(name))
            .map_err(crate::command::Failure::from)
            .and_then(|dir| crate::command::context::workplace(&dir, self.context.mode()));
        match place {
            Ok(place) => self.open_place(place, passphrase).await,
            Err(failure) => self.tell_problems(failure.problems).await,
        }
    }
}

/// Several problems as one card: the first, with the others below it.
pub(super) fn joined(problems: Vec<Problem>) -> Option<Problem> {
    let mut problems = problems.into_iter();
    let mut first = problems.next()?;
    for other in problems {
        first = first.because(other.what);
    }
    Some(first)
}
