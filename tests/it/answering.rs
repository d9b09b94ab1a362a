//! A small HTTP server for scripts that ask one: each call is answered by a function, in the order of the calls.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

/// One request.
#[derive(Debug)]
pub struct Asked {
    /// Method and target, as `GET /api/health`.
    pub call: String,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Asked {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let mut all = self.headers.iter();
        all.find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }
}

/// Serves until the test ends; gives the address.
pub fn serve(mut reply: impl FnMut(&Asked) -> (u16, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &mut reply);
        }
    });
    url
}

fn answer(stream: TcpStream, reply: &mut impl FnMut(&Asked) -> (u16, String)) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let mut asked = Asked {
        call: format!("{method} {target}"),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let mut head = String::new();
        reader.read_line(&mut head).unwrap();
        let Some((name, value)) = head.trim().split_once(": ") else {
            break;
        };
        asked.headers.push((name.to_lowercase(), value.to_owned()));
    }
    // A large body is sent only when it is wanted.
    if asked.header("expect") == "100-continue" {
        let stream = reader.get_mut();
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
    }
    asked.body = vec![0; asked.header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut asked.body).unwrap();
    let (status, text) = reply(&asked);
    let mut stream = reader.into_inner();
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
    .unwrap();
}
