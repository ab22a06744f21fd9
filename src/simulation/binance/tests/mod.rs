//! The venue as its clients see it.

mod access; // who may ask and listen
mod agreement; // requests and streams tell the same
mod rig; // a venue with a clock and clients
mod rules; // wrong requests, limits, connections
mod sync; // the order book by the documented rules
mod trouble; // faults, and arbitrary input
