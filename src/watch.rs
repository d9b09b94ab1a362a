//! What the cluster is like right now, for the health screen: rows that the screens draw.

pub mod view;
