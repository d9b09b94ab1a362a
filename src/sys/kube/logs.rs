//! What containers have written, line by line as it comes; a line without end is cut.

use http_body_util::BodyExt as _;
use jiff::Timestamp;
use kube::client::Body;

use super::{Kube, encoded, words};
use crate::sys::DoorError;

/// Most bytes of a line; the rest of it is passed over.
const LONGEST: usize = 64 << 10;

/// What is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// Pod.
    pub pod: &'a str,
    /// Container.
    pub container: &'a str,
    /// Of the instance before the present one.
    pub previous: bool,
    /// Only so many of the newest lines.
    pub tail: Option<u32>,
    /// Only since then; servers look at whole seconds.
    pub since: Option<Timestamp>,
}

/// A line with the moment at which it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, as the node noted it.
    pub at: Option<Timestamp>,
    /// What.
    pub text: Vec<u8>,
}

/// A log while it is read.
#[derive(Debug)]
pub struct LogLines {
    server: std::sync::Arc<str>,
    body: Body,
    rest: Vec<u8>,
    /// Where in `rest` the next line begins.
    at: usize,
    /// True while the rest of a line that is too long is passed over.
    passes: bool,
}

impl Kube {
    /// Begins to read what a container has written.
    ///
    /// # Errors
    /// The pod is not there, has not started, or the server cannot be reached.
    pub async fn log_lines(&self, asked: Asked<'_>, follow: bool) -> Result<LogLines, DoorError> {
        let Asked { namespace, pod, .. } = asked;
        let mut path = format!(
            "/api/v1/namespaces/{namespace}/pods/{pod}/log?timestamps=true&container={}",
            asked.container
        );
        if let Some(tail) = asked.tail {
            path = format!("{path}&tailLines={tail}");
        }
        if let Some(since) = asked.since {
            path = format!("{path}&sinceTime={}", encoded(&since.to_string()));
        }
        if asked.previous {
            path.push_str("&previous=true");
        }
        if follow {
            path.push_str("&follow=true");
        }
        let doing = format!("read the log of pod {namespace}/{pod}");
        let body = self.stream(&path, &doing).await?;
        Ok(LogLines::of(self.server.clone(), body))
    }
}

impl LogLines {
    fn of(server: std::sync::Arc<str>, body: Body) -> Self {
        Self {
            server,
            body,
            rest: Vec::new(),
            at: 0,
            passes: false,
        }
    }

    /// The next line; nothing once the log is over.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn next(&mut self) -> Result<Option<Line>, DoorError> {
        loop {
            if let Some(line) = self.ready() {
                return Ok(Some(line));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.rest.drain(..self.at);
                        self.at = 0;
                        self.rest.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(words::transport(&self.server, &error)),
                None => return Ok(self.last()),
            }
        }
    }

    /// Whether another line is here already.
    pub fn has_more(&self) -> bool {
        let open = self.rest.get(self.at..).unwrap_or_default();
        memchr::memchr(b'\n', open).is_some()
    }

    fn ready(&mut self) -> Option<Line> {
        loop {
            let open = self.rest.get(self.at..)?;
            let Some(end) = memchr::memchr(b'\n', open) else {
                return self.too_long();
            };
            let line = Line::read(open.get(..end)?);
            self.at += end + 1;
            if !std::mem::take(&mut self.passes) {
                return Some(line);
            }
        }
    }

    /// A line that has not ended and is longer than any that is kept: its beginning.
    fn too_long(&mut self) -> Option<Line> {
        let open = self.rest.get(self.at..)?;
        if open.len() <= LONGEST {
            return None;
        }
        let line = Line::read(open.get(..LONGEST)?);
        self.at = self.rest.len();
        let first = !std::mem::replace(&mut self.passes, true);
        first.then_some(line)
    }

    fn last(&mut self) -> Option<Line> {
        let open = self.rest.get(self.at..).filter(|open| !open.is_empty())?;
        let line = Line::read(open);
        self.at = self.rest.len();
        (!self.passes).then_some(line)
    }
}

impl Line {
    fn read(line: &[u8]) -> Self {
        let cut = |text: &[u8]| text.get(..LONGEST).unwrap_or(text).to_vec();
        let split = memchr::memchr(b' ', line);
        let at = split
            .and_then(|end| std::str::from_utf8(line.get(..end)?).ok())
            .and_then(|stamp| stamp.parse().ok());
        let text = match (at, split) {
            (Some(_), Some(end)) => line.get(end + 1..).unwrap_or_default(),
            _ => line,
        };
        Self {
            at,
            text: cut(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: Vec<u8>) -> LogLines {
        LogLines::of("test".into(), Body::from(text))
    }

    #[tokio::test]
    async fn lines_come_with_their_moments_and_the_last_needs_no_end() {
        let mut lines =
            body(b"2026-11-24T10:00:00.5Z a b\nno moment\n2026-11-24T10:00:01Z \xff".to_vec());
        let first = lines.next().await.unwrap().unwrap();
        assert_eq!(first.at, "2026-11-24T10:00:00.5Z".parse().ok());
        assert_eq!(first.text, b"a b");
        assert!(lines.has_more());
        assert_eq!(lines.next().await.unwrap().unwrap().text, b"no moment");
        assert!(!lines.has_more());
        assert_eq!(lines.next().await.unwrap().unwrap().text, b"\xff");
        assert_eq!(lines.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut_and_the_next_one_is_whole() {
        let mut text = vec![b'x'; LONGEST * 3];
        text.extend(b"\nnext\n");
        let mut lines = body(text);
        assert_eq!(lines.next().await.unwrap().unwrap().text.len(), LONGEST);
        assert_eq!(lines.next().await.unwrap().unwrap().text, b"next");
        assert_eq!(lines.next().await.unwrap(), None);
    }
}
