//! The values of a site as types that cannot hold a wrong one; each explains in plain words why a text is refused. Pure.

mod apps;

pub use apps::Plug;

use core::{fmt, net::Ipv4Addr};

use ipnet::Ipv4Net;

/// Why a text cannot be used; a fragment such as `a part of the name is empty`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub String);

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Refuses with a reason.
fn wrong<T>(why: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong(why.into()))
}

/// A value that is read from one line of text.
pub trait FromLine: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// Says why the text cannot be used.
    fn from_line(text: &str) -> Result<Self, Wrong>;
}

macro_rules! text_types {
    ($($(#[$meta:meta])* $name:ident = $check:path;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromLine for $name {
            fn from_line(text: &str) -> Result<Self, Wrong> {
                $check(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text_types! {
    /// A site's name: a DNS label, because it names folders, buckets' prefixes and clusters.
    SiteName = label;
    /// A Kubernetes node's name.
    NodeName = node_name;
    /// A full host name with at least two parts, lower case, without a final dot.
    Fqdn = fqdn;
    /// An absolute folder on a node for data.
    DataPath = data_path;
    /// A path on this computer, absolute or relative to the site's folder.
    FilePath = file_path;
    /// A login name on a node.
    LoginName = login_name;
    /// A user name in Care.
    UserName = user_name;
    /// A module of Odoo.
    ModuleName = apps::module_name;
    /// A repository at a tag or commit, as `https://host/path.git#ref`.
    GitSource = apps::git_source;
    /// A release of SNOMED CT, by its name in the object store; the last part of its name begins with its date.
    ReleaseFile = apps::release_file;
    /// The number of an edition of SNOMED CT.
    EditionNumber = apps::edition_number;
    /// An S3 bucket's name.
    BucketName = bucket_name;
    /// The folder inside a bucket; no slash at either end, may be empty.
    BucketPrefix = bucket_prefix;
    /// An S3 region.
    Region = region;
    /// An `http://` or `https://` address without a path.
    Endpoint = endpoint;
    /// A container image with an exact tag or digest.
    ImageRef = image;
    /// An amount of storage such as `20Gi`.
    StorageSize = size;
    /// A cron line of five fields.
    CronLine = cron;
    /// An e-mail address.
    EmailAddress = email;
    /// Any text of one line.
    Line = line;
}

/// An IPv4 network in CIDR form, with no bits set behind the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr(Ipv4Net);

impl Cidr {
    /// The network.
    pub fn net(&self) -> Ipv4Net {
        self.0
    }

    /// Whether an address lies inside.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.0.contains(&address)
    }

    /// Whether the two share an address.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.contains(&other.0.network()) || other.0.contains(&self.0.network())
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromLine for Cidr {
    fn from_line(text: &str) -> Result<Self, Wrong> {
        let Some((address, prefix)) = text.split_once('/') else {
            return wrong("a network is an address, a slash and a length");
        };
        let Ok(address) = address.parse::<Ipv4Addr>() else {
            return wrong("the part before the slash is not an IPv4 address");
        };
        let Some(net) = prefix
            .parse::<u8>()
            .ok()
            .filter(|_| prefix.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|prefix| Ipv4Net::new(address, prefix).ok())
        else {
            return wrong("the part after the slash is not a number from 8 to 28");
        };
        if !(8..=28).contains(&net.prefix_len()) {
            return wrong("the length after the slash must be from 8 to 28");
        }
        if net.network() != address {
            return wrong(format!(
                "the network with this length begins at {}",
                net.network()
            ));
        }
        Ok(Self(net))
    }
}

impl FromLine for Ipv4Addr {
    fn from_line(text: &str) -> Result<Self, Wrong> {
        let Ok(address) = text.parse::<Self>() else {
            return wrong("an IPv4 address is four numbers from 0 to 255 with dots between them");
        };
        if address.is_loopback()
            || address.is_unspecified()
            || address.is_broadcast()
            || address.is_multicast()
        {
            return wrong("this address does not belong to one machine on the network");
        }
        Ok(address)
    }
}

/// An additional worker node as typed: `name=address`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Node name.
    pub name: NodeName,
    /// Address.
    pub address: Ipv4Addr,
}

impl FromLine for Worker {
    fn from_line(text: &str) -> Result<Self, Wrong> {
        let Some((name, address)) = text.split_once('=') else {
            return wrong(format!(
                "`{text}` has no `=` between the node's name and its address"
            ));
        };
        let within = |Wrong(why)| Wrong(format!("in `{text}`: {why}"));
        Ok(Self {
            name: NodeName::from_line(name.trim()).map_err(within)?,
            address: Ipv4Addr::from_line(address.trim()).map_err(within)?,
        })
    }
}

/// Splits a typed list at commas and spaces; the word `none` is the empty list.
pub fn items(text: &str) -> Vec<&str> {
    if text.eq_ignore_ascii_case("none") {
        return Vec::new();
    }
    text.split([',', ' '])
        .filter(|item| !item.is_empty())
        .collect()
}

impl<T: FromLine> FromLine for Vec<T> {
    fn from_line(text: &str) -> Result<Self, Wrong> {
        items(text).into_iter().map(T::from_line).collect()
    }
}

impl FromLine for u16 {
    fn from_line(text: &str) -> Result<Self, Wrong> {
        match text.parse::<Self>() {
            Ok(port) if port > 0 => Ok(port),
            _ => wrong("a port is a number from 1 to 65535"),
        }
    }
}

/// Reads a whole number between two limits.
pub fn number(text: &str, least: u32, most: u32) -> Result<u32, Wrong> {
    text.parse::<u32>()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| Wrong(format!("it must be a whole number from {least} to {most}")))
}

fn line(text: &str) -> Result<String, Wrong> {
    match text.chars().count() {
        0 => wrong("it is empty"),
        1..=200 => Ok(text.into()),
        _ => wrong("it is longer than 200 characters"),
    }
}

/// What every part of a host name must obey.
fn label_part(part: &str) -> Result<(), Wrong> {
    if part.is_empty() {
        return wrong("a part of the name is empty");
    }
    if part.len() > 63 {
        return wrong("a part of the name is longer than 63 characters");
    }
    if let Some(bad) = part
        .chars()
        .find(|c| !c.is_ascii_lowercase() && !c.is_ascii_digit() && *c != '-')
    {
        return wrong(format!(
            "`{}` is not allowed; use a to z, 0 to 9 and -",
            bad.escape_debug()
        ));
    }
    if part.starts_with('-') || part.ends_with('-') {
        return wrong("a part of the name begins or ends with -");
    }
    Ok(())
}

fn label(text: &str) -> Result<String, Wrong> {
    let text = text.to_ascii_lowercase();
    if text.contains('.') {
        return wrong("dots are not allowed here");
    }
    if text.len() > 40 {
        // Names of releases, buckets and jobs are made from it, and Kubernetes ends those at 63.
        return wrong("it is longer than 40 characters");
    }
    label_part(&text)?;
    Ok(text)
}

fn node_name(text: &str) -> Result<String, Wrong> {
    // The kubelet registers itself under the lower-case host name.
    let text = text.to_ascii_lowercase();
    text.split('.').try_for_each(label_part)?;
    if text.len() > 63 {
        return wrong("it is longer than 63 characters, which a label cannot hold");
    }
    Ok(text)
}

fn fqdn(text: &str) -> Result<String, Wrong> {
    let lower = text.to_ascii_lowercase();
    let name = lower.strip_suffix('.').unwrap_or(&lower);
    if name.contains("://") || name.contains('/') {
        return wrong("only the name is wanted, without https:// and without a path");
    }
    if name.contains('*') {
        return wrong("write the name without the *");
    }
    name.split('.').try_for_each(label_part)?;
    if name.len() > 253 {
        return wrong("it is longer than 253 characters");
    }
    let Some((_, last)) = name.rsplit_once('.') else {
        return wrong("a full name has at least two parts with a dot between them");
    };
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return wrong("this is an address and not a name");
    }
    Ok(name.into())
}

/// Folders that belong to the system.
const SYSTEM: [&str; 11] = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/run", "/sbin", "/sys", "/tmp", "/usr",
];

fn data_path(text: &str) -> Result<String, Wrong> {
    let path = text.trim_end_matches('/');
    if !text.starts_with('/') {
        return wrong("the path must begin with /");
    }
    if path.is_empty() {
        return wrong("the root of the system cannot hold the data");
    }
    if path
        .split('/')
        .skip(1)
        .any(|part| part.is_empty() || part == "." || part == "..")
    {
        return wrong("the path holds an empty part, . or ..");
    }
    if let Some(bad) = path
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || "/._-".contains(*c)))
    {
        return wrong(format!(
            "`{}` is not allowed; use letters, digits, / . _ and -",
            bad.escape_debug()
        ));
    }
    let below = |top: &str| {
        path.strip_prefix(top)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if let Some(top) = SYSTEM.iter().find(|top| below(top)) {
        return wrong(format!(
            "{top} belongs to the system and is no place for data"
        ));
    }
    Ok(path.into())
}

fn file_path(text: &str) -> Result<String, Wrong> {
    if text.ends_with('/') {
        return wrong("this is a folder and not a file");
    }
    line(text)
}

fn login_name(text: &str) -> Result<String, Wrong> {
    let first = text
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_lowercase() || c == '_');
    let rest = text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c));
    if !first || !rest || text.len() > 32 {
        return wrong(
            "a login name begins with a to z and holds at most 32 of a to z, 0 to 9, _ . and -",
        );
    }
    Ok(text.into())
}

fn user_name(text: &str) -> Result<String, Wrong> {
    let good = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let edges = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !(4..=16).contains(&text.len())
        || !good
        || !edges(text.chars().next())
        || !edges(text.chars().next_back())
    {
        return wrong(
            "a user name has 4 to 16 letters, digits, _ . or -, and begins and ends with a letter or digit",
        );
    }
    Ok(text.into())
}

fn bucket_name(text: &str) -> Result<String, Wrong> {
    if !(3..=63).contains(&text.len()) {
        return wrong("a bucket's name has 3 to 63 characters");
    }
    text.split('.').try_for_each(label_part)?;
    if text.parse::<Ipv4Addr>().is_ok() {
        return wrong("a bucket's name must not look like an address");
    }
    Ok(text.into())
}

fn bucket_prefix(text: &str) -> Result<String, Wrong> {
    let text = text.trim_matches('/');
    if text.len() > 200 {
        return wrong("it is longer than 200 characters");
    }
    if text
        .split('/')
        .any(|part| part == "." || part == ".." || (part.is_empty() && !text.is_empty()))
    {
        return wrong("it holds an empty part, . or ..");
    }
    if let Some(bad) = text
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || "/._-".contains(*c)))
    {
        return wrong(format!(
            "`{}` is not allowed; use letters, digits, / . _ and -",
            bad.escape_debug()
        ));
    }
    Ok(text.into())
}

fn region(text: &str) -> Result<String, Wrong> {
    if text.is_empty()
        || text.len() > 40
        || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    {
        return wrong("a region holds letters, digits and -");
    }
    Ok(text.into())
}

fn endpoint(text: &str) -> Result<String, Wrong> {
    let text = text.trim_end_matches('/');
    let Some(rest) = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    else {
        return wrong("an address begins with https:// (or http://)");
    };
    if rest.contains(['/', '?', '#', '@']) {
        return wrong("only the server is wanted: no user, no path, no bucket");
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    if let Some(port) = port {
        u16::from_line(port)?;
    }
    if host.parse::<Ipv4Addr>().is_err() {
        host.to_ascii_lowercase()
            .split('.')
            .try_for_each(label_part)?;
    }
    Ok(text.into())
}

fn image(text: &str) -> Result<String, Wrong> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "./:@_-".contains(c);
    if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
        return wrong(format!(
            "`{}` is not allowed in an image's name",
            bad.escape_debug()
        ));
    }
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    if let Some(digest) = digest {
        let hex = digest.strip_prefix("sha256:").unwrap_or("");
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return wrong("the digest after @ must be sha256: and 64 hexadecimal digits");
        }
    }
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    let lower = path.split_once('/').map_or(path, |(_, rest)| rest);
    if path.is_empty()
        || path.split('/').any(str::is_empty)
        || lower.chars().any(|c| c.is_ascii_uppercase())
    {
        return wrong("an image is a registry, a path in lower case and a tag");
    }
    match (tag, digest) {
        (None, None) => wrong("an exact tag is missing after the name"),
        (Some(""), _) => wrong("the tag after : is empty"),
        (Some("latest"), None) => wrong("the tag `latest` moves by itself; name an exact one"),
        _ => Ok(text.into()),
    }
}

fn size(text: &str) -> Result<String, Wrong> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let unit = text.strip_prefix(&digits).unwrap_or("");
    if !["Gi", "Ti", "Mi"].contains(&unit)
        || digits.is_empty()
        || digits.len() > 6
        || digits.starts_with('0')
    {
        return wrong("a size is a whole number followed by Mi, Gi or Ti");
    }
    Ok(text.into())
}

impl StorageSize {
    /// How much it is, in mebibytes.
    pub fn mebibytes(&self) -> u64 {
        let (count, unit) = self.0.split_at(self.0.len().saturating_sub("Gi".len()));
        let count: u64 = count.parse().unwrap_or_default();
        match unit {
            "Ti" => count * 1024 * 1024,
            "Gi" => count * 1024,
            _ => count,
        }
    }
}

/// The limits of the five fields of a cron line.
const CRON: [(&str, u32, u32); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
];

fn cron(text: &str) -> Result<String, Wrong> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != CRON.len() {
        return wrong(format!(
            "a schedule has five fields (minute hour day month weekday), not {}",
            fields.len()
        ));
    }
    for (field, (name, least, most)) in fields.iter().zip(CRON) {
        if !field.split(',').all(|part| cron_part(part, least, most)) {
            return wrong(format!(
                "`{field}` is no {name} ({least} to {most}, *, ranges and steps)"
            ));
        }
    }
    Ok(fields.join(" "))
}

fn cron_part(part: &str, least: u32, most: u32) -> bool {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    if step.is_some_and(|step| number(step, 1, most.max(1)).is_err()) {
        return false;
    }
    match range.split_once('-') {
        Some((from, to)) => match (number(from, least, most), number(to, least, most)) {
            (Ok(from), Ok(to)) => from <= to,
            _ => false,
        },
        None => range == "*" || number(range, least, most).is_ok(),
    }
}

fn email(text: &str) -> Result<String, Wrong> {
    let Some((user, host)) = text.rsplit_once('@') else {
        return wrong("an e-mail address has an @");
    };
    let good = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    if user.is_empty() || user.len() > 64 || !user.chars().all(good) {
        return wrong("the part before the @ is empty or holds a character that is not allowed");
    }
    fqdn(host).map_err(|Wrong(why)| Wrong(format!("behind the @: {why}")))?;
    Ok(text.into())
}
