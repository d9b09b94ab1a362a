//! The door to SSH, as far as the first checks need it: it connects and reads who answers, and never logs in.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::TcpStream,
    time::timeout,
};

use super::Routes;

/// How long opening the connection may take.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(4);

/// How long the other side may take to say who it is.
pub const BANNER_LIMIT: Duration = Duration::from_secs(4);

/// How much is read before the other side is given up as no SSH server.
const MOST: usize = 8 * 1024;

/// Longest line that is repeated to a person.
const LONGEST: usize = 80;

/// What answered on an SSH port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Banner {
    /// An SSH server with the line it begins with, such as `SSH-2.0-OpenSSH_9.6`.
    Ssh(String),
    /// Something that says something else; its first line.
    Other(String),
    /// The connection was opened and closed again without a word.
    Closed,
    /// The connection was opened and nothing was said.
    Quiet,
    /// Nothing listens on the port.
    Refused,
    /// No answer at all.
    Silent,
    /// The network does not lead there; the system's own words.
    Unreachable(String),
}

/// Connects to the port and reads who answers.
pub async fn banner(host: &str, port: u16, routes: &Routes) -> Banner {
    let connect = async {
        match routes.to(host, port) {
            Some(detour) => TcpStream::connect(detour).await,
            None => TcpStream::connect((host, port)).await,
        }
    };
    let stream = match timeout(CONNECT_LIMIT, connect).await {
        Err(_elapsed) => return Banner::Silent,
        Ok(Err(error)) => return not_connected(&error),
        Ok(Ok(stream)) => stream,
    };
    let mut heard = Heard::default();
    match timeout(BANNER_LIMIT, heard.listen(stream)).await {
        Ok(banner) => banner,
        Err(_elapsed) => heard.first().map_or(Banner::Quiet, Banner::Other),
    }
}

fn not_connected(error: &io::Error) -> Banner {
    match error.kind() {
        ErrorKind::ConnectionRefused => Banner::Refused,
        ErrorKind::TimedOut => Banner::Silent,
        _ => Banner::Unreachable(error.to_string()),
    }
}

/// The bytes so far.
#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
}

impl Heard {
    /// Reads until the line that begins with `SSH-`; servers may say other lines before it.
    async fn listen(&mut self, mut stream: impl AsyncRead + Unpin) -> Banner {
        let mut part = [0; 1024];
        loop {
            // A connection that breaks off counts like one that is closed.
            let count = stream.read(&mut part).await.unwrap_or(0);
            self.bytes
                .extend_from_slice(part.get(..count).unwrap_or_default());
            if let Some(line) = self.banner(count == 0) {
                return Banner::Ssh(line);
            }
            if count == 0 || self.bytes.len() >= MOST {
                return self.first().map_or(Banner::Closed, Banner::Other);
            }
        }
    }

    fn banner(&self, ended: bool) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut lines: Vec<&str> = text.split('\n').collect();
        if !ended {
            // The last one may go on.
            lines.pop();
        }
        lines
            .into_iter()
            .find(|line| line.starts_with("SSH-"))
            .map(shown)
    }

    fn first(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let line = text.lines().map(shown).find(|line| !line.is_empty());
        match line {
            None if !self.bytes.is_empty() => Some("(bytes that are no text)".to_owned()),
            line => line,
        }
    }
}

/// A line of a stranger: printable and short.
fn shown(line: &str) -> String {
    let clean: String = line
        .chars()
        .filter(|letter| !letter.is_control() && *letter != char::REPLACEMENT_CHARACTER)
        .take(LONGEST)
        .collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::{io::AsyncWriteExt as _, net::TcpListener};

    use super::*;

    /// A port that says this to whoever connects, and then closes the connection.
    async fn port(says: &'static [&'static [u8]]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for part in says {
                stream.write_all(part).await.unwrap();
                stream.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        address
    }

    async fn heard(address: SocketAddr) -> Banner {
        banner("127.0.0.1", address.port(), &Routes::default()).await
    }

    #[tokio::test]
    async fn a_server_is_known_by_its_first_line() {
        let address = port(&[b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3\r\n"]).await;
        let seen = heard(address).await;
        assert_eq!(
            seen,
            Banner::Ssh("SSH-2.0-OpenSSH_9.6p1 Ubuntu-3".to_owned())
        );
    }

    #[tokio::test]
    async fn lines_before_the_banner_and_a_banner_in_pieces_are_fine() {
        let address = port(&[b"Authorised use only\r\nSS", b"H-2.0-x\r\n"]).await;
        assert_eq!(heard(address).await, Banner::Ssh("SSH-2.0-x".to_owned()));
    }

    #[tokio::test]
    async fn something_else_is_told_with_its_words() {
        let address = port(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"]).await;
        let seen = heard(address).await;
        assert_eq!(seen, Banner::Other("HTTP/1.1 400 Bad Request".to_owned()));
    }

    #[tokio::test]
    async fn bytes_of_a_stranger_reach_no_terminal() {
        let address = port(&[b"\x1b[2J\x07hello\xff\r\n"]).await;
        assert_eq!(heard(address).await, Banner::Other("[2Jhello".to_owned()));
        let address = port(&[b"\x16\x03\x01\xff\xfe"]).await;
        let words = "(bytes that are no text)".to_owned();
        assert_eq!(heard(address).await, Banner::Other(words));
    }

    #[tokio::test]
    async fn an_endless_answer_is_given_up() {
        let address = port(&[&[b'x'; 12 * 1024]]).await;
        assert_eq!(heard(address).await, Banner::Other("x".repeat(LONGEST)));
    }

    #[tokio::test]
    async fn a_port_that_closes_at_once_says_nothing() {
        assert_eq!(heard(port(&[]).await).await, Banner::Closed);
    }

    #[tokio::test]
    async fn a_port_that_stays_silent_is_left_after_the_limit() {
        // The system completes the connection; nobody ever speaks on it.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(heard(address).await, Banner::Quiet);
        drop(listener);
    }

    #[tokio::test]
    async fn a_closed_port_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(heard(address).await, Banner::Refused);
    }

    #[tokio::test]
    async fn a_detour_leads_to_the_practice_node() {
        let address = port(&[b"SSH-2.0-practice\r\n"]).await;
        let mut routes = Routes::default();
        routes.connect.insert("10.0.0.11:22".to_owned(), address);
        let seen = banner("10.0.0.11", 22, &routes).await;
        assert_eq!(seen, Banner::Ssh("SSH-2.0-practice".to_owned()));
    }
}
