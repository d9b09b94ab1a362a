//! Asks each name server for every name of the site, and for a made-up one under the wildcard.

use std::{net::SocketAddr, time::Instant};

use futures::{StreamExt as _, stream};

use super::{
    Asked,
    judge::{self, dns as judgement, dns::Question},
    list::{self, Check},
    run::{About, Desk, HERE},
};
use crate::{
    problem::Problem,
    site::Entrance,
    sys::{
        Routes,
        dns::{Answer, Asker},
    },
};

/// Name servers that are asked at a time.
const SERVERS: usize = 4;

/// Questions to one name server at a time.
const QUESTIONS: usize = 16;

/// The port of every name server.
const PORT: u16 = 53;

/// A name to ask for.
struct Wanted {
    check: &'static Check,
    name: String,
    asked: String,
    public: bool,
    targets: Vec<Entrance>,
}

/// A label that nobody has made a record for.
pub fn made_up() -> String {
    format!("care-install-{:08x}", rand::random::<u32>())
}

/// Who answers for a server of the settings, or for this computer's own: in practice, always the practice world's.
pub fn resolver(server: Option<&str>, routes: &Routes) -> Result<Asker, Problem> {
    match (routes.dns, server.and_then(|server| server.parse().ok())) {
        (Some(detour), _) => Asker::at(detour),
        (None, Some(address)) => Asker::at(SocketAddr::new(address, PORT)),
        (None, None) => Asker::system(),
    }
}

fn wanted(asked: &Asked) -> Vec<Wanted> {
    let domains = &asked.site.domains;
    let entrances = asked.site.entrances();
    let mut wanted: Vec<Wanted> = domains
        .hosts
        .iter()
        .map(|host| Wanted {
            check: &list::NAME,
            name: host.name.to_string(),
            asked: host.name.to_string(),
            public: host.public,
            targets: entrances.of(host.public).to_vec(),
        })
        .collect();
    wanted.push(Wanted {
        check: &list::WILDCARD,
        name: format!("*.{}", domains.base),
        asked: format!("{}.{}", made_up(), domains.base),
        public: domains.hosts.iter().any(|host| host.public),
        targets: entrances.all(),
    });
    wanted
}

/// Checks the family.
pub async fn run(asked: Asked, desk: Desk) {
    if !desk.wants(&[
        &list::NAME_SERVER,
        &list::NAME,
        &list::WILDCARD,
        &list::SEARCH,
    ]) {
        return;
    }
    let servers = asked
        .site
        .exposure
        .dns_servers
        .iter()
        .map(|server| Some(server.to_string()));
    let servers: Vec<Option<String>> = core::iter::once(None).chain(servers).collect();
    let one = async |server: Option<String>| by(server.as_deref(), &asked, &desk).await;
    stream::iter(servers)
        .for_each_concurrent(SERVERS, one)
        .await;
}

/// Asks one name server everything.
async fn by(server: Option<&str>, asked: &Asked, desk: &Desk) {
    let began = Instant::now();
    let wanted = wanted(asked);
    let subject = server.unwrap_or("this computer's");
    let resolver = match resolver(server, &asked.routes) {
        Ok(resolver) => resolver,
        Err(problem) => {
            let verdict = judge::told("none", problem);
            desk.tell(&list::NAME_SERVER, About::here(subject, began), verdict)
                .await;
            return skip(server, &wanted, desk).await;
        }
    };
    let asking = async |wanted: Wanted| {
        let began = Instant::now();
        let answer = resolver.ask(&wanted.asked).await;
        (wanted, answer, began.elapsed())
    };
    let answered: Vec<_> = stream::iter(wanted)
        .map(asking)
        .buffered(QUESTIONS)
        .collect()
        .await;
    let answers: Vec<Answer> = answered
        .iter()
        .map(|(_, answer, _)| answer.clone())
        .collect();
    let verdict = judgement::server(server, &answers);
    desk.tell(&list::NAME_SERVER, About::here(subject, began), verdict)
        .await;
    if !answers.iter().any(Answer::was_given) {
        let wanted: Vec<Wanted> = answered.into_iter().map(|(wanted, ..)| wanted).collect();
        return skip(server, &wanted, desk).await;
    }
    for (wanted, answer, took) in answered {
        let question = Question {
            code: wanted.check.code,
            name: &wanted.name,
            asked: &wanted.asked,
            server,
            targets: &wanted.targets,
            public: wanted.public,
        };
        let subject = subject_of(server, &wanted.name);
        let about = About {
            subject: &subject,
            place: HERE,
            took,
        };
        desk.tell(wanted.check, about, judgement::judge(&question, &answer))
            .await;
    }
    for domain in resolver.search_domains() {
        let began = Instant::now();
        let answer = resolver.ask(&format!("{}.{domain}", made_up())).await;
        let verdict = judgement::search(domain, &answer);
        desk.tell(&list::SEARCH, About::here(domain, began), verdict)
            .await;
    }
}

/// As `dig` writes it.
fn subject_of(server: Option<&str>, name: &str) -> String {
    match server {
        Some(server) => format!("{name} @{server}"),
        None => name.to_owned(),
    }
}

async fn skip(server: Option<&str>, wanted: &[Wanted], desk: &Desk) {
    let reason = match server {
        Some(server) => format!("{server} does not answer"),
        None => "no name server answers".to_owned(),
    };
    for wanted in wanted {
        let subject = subject_of(server, &wanted.name);
        let about = About::here(&subject, Instant::now());
        desk.tell(wanted.check, about, judge::skipped(&*reason))
            .await;
    }
}
