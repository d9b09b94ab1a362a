//! `kubectl exec`: a WebSocket with channels for input, output, errors and the end, and the simulated shell behind it.

use std::{io, time::Duration};

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    super::{
        answer::Failure,
        call::{Place, Query},
        hub::Hub,
        shell::{Container, Said, Then},
        world::{World, text_at},
    },
    Body,
    frames::{self, Message},
    text,
};

/// The protocols that are spoken, best first.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

const INPUT: u8 = 0;
const OUTPUT: u8 = 1;
const ERRORS: u8 = 2;
const END: u8 = 3;
const RESIZE: u8 = 4;
const CLOSED: u8 = 255;

/// How long a client may be silent; kubectl says every few seconds that it is there.
const SILENCE: Duration = Duration::from_mins(5);

/// How long a client may take to end the session with us.
const FAREWELL: Duration = Duration::from_secs(5);

/// Longest line that the shell reads.
const LONGEST_LINE: usize = 16 * 1024;

/// What the shell asks with on a terminal.
const PROMPT: &[u8] = b"/ $ ";

/// A session that is to begin.
pub struct Session {
    hub: Hub,
    place: Place,
    container: String,
    command: Vec<String>,
    terminal: bool,
    input: bool,
}

/// Agrees on a session; the answer switches the protocol, and then the session runs on what the connection becomes.
///
/// # Errors
/// The container does not run, or the client does not ask as `kubectl exec` does.
pub async fn begin(
    hub: &Hub,
    place: Place,
    query: &Query,
    request: &Request<Incoming>,
) -> Result<(Response<Body>, Session), Failure> {
    if !matches!(*request.method(), Method::GET | Method::POST) {
        return Err(Failure::not_allowed());
    }
    let command: Vec<String> = query.all("command").map(str::to_owned).collect();
    if command.is_empty() {
        let why = "you must specify at least one command for the container";
        return Err(Failure::bad_request(why));
    }
    let (key, protocol) = handshake(request.headers())?;
    let session = Session {
        hub: hub.clone(),
        container: query.text("container").to_owned(),
        terminal: query.on("tty"),
        input: query.on("stdin"),
        place,
        command,
    };
    session.ask(|_container| Said::default()).await?;
    let mut response = text(String::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.clear();
    for (name, value) in [
        (header::CONNECTION, "Upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_ACCEPT, key.as_str()),
        (header::SEC_WEBSOCKET_PROTOCOL, protocol),
    ] {
        let value = header::HeaderValue::from_str(value);
        headers.extend(value.map(|value| (name, value)));
    }
    Ok((response, session))
}

/// The answer to the client's key, and the protocol.
fn handshake(headers: &HeaderMap) -> Result<(String, &'static str), Failure> {
    let all = |name: header::HeaderName| -> Vec<String> {
        let values = headers.get_all(name).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        let words = texts.flat_map(|text| text.split(','));
        words.map(|word| word.trim().to_owned()).collect()
    };
    let says = |name, wanted: &str| {
        all(name)
            .iter()
            .any(|word| word.eq_ignore_ascii_case(wanted))
    };
    if !says(header::CONNECTION, "upgrade") || all(header::UPGRADE).is_empty() {
        return Err(Failure::bad_request("Upgrade request required"));
    }
    if !says(header::UPGRADE, "websocket") || !says(header::SEC_WEBSOCKET_VERSION, "13") {
        let why = "the practice cluster speaks WebSocket of version 13 only; use a kubectl of version 1.31 or newer";
        return Err(Failure::bad_request(why));
    }
    let keys = all(header::SEC_WEBSOCKET_KEY);
    let answer = match keys.as_slice() {
        [key] => frames::accept(key),
        _ => None,
    };
    let answer = answer.ok_or_else(|| Failure::bad_request("Sec-WebSocket-Key is not a key"))?;
    let offered = all(header::SEC_WEBSOCKET_PROTOCOL);
    let spoken = |protocol: &&str| offered.iter().any(|word| word == protocol);
    let protocol = PROTOCOLS.into_iter().find(spoken).ok_or_else(|| {
        let why = format!(
            "none of the offered protocols is spoken; {} is",
            PROTOCOLS.join(" or ")
        );
        Failure::bad_request(why)
    })?;
    Ok((answer, protocol))
}

impl Session {
    /// Runs until the command has ended or the client has gone.
    pub async fn run(self, upgraded: hyper::upgrade::Upgraded) {
        let mut stream = TokioIo::new(upgraded);
        // Whoever breaks off or breaks the rules ends the own session and nothing else.
        if let Err(error) = self.serve(&mut stream).await
            && error.kind() == io::ErrorKind::InvalidData
        {
            frames::close(&mut stream, true).await.ok();
        }
    }

    async fn serve(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
        let command = self.command.clone();
        let said = self.ask(move |container| container.run(&command)).await;
        let said = match said {
            Ok(said) => said,
            Err(failure) => return self.end(stream, &failure.body()).await,
        };
        self.tell(stream, &said).await?;
        let code = match said.then {
            Then::Ends => said.code,
            Then::Copies => self.copy(stream).await?,
            Then::Asks => self.shell(stream).await?,
        };
        self.end(stream, &status(code)).await
    }

    /// Asks the simulated container; it must run.
    async fn ask(
        &self,
        question: impl FnOnce(&Container<'_>) -> Said + Send + 'static,
    ) -> Result<Said, Failure> {
        let (place, container) = (self.place.clone(), self.container.clone());
        let asked = self.hub.ask(move |cluster, now| {
            let world = World::new(&cluster.store);
            let pod = world.get("Pod", &place.namespace, &place.name);
            let pod = pod.ok_or_else(|| Failure::no_pod(&place.name))?;
            let spec = running(pod, &container)?;
            Ok(question(&Container {
                world,
                pod,
                spec,
                now,
            }))
        });
        asked.await.unwrap_or_else(|| Err(Failure::stopped()))
    }

    async fn tell(&self, stream: &mut (impl AsyncWrite + Unpin), said: &Said) -> io::Result<()> {
        let shown = |bytes: &[u8]| {
            if !self.terminal {
                return bytes.to_vec();
            }
            let text = String::from_utf8_lossy(bytes).replace('\n', "\r\n");
            text.into_bytes()
        };
        frames::say(stream, OUTPUT, &shown(&said.out)).await?;
        // A terminal has only one stream.
        let channel = if self.terminal { OUTPUT } else { ERRORS };
        frames::say(stream, channel, &shown(said.err.as_bytes())).await
    }

    /// The next piece of input; nothing when it has ended.
    async fn input(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> io::Result<Option<Vec<u8>>> {
        if !self.input {
            return Ok(None);
        }
        loop {
            let message = tokio::time::timeout(SILENCE, frames::read(stream)).await??;
            let content = match message {
                Message::Ping(content) => {
                    frames::pong(stream, &content).await?;
                    continue;
                }
                Message::Close => return Err(io::ErrorKind::ConnectionAborted.into()),
                Message::Data(content) => content,
            };
            match content.split_first() {
                None | Some((&INPUT, []) | (&RESIZE, _)) => {}
                Some((&INPUT, piece)) => return Ok(Some(piece.to_vec())),
                Some((&CLOSED, [INPUT])) => return Ok(None),
                Some(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    /// What `cat` does.
    async fn copy(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<u8> {
        while let Some(piece) = self.input(stream).await? {
            if self.terminal && piece.contains(&4) {
                break;
            }
            frames::say(stream, OUTPUT, &piece).await?;
        }
        Ok(0)
    }

    /// Reads commands until the input ends or says `exit`; gives the last exit code.
    async fn shell(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<u8> {
        let (mut line, mut code) = (Vec::new(), 0);
        self.prompt(stream).await?;
        while let Some(piece) = self.input(stream).await? {
            for byte in piece {
                match byte {
                    b'\r' | b'\n' => {
                        let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
                        self.echo(stream, b"\r\n").await?;
                        if let Some(last) = leaves(&text, code) {
                            return Ok(last);
                        }
                        let said = self.ask(move |container| container.line(&text)).await;
                        let said = said.map_err(|_gone| io::ErrorKind::ConnectionAborted)?;
                        self.tell(stream, &said).await?;
                        code = said.code;
                        self.prompt(stream).await?;
                    }
                    // Ctrl-D, Ctrl-C and backspace, as a terminal sends them.
                    4 if self.terminal && line.is_empty() => return Ok(code),
                    3 if self.terminal => {
                        line.clear();
                        self.echo(stream, b"^C\r\n").await?;
                        self.prompt(stream).await?;
                    }
                    8 | 127 if self.terminal => {
                        if line.pop().is_some() {
                            self.echo(stream, b"\x08 \x08").await?;
                        }
                    }
                    byte if line.len() < LONGEST_LINE => {
                        line.push(byte);
                        self.echo(stream, &[byte]).await?;
                    }
                    _ => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        let said = self.ask(move |container| container.line(&text)).await;
        let said = said.map_err(|_gone| io::ErrorKind::ConnectionAborted)?;
        self.tell(stream, &said).await?;
        Ok(said.code)
    }

    async fn prompt(&self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        self.echo(stream, PROMPT).await
    }

    async fn echo(&self, stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
        if self.terminal {
            frames::say(stream, OUTPUT, bytes).await?;
        }
        Ok(())
    }

    /// Says how the command ended and waits for the client to go.
    async fn end(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        status: &Value,
    ) -> io::Result<()> {
        frames::say(stream, END, status.to_string().as_bytes()).await?;
        frames::close(stream, false).await?;
        let farewell = async {
            while frames::read(stream).await? != Message::Close {}
            Ok(())
        };
        tokio::time::timeout(FAREWELL, farewell).await?
    }
}

/// The exit code that a line of `exit` means.
fn leaves(line: &str, code: u8) -> Option<u8> {
    let mut words = line.split_whitespace();
    if words.next() != Some("exit") {
        return None;
    }
    Some(
        words
            .next()
            .and_then(|code| code.parse().ok())
            .unwrap_or(code),
    )
}

fn status(code: u8) -> Value {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    json!({"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]}})
}

/// The container's entry in the pod's spec, when it runs; without a name the first one.
fn running<'p>(pod: &'p Value, wanted: &str) -> Result<&'p Value, Failure> {
    let name = text_at(pod, "/metadata/name").unwrap_or("");
    let all = |pointer| {
        let list = pod.pointer(pointer).and_then(Value::as_array);
        list.into_iter().flatten()
    };
    let specs = all("/spec/containers").chain(all("/spec/initContainers"));
    let mut found =
        specs.filter(|spec| wanted.is_empty() || text_at(spec, "/name") == Some(wanted));
    let spec = found.next().ok_or_else(|| {
        Failure::bad_request(format!("container {wanted} is not valid for pod {name}"))
    })?;
    let called = text_at(spec, "/name").unwrap_or("");
    let mut states = all("/status/containerStatuses").chain(all("/status/initContainerStatuses"));
    let runs = states.any(|status| {
        text_at(status, "/name") == Some(called) && status.pointer("/state/running").is_some()
    });
    if runs {
        return Ok(spec);
    }
    let why = format!("container not found (\"{called}\"): it does not run in pod {name}");
    Err(Failure::new(500, "InternalError", why))
}
