//! The door to DNS: one question to one name server, asked as a full name so that no search domain answers instead.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{
        ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
        ServerOrderingStrategy,
    },
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{RData, RecordType},
    },
    system_conf::read_system_conf,
};
use tokio::time::timeout;

use crate::problem::{Code, Problem};

/// How long one packet may take.
const PACKET_LIMIT: Duration = Duration::from_millis(1500);

/// How often a packet that was lost is sent again.
const AGAIN: usize = 1;

/// How long a question may take in all.
pub const LIMIT: Duration = Duration::from_secs(5);

/// What a name server said about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These addresses, in order; never none.
    Addresses(Vec<IpAddr>),
    /// There is no such name (NXDOMAIN).
    NoName,
    /// There is such a name, and it has no address.
    NoAddress,
    /// The server answered with an error, such as SERVFAIL.
    Error(String),
    /// No answer in time.
    Silent,
    /// The server cannot be reached; the system's own words.
    Unreachable(String),
}

impl Answer {
    /// Whether a name server said anything at all.
    pub fn was_given(&self) -> bool {
        !matches!(self, Self::Silent | Self::Unreachable(_))
    }
}

/// A name server, or those of this computer.
#[derive(Clone, Debug)]
pub struct Asker {
    resolver: TokioResolver,
    search: Vec<String>,
}

impl Asker {
    /// Asks the name servers of this computer.
    ///
    /// # Errors
    /// This computer has none, or what is set up cannot be used.
    pub fn system() -> Result<Self, Problem> {
        let (config, _) = read_system_conf().map_err(|error| none_here(&error))?;
        let (_, search, servers) = config.into_parts();
        let mut search: Vec<String> = search
            .iter()
            .map(|name| name.to_string().trim_end_matches('.').to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        search.sort_unstable();
        search.dedup();
        Self::over(servers, search)
    }

    /// Asks this server and no other.
    ///
    /// # Errors
    /// No question can be asked from here at all.
    pub fn at(server: SocketAddr) -> Result<Self, Problem> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        let connections = connections.map(|mut connection| {
            connection.port = server.port();
            connection
        });
        let server = NameServerConfig::new(server.ip(), true, connections.to_vec());
        Self::over(vec![server], Vec::new())
    }

    fn over(servers: Vec<NameServerConfig>, search: Vec<String>) -> Result<Self, Problem> {
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let mut options = ResolverOpts::default();
        options.timeout = PACKET_LIMIT;
        options.attempts = AGAIN;
        options.cache_size = 0;
        options.num_concurrent_reqs = 1;
        options.use_hosts_file = ResolveHosts::Never;
        options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map_err(|error| none_here(&error))?;
        Ok(Self { resolver, search })
    }

    /// The domains that this computer puts behind names that are not full.
    pub fn search_domains(&self) -> &[String] {
        &self.search
    }

    /// Asks for every address of a full name.
    pub async fn ask(&self, name: &str) -> Answer {
        let full = format!("{}.", name.trim_end_matches('.'));
        let both = async {
            tokio::join!(
                self.one(&full, RecordType::A),
                self.one(&full, RecordType::AAAA)
            )
        };
        match timeout(LIMIT, both).await {
            Err(_elapsed) => Answer::Silent,
            Ok((Answer::Addresses(mut four), Answer::Addresses(six))) => {
                four.extend(six);
                Answer::Addresses(four)
            }
            Ok((Answer::NoAddress, Answer::Addresses(six))) => Answer::Addresses(six),
            // The site lives on IPv4: what goes wrong beside it is no answer to the question.
            Ok((four, _)) => four,
        }
    }

    async fn one(&self, name: &str, kind: RecordType) -> Answer {
        match self.resolver.lookup(name, kind).await {
            Ok(lookup) => {
                let mut found: Vec<IpAddr> = lookup
                    .answers()
                    .iter()
                    .filter_map(|record| match record.data {
                        RData::A(address) => Some(IpAddr::V4(address.0)),
                        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                        _ => None,
                    })
                    .collect();
                found.sort_unstable();
                found.dedup();
                if found.is_empty() {
                    Answer::NoAddress
                } else {
                    Answer::Addresses(found)
                }
            }
            Err(error) => refused(&error),
        }
    }
}

fn refused(error: &NetError) -> Answer {
    match error {
        NetError::Timeout => Answer::Silent,
        NetError::Dns(DnsError::NoRecordsFound(none)) => by_code(none.response_code),
        NetError::Dns(DnsError::ResponseCode(code)) => by_code(*code),
        NetError::Io(error) if error.kind() == ErrorKind::TimedOut => Answer::Silent,
        NetError::Io(error) => Answer::Unreachable(error.to_string()),
        NetError::NoConnections => Answer::Unreachable("no connection".to_owned()),
        error => Answer::Error(error.to_string()),
    }
}

fn by_code(code: ResponseCode) -> Answer {
    match code {
        ResponseCode::NoError => Answer::NoAddress,
        ResponseCode::NXDomain => Answer::NoName,
        ResponseCode::ServFail => Answer::Error("SERVFAIL".to_owned()),
        ResponseCode::Refused => Answer::Error("REFUSED".to_owned()),
        ResponseCode::NotImp => Answer::Error("NOTIMP".to_owned()),
        ResponseCode::FormErr => Answer::Error("FORMERR".to_owned()),
        code => Answer::Error(code.to_string()),
    }
}

fn none_here(error: &NetError) -> Problem {
    Problem::new(
        Code::Dns01,
        "This computer has no name server that can be asked.",
        "Look at `cat /etc/resolv.conf`: it needs a line such as `nameserver 192.168.20.1`.",
    )
    .caused_by(error)
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::{
        op::{Message, MessageType},
        rr::{Record, rdata},
    };
    use tokio::net::UdpSocket;

    use super::*;

    /// A name server that answers every question for `good.example.` with these words.
    async fn serve(answers: &'static [(&'static str, &'static str)]) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut packet = [0; 1500];
            loop {
                let (count, from) = socket.recv_from(&mut packet).await.unwrap();
                let asked = Message::from_vec(&packet[..count]).unwrap();
                if let Some(reply) = reply(&asked, answers) {
                    socket
                        .send_to(&reply.to_vec().unwrap(), from)
                        .await
                        .unwrap();
                }
            }
        });
        address
    }

    fn reply(asked: &Message, answers: &[(&str, &str)]) -> Option<Message> {
        let query = asked.queries[0].clone();
        let name = query.name().to_string();
        let mut reply = Message::response(asked.metadata.id, asked.metadata.op_code);
        reply.metadata.message_type = MessageType::Response;
        reply.metadata.recursion_desired = true;
        reply.metadata.recursion_available = true;
        reply.add_query(query.clone());
        let said = answers
            .iter()
            .filter(|(of, _)| *of == name)
            .map(|(_, says)| *says);
        let said: Vec<&str> = said.collect();
        if said.is_empty() {
            reply.metadata.response_code = ResponseCode::NXDomain;
        }
        for word in said {
            match (word, query.query_type()) {
                ("silence", _) => return None,
                ("SERVFAIL", _) => reply.metadata.response_code = ResponseCode::ServFail,
                ("REFUSED", _) => reply.metadata.response_code = ResponseCode::Refused,
                ("nothing", _) => {}
                (address, kind) => {
                    let data = match address.parse().unwrap() {
                        IpAddr::V4(four) => RData::A(rdata::A(four)),
                        IpAddr::V6(six) => RData::AAAA(rdata::AAAA(six)),
                    };
                    if data.record_type() == kind {
                        reply.add_answer(Record::from_rdata(query.name().clone(), 60, data));
                    }
                }
            }
        }
        Some(reply)
    }

    async fn ask(server: SocketAddr, name: &str) -> Answer {
        Asker::at(server).unwrap().ask(name).await
    }

    fn addresses(texts: &[&str]) -> Answer {
        Answer::Addresses(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[tokio::test]
    async fn every_way_of_answering_is_told_apart() {
        let server = serve(&[
            ("one.example.", "10.0.0.11"),
            ("two.example.", "10.0.0.12"),
            ("two.example.", "10.0.0.11"),
            ("six.example.", "2001:db8::1"),
            ("both.example.", "10.0.0.11"),
            ("both.example.", "2001:db8::1"),
            ("empty.example.", "nothing"),
            ("broken.example.", "SERVFAIL"),
            ("shut.example.", "REFUSED"),
        ])
        .await;
        for (name, expected) in [
            ("one.example", addresses(&["10.0.0.11"])),
            ("two.example", addresses(&["10.0.0.11", "10.0.0.12"])),
            ("six.example", addresses(&["2001:db8::1"])),
            ("both.example", addresses(&["10.0.0.11", "2001:db8::1"])),
            ("empty.example", Answer::NoAddress),
            ("none.example", Answer::NoName),
            ("broken.example", Answer::Error("SERVFAIL".to_owned())),
            ("shut.example", Answer::Error("REFUSED".to_owned())),
        ] {
            assert_eq!(ask(server, name).await, expected, "{name}");
        }
    }

    #[tokio::test]
    async fn a_lost_question_is_silence_and_a_closed_port_is_no_answer_either() {
        let server = serve(&[("lost.example.", "silence")]).await;
        assert_eq!(ask(server, "lost.example").await, Answer::Silent);
        let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = closed.local_addr().unwrap();
        drop(closed);
        assert!(!ask(address, "one.example").await.was_given());
    }

    #[tokio::test]
    async fn a_name_is_asked_in_full_so_that_no_search_domain_answers() {
        let server = serve(&[("app.example.corp.", "10.9.9.9")]).await;
        assert_eq!(ask(server, "app.example").await, Answer::NoName);
    }
}
