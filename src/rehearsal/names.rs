//! The practice name server as a function: which name leads to which node, and the answer to a question as DNS writes it. Pure.

use std::{collections::BTreeMap, net::Ipv4Addr};

use hickory_resolver::proto::{
    op::{Edns, Message, MessageType, Metadata, OpCode, ResponseCode},
    rr::{DNSClass, RData, Record, RecordType},
};

use crate::site::Site;

/// How long an answer may be kept, in seconds.
const KEPT: u32 = 60;

/// The largest answer over UDP; ours are far smaller.
const LARGEST: u16 = 1232;

/// The names of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    base: String,
    hosts: BTreeMap<String, Ipv4Addr>,
    /// The base itself and everything else below it.
    rest: Ipv4Addr,
}

impl Zone {
    /// Each name leads to the first place that answers for its kind; all others to where private names lead.
    pub fn of(site: &Site) -> Self {
        let entrances = site.entrances();
        let place = |public| {
            let first = entrances.of(public).first();
            first.map_or(site.nodes.primary.address, |entrance| entrance.address)
        };
        let hosts = site.domains.hosts.iter();
        Self {
            base: site.domains.base.as_str().to_ascii_lowercase(),
            hosts: hosts
                .map(|host| (host.name.as_str().to_ascii_lowercase(), place(host.public)))
                .collect(),
            rest: place(false),
        }
    }

    /// Where a name leads, whatever its case and with or without the dot at its end.
    pub fn address(&self, name: &str) -> Option<Ipv4Addr> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let below = name
            .strip_suffix(&self.base)
            .is_some_and(|label| label.is_empty() || label.ends_with('.'));
        let known = self.hosts.get(&name).copied();
        known.or(below.then_some(self.rest))
    }
}

/// The answer to a question in the format of DNS; nothing for what is no question.
pub fn answer(zone: &Zone, packet: &[u8]) -> Option<Vec<u8>> {
    let asked = Message::from_vec(packet).ok()?;
    if asked.metadata.message_type != MessageType::Query {
        return None;
    }
    let mut reply = Message::new(
        asked.metadata.id,
        MessageType::Response,
        asked.metadata.op_code,
    );
    reply.metadata = Metadata::response_from_request(&asked.metadata);
    reply.metadata.authoritative = true;
    reply.metadata.recursion_available = true;
    reply.metadata.response_code = code(zone, &asked);
    if asked.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(LARGEST);
        reply.set_edns(edns);
    }
    if let Some(question) = asked.queries.first() {
        let wanted = matches!(question.query_type(), RecordType::A | RecordType::ANY);
        let address = zone
            .address(&question.name().to_ascii())
            .filter(|_| wanted && reply.metadata.response_code == ResponseCode::NoError);
        if let Some(address) = address {
            let data = RData::A(address.into());
            reply.add_answer(Record::from_rdata(question.name().clone(), KEPT, data));
        }
        reply.add_query(question.clone());
    }
    reply.to_vec().ok()
}

fn code(zone: &Zone, asked: &Message) -> ResponseCode {
    let [question] = asked.queries.as_slice() else {
        return ResponseCode::FormErr;
    };
    if asked.metadata.op_code != OpCode::Query {
        ResponseCode::NotImp
    } else if question.query_class() != DNSClass::IN {
        ResponseCode::Refused
    } else if zone.address(&question.name().to_ascii()).is_some() {
        ResponseCode::NoError
    } else {
        ResponseCode::NXDomain
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::{op::Query, rr::Name};

    use super::*;
    use crate::site;

    fn zone() -> Zone {
        Zone::of(&Site::try_from(&site::sample()).unwrap())
    }

    fn ask(name: &str, kind: RecordType) -> Message {
        let mut question = Message::query();
        question.metadata.recursion_desired = true;
        question.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        let reply = answer(&zone(), &question.to_vec().unwrap()).unwrap();
        let reply = Message::from_vec(&reply).unwrap();
        assert_eq!(reply.metadata.id, question.metadata.id);
        assert_eq!(reply.queries, question.queries);
        reply
    }

    fn check(name: &str, address: Option<&str>) {
        let reply = ask(name, RecordType::A);
        let found: Vec<String> = reply
            .answers
            .iter()
            .map(|record| record.data.to_string())
            .collect();
        let expected: Vec<String> = address.into_iter().map(str::to_owned).collect();
        assert_eq!(found, expected, "{name}");
        let code = if address.is_some() {
            ResponseCode::NoError
        } else {
            ResponseCode::NXDomain
        };
        assert_eq!(reply.metadata.response_code, code, "{name}");
    }

    #[test]
    fn public_names_lead_to_the_secondary_node_and_all_others_to_the_primary() {
        check("app.care.example.org.", Some("10.0.0.12"));
        check("API.Care.Example.ORG.", Some("10.0.0.12"));
        check("grafana.care.example.org.", Some("10.0.0.11"));
        check("x7q2.care.example.org.", Some("10.0.0.11"));
        check("care.example.org.", Some("10.0.0.11"));
    }

    #[test]
    fn names_of_others_do_not_exist() {
        check("example.org.", None);
        check("notcare.example.org.", None);
        check("care.example.org.example.com.", None);
        check(".", None);
    }

    #[test]
    fn a_name_without_an_address_of_the_asked_kind_exists() {
        let reply = ask("app.care.example.org.", RecordType::AAAA);
        assert_eq!(reply.metadata.response_code, ResponseCode::NoError);
        assert!(reply.answers.is_empty());
    }

    #[test]
    fn what_is_no_question_gets_no_answer() {
        assert_eq!(answer(&zone(), b"hello"), None);
        assert_eq!(answer(&zone(), &[]), None);
        let mut reply = Message::query();
        reply.metadata.message_type = MessageType::Response;
        assert_eq!(answer(&zone(), &reply.to_vec().unwrap()), None);
    }
}
