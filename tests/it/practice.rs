//! The practice site as a process of its own: found again, one for each folder, ended in good order, killed without loss.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use care_install::{
    plan::{Object, ObjectRef},
    problem::Code,
    rehearsal::{self, HostOptions, Hosted, Point, Scenario, Speed},
    site::{self, Site},
    sys::{
        clock::Clock,
        daemon,
        kube::{Applied, Kube, Source},
    },
};
use futures::{StreamExt as _, stream};
use hickory_resolver::proto::{
    op::{Message, Query, ResponseCode},
    rr::{Name, RecordType},
};
use rand::RngExt as _;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpStream, UdpSocket},
    process::Child,
    time::timeout,
};

use crate::child;

/// Longer than anything here takes on a busy computer.
const LIMIT: Duration = Duration::from_mins(2);

/// Tells the child which folder to serve.
const FOLDER: &str = "CARE_PRACTICE_TEST_FOLDER";

/// What the child says once it serves.
const SERVES: &str = "practice cluster serves";

fn sample() -> Arc<Site> {
    Arc::new(Site::try_from(&site::sample()).unwrap())
}

fn options(folder: &Path) -> HostOptions {
    HostOptions {
        folder: folder.to_path_buf(),
        port: 0,
        speed: Speed::Max,
        idle_exit: None,
        site: sample(),
        kubeconfig: None,
        scenario: None,
    }
}

async fn host(folder: &Path) -> Hosted {
    rehearsal::host(options(folder)).await.unwrap()
}

async fn client(point: &Point) -> Kube {
    Kube::connect(&point.source()).await.unwrap()
}

fn map(name: &str, value: &str) -> Object {
    let value = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"}, "data": {"key": value}});
    Object::from_value(value).unwrap()
}

fn maps() -> ObjectRef {
    ObjectRef::new("v1", "ConfigMap", "default", "")
}

#[tokio::test]
async fn a_hosted_cluster_is_found_until_it_is_stopped_and_then_served_anew_with_all_it_held() {
    let folder = tempfile::tempdir().unwrap();
    assert!(rehearsal::find(folder.path()).await.is_none());
    let hosted = host(folder.path()).await;
    let found = rehearsal::find(folder.path()).await.unwrap();
    assert_eq!(
        (&found.url, found.pid),
        (&hosted.point.url, std::process::id())
    );
    assert_eq!(found.routes, hosted.point.routes);
    client(&found)
        .await
        .apply(&map("kept", "one"))
        .await
        .unwrap();
    hosted.stop.cancel();
    timeout(LIMIT, hosted.ended()).await.unwrap();
    assert!(rehearsal::find(folder.path()).await.is_none());
    assert!(!folder.path().join("point.json").exists());

    let again = host(folder.path()).await;
    let kube = client(&again.point).await;
    let kept = kube.get(&map("kept", "").reference()).await.unwrap();
    assert_eq!(kept.unwrap()["data"]["key"], "one");
}

#[tokio::test]
async fn a_folder_is_served_by_one_at_a_time_and_the_second_hears_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let hosted = host(folder.path()).await;
    let problem = rehearsal::host(options(folder.path())).await.unwrap_err();
    assert_eq!(problem.code, Code::Reh01);
    assert!(problem.to_string().contains(&hosted.point.url), "{problem}");
    let kill = format!("kill {}", std::process::id());
    assert!(problem.remedy.contains(&kill), "{problem}");
    assert!(rehearsal::find(folder.path()).await.is_some());
}

#[tokio::test]
async fn the_nodes_of_the_site_are_there_and_follow_its_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let hosted = host(folder.path()).await;
    hosted.stop.cancel();
    timeout(LIMIT, hosted.ended()).await.unwrap();
    let mut moved = site::sample();
    moved.set("nodes.secondary.address", "10.0.0.99");
    moved.set("nodes.workers", "worker-1=10.0.0.13");
    let options = HostOptions {
        site: Arc::new(Site::try_from(&moved).unwrap()),
        ..options(folder.path())
    };
    let again = rehearsal::host(options).await.unwrap();
    let of = ObjectRef::new("v1", "Node", "", "");
    let nodes = client(&again.point).await.list(&of, "").await.unwrap();
    let seen: Vec<_> = nodes
        .iter()
        .map(|node| {
            let text = |pointer| node.pointer(pointer).unwrap().as_str().unwrap();
            (text("/metadata/name"), text("/status/addresses/0/address"))
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("primary", "10.0.0.11"),
            ("secondary", "10.0.0.99"),
            ("worker-1", "10.0.0.13")
        ]
    );
}

fn question(name: &str) -> Message {
    let mut question = Message::query();
    question.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
    question
}

fn address(reply: &[u8]) -> Option<String> {
    let reply = Message::from_vec(reply).unwrap();
    if reply.metadata.response_code == ResponseCode::NXDomain {
        return None;
    }
    Some(reply.answers.first()?.data.to_string())
}

#[tokio::test]
async fn names_resolve_to_their_nodes_over_udp_and_tcp() {
    let folder = tempfile::tempdir().unwrap();
    let hosted = host(folder.path()).await;
    let server = hosted.point.routes.dns.unwrap();
    let names = [
        ("app.care.example.org.", Some("10.0.0.12")),
        ("grafana.care.example.org.", Some("10.0.0.11")),
        ("k3v9.care.example.org.", Some("10.0.0.11")),
        ("example.com.", None),
    ];
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    udp.connect(server).await.unwrap();
    let mut tcp = TcpStream::connect(server).await.unwrap();
    for (name, expected) in names {
        let asked = question(name).to_vec().unwrap();
        let mut heard = [0; 512];
        udp.send(&asked).await.unwrap();
        let length = timeout(LIMIT, udp.recv(&mut heard)).await.unwrap().unwrap();
        assert_eq!(address(&heard[..length]).as_deref(), expected, "{name}");

        tcp.write_u16(asked.len().try_into().unwrap())
            .await
            .unwrap();
        tcp.write_all(&asked).await.unwrap();
        let length = timeout(LIMIT, tcp.read_u16()).await.unwrap().unwrap();
        let mut heard = vec![0; length.into()];
        tcp.read_exact(&mut heard).await.unwrap();
        assert_eq!(address(&heard).as_deref(), expected, "{name}");
    }
}

#[tokio::test]
async fn every_node_answers_on_its_ssh_port_as_an_ssh_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let hosted = host(folder.path()).await;
    for address in ["10.0.0.11", "10.0.0.12"] {
        let detour = hosted.point.routes.to(address, 22).unwrap();
        let stream = TcpStream::connect(detour).await.unwrap();
        let mut line = String::new();
        let mut reader = BufReader::new(stream);
        let read = reader.read_line(&mut line);
        timeout(LIMIT, read).await.unwrap().unwrap();
        assert_eq!(line, "SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13\r\n");
    }
    assert_eq!(hosted.point.routes.to("10.0.0.13", 22), None);
}

#[tokio::test]
async fn the_kubeconfig_leads_a_client_to_the_cluster_and_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    let options = HostOptions {
        kubeconfig: Some(file.clone()),
        ..options(&folder.path().join("cluster"))
    };
    let _hosted = rehearsal::host(options).await.unwrap();
    let mode = file.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let source = Source::Kubeconfig {
        file: Some(file),
        context: None,
    };
    let kube = Kube::connect(&source).await.unwrap();
    // kubectl and helm show a token only over TLS.
    assert!(kube.server().starts_with("https://127.0.0.1:"));
    assert_eq!(
        kube.apply(&map("a", "one")).await.unwrap(),
        Applied::Created
    );
    let there = kube.list(&maps(), "").await.unwrap();
    assert!(there.iter().any(|map| map["metadata"]["name"] == "a"));
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_written_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = HostOptions {
        kubeconfig: Some(PathBuf::from("/nowhere/kubeconfig")),
        ..options(folder.path())
    };
    let problem = rehearsal::host(wrong).await.unwrap_err();
    assert_eq!(problem.code, Code::File02);
    host(folder.path()).await;
}

#[tokio::test]
async fn a_scenario_is_set_at_the_start_and_changed_on_the_living_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let options = HostOptions {
        scenario: Some(Scenario::ImagePullFails),
        ..options(folder.path())
    };
    let hosted = rehearsal::host(options).await.unwrap();
    let kube = client(&hosted.point).await;
    let target = ObjectRef::new("v1", "ConfigMap", "kube-system", "rehearsal-scenario");
    let set = kube.get(&target).await.unwrap().unwrap();
    assert_eq!(set["data"]["name"], "image-pull-fails");
    rehearsal::set_scenario(&kube, Scenario::Healthy)
        .await
        .unwrap();
    let set = kube.get(&target).await.unwrap().unwrap();
    assert_eq!(set["data"]["name"], "healthy");
}

#[tokio::test]
async fn it_ends_by_itself_when_nobody_is_there_and_a_watch_is_somebody() {
    let folder = tempfile::tempdir().unwrap();
    let idle = Duration::from_secs(1);
    let options = HostOptions {
        idle_exit: Some(idle),
        ..options(folder.path())
    };
    let hosted = rehearsal::host(options).await.unwrap();
    let kube = client(&hosted.point).await;
    let feed = kube.feed();
    let mut watch = feed.watch(&maps()).await.unwrap();
    assert!(timeout(3 * idle, hosted.ended()).await.is_err());
    kube.apply(&map("a", "one")).await.unwrap();
    timeout(LIMIT, watch.changed()).await.unwrap();
    drop((watch, feed, kube));
    timeout(LIMIT, hosted.until_ended()).await.unwrap().unwrap();
    assert!(!folder.path().join("point.json").exists());
}

#[tokio::test]
async fn the_clock_of_a_point_passes_like_the_clusters() {
    let folder = tempfile::tempdir().unwrap();
    let fast = HostOptions {
        speed: Speed::Times(1000),
        ..options(folder.path())
    };
    let hosted = rehearsal::host(fast).await.unwrap();
    let kube = client(&hosted.point).await;
    kube.apply(&map("a", "one")).await.unwrap();
    let made = kube.get(&map("a", "").reference()).await.unwrap().unwrap();
    let made = made["metadata"]["creationTimestamp"].as_str().unwrap();
    let found = rehearsal::find(folder.path()).await.unwrap();
    let age = found.clock().now().duration_since(made.parse().unwrap());
    assert!(age.as_secs() >= 0, "{age}");
    let real = hosted
        .point
        .clock()
        .real_duration(Duration::from_secs(1000));
    assert_eq!(real, Duration::from_secs(1));
    let mut max = found;
    max.speed = Speed::Max;
    let ahead = max.clock().now().duration_since(Clock::real().now());
    assert_eq!(ahead.as_secs(), 0);
}

/// The process that the tests below start and end; by itself it does nothing.
#[tokio::test]
#[ignore = "the process that other tests of this file start"]
async fn child() {
    let folder = std::env::var_os(FOLDER).expect("started by a test of this file");
    let options = HostOptions {
        kubeconfig: Some(Path::new(&folder).join("kubeconfig")),
        ..options(Path::new(&folder))
    };
    let hosted = rehearsal::host(options).await.unwrap();
    println!("{SERVES}");
    hosted.until_ended().await.unwrap();
}

async fn start(folder: &Path) -> (Child, Point) {
    let variables = [(FOLDER, folder.as_os_str())];
    let mut child = child::start("practice::child", variables, Stdio::null());
    child::says(&mut child, LIMIT, |line| {
        line.contains(SERVES).then_some(())
    })
    .await;
    let point = rehearsal::find(folder).await.unwrap();
    (child, point)
}

#[tokio::test]
async fn a_process_that_is_asked_to_end_does_so_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, point) = start(folder.path()).await;
    assert_eq!(Some(point.pid), child.id());
    let kube = client(&point).await;
    kube.apply(&map("kept", "one")).await.unwrap();
    daemon::terminate(point.pid);
    let status = timeout(LIMIT, child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    assert!(!folder.path().join("point.json").exists());
    let again = host(folder.path()).await;
    let kube = client(&again.point).await;
    let kept = kube.get(&map("kept", "").reference()).await.unwrap();
    assert_eq!(kept.unwrap()["data"]["key"], "one");
}

/// Applies at once until the process is killed; gives what was answered, as name and value.
async fn apply_until_killed(
    mut child: Child,
    kube: Kube,
    (turn, most): (usize, usize),
) -> Vec<(String, String)> {
    // Alone, each answer has its own write to disk; together they share one.
    let at_once = 1 + turn % 16;
    let sent = (0..).map(|number| {
        let kube = kube.clone();
        async move {
            let (name, value) = (format!("m{}", number % 50), format!("{turn}-{number}"));
            let applied = kube.apply(&map(&name, &value)).await;
            applied.ok().map(|_| (number, name, value))
        }
    });
    let mut answers = stream::iter(sent).buffer_unordered(at_once);
    let mut answered = Vec::new();
    while let Some(Some(answer)) = answers.next().await {
        answered.push(answer);
        if answered.len() == most {
            child.start_kill().unwrap();
        }
    }
    timeout(LIMIT, child.wait()).await.unwrap().unwrap();
    answered.sort_unstable();
    answered
        .into_iter()
        .map(|(_, name, value)| (name, value))
        .collect()
}

#[tokio::test]
async fn killed_at_any_instant_it_holds_everything_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut known = BTreeMap::<String, String>::new();
    for turn in 0..20 {
        let (child, point) = start(folder.path()).await;
        let kube = client(&point).await;
        let found = kube.list(&maps(), "").await.unwrap();
        for (name, value) in &known {
            let mut found = found.iter();
            let object = found.find(|object| object["metadata"]["name"] == **name);
            assert!(object.is_some(), "turn {turn}: {name} is lost");
            let held = object.unwrap()["data"]["key"].as_str().unwrap();
            assert!(
                later_or_same(held, value),
                "turn {turn}: {name} holds {held}, answered was {value}"
            );
        }
        let most = rand::rng().random_range(1..120);
        known.extend(apply_until_killed(child, kube, (turn, most)).await);
    }
}

/// Values are `turn-number`; a later one than the answered one may have been written and not answered any more.
fn later_or_same(held: &str, answered: &str) -> bool {
    let order = |text: &str| {
        let (turn, number) = text.split_once('-').unwrap();
        (turn.parse::<u64>().unwrap(), number.parse::<u64>().unwrap())
    };
    order(held) >= order(answered)
}

/// Not a test of speed, which belongs to the computer: it shows that requests do not wait for each other's disk.
#[tokio::test]
async fn many_applies_at_once_share_their_writes_to_disk() {
    let folder = tempfile::tempdir().unwrap();
    let hosted = host(folder.path()).await;
    let kube = client(&hosted.point).await;
    let began = Instant::now();
    let sent = (0..500).map(|number| {
        let kube = kube.clone();
        async move { kube.apply(&map(&format!("m{number}"), "one")).await }
    });
    let applied: Vec<_> = stream::iter(sent).buffer_unordered(16).collect().await;
    let took = began.elapsed();
    println!("500 applies (1000 requests) took {took:?}");
    assert!(
        applied
            .iter()
            .all(|one| matches!(one, Ok(Applied::Created)))
    );
    let text = std::fs::read_to_string(folder.path().join("objects.log")).unwrap();
    let records = text.lines().count();
    println!("{records} records on disk");
    assert!(records < 500, "{records} records for 500 applies");
}
