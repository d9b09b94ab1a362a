//! The files of `assets/catalog` and `templates`, as they were when the program was built. Pure.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
