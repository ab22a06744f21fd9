//! The hosts that connections go to, for a check of the network.

use super::Wire;
use std::net::IpAddr;

impl Wire {
    /// Each host that is connected to, that of the requests first, with its addresses, or why it has none. Behind a proxy that is the proxy alone.
    pub async fn look_up(&self) -> Vec<(String, Result<Vec<IpAddr>, String>)> {
        let places = &self.line.places;
        let mut hosts = match &places.proxy {
            Some(proxy) => vec![proxy.host.clone()],
            None => vec![places.rest.host.clone(), places.streams.host.clone()],
        };
        hosts.dedup();
        let mut found = Vec::new();
        for host in hosts {
            let addresses = self.names.find(&host).await;
            found.push((host, addresses));
        }
        found
    }
}
