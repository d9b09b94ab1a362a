//! The program behind the firewall: it says what reached it, and answers a websocket with what it hears.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What reached it: the head as it came, and how many bytes after it.
#[derive(Clone, Debug)]
pub struct Heard {
    pub head: String,
    pub body: usize,
}

/// A running program; its threads end with the test's process.
pub struct Behind {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Behind {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let list = Arc::clone(&list);
                thread::spawn(move || serve(stream, &list));
            }
        });
        Self { address, heard }
    }

    /// The newest request that reached it.
    pub fn newest(&self) -> Option<Heard> {
        self.heard.lock().unwrap().last().cloned()
    }

    /// How many requests reached it.
    pub fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

fn serve(stream: TcpStream, list: &Mutex<Vec<Heard>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let field = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.to_owned()))
        };
        let length: u64 = field("content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = Vec::new();
        (&mut reader).take(length).read_to_end(&mut body).ok()?;
        let upgrade = field("upgrade");
        list.lock().unwrap().push(Heard {
            head: head.clone(),
            body: body.len(),
        });
        if upgrade.as_deref() == Some("websocket") {
            let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
            writer.write_all(answer.as_bytes()).ok()?;
            std::io::copy(&mut reader, &mut writer).ok();
            return None;
        }
        let answer = "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=60\r\nContent-Length: 4\r\n\r\nwell";
        writer.write_all(answer.as_bytes()).ok()?;
    }
}
