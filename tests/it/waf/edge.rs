//! The firewall as it is rendered for the cluster, run by this computer's nginx, ModSecurity and OWASP rules, with a
//! program behind it and a client before it.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use care_install::{
    plan::Plan,
    sys::{Routes, http},
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::behind::Behind;

/// The rules of Debian's package; `CARE_CRS_RULES` names a folder of others, such as those that the image brings.
fn rules() -> String {
    let rules = std::env::var("CARE_CRS_RULES");
    rules.unwrap_or_else(|_| "/usr/share/modsecurity-crs/rules".to_owned())
}

/// Where the image of the cluster and Debian's packages keep the same things.
const PLACES: [(&str, &str); 2] = [
    ("/etc/nginx/modules/", "/usr/lib/nginx/modules/"),
    (
        "/etc/modsecurity.d/unicode.mapping",
        "/etc/nginx/unicode.mapping",
    ),
];

/// Everything that a client of the test calls itself by.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);

/// Whether nginx, the engine and the rules are here; they must be where the tests against real peers are required.
pub fn installed() -> bool {
    let needed = [
        "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so",
        "/usr/share/modsecurity-crs/rules/REQUEST-949-BLOCKING-EVALUATION.conf",
        "/etc/nginx/unicode.mapping",
    ];
    let there = needed.iter().all(|file| Path::new(file).is_file());
    let required = std::env::var("CARE_TESTBED").is_ok_and(|value| value == "required");
    assert!(
        there || !required,
        "the firewall's peers are missing: apt-get install nginx libnginx-mod-http-modsecurity modsecurity-crs"
    );
    there
}

/// The files of the firewall's `ConfigMap`.
pub fn settings(plan: &Plan) -> BTreeMap<String, String> {
    let step = plan
        .steps
        .iter()
        .find(|step| step.id.as_str() == "waf/settings");
    let objects = step.unwrap().action.objects();
    serde_json::from_value(objects[0].value()["data"].clone()).unwrap()
}

/// A running firewall; it ends with the test.
pub struct Edge {
    folder: tempfile::TempDir,
    secure: SocketAddr,
    plain: SocketAddr,
    pub behind: Behind,
}

impl Edge {
    pub fn start(plan: &Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let behind = Behind::start();
        let edge = Self {
            secure: free(),
            plain: free(),
            folder,
            behind,
        };
        for name in ["settings", "tmp", "tls"] {
            fs::create_dir(edge.path(name)).unwrap();
        }
        edge.new_certificate();
        for (name, text) in settings(plan) {
            let file = edge.path("settings").join(name);
            fs::write(file, edge.here(&text)).unwrap();
        }
        let made = edge.nginx(&[]);
        let words = fs::read_to_string(edge.path("errors")).unwrap_or_default();
        assert!(made, "{words}");
        edge
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// nginx leaves its terminal when it listens, so that its end says that it does.
    fn nginx(&self, more: &[&str]) -> bool {
        let mut command = Command::new("/usr/sbin/nginx");
        command
            .arg("-c")
            .arg(self.path("settings/nginx.conf"))
            .arg("-e")
            .arg(self.path("errors"))
            .args(more);
        let made = command.output().unwrap();
        fs::write(self.path("said"), &made.stderr).unwrap();
        made.status.success()
    }

    /// The same text with the folders, ports and names of this computer.
    fn here(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let own = |name: &str| self.path(name).display().to_string();
        for (there, here) in PLACES {
            text = text.replace(there, here);
        }
        // What is put in may itself be below /tmp.
        let marks = [
            (" /tmp/", format!(" {}", own("tmp/"))),
            ("/etc/waf-tls", own("tls")),
            ("/etc/waf/", own("settings/")),
            ("/dev/stdout", own("log")),
            ("/dev/stderr", own("errors")),
            ("listen 8443", format!("listen {}", self.secure)),
            ("listen 8080", format!("listen {}", self.plain)),
            (
                "public-nginx-controller.public-nginx.svc:80",
                self.behind.address.to_string(),
            ),
            // Debian's nginx knows the older spelling only.
            (" ssl;\n    http2 on;", " ssl http2;".to_owned()),
        ];
        for (there, here) in marks {
            text = text.replace(there, &here);
        }
        text = text.replace("/opt/owasp-crs/rules", &rules());
        if text.starts_with("load_module") && is_root() {
            // Its workers would else be somebody who may not read the folder.
            text.insert_str(0, "user root;\n");
        }
        text
    }

    /// Writes a certificate over the one that is there.
    pub fn new_certificate(&self) -> Vec<u8> {
        let names = vec!["*.care.example.org".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        fs::write(self.path("tls/tls.key"), made.signing_key.serialize_pem()).unwrap();
        fs::write(self.path("tls/tls.crt"), made.cert.pem()).unwrap();
        made.cert.der().to_vec()
    }

    /// Ways from the addresses that the plan asks to this firewall.
    pub fn routes(&self, plan: &Plan) -> Routes {
        let addresses = crate::edge::addresses(plan);
        Routes {
            connect: addresses.map(|address| (address, self.secure)).collect(),
            ..Routes::default()
        }
    }

    /// The certificate that it shows.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        http::chain(&fs::read(self.path("tls/tls.crt")).unwrap()).unwrap()
    }

    /// What the firewall wrote down.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// A connection to one of the names, as browsers make it.
    pub async fn connect(&self, name: &str) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(CLIENT.into(), 0)).unwrap();
        let stream = socket.connect(self.secure).await?;
        let chain = fs::read(self.path("tls/tls.crt")).unwrap();
        let mut roots = RootCertStore::empty();
        let leaf = CertificateDer::from_pem_slice(&chain).unwrap();
        roots.add(leaf).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }

    /// Sends a request as it is and reads the whole answer.
    pub async fn ask(&self, name: &str, request: &[u8]) -> Answer {
        let mut stream = self.connect(name).await.unwrap();
        // An answer may come before everything is sent, and then nobody reads the rest.
        stream.write_all(request).await.ok();
        stream.flush().await.ok();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.ok();
        Answer::of(&bytes)
    }

    /// The same without encryption.
    pub async fn ask_plainly(&self, request: &[u8]) -> Answer {
        let mut stream = tokio::net::TcpStream::connect(self.plain).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Answer::of(&bytes)
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.nginx(&["-s", "stop"]);
    }
}

/// An answer: status, head and body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    fn of(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = bytes.split_at(end.map_or(bytes.len(), |end| end + 4));
        let head = String::from_utf8_lossy(head).into_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        Self {
            status: status.unwrap_or_default(),
            head,
            body: body.to_vec(),
        }
    }
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
