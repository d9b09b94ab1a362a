//! The site's own images: built when the settings ask for it, by a tag that follows from what goes in, waited for when not.

use super::*;

const OWN: &[(&str, &str)] = &[
    ("components.registry", "on"),
    ("components.odoo", "on"),
    (
        "care.backend_source",
        "https://github.com/ohcnetwork/care.git#v25.40.0",
    ),
    (
        "care.plugs",
        "care_odoo=git+https://github.com/ohcnetwork/care_odoo_be.git@9a745cb, other=care-other@1.2",
    ),
    (
        "care.frontend_source",
        "https://github.com/ohcnetwork/care_fe.git#v25.40.0",
    ),
    (
        "components.odoo_addons",
        "https://github.com/ohcnetwork/odoo_connector.git#af7da2be",
    ),
];

fn own(more: &[(&str, &str)]) -> Plan {
    with(&[OWN, more].concat())
}

/// The steps of the component, by their names.
fn steps(plan: &Plan) -> Vec<&str> {
    let own = plan.steps.iter().filter(|step| step.component == "images");
    own.filter_map(|step| step.id.as_str().split('/').nth(1))
        .collect()
}

/// The image that a Deployment runs.
fn runs<'a>(plan: &'a Plan, name: &str) -> &'a str {
    let containers = &object(plan, "Deployment", name)["spec"]["template"]["spec"]["containers"];
    containers[0]["image"].as_str().unwrap()
}

#[test]
fn what_is_built_here_is_as_reviewed() {
    let plan = own(&[]);
    insta::assert_snapshot!("images", shown(&plan, "images"));
    assert_pinned(&plan);
    assert_eq!(steps(&plan), ["login", "care", "care-web", "odoo"]);
}

#[test]
fn each_program_runs_the_image_that_was_built_for_it_and_waits_for_it() {
    let plan = own(&[]);
    for (name, start) in [
        ("care", "registry.care.example.org/care:v25.40.0-"),
        ("care-worker", "registry.care.example.org/care:v25.40.0-"),
        ("care-web", "registry.care.example.org/care-web:v25.40.0-"),
        ("odoo", "registry.care.example.org/odoo:19.0-20260723-"),
    ] {
        let image = runs(&plan, name);
        let digest = image.strip_prefix(start);
        assert_eq!(digest.map(str::len), Some(16), "{image}");
    }
    // A plug that is in the image and not named at run time would be there and do nothing.
    let told = object(&plan, "ConfigMap", "care-settings")["data"]["ADDITIONAL_PLUGS"].as_str();
    let plugs: Value = serde_json::from_str(told.unwrap()).unwrap();
    assert_eq!(
        plugs,
        json!([
            {"name": "care_odoo", "package_name": "git+https://github.com/ohcnetwork/care_odoo_be.git", "version": "@9a745cb", "configs": {}},
            {"name": "other", "package_name": "care-other", "version": "==1.2", "configs": {}},
        ])
    );
    let arguments = object(&plan, "ConfigMap", "image-care")["data"]["arguments"].as_str();
    assert!(
        arguments
            .unwrap()
            .contains(&format!("\nbuild-arg:ADDITIONAL_PLUGS={}\n", told.unwrap()))
    );
    let migrate = plan
        .steps
        .iter()
        .find(|step| step.id.as_str() == "care-backend/settings");
    assert!(
        migrate
            .unwrap()
            .needs
            .contains(&StepId::from_text("images/odoo"))
    );
}

#[test]
fn a_tag_follows_from_what_goes_into_that_image_and_from_nothing_else() {
    let tags = |plan: &Plan| ["care", "care-web", "odoo"].map(|name| runs(plan, name).to_owned());
    let before = tags(&own(&[]));
    assert_eq!(
        tags(&own(&[("care.email_host", "mail.example.org")])),
        before
    );
    let [care, web, odoo] = tags(&own(&[("domains.care_api", "emr.care.example.org")]));
    assert_eq!((&care, &odoo), (&before[0], &before[2]));
    assert_ne!(web, before[1], "the pages hold this address");
    let plugs = "care_odoo=git+https://github.com/ohcnetwork/care_odoo_be.git@f635553";
    let [care, web, odoo] = tags(&own(&[("care.plugs", plugs)]));
    assert_eq!((&web, &odoo), (&before[1], &before[2]));
    assert_ne!(care, before[0]);
    let job = |plan: &Plan| {
        let mut jobs = plan
            .steps
            .iter()
            .filter(|step| step.id.as_str() == "images/care");
        jobs.next().unwrap().action.objects()[0].reference().name
    };
    assert_ne!(job(&own(&[])), job(&own(&[("care.plugs", plugs)])));
}

#[test]
fn a_finished_image_under_the_registrys_address_is_waited_for_and_others_are_not() {
    let plan = with(&[("components.registry", "on")]);
    assert_eq!(
        steps(&plan),
        ["care-web"],
        "the sample's pages are kept there"
    );
    let job = plan
        .steps
        .iter()
        .find(|step| step.id.as_str() == "images/care-web");
    let job = job.unwrap().action.objects()[0].value();
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let env = container["env"].as_array().unwrap();
    let value = |name: &str| env.iter().find(|one| one["name"] == name).unwrap()["value"].clone();
    assert_eq!(value("IMAGE_PATH"), "care-fe");
    assert_eq!(value("REFERENCE"), "v25.40.0");
    assert!(container["securityContext"]["privileged"].is_null());
    let elsewhere = with(&[
        ("components.registry", "on"),
        ("care.frontend_image", "ghcr.io/hospital/care-fe:v1"),
    ]);
    assert!(steps(&elsewhere).is_empty());
    // Without the registry nothing is: what is named under its address is somebody else's.
    assert!(steps(&super::plan()).is_empty());
}

#[test]
fn a_step_that_a_site_does_not_have_stands_for_what_it_needs() {
    let plan = own(&[("components.odoo", "off"), ("care.plugs", "")]);
    assert_eq!(steps(&plan), ["login", "care", "care-web"]);
    let web = plan
        .steps
        .iter()
        .find(|step| step.id.as_str() == "care-frontend/web");
    assert!(
        web.unwrap()
            .needs
            .contains(&StepId::from_text("images/care-web"))
    );
}
