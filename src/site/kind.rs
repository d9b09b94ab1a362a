//! What a field holds: how its text is read, and which shape it has in site.yaml. Pure.

use core::net::Ipv4Addr;

use serde_json::{Value, json};

use super::{
    entrance::AddressPool,
    secrets::SecretName,
    types::{
        BucketName, BucketPrefix, Cidr, CronLine, DataPath, EditionNumber, EmailAddress, Endpoint,
        FilePath, Fqdn, FromLine, GitSource, ImageRef, Line, LoginName, ModuleName, NodeName, Plug,
        Region, ReleaseFile, SiteName, StorageSize, UserName, Worker, Wrong, items, number,
    },
};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line of free text.
    Text,
    /// A site's name.
    Label,
    /// A node's name.
    NodeName,
    /// A full host name.
    Host,
    /// The short names of hosts that are public.
    HostNames,
    /// An IPv4 address.
    Address,
    /// A list of IPv4 addresses.
    Addresses,
    /// A network.
    Network,
    /// A range of addresses.
    Pool,
    /// A TCP port.
    Port,
    /// A whole number within limits.
    Number(u32, u32),
    /// A login name on a node.
    Login,
    /// A user name in Care.
    User,
    /// A data folder on a node.
    DataPath,
    /// A file on this computer.
    File,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A list of `name=address`.
    Workers,
    /// A list of modules of Odoo.
    Modules,
    /// A repository at a tag or commit.
    Source,
    /// A list of those.
    Sources,
    /// A list of plugs of Care.
    Plugs,
    /// A release of SNOMED CT as a file in the object store.
    Release,
    /// The number of an edition of SNOMED CT.
    Edition,
    /// An S3 server.
    Endpoint,
    /// A bucket.
    Bucket,
    /// A folder inside a bucket.
    Prefix,
    /// A region.
    Region,
    /// A schedule.
    Cron,
    /// A size of storage.
    Size,
    /// An image.
    Image,
    /// An e-mail address.
    Email,
    /// A secret, which goes into the vault and never into the draft.
    Secret(SecretName),
}

/// The shape of a value in site.yaml.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// A list of texts.
    List,
}

impl Kind {
    /// The shape in site.yaml.
    pub fn shape(self) -> Shape {
        match self {
            Self::Port | Self::Number(..) => Shape::Number,
            Self::Addresses
            | Self::HostNames
            | Self::Workers
            | Self::Modules
            | Self::Sources
            | Self::Plugs => Shape::List,
            _ => Shape::Text,
        }
    }

    /// Reads the text as the typed value that templates see: numbers as numbers, lists as lists.
    ///
    /// # Errors
    /// Says why the text cannot be used.
    pub fn read(self, text: &str) -> Result<Value, Wrong> {
        match self {
            Self::Text => read::<Line>(text),
            Self::Label => read::<SiteName>(text),
            Self::NodeName => read::<NodeName>(text),
            Self::Host => read::<Fqdn>(text),
            Self::HostNames => host_names(text).map(|names| json!(names)),
            Self::Address => Ipv4Addr::from_line(text).map(|address| json!(address)),
            Self::Addresses => Vec::<Ipv4Addr>::from_line(text).map(|list| json!(list)),
            Self::Network => Cidr::from_line(text).map(|cidr| json!(cidr.to_string())),
            Self::Pool => AddressPool::from_line(text).map(|pool| json!(pool.to_string())),
            Self::Port => u16::from_line(text).map(Value::from),
            Self::Number(least, most) => number(text, least, most).map(Value::from),
            Self::Login => read::<LoginName>(text),
            Self::User => read::<UserName>(text),
            Self::DataPath => read::<DataPath>(text),
            Self::File => read::<FilePath>(text),
            Self::Choice(words) => choice(text, words).map(Value::from),
            Self::Workers => Vec::<Worker>::from_line(text).map(workers),
            Self::Modules => Vec::<ModuleName>::from_line(text).map(texts),
            Self::Source => read::<GitSource>(text),
            Self::Sources => Vec::<GitSource>::from_line(text).map(texts),
            Self::Plugs => Vec::<Plug>::from_line(text).map(plugs),
            Self::Release => read::<ReleaseFile>(text),
            Self::Edition => read::<EditionNumber>(text),
            Self::Endpoint => read::<Endpoint>(text),
            Self::Bucket => read::<BucketName>(text),
            Self::Prefix => read::<BucketPrefix>(text),
            Self::Region => read::<Region>(text),
            Self::Cron => read::<CronLine>(text),
            Self::Size => read::<StorageSize>(text),
            Self::Image => read::<ImageRef>(text),
            Self::Email => read::<EmailAddress>(text),
            Self::Secret(_) => Err(Wrong(
                "a secret is kept in the vault and not in the settings".into(),
            )),
        }
    }
}

fn read<T: FromLine + AsRef<str>>(text: &str) -> Result<Value, Wrong> {
    T::from_line(text).map(|value| Value::from(value.as_ref()))
}

fn choice(text: &str, words: &'static [&'static str]) -> Result<&'static str, Wrong> {
    words
        .iter()
        .copied()
        .find(|word| word.eq_ignore_ascii_case(text))
        .ok_or_else(|| Wrong(format!("it must be one of: {}", words.join(", "))))
}

/// The short names of the hosts, as `domains.public` lists them.
pub const HOSTS: [&str; 8] = [
    "care",
    "care_api",
    "files",
    "object_console",
    "grafana",
    "registry",
    "odoo",
    "metabase",
];

/// Reads a list of short host names.
pub fn host_names(text: &str) -> Result<Vec<&'static str>, Wrong> {
    let mut names = Vec::new();
    for item in items(text) {
        let name = choice(item, &HOSTS)
            .map_err(|Wrong(why)| Wrong(format!("`{item}` is unknown; {why}")))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn texts<T: AsRef<str>>(list: Vec<T>) -> Value {
    list.into_iter()
        .map(|one| one.as_ref().to_owned())
        .collect()
}

/// As Care reads them.
fn plugs(list: Vec<Plug>) -> Value {
    list.into_iter()
        .map(|plug| {
            json!({
                "name": plug.name.as_str(), "package_name": plug.package, "version": plug.version, "configs": {},
            })
        })
        .collect()
}

fn workers(list: Vec<Worker>) -> Value {
    list.into_iter()
        .map(|worker| json!({ "name": worker.name.as_str(), "address": worker.address }))
        .collect()
}
