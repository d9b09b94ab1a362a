//! The entrances answer as the objects say: each case takes one thing away from a site on which everything works.

use serde_json::json;

use super::*;
use crate::rehearsal::store::Store;

const SECONDARY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 12);

const NGINX: &str = "upstream ingress {\n  server public.edge.svc:80;\n}\nserver {\n  server_name app.example.org;\n}\n";

fn pod(space: &str, own: &str, instance: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": own, "namespace": space, "labels": {"app.kubernetes.io/instance": instance}},
        "spec": {"containers": [{"name": "c", "image": image, "ports": [{"containerPort": 8443, "hostPort": 443}]}],
            "volumes": [
                {"name": "settings", "configMap": {"name": "waf"}}, {"name": "certificate", "secret": {"secretName": "tls"}},
            ]},
        "status": {"hostIP": "10.0.0.12", "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

fn behind_service(space: &str, service: &str, pod: &str) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": format!("{service}-x"), "namespace": space, "labels": {"kubernetes.io/service-name": service}},
        "endpoints": [{"conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": pod}}],
    })
}

/// A firewall on the secondary, the ingress behind it, and Care behind that.
fn site() -> Vec<Value> {
    let mut ingress = pod(
        "edge",
        "public-1",
        "public-nginx",
        "docker.io/nginx/nginx-ingress:5.5.4",
    );
    ingress["spec"]["containers"][0]["ports"] = json!([{"containerPort": 80}]);
    let mut care = pod("care-fe", "care-web-1", "", "care:1");
    care["spec"]["containers"][0]["ports"] = json!([{"containerPort": 80}]);
    vec![
        pod("edge", "waf-1", "", "docker.io/owasp/modsecurity-crs:4"),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "waf", "namespace": "edge"},
            "data": {"nginx.conf": NGINX, "engine.conf": "SecRuleEngine On\n"}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls", "namespace": "edge"},
            "data": {"tls.crt": "QQ==", "tls.key": "Qg=="}}),
        behind_service("edge", "public", "public-1"),
        ingress,
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": "care-fe"},
            "spec": {"ingressClassName": "public-nginx", "tls": [{"hosts": ["app.example.org"], "secretName": "tls"}],
                "rules": [{"host": "app.example.org", "http": {"paths": [
                    {"path": "/", "backend": {"service": {"name": "care-web"}}}]}}]}}),
        behind_service("care-fe", "care-web", "care-web-1"),
        care,
    ]
}

/// What is answered on the secondary after this change of the objects; nothing when nobody takes the connection.
fn answered(target: &str, change: impl Fn(&mut Vec<Value>)) -> Option<u16> {
    let mut objects = site();
    change(&mut objects);
    let mut store = Store::default();
    for object in objects {
        store.create(object, jiff::Timestamp::UNIX_EPOCH).unwrap();
    }
    let world = World::new(&store);
    let front = front(&world, SECONDARY, 443)?;
    certificate(&world, &front, "app.example.org")?;
    let asked = Asked {
        host: "app.example.org".to_owned(),
        target: target.to_owned(),
        secure: true,
    };
    Some(answer(&world, &front, &asked).status)
}

/// The object of this kind and name.
fn of<'v>(objects: &'v mut [Value], kind: &str, own: &str) -> &'v mut Value {
    let mut found = objects.iter_mut();
    found
        .find(|one| one["kind"] == kind && one["metadata"]["name"] == own)
        .unwrap()
}

const ATTACK: &str = "/?id=1%27%20OR%201%3D1--";

#[test]
fn a_whole_site_answers_and_refuses_an_attack() {
    assert_eq!(answered("/", |_| {}), Some(200));
    assert_eq!(answered(ATTACK, |_| {}), Some(403));
}

#[test]
fn each_part_that_is_missing_shows_as_it_does_in_life() {
    let without = |kind: &'static str, own: &'static str| {
        answered("/", move |objects| {
            objects.retain(|one| one["kind"] != kind || one["metadata"]["name"] != own);
        })
    };
    assert_eq!(without("Pod", "waf-1"), None);
    assert_eq!(without("Secret", "tls"), None);
    assert_eq!(without("ConfigMap", "waf"), None);
    assert_eq!(without("EndpointSlice", "public-x"), Some(502));
    assert_eq!(without("Ingress", "web"), Some(404));
    assert_eq!(without("EndpointSlice", "care-web-x"), Some(502));
}

#[test]
fn nobody_ready_behind_is_not_there_and_an_ingress_of_another_class_is_not_led_to() {
    let unready = answered("/", |objects| {
        of(objects, "EndpointSlice", "care-web-x")["endpoints"][0]["conditions"]["ready"] =
            false.into();
    });
    assert_eq!(unready, Some(502));
    let private = answered("/", |objects| {
        of(objects, "Ingress", "web")["spec"]["ingressClassName"] = "private-nginx".into();
    });
    assert_eq!(private, Some(404));
    let down = answered("/", |objects| {
        of(objects, "Pod", "waf-1")["status"]["conditions"][0]["status"] = "False".into();
    });
    assert_eq!(down, None);
}

#[test]
fn a_firewall_that_only_looks_lets_the_attack_through() {
    let looks = |objects: &mut Vec<Value>| {
        of(objects, "ConfigMap", "waf")["data"]["engine.conf"] =
            "SecRuleEngine DetectionOnly\n".into();
    };
    assert_eq!(answered(ATTACK, looks), Some(200));
}

#[test]
fn an_address_of_the_pool_leads_to_the_service_that_has_it() {
    let pool = |objects: &mut Vec<Value>| {
        of(objects, "Pod", "waf-1")["spec"]["containers"][0]["ports"] =
            json!([{"containerPort": 8443}]);
        objects.push(behind_service("edge", "waf", "waf-1"));
        objects.push(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "waf", "namespace": "edge"},
            "spec": {"ports": [{"port": 443}]}, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.12"}]}}}));
    };
    assert_eq!(answered("/", pool), Some(200));
}
