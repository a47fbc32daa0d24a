//! SIP. Owns messages, transactions, dialogs, digest, registrar and the endpoint that composes them for one tenant.
//! Leaves sockets to `drive`, sound to `media`, and what a call means to `call`.

pub mod auth;
pub mod credentials;
pub mod dialog;
pub mod endpoint;
pub mod front;
pub mod message;
pub mod phone;
pub mod registrar;
#[cfg(test)]
mod testing;
pub mod transaction;
pub mod words;

pub use endpoint::Endpoint;
