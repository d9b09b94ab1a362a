//! What a site builds itself must have a place to be kept in, and something to be built from. Pure.

use super::super::{
    draft::{FieldProblem, SiteDraft},
    types::Plug,
};
use super::{clash, label};

/// The plug that speaks with Odoo.
const ODOO_PLUG: &str = "care_odoo";

pub(super) fn problems(draft: &SiteDraft, found: &mut Vec<FieldProblem>) {
    let on = |id: &str| draft.value(id).eq_ignore_ascii_case("on");
    let asks = |id: &str| !draft.list(id).is_empty();
    let odoo = on("components.odoo");
    let wanted = [
        "care.backend_source",
        "care.frontend_source",
        "components.odoo_addons",
    ];
    for id in wanted {
        let counts = id != "components.odoo_addons" || odoo;
        if counts && asks(id) && !on("components.registry") {
            found.push(clash(
                id,
                format!("{} (`{id}`) has nowhere to keep what it makes.", label(id)),
                "`components.registry` is off, and an image that is built here is kept in the site's own registry".into(),
                "Set `components.registry` to on, or leave this empty and name a finished image.",
            ));
        }
    }
    if !asks("care.plugs") {
        return;
    }
    if !asks("care.backend_source") {
        found.push(clash(
            "care.plugs",
            "Plugs (`care.plugs`) are given, and Care's server is not built here.".into(),
            "a plug has to be in the image, and a finished image is taken as it is".into(),
            "Give `care.backend_source`, or leave the plugs empty and name an image that has them.",
        ));
    }
    let plugs: Vec<Plug> = draft.read("care.plugs").unwrap_or_default();
    if !odoo && plugs.iter().any(|plug| plug.name.as_str() == ODOO_PLUG) {
        found.push(clash(
            "care.plugs",
            "The plug `care_odoo` has no Odoo to speak with.".into(),
            "`components.odoo` is off, and Care does not start with this plug and without an Odoo"
                .into(),
            "Set `components.odoo` to on, or take the plug out of the list.",
        ));
    }
}
