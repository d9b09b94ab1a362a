//! Where traffic comes in: ports of the nodes or addresses of a pool, and which of them a name must lead to. Pure.

use core::{fmt, net::Ipv4Addr};

use super::types::{FromLine, Wrong};

/// More addresses than this are a mistake and not a pool.
const MOST: u32 = 1024;

/// A range of addresses that belong to the site alone. The first is the private ingress's, the second the public one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressPool {
    first: Ipv4Addr,
    last: Ipv4Addr,
}

impl AddressPool {
    /// Where the private ingress answers.
    pub fn private(self) -> Ipv4Addr {
        self.first
    }

    /// Where the public ingress answers; a pool has at least two addresses.
    pub fn public(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.first).saturating_add(1))
    }

    /// The last address.
    pub fn last(self) -> Ipv4Addr {
        self.last
    }

    /// Whether an address belongs to it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

impl fmt::Display for AddressPool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.first, self.last)
    }
}

impl FromLine for AddressPool {
    fn from_line(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Err(Wrong(why.to_owned()));
        let Some((first, last)) = text.split_once('-') else {
            return wrong("a pool is its first address, a dash and its last address");
        };
        let first = Ipv4Addr::from_line(first.trim())?;
        let last = Ipv4Addr::from_line(last.trim())?;
        let Some(more) = u32::from(last).checked_sub(u32::from(first)) else {
            return wrong("its last address comes before its first");
        };
        if more == 0 {
            return wrong("it needs two addresses: one for private names and one for public ones");
        }
        if more >= MOST {
            return wrong("it is larger than 1024 addresses");
        }
        Ok(Self { first, last })
    }
}

/// How traffic comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Ports 80 and 443 of the nodes themselves.
    NodePorts,
    /// Addresses of their own, which MetalLB announces.
    Pool(AddressPool),
}

/// A place that answers for names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// A node's name, or which ingress it is.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
}

/// The places that answer for private and for public names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entrances {
    /// For names that answer inside the hospital only.
    pub private: Vec<Entrance>,
    /// For names that are reached from outside; they come in through the firewall.
    pub public: Vec<Entrance>,
}

impl Entrances {
    /// On ports of the nodes: the primary answers for private names, the secondary for public ones. A site without
    /// public names has no firewall, and both answer for all.
    pub fn on_nodes(
        primary: Option<Entrance>,
        secondary: Option<Entrance>,
        any_public: bool,
    ) -> Self {
        if any_public {
            return Self {
                private: primary.into_iter().collect(),
                public: secondary.into_iter().collect(),
            };
        }
        let both: Vec<Entrance> = primary.into_iter().chain(secondary).collect();
        Self {
            private: both.clone(),
            public: both,
        }
    }

    /// With addresses of their own.
    pub fn of_pool(pool: AddressPool) -> Self {
        let one = |name: &str, address| {
            let name = name.to_owned();
            vec![Entrance { name, address }]
        };
        Self {
            private: one("private ingress", pool.private()),
            public: one("public ingress", pool.public()),
        }
    }

    /// Those for one kind of name.
    pub fn of(&self, public: bool) -> &[Entrance] {
        if public { &self.public } else { &self.private }
    }

    /// All of them: anything under the base domain may lead to any.
    pub fn all(&self) -> Vec<Entrance> {
        let mut all = self.private.clone();
        all.extend(self.public.clone());
        all.sort_by_key(|entrance| entrance.address);
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_gives_its_first_address_to_private_names_and_its_second_to_public_ones() {
        let pool = AddressPool::from_line("10.0.0.40 - 10.0.0.41").unwrap();
        assert_eq!(pool.to_string(), "10.0.0.40-10.0.0.41");
        assert_eq!(pool.private(), Ipv4Addr::new(10, 0, 0, 40));
        assert_eq!(pool.public(), pool.last());
        assert!(!pool.contains(Ipv4Addr::new(10, 0, 0, 42)));
        for text in [
            "10.0.0.40",
            "10.0.0.40-10.0.0.40",
            "10.0.0.41-10.0.0.40",
            "10.0.0.0-10.0.4.0",
            "10.0.0.40-x",
        ] {
            assert!(AddressPool::from_line(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_site_without_public_names_is_answered_for_by_both_nodes() {
        let node = |name: &str, last| {
            Some(Entrance {
                name: name.to_owned(),
                address: Ipv4Addr::new(10, 0, 0, last),
            })
        };
        let apart = Entrances::on_nodes(node("primary", 11), node("secondary", 12), true);
        assert_eq!(apart.of(false)[0].name, "primary");
        assert_eq!(apart.of(true)[0].name, "secondary");
        assert_eq!(apart.all().len(), 2);
        let all = Entrances::on_nodes(node("primary", 11), node("secondary", 12), false);
        assert_eq!(all.of(false).len(), 2);
        assert_eq!(all.all().len(), 2);
    }
}
