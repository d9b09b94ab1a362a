//! Plans of switching machines off and on.

use super::*;
use crate::plan::Database;

fn names(way: Way, ground: &Ground) -> Vec<String> {
    named(way, Which::One("primary".to_owned()), ground)
}

fn named(way: Way, node: Which, ground: &Ground) -> Vec<String> {
    let plan = plan(&Powering { node, way }, ground);
    // One after the other.
    for pair in plan.steps.windows(2) {
        assert_eq!(pair[1].needs, [pair[0].id.clone()]);
        assert!(pair[0].stage <= pair[1].stage && pair[1].stage < plan.stages.len());
    }
    plan.steps
        .iter()
        .map(|step| step.id.as_str().to_owned())
        .collect()
}

fn ground() -> Ground {
    Ground {
        site: "st-marys".to_owned(),
        machines: ["secondary", "primary"].map(Machine::practice).into(),
        database: Some(Database::default().reference()),
        volumes: true,
        ..Ground::default()
    }
}

#[test]
fn a_machine_is_emptied_before_it_is_switched_off_and_looked_at_before_it_is_used_again() {
    assert_eq!(
        names(Way::Off, &ground()),
        [
            "power/others",
            "power/database",
            "power/volumes",
            "power/close",
            "power/hand-over",
            "power/empty",
            "power/off"
        ]
    );
    assert_eq!(
        names(Way::On, &ground()),
        [
            "power/on",
            "power/clock",
            "power/open",
            "power/volumes",
            "power/database",
            "power/writers"
        ]
    );
}

#[test]
fn without_a_database_and_volumes_nothing_waits_for_them() {
    let bare = Ground {
        machines: ["b", "primary"].map(Machine::practice).into(),
        ..Ground::default()
    };
    let steps = names(Way::Off, &bare);
    assert_eq!(
        steps,
        ["power/others", "power/close", "power/empty", "power/off"]
    );
}

#[test]
fn all_machines_go_after_everything_rests_and_the_one_with_the_api_is_the_last_to_go_and_the_first_to_come()
 {
    let mut ground = ground();
    ground.archive = Some(archive());
    ground.writers = vec![ObjectRef::new("apps/v1", "Deployment", "care-be", "care")];
    ground.proofs = vec![Step {
        id: StepId::new("smoke", "care-web"),
        component: "smoke".to_owned(),
        stage: 5,
        title: "Care in the browser".to_owned(),
        needs: vec![StepId::new("waf", "server")],
        action: Action::Wait,
        ready: Vec::new(),
        usual: Duration::ZERO,
        limit: LIMIT,
    }];
    assert_eq!(
        named(Way::Off, Which::All, &ground),
        [
            "power/database",
            "power/volumes",
            "power/writers",
            "power/copied",
            "power/rest",
            "power/close-secondary",
            "power/close-primary",
            "power/detach",
            "power/off-secondary",
            "power/off-primary",
        ]
    );
    assert_eq!(
        named(Way::On, Which::All, &ground),
        [
            "power/on-primary",
            "power/clock-primary",
            "power/on-secondary",
            "power/clock-secondary",
            "power/open-primary",
            "power/open-secondary",
            "power/wake",
            "power/copies",
            "power/start",
            "power/programs",
            "smoke/care-web",
        ]
    );
}

#[test]
fn of_a_site_without_database_volumes_and_writers_only_the_machines_are_left() {
    let bare = Ground {
        machines: ["b", "a"].map(|name| Machine::real(name, None)).into(),
        ..Ground::default()
    };
    assert_eq!(
        named(Way::Off, Which::All, &bare),
        [
            "power/close-b",
            "power/close-a",
            "power/off-b",
            "power/off-a"
        ]
    );
}

#[test]
fn what_is_typed_for_all_and_for_one_is_told_apart_and_kept_as_before() {
    assert_eq!(Which::typed("all"), Which::All);
    let one = Powering {
        node: Which::typed("secondary"),
        way: Way::Off,
    };
    let text = serde_json::to_string(&one).unwrap();
    assert_eq!(text, r#"{"node":"secondary","way":"off"}"#);
    for node in [Which::All, one.node] {
        let powering = Powering { node, way: Way::On };
        let text = serde_json::to_string(&powering).unwrap();
        assert_eq!(serde_json::from_str::<Powering>(&text).unwrap(), powering);
    }
}

#[test]
fn how_a_machine_is_switched_off_is_one_plain_sentence() {
    let by = |ssh| Machine::real("secondary", ssh).off;
    assert_eq!(by(None), "type `sudo poweroff` on it, or press its button");
    let far = by(Some("ssh -t care@10.0.0.12"));
    assert_eq!(
        far,
        "type `ssh -t care@10.0.0.12 sudo poweroff` here, or press its button"
    );
    for how in [by(None), far, Machine::practice("a").off] {
        assert!(!how.contains(": ") && !how.contains(';'), "{how}");
    }
}

fn archive() -> JobRun {
    let job = serde_json::json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "archive", "namespace": "database"}});
    JobRun {
        objects: Vec::new(),
        job: super::super::Object::from_value(job).unwrap(),
    }
}
