//! A site as a command works on it: its folder, its secrets, its plan, its cluster; shows nothing and decides nothing.

pub mod compare;
pub mod opened;
pub mod power;
pub mod practice;
pub mod restore;
pub mod standing;
pub mod upgrade;
pub mod workplace;
pub mod world;

pub use opened::Session;
pub use standing::Standing;
pub use workplace::{Mode, Workplace};
pub use world::{Reach, Tools, World};
