//! Real connections on 127.0.0.1, and a server that does to each what the test wants.

mod outside; // whatever bytes come
mod proxied; // a proxy in between
mod requests; // answers, and what is none
mod rig; // the server
mod secured; // TLS
mod signed; // requests of an account
mod streams; // sockets
