//! The settings of a site: the draft as typed, the `Site` in which everything is valid, and its secrets. Pure.

mod draft;
mod entrance;
mod fields;
pub mod file;
mod generate;
pub mod import;
mod kind;
mod place;
mod rules;
mod sample;
mod secrets;
mod types;
mod valid;

pub use draft::{FieldProblem, SiteDraft};
pub use entrance::{AddressPool, Entrance, Entrances, Way};
pub use fields::{FIELDS, Field, Group, Preset};
pub use kind::{HOSTS, Kind, Shape};
pub use place::Place;
pub use sample::sample;
pub use secrets::{Origin, SecretName, Secrets};
pub use types::{
    BucketName, BucketPrefix, Cidr, CronLine, DataPath, EditionNumber, EmailAddress, Endpoint,
    FilePath, Fqdn, FromLine, GitSource, ImageRef, Line, LoginName, ModuleName, NodeName, Plug,
    Region, ReleaseFile, SiteName, StorageSize, UserName, Worker, Wrong,
};
pub use valid::{
    Backups, Care, Certificate, Cluster, Domains, Exposure, Host, Mail, Node, Nodes, PemFiles,
    Site, Storage, Version,
};

#[cfg(test)]
mod tests;
