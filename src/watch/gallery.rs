//! Pictures of objects that change one after the other, without a cluster: for measurements. What is done to each object is what the
//! watches do.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    live, picture,
    services::Carriers,
    snapshot::{Kind, Objects, Snapshot, key},
    view::ClusterView,
};
use crate::{catalog::Catalog, problem::Problem};

/// Objects, and what was read of them.
#[derive(Debug)]
pub struct Gallery {
    objects: HashMap<Kind, Objects>,
    changed: Vec<Kind>,
    snapshot: Snapshot,
    carriers: Carriers,
}

impl Gallery {
    /// Nothing yet.
    ///
    /// # Errors
    /// Our own catalogue cannot be read.
    pub fn new() -> Result<Self, Vec<Problem>> {
        Ok(Self {
            objects: HashMap::new(),
            changed: Vec::new(),
            snapshot: Snapshot::default(),
            carriers: Carriers::of(&Catalog::load()?),
        })
    }

    /// An object is there, or is otherwise than before; kinds that are not watched are left out.
    pub fn put(&mut self, object: Value) {
        if let Some(kind) = Kind::of(&object) {
            self.put_as(kind, object);
        }
    }

    /// The same for an object whose kind is known.
    pub fn put_as(&mut self, kind: Kind, object: Value) {
        let only = live::only(kind);
        let object = only.whole(object, &kind.everywhere());
        let key = key(&object);
        self.changing(kind).insert(key, only.kept(object));
    }

    /// An object is not there any more.
    pub fn take_away(&mut self, kind: Kind, object: &Value) {
        self.changing(kind).remove(&key(object));
    }

    fn changing(&mut self, kind: Kind) -> &mut Objects {
        if !self.changed.contains(&kind) {
            self.changed.push(kind);
        }
        self.objects.entry(kind).or_default()
    }

    /// The next picture.
    pub fn draw(&mut self, now: Timestamp) -> ClusterView {
        for kind in self.changed.drain(..) {
            let objects = self.objects.get(&kind).cloned().unwrap_or_default();
            self.snapshot.take(kind, Arc::new(objects));
        }
        picture::draw(&self.snapshot, &self.carriers, now)
    }
}
