//! The body of a request, read within limits: its size, the time it takes, how much it unfolds to, and how many large ones at once.

use std::{cell::Cell, fmt, sync::Arc, time::Duration};

use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::rehearsal::{
    answer::Failure,
    body::{Body as Said, twice},
    protobuf,
    weight::{self, TEXT},
};

/// Largest body of a request; a real API server has the same limit.
pub const LARGEST: usize = 3 * 1024 * 1024;

/// A body up to this size needs no place among the large ones.
const SMALL: usize = 64 * 1024;

/// Large bodies at one time.
const LARGE_AT_ONCE: usize = 8;

/// What a body may unfold to, in values; a text counts one more for each [`TEXT`] bytes.
const MOST_VALUES: usize = weight::MOST;

/// How deep brackets may lie in each other in YAML, as JSON limits it too: each level makes reading all the others slower.
const DEEPEST: usize = 128;

/// Reads bodies.
#[derive(Debug)]
pub struct Reader {
    large: Arc<Semaphore>,
    limit: Duration,
}

/// A body as it was read, with the place among the large ones that it holds until it is answered.
pub type Read = (Said, Option<OwnedSemaphorePermit>);

impl Reader {
    /// Bodies may take this long.
    pub fn new(limit: Duration) -> Self {
        Self {
            large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
            limit,
        }
    }

    /// Reads one; null when there is none.
    ///
    /// # Errors
    /// 408 too slow, 413 too large, 415 packed, 429 too many large ones.
    pub async fn read(&self, headers: &HeaderMap, body: Incoming) -> Result<Read, Failure> {
        if body.is_end_stream() {
            return Ok((Said::nothing(), None));
        }
        let media = media(headers)?;
        if body.size_hint().lower() > LARGEST as u64 {
            return Err(too_large());
        }
        let collected = tokio::time::timeout(self.limit, self.collect(body)).await;
        let (bytes, place) = collected.map_err(|_elapsed| too_slow(self.limit))??;
        if bytes.is_empty() {
            return Ok((Said::nothing(), place));
        }
        let said = match parse(&bytes, &media) {
            Ok(value) => Said {
                value,
                broken: None,
                twice: twice(&bytes),
            },
            // What is wrong with it is said in the words that belong to the way of writing.
            Err(failure) if failure.code == 400 => Said::broken(&failure.message),
            Err(failure) => return Err(failure),
        };
        Ok((said, place))
    }

    async fn collect(
        &self,
        mut body: Incoming,
    ) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Failure> {
        let (mut bytes, mut place) = (Vec::new(), None);
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|error| Failure::bad_request(format!("the body breaks off: {error}")))?;
            let Some(piece) = frame.data_ref() else {
                continue;
            };
            if bytes.len() + piece.len() > LARGEST {
                return Err(too_large());
            }
            bytes.extend_from_slice(piece);
            if bytes.len() > SMALL && place.is_none() {
                let free = Arc::clone(&self.large).try_acquire_owned();
                place = Some(free.map_err(|_full| too_many())?);
            }
        }
        Ok((bytes, place))
    }
}

/// The media type; a packed body is not read.
fn media(headers: &HeaderMap) -> Result<String, Failure> {
    let text = |name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or("").trim().to_ascii_lowercase()
    };
    let packed = text(header::CONTENT_ENCODING);
    if !matches!(packed.as_str(), "" | "identity") {
        return Err(unsupported(&format!("Content-Encoding {packed}")));
    }
    let media = text(header::CONTENT_TYPE);
    let short = media.split(';').next().unwrap_or("").trim().to_owned();
    Ok(short)
}

fn unsupported(what: &str) -> Failure {
    let why = format!(
        "the body of the request was in an unknown format ({what}) - accepted media types include: \
         application/json, application/yaml, application/vnd.kubernetes.protobuf"
    );
    Failure::new(415, "UnsupportedMediaType", why)
}

fn too_large() -> Failure {
    let why = format!("Request entity too large: limit is {LARGEST}");
    Failure::new(413, "RequestEntityTooLarge", why)
}

fn too_slow(limit: Duration) -> Failure {
    let why = format!("the body did not arrive within {} s", limit.as_secs());
    Failure::new(408, "Timeout", why)
}

fn too_many() -> Failure {
    let why = format!("{LARGE_AT_ONCE} large bodies are being read already; try again in a second");
    let mut failure = Failure::new(429, "TooManyRequests", why);
    failure.details = json!({"retryAfterSeconds": 1});
    failure
}

fn parse(bytes: &[u8], media: &str) -> Result<Value, Failure> {
    if media.ends_with("protobuf") {
        return protobuf::read(bytes).map_err(|why| {
            Failure::bad_request(format!(
                "the body is not the protobuf of a known kind: {why}"
            ))
        });
    }
    let left = Cell::new(MOST_VALUES);
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = Unfold(&left)
        .deserialize(&mut json)
        .and_then(|value| json.end().map(|()| value));
    let why = match read {
        Ok(value) => return Ok(value),
        Err(error) if !media.ends_with("yaml") || left.get() == 0 => {
            format!("the body is not JSON: {error}")
        }
        Err(_json) if depth(bytes) > DEEPEST => {
            format!("the body is not YAML: brackets lie in each other more than {DEEPEST} deep")
        }
        Err(_json) => {
            left.set(MOST_VALUES);
            let yaml = serde_yaml::Deserializer::from_slice(bytes);
            match Unfold(&left).deserialize(yaml) {
                Ok(value) => return Ok(value),
                Err(error) => format!("the body is not YAML: {error}"),
            }
        }
    };
    if left.get() == 0 {
        let why = format!("Request entity too large: it unfolds to more than {MOST_VALUES} values");
        return Err(Failure::new(413, "RequestEntityTooLarge", why));
    }
    Err(Failure::bad_request(why))
}

/// How deep brackets lie in each other, those of texts counted along.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for byte in bytes {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// Reads a value as long as something is left of the budget: a few bytes of YAML can stand for gigabytes.
#[derive(Clone, Copy)]
struct Unfold<'a>(&'a Cell<usize>);

impl Unfold<'_> {
    fn pay<E: serde::de::Error>(self, price: usize) -> Result<(), E> {
        let left = self.0.get().saturating_sub(price);
        self.0.set(left);
        if left == 0 {
            return Err(E::custom("it unfolds to too much"));
        }
        Ok(())
    }

    fn text<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.pay(1 + text.len() / TEXT)
    }
}

impl<'de> DeserializeSeed<'de> for Unfold<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unfold<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        self.pay(1).map(|()| value.into())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.pay(1).map(|()| value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.pay(1).map(|()| value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.pay(1).map(|()| value.into())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.text(value).map(|()| value.into())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.pay(1).map(|()| Value::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        self.deserialize(input)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.pay(1)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.pay(1)?;
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            self.text(&name)?;
            let value = entries.next_value_seed(self)?;
            map.insert(name, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    const APPLY: &str = "application/apply-patch+yaml";

    fn check(text: &str, media: &str, code: u16) {
        let failure = parse(text.as_bytes(), media).unwrap_err();
        assert_eq!(failure.code, code, "{}", failure.message);
    }

    #[test]
    fn what_is_too_deep_or_no_value_is_refused() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = [open.repeat(100_000), "1".to_owned(), close.repeat(100_000)].concat();
            check(&deep, "application/json", 400);
            check(&deep, APPLY, 400);
        }
        for text in ["{", "{\"a\": 1e999}", "\u{0}", "{} {}", "nul"] {
            check(text, "application/json", 400);
        }
        check("a: [b", APPLY, 400);
        check("!!binary x: 1\n? [a]\n: b", APPLY, 400);
    }

    #[test]
    fn a_body_that_unfolds_to_too_much_is_refused() {
        check(
            &format!("[{}1]", "1,".repeat(MOST_VALUES)),
            "application/json",
            413,
        );
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for turn in 1..9 {
            let before = format!("*a{},", turn - 1).repeat(9);
            writeln!(bomb, "a{turn}: &a{turn} [{before}]").unwrap();
        }
        let failure = parse(bomb.as_bytes(), APPLY).unwrap_err();
        assert!(matches!(failure.code, 400 | 413), "{}", failure.message);
        let long = format!(
            "a: &a {}\nb: [{}]",
            "x".repeat(1_000_000),
            "*a,".repeat(100_000)
        );
        check(&long, APPLY, 413);
    }

    proptest! {
        #[test]
        fn what_fits_is_read_as_before(text in "[\\[\\]{}\":,a1 \n-]{0,40}") {
            if let Ok(known) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(parse(text.as_bytes(), "application/json").unwrap(), known);
            } else if let Ok(known) = serde_yaml::from_str::<Value>(&text) {
                prop_assert_eq!(parse(text.as_bytes(), APPLY).unwrap(), known);
            } else {
                prop_assert!(parse(text.as_bytes(), APPLY).is_err());
            }
        }
    }
}
