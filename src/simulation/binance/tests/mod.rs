//! The venue as its clients see it.

mod access; // keys, signatures, time, listen keys
mod agreement; // requests and streams tell the same
mod broker; // a client with an account
mod hostile; // whatever else may come in
mod mishaps; // faults of orders and accounts
mod money; // laws of the books
mod orders; // lives of orders
mod refusals; // why orders are refused
mod rig; // a venue with a clock and clients
mod rules; // wrong requests, limits, connections
mod sync; // the order book by the documented rules
mod trouble; // faults, and arbitrary input
