//! Settings: TOML text to a typed value, and the errors that name file, line, column, key and remedy.
//! Owns [`Settings`], their defaults, and the shared way of reading a file that a person wrote ([`Problem`], tree, fields).
//! Leaves reading of the file and its search to `cli`, the meaning of each setting to the room it is for.

mod fields;
mod load;
mod problem;
mod settings;
mod tree;

pub use fields::{Fields, Item};
pub use load::{default_text, load};
pub use problem::{Place, Problem, Problems, did_you_mean, nearest, print};
pub use settings::{
    Http, Interface, Listen, Media, Paths, PortRange, Recording, RecordingFormat, Serve, Settings, Sip,
};
pub use tree::{Key, Node, Value, toml, yaml};
