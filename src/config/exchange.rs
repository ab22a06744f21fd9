//! `[exchange]`: which exchange, and how it is reached.

use super::slot::{Named, Words};

/// Where prices come from, if not from files or made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Venue {
    /// No exchange.
    #[default]
    None,
    /// Binance USD-M futures.
    Binance,
}

/// Which of an exchange's networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// The real one.
    #[default]
    Mainnet,
    /// The exchange's own playground.
    Testnet,
    /// `bot exchange`, or another one on this machine.
    Local,
}

impl Words for Venue {
    const WORDS: &'static [(&'static str, Self)] = &[("none", Self::None), ("binance", Self::Binance)];
}

impl Words for Network {
    const WORDS: &'static [(&'static str, Self)] =
        &[("mainnet", Self::Mainnet), ("testnet", Self::Testnet), ("local", Self::Local)];
}

/// `[exchange]`. An empty text stands for what follows from the network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exchange {
    /// Which exchange.
    pub name: Venue,
    /// Which of its networks.
    pub network: Network,
    /// Where requests go.
    pub rest_url: String,
    /// Where streams are.
    pub ws_url: String,
    /// A PEM file of certificate authorities that are trusted besides those compiled in.
    pub ca_file: String,
    /// An HTTP proxy for requests and streams.
    pub proxy: String,
}

/// Where `bot exchange` listens unless it is told otherwise.
pub const LOCAL_ADDRESS: &str = "127.0.0.1:8787";

impl Exchange {
    /// Where requests go, without a slash at its end.
    #[must_use]
    pub fn rest(&self) -> String {
        let known = match self.network {
            Network::Mainnet => "https://fapi.binance.com".to_owned(),
            Network::Testnet => "https://demo-fapi.binance.com".to_owned(),
            Network::Local => format!("http://{LOCAL_ADDRESS}"),
        };
        chosen(&self.rest_url, known)
    }

    /// Where streams are, without a slash at its end.
    #[must_use]
    pub fn streams(&self) -> String {
        let known = match self.network {
            Network::Mainnet => "wss://fstream.binance.com".to_owned(),
            Network::Testnet => "wss://demo-fstream.binance.com".to_owned(),
            Network::Local => format!("ws://{LOCAL_ADDRESS}"),
        };
        chosen(&self.ws_url, known)
    }

    /// As the log calls it; `None` where there is no exchange.
    #[must_use]
    pub fn label(&self) -> Option<String> {
        let network = self.network.word();
        match self.name {
            Venue::None => None,
            Venue::Binance => Some(format!("Binance USD-M, {network}")),
        }
    }
}

fn chosen(own: &str, known: String) -> String {
    if own.is_empty() { known } else { own.trim_end_matches('/').to_owned() }
}
