//! Lists: pages of a snapshot, filtered by selectors. Pure.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Cluster;
use crate::rehearsal::{
    answer::{Answer, Failure, Listing},
    call::Call,
    kinds::Kind,
    select::Selector,
    store::Change,
    world::text_at,
};

impl Cluster {
    pub(super) fn list(&self, kind: &Kind, call: &Call) -> Result<Answer, Failure> {
        let selector = call.query.selector(kind)?;
        let after = match call.query.text("continue") {
            "" => None,
            token => Some(read_token(token)?),
        };
        let limit = call
            .query
            .number("limit")
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| *limit > 0)
            .unwrap_or(usize::MAX);
        let namespace = (!call.place.namespace.is_empty()).then_some(call.place.namespace.as_str());
        let mut rest = self
            .store
            .list(&kind.key, namespace)
            .filter(|object| after.as_ref().is_none_or(|after| place(object) > *after));
        let mut items = Vec::new();
        while items.len() < limit
            && let Some(object) = rest.next()
        {
            if selector.matches(object) {
                items.push(Arc::clone(object));
            }
        }
        // Whatever is left may be wanted too: a page ends where its limit is reached.
        let remaining = rest.count();
        let next = items
            .last()
            .filter(|_| remaining > 0)
            .map(|last| token(&place(last)));
        Ok(Answer::List(Listing {
            kind: format!("{}List", kind.kind),
            api_version: kind.api_version(),
            revision: self.store.revision(),
            items,
            next,
            remaining: selector.is_empty().then_some(remaining),
            custom: kind.custom.is_some(),
        }))
    }

    /// The objects of a kind that a selector wants; an empty namespace means all.
    pub fn select<'a>(
        &'a self,
        kind: &Kind,
        namespace: &str,
        selector: &'a Selector,
    ) -> impl Iterator<Item = &'a Arc<Value>> + use<'a> {
        let namespace = (!namespace.is_empty()).then_some(namespace);
        self.store
            .list(&kind.key, namespace)
            .filter(|object| selector.matches(object))
    }

    /// The changes of a kind after a revision, for a watch.
    ///
    /// # Errors
    /// 410 when the ring no longer reaches so far back.
    pub fn changes(
        &self,
        kind: &Kind,
        namespace: &str,
        after: u64,
    ) -> Result<Vec<Change>, Failure> {
        let changes = self
            .store
            .changes_after(after)
            .ok_or_else(|| Failure::too_old(after, self.store.revision()))?;
        Ok(changes
            .filter(|change| *change.kind == *kind.key)
            .filter(|change| {
                namespace.is_empty()
                    || text_at(&change.object, "/metadata/namespace") == Some(namespace)
            })
            .cloned()
            .collect())
    }
}

fn place(object: &Value) -> (String, String) {
    let text = |pointer| text_at(object, pointer).unwrap_or("").to_owned();
    (text("/metadata/namespace"), text("/metadata/name"))
}

fn token(place: &(String, String)) -> String {
    URL_SAFE_NO_PAD.encode(json!([place.0, place.1]).to_string())
}

fn read_token(token: &str) -> Result<(String, String), Failure> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| Failure::bad_request("invalid continue token: continue key is not valid"))
}
