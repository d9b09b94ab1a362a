//! The practice cluster's menu joined to the cluster: what it plays, and how its time passes.

use super::desk::Desk;
use crate::{
    app::{Input, PracticeWish, known::Practice},
    problem::Problem,
    rehearsal::{
        self, Scenario, Speed,
        pace::{self, Pace, Wish},
    },
    session::{World, practice},
    sys::kube::Kube,
};

impl Desk<'_> {
    /// Looks what is played, for the menu.
    pub(super) async fn practice(&mut self) {
        let Some(world) = self.world().await else {
            return;
        };
        let input = match look(&world.doors.kube, self.tools.speed).await {
            Ok(practice) => Input::Practice(Box::new(practice)),
            Err(problem) => Input::Problem(problem),
        };
        self.tell(input).await;
    }

    /// Does what was chosen in the menu.
    pub(super) async fn practise(&mut self, wish: PracticeWish) {
        let Some(world) = self.world().await else {
            return;
        };
        let done = match wish {
            PracticeWish::Play(name) => play(&world, &name).await,
            PracticeWish::Pause => time(&world, Wish::Pace(Pace::Paused)).await,
            PracticeWish::Step => time(&world, Wish::Step).await,
            PracticeWish::Machine(node, on) => rehearsal::switch(&world.doors.kube, &node, on)
                .await
                .map(|()| switched(&node, on)),
            PracticeWish::Speed(speed) => match Speed::parse(&speed) {
                Ok(speed) => time(&world, Wish::Pace(Pace::Runs(speed))).await,
                Err(problem) => Err(problem),
            },
        };
        match done {
            Ok(words) => {
                self.follow_time().await;
                self.tell(Input::Notice(words)).await;
            }
            Err(problem) => self.tell(Input::Problem(problem)).await,
        }
    }

    /// Ages are counted by the cluster's clock: whoever shows them takes its new one.
    async fn follow_time(&mut self) {
        let Some(open) = &mut self.open else { return };
        open.world = None;
        // The speed that the program was started with is not wished again.
        self.tools.speed = None;
        let watching = open.watching.take();
        if let Some(watching) = watching {
            watching.abort();
            self.watch().await;
        } else {
            self.world().await;
        }
    }
}

/// What became of a machine, in words.
pub fn switched(node: &str, on: bool) -> String {
    if on {
        format!("The machine of {node} starts.")
    } else {
        format!(
            "The machine of {node} has no power any more; the cluster notices within a minute by its clock."
        )
    }
}

async fn look(kube: &Kube, started: Option<Speed>) -> Result<Practice, Problem> {
    let playing = rehearsal::playing(kube).await?;
    let taken = pace::taken(kube).await?;
    let usual = started.unwrap_or(practice::USUAL_SPEED);
    let pace = taken.map_or(Pace::Runs(usual), |taken| taken.pace);
    let scenarios = Scenario::ALL.iter();
    Ok(Practice {
        scenarios: scenarios
            .map(|one| (one.name().to_owned(), one.brief().to_owned()))
            .collect(),
        playing: playing.name().to_owned(),
        machines: rehearsal::machines(kube).await?,
        pace: pace.to_string(),
    })
}

async fn play(world: &World, name: &str) -> Result<String, Problem> {
    let scenario = Scenario::parse(name)?;
    rehearsal::set_scenario(&world.doors.kube, scenario).await?;
    Ok(format!(
        "The practice cluster plays {scenario} now: {}.",
        scenario.brief()
    ))
}

async fn time(world: &World, wish: Wish) -> Result<String, Problem> {
    let taken = pace::ask(&world.doors.kube, wish).await?;
    let at = taken.at.strftime("%H:%M:%S UTC");
    Ok(match taken.pace {
        Pace::Paused => format!("The practice cluster's clock stands still at {at}."),
        Pace::Runs(speed) => {
            format!("The practice cluster's clock passes at speed {speed} from {at} on.")
        }
    })
}
