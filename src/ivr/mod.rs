//! Flows: what a caller hears and may press before somebody talks to him.
//! Owns the language of `dialplans/` ([`load`], [`Flow`]) and the machine that runs it for one contact ([`Run`]).
//! Leaves sound to `media`, waiting and offers to `acd`, legs and dialling to `call`; `tenant` introduces them.
//! Start reading at `run::Run::handle`. Absent on purpose: any loop but the one the admin draws with exits.

mod expression;
mod load;
mod model;
mod run;
pub mod script;
pub mod words;

pub use load::{Known, load};
pub use model::{Flow, NEXT, Target};
pub use run::{CUSTOMER_LEFT, Run, TAKEN};

/// The loaded flows of a tenant, by key.
pub type Flows = indexmap::IndexMap<String, std::sync::Arc<Flow>>;
