//! Who answers at an address of the practice site, with which certificate, and what: read from pods, Services, their
//! endpoints, Ingresses and the firewall's own settings, as they are at that moment. Pure.

use core::net::Ipv4Addr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::rehearsal::{
    control::reading::{items, name, namespace, ready, text},
    world::World,
};

/// The program that takes the connections of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Front {
    /// The firewall.
    Firewall(Firewall),
    /// An ingress controller, by its class.
    Ingress(String),
}

/// The firewall as its pod mounts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firewall {
    namespace: String,
    settings: String,
    certificate: String,
}

/// A certificate chain and its key, PEM.
#[derive(Clone)]
pub struct Pair {
    /// The chain.
    pub chain: Vec<u8>,
    /// The key.
    pub key: Vec<u8>,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The name, in small letters and without a port.
    pub host: String,
    /// Path with its query.
    pub target: String,
    /// Whether it came encrypted.
    pub secure: bool,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Who says so and why, for those who look with a browser.
    pub words: String,
    /// Where it leads on to.
    pub leads_to: Option<String>,
}

impl Reply {
    fn new(status: u16, words: impl Into<String>) -> Self {
        Self {
            status,
            words: words.into(),
            leads_to: None,
        }
    }
}

/// Who takes connections there: a ready pod that has the port of its machine, or one behind a Service with that address.
pub fn front(world: &World<'_>, address: Ipv4Addr, port: u16) -> Option<Front> {
    let address = address.to_string();
    let holds_port = |pod: &Value| {
        let containers = items(&pod["spec"]["containers"]);
        let mut ports = containers.flat_map(|one| items(&one["ports"]));
        pod["status"]["hostIP"] == address.as_str() && ports.any(|one| one["hostPort"] == port)
    };
    let on_machine = world
        .list("Pod", None)
        .find(|pod| ready(pod) && holds_port(pod));
    if let Some(pod) = on_machine {
        return program(pod);
    }
    let has_address = |service: &Value| {
        let mut given = items(&service["status"]["loadBalancer"]["ingress"]);
        let mut ports = items(&service["spec"]["ports"]);
        given.any(|one| one["ip"] == address.as_str()) && ports.any(|one| one["port"] == port)
    };
    let mut services = world.list("Service", None);
    let service = services.find(|service| has_address(service))?;
    behind(world, namespace(service), name(service)).and_then(program)
}

/// What a pod at an entrance is: the firewall runs the image of the OWASP rules, an ingress carries its class's name.
fn program(pod: &Value) -> Option<Front> {
    let mut containers = items(&pod["spec"]["containers"]);
    if containers.any(|one| text(&one["image"]).contains("/modsecurity-crs:")) {
        let volume = |wanted: &str, source: &str, field: &str| {
            let found = items(&pod["spec"]["volumes"]).find(|volume| volume["name"] == wanted);
            found.map_or_else(String::new, |volume| {
                text(&volume[source][field]).to_owned()
            })
        };
        return Some(Front::Firewall(Firewall {
            namespace: namespace(pod).to_owned(),
            settings: volume("settings", "configMap", "name"),
            certificate: volume("certificate", "secret", "secretName"),
        }));
    }
    let class = text(&pod["metadata"]["labels"]["app.kubernetes.io/instance"]);
    (!class.is_empty()).then(|| Front::Ingress(class.to_owned()))
}

/// A ready pod behind a Service, by its endpoints.
fn behind<'w>(world: &World<'w>, space: &str, service: &str) -> Option<&'w Value> {
    let slices = world.list("EndpointSlice.discovery.k8s.io", Some(space));
    let target = slices
        .filter(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == service)
        .flat_map(|slice| items(&slice["endpoints"]))
        .find(|end| end["conditions"]["ready"] == true)
        .map(|end| text(&end["targetRef"]["name"]))?;
    world.get("Pod", space, target).map(AsRef::as_ref)
}

/// The certificate that is shown to whoever asks for this name; nothing refuses the connection.
pub fn certificate(world: &World<'_>, front: &Front, host: &str) -> Option<Pair> {
    let (space, secret) = match front {
        Front::Firewall(wall) => {
            let known = names(world, wall).any(|name| name == host);
            known.then_some((wall.namespace.as_str(), wall.certificate.as_str()))?
        }
        Front::Ingress(class) => {
            let ingress = ingress(world, class, host)?;
            let has = |entry: &&Value| items(&entry["hosts"]).any(|name| name == host);
            let entry = items(&ingress["spec"]["tls"]).find(has)?;
            (namespace(ingress), text(&entry["secretName"]))
        }
    };
    let secret = world.get("Secret", space, secret)?;
    let part = |key: &str| STANDARD.decode(text(&secret["data"][key])).ok();
    Some(Pair {
        chain: part("tls.crt")?,
        key: part("tls.key")?,
    })
}

/// What a request is answered.
pub fn answer(world: &World<'_>, front: &Front, asked: &Asked) -> Reply {
    match front {
        Front::Firewall(wall) => judge(world, wall, asked),
        Front::Ingress(class) if !asked.secure => match ingress(world, class, &asked.host) {
            Some(_) => encrypted(asked),
            None => unknown(class, asked),
        },
        Front::Ingress(class) => lead(world, class, asked),
    }
}

fn encrypted(asked: &Asked) -> Reply {
    Reply {
        leads_to: Some(format!("https://{}{}", asked.host, asked.target)),
        ..Reply::new(301, "use https")
    }
}

fn unknown(who: &str, asked: &Asked) -> Reply {
    Reply::new(404, format!("{who}: no Ingress is for {}", asked.host))
}

/// A line of the firewall's settings, by file and first word.
fn lines<'w>(
    world: &World<'w>,
    wall: &Firewall,
    file: &'static str,
    begins: &'static str,
) -> impl Iterator<Item = &'w str> {
    let map = world.get("ConfigMap", &wall.namespace, &wall.settings);
    let all = map.map_or("", |map| text(&map["data"][file])).lines();
    all.filter_map(move |line| line.trim().strip_prefix(begins))
        .map(|rest| rest.trim().trim_end_matches(';'))
}

fn names<'w>(world: &World<'w>, wall: &Firewall) -> impl Iterator<Item = &'w str> {
    lines(world, wall, "nginx.conf", "server_name ").flat_map(str::split_whitespace)
}

/// The firewall: its own names only; an attack is refused when the engine is on; the rest goes to the ingress behind.
fn judge(world: &World<'_>, wall: &Firewall, asked: &Asked) -> Reply {
    if !names(world, wall).any(|name| name == asked.host) {
        return unknown("firewall", asked);
    }
    if !asked.secure {
        return encrypted(asked);
    }
    let refuses = lines(world, wall, "engine.conf", "SecRuleEngine ").last() == Some("On");
    if refuses && is_attack(&asked.target) {
        return Reply::new(403, "403 Forbidden");
    }
    let upstream = lines(world, wall, "nginx.conf", "server ").find_map(|line| {
        let (service, rest) = line.split_once('.')?;
        let (space, _) = rest.split_once(".svc:")?;
        behind(world, space, service)
    });
    match upstream.and_then(program) {
        Some(Front::Ingress(class)) => lead(world, &class, asked),
        _ => Reply::new(502, "firewall: no ingress answers behind it"),
    }
}

/// What the OWASP rules find first in a query; a few of their patterns are enough to practise with.
fn is_attack(target: &str) -> bool {
    let plain: String = target
        .replace("%27", "'")
        .replace("%20", " ")
        .replace("%3D", "=");
    let plain = plain
        .replace("%3C", "<")
        .replace("%3E", ">")
        .to_ascii_lowercase();
    let found = [
        "' or 1=1",
        "union select",
        "<script",
        "../..",
        "/etc/passwd",
    ];
    found.iter().any(|pattern| plain.contains(pattern))
}

/// The Ingress of a class that is for a name.
fn ingress<'w>(world: &World<'w>, class: &str, host: &str) -> Option<&'w Value> {
    let mut all = world.list("Ingress.networking.k8s.io", None);
    let found = all.find(|one| {
        one["spec"]["ingressClassName"] == class
            && items(&one["spec"]["rules"]).any(|rule| rule["host"] == host)
    });
    found.map(AsRef::as_ref)
}

/// The ingress: to the Service of the longest path that fits, when somebody is ready behind it.
fn lead(world: &World<'_>, class: &str, asked: &Asked) -> Reply {
    let Some(ingress) = ingress(world, class, &asked.host) else {
        return unknown(class, asked);
    };
    let rules = items(&ingress["spec"]["rules"]).filter(|rule| rule["host"] == asked.host.as_str());
    let fitting = rules
        .flat_map(|rule| items(&rule["http"]["paths"]))
        .filter(|path| asked.target.starts_with(text(&path["path"])));
    let Some(path) = fitting.max_by_key(|path| text(&path["path"]).len()) else {
        return unknown(class, asked);
    };
    let service = text(&path["backend"]["service"]["name"]);
    match behind(world, namespace(ingress), service) {
        Some(pod) => Reply::new(200, format!("practice pod {} answers", name(pod))),
        // As NGINX's own controller does for a Service without endpoints.
        None => Reply::new(502, format!("{class}: nobody is ready behind {service}")),
    }
}

#[cfg(test)]
mod tests;
