//! The endpoint and real far ends (phones, a scripted carrier) on a virtual wire in virtual time.

mod calls;
mod challenges;
mod forks;
mod refers;
mod refusals;
mod registers;
mod storm;
mod world;
