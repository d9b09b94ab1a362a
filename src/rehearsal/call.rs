//! A request as the practice cluster understands it: the path, the query and the body, already read. Pure.

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
    /// Refuses paths that a real server would not lead anywhere either.
    ///
    /// # Errors
    /// 400 when it cannot be read, 404 when it leads elsewhere.
    pub fn check(path: &str) -> Result<(), Failure> {
        if path.contains("//") {
            return Err(Failure::no_such_path());
        }
        let inner = path.strip_prefix('/').unwrap_or(path);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        for part in inner.split('/') {
            let text = String::from_utf8(unescape(part)).ok();
            let text = text.filter(|text| !text.contains(char::is_control));
            let Some(text) = text else {
                return Err(Failure::bad_request(
                    "the path of the request cannot be read",
                ));
            };
            if text.contains(['/', '\\', '%']) {
                let why = format!("invalid resource name {text:?}: [may not contain '/' or '%']");
                return Err(Failure::bad_request(why));
            }
            if matches!(text.as_str(), "" | "." | "..") && !inner.is_empty() {
                return Err(Failure::no_such_path());
            }
        }
        Ok(())
    }

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

/// The query of a request, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

/// Parameters that are whole numbers.
const NUMBERS: [&str; 6] = [
    "limit",
    "timeoutSeconds",
    "tailLines",
    "sinceSeconds",
    "limitBytes",
    "gracePeriodSeconds",
];

impl Query {
    /// Reads the text after the question mark.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(&value.replace('+', " ")))
        });
        Self(pairs.collect())
    }

    /// Refuses parameters that a real server could not read either.
    ///
    /// # Errors
    /// 400 with the parameter that is none.
    pub fn check(&self) -> Result<(), Failure> {
        let wrong = |name: &str| {
            let text = self.text(name);
            !text.is_empty() && text.parse::<i64>().is_err()
        };
        if let Some(name) = NUMBERS.into_iter().find(|name| wrong(name)) {
            let text = self.text(name);
            let why = format!("strconv.ParseInt: parsing {text:?}: invalid syntax");
            return Err(Failure::bad_request(why));
        }
        Ok(())
    }

    /// A parameter; empty when absent, the first one when it is there more than once.
    pub fn text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or("")
    }

    /// A parameter as often as it is there.
    pub fn all<'q>(&'q self, name: &str) -> impl Iterator<Item = &'q str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
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
    String::from_utf8_lossy(&unescape(text)).into_owned()
}

fn unescape(text: &str) -> Vec<u8> {
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
    bytes
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
        let query = Query::parse("command=echo&command=a%20b&command=");
        assert_eq!(
            query.all("command").collect::<Vec<_>>(),
            ["echo", "a b", ""]
        );
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        for text in [
            "limit=many",
            "timeoutSeconds=1e3",
            "tailLines=99999999999999999999",
        ] {
            assert_eq!(Query::parse(text).check().unwrap_err().code, 400, "{text}");
        }
        Query::parse("limit=&timeoutSeconds=5&resourceVersion=0")
            .check()
            .unwrap();
    }

    #[test]
    fn paths_with_tricks_lead_nowhere() {
        for (path, code) in [
            ("/api/v1/namespaces/../secrets", 404),
            ("/api/v1/namespaces/%2e%2E/secrets", 404),
            ("/api//v1/namespaces", 404),
            ("//", 404),
            ("/api/v1/namespaces/a%00b", 400),
            ("/api/v1/namespaces/a%2fb", 400),
            ("/api/v1/namespaces/%ff%fe", 400),
            ("/api/v1/namespaces/a%5cb", 400),
            ("/api/v1/namespaces/a%250a", 400),
        ] {
            assert_eq!(Place::check(path).unwrap_err().code, code, "{path}");
        }
        for path in ["/", "/api/v1/namespaces/", "/api/v1/namespaces/care%2Dbe"] {
            Place::check(path).unwrap();
        }
    }
}
