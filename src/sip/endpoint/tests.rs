//! Calls over a virtual wire.
