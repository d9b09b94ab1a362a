//! A request as the practice cluster understands it: the path, the query and the body, already read. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{answer::Failure, kinds::Kind, select::Selector};

/// What is done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

/// A path below `/api/v1` or `/apis/GROUP/VERSION`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Group, empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Namespace, empty for the whole cluster.
    pub namespace: String,
    /// Plural name; empty for the group itself.
    pub plural: String,
    /// Object; empty for the collection.
    pub name: String,
    /// `status`, `scale`, `log` ...
    pub subresource: String,
}

impl Place {
    /// Reads a path; nothing when it is not a resource's.
    pub fn parse(path: &str) -> Option<Self> {
        let parts: Vec<String> = path
            .split('/')
            .filter(|p| !p.is_empty())
            .map(decode)
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, plural, more @ ..]
                if !matches!(*plural, "status" | "finalize") || !more.is_empty() =>
            {
                (*namespace, rest.get(2..).unwrap_or_default())
            }
            _ => ("", rest),
        };
        let at = |index: usize| rest.get(index).copied().unwrap_or("").to_owned();
        (rest.len() <= 3).then(|| Self {
            group: group.to_owned(),
            version: version.to_owned(),
            namespace: namespace.to_owned(),
            plural: at(0),
            name: at(1),
            subresource: at(2),
        })
    }
}

/// The query of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads the text after the question mark.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(&value.replace('+', " ")))
        });
        Self(pairs.collect())
    }

    /// A parameter; empty when absent.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A switch.
    pub fn on(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "1" | "t")
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }

    /// The two selectors.
    ///
    /// # Errors
    /// 400 with what cannot be read.
    pub fn selector(&self, kind: &Kind) -> Result<Selector, Failure> {
        let (labels, fields) = (self.text("labelSelector"), self.text("fieldSelector"));
        Selector::parse(labels, fields, kind).map_err(Failure::bad_request)
    }
}

/// Percent-decoding; what is broken stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = code {
            bytes.push(high * 16 + low);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// A request to a resource.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is done.
    pub method: Method,
    /// To what.
    pub place: Place,
    /// How.
    pub query: Query,
    /// The media type of the body.
    pub content: String,
    /// The body, null when there was none.
    pub body: Value,
    /// Why the body cannot be read.
    pub broken: Option<String>,
    /// What the body says more than once.
    pub twice: Vec<String>,
    /// The client's name, for when it gives no field manager.
    pub agent: String,
}

impl Call {
    /// Who writes.
    pub fn manager(&self) -> String {
        let said = self.query.text("fieldManager");
        if !said.is_empty() {
            return said.to_owned();
        }
        let agent = self.agent.split('/').next().unwrap_or("");
        if agent.is_empty() { "unknown" } else { agent }.to_owned()
    }

    /// Whether nothing may be kept.
    pub fn dry(&self) -> bool {
        self.query.text("dryRun") == "All"
            || self
                .body
                .get("dryRun")
                .and_then(Value::as_array)
                .is_some_and(|list| list.iter().any(|word| word == "All"))
                && self.method == Method::Delete
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Query};

    fn check(path: &str, namespace: &str, plural: &str, name: &str, subresource: &str) {
        let place = Place::parse(path).unwrap();
        let seen = (
            place.namespace.as_str(),
            place.plural.as_str(),
            place.name.as_str(),
            place.subresource.as_str(),
        );
        assert_eq!(seen, (namespace, plural, name, subresource), "{path}");
    }

    #[test]
    fn paths_are_read_as_a_real_server_reads_them() {
        check("/api/v1/namespaces", "", "namespaces", "", "");
        check("/api/v1/namespaces/care", "", "namespaces", "care", "");
        check(
            "/api/v1/namespaces/care/status",
            "",
            "namespaces",
            "care",
            "status",
        );
        check("/api/v1/namespaces/care/pods", "care", "pods", "", "");
        check(
            "/api/v1/namespaces/care/pods/a/log",
            "care",
            "pods",
            "a",
            "log",
        );
        check("/apis/apps/v1/deployments", "", "deployments", "", "");
        check("/api/v1/nodes/primary", "", "nodes", "primary", "");
        assert!(Place::parse("/metrics").is_none());
    }

    #[test]
    fn queries_are_decoded() {
        let query =
            Query::parse("labelSelector=app%3Dweb%2Ctier+in+%28a%29&watch=true&limit=5&odd=%zz");
        assert_eq!(query.text("labelSelector"), "app=web,tier in (a)");
        assert!(query.on("watch"));
        assert_eq!(query.number("limit"), Some(5));
        assert_eq!(query.text("odd"), "%zz");
    }
}
