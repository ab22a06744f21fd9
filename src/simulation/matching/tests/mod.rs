//! The assumptions in [`Matching`](super::Matching)'s doc, one test each, and the laws that hold whatever comes.

mod account;
mod funding;
mod laws;
mod limits;
mod liquidation;
mod orders;
mod parts;
mod prices;
mod refit;
mod rig;
