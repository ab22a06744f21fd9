//! Whether each socket can be opened, and brings data: one that is open, subscribed and silent is the failure that nothing else shows.

use super::Checks;
use crate::{
    exchange::{Channel, Update},
    gateway::SocketId,
    market::SymbolId,
    run::{preflight::Finding, wire::Arrival},
};
use std::time::{Duration, Instant};

/// How long the first data is waited for.
const FIRST_DATA: Duration = Duration::from_secs(10);

impl Checks<'_> {
    pub(super) async fn streams(&mut self) {
        let ids: Vec<SymbolId> = (0..).map(SymbolId).take(self.config.symbols.len()).collect();
        let channels = self.asker.streams().1.channels(&ids);
        for (channel, id) in channels.iter().zip((0..).map(SocketId)) {
            let began = Instant::now();
            let found = self.stream(id, channel).await;
            self.asker.streams().0.disconnect(id);
            self.note(&format!("stream {}", channel.path), began, &found);
        }
    }

    /// Opens a socket, subscribes, and waits for the first thing that is said about a market.
    async fn stream(&mut self, id: SocketId, channel: &Channel) -> Finding {
        let address = format!("{}{}", self.config.exchange.streams(), channel.path);
        let (wire, codec) = self.asker.streams();
        let began = Instant::now();
        wire.connect(id, &channel.path);
        for frame in codec.subscription(channel, true, 1) {
            wire.send(id, frame);
        }
        let (mut until, mut opened) = (began + 2 * FIRST_DATA, None);
        let mut updates = Vec::new();
        loop {
            let Some(arrival) = self.stop.or_at_latest(until, wire.next()).await else { return Err(silent(&address)) };
            match arrival {
                Arrival::Opened(of) if of == id => {
                    opened = Some(began.elapsed());
                    until = Instant::now() + FIRST_DATA;
                }
                Arrival::Frame(of, frame) if of == id => {
                    updates.clear();
                    if let Err(garbled) = codec.decode(&frame, &mut updates) {
                        return Err(format!("{address} says what this version does not understand ({garbled})"));
                    }
                    if let Some(found) = updates.iter().find_map(verdict) {
                        let connected = opened.unwrap_or_default().as_millis();
                        let all = began.elapsed().as_millis();
                        return found.map(|()| format!("connected after {connected} ms, first data after {all} ms"));
                    }
                }
                Arrival::Closed(of, why) if of == id => {
                    return Err(format!(
                        "{address}: {why}; look at the firewall, at exchange.ws_url and exchange.proxy"
                    ));
                }
                Arrival::Opened(_)
                | Arrival::Frame(..)
                | Arrival::Closed(..)
                | Arrival::Response { .. }
                | Arrival::NoResponse { .. } => {}
            }
        }
    }
}

/// Data, or a refusal; `None` for what is neither.
fn verdict(update: &Update) -> Option<Result<(), String>> {
    match update {
        Update::Candle { .. } | Update::Quote(_) | Update::Trade { .. } | Update::Mark(_) => Some(Ok(())),
        Update::NotSubscribed { text, .. } => Some(Err(format!("the subscription was refused: {text}"))),
        Update::Closing => Some(Err("the exchange is about to close it; try again".to_owned())),
        Update::Subscribed { .. } | Update::Alive | Update::Unknown => None,
    }
}

fn silent(address: &str) -> String {
    format!(
        "{address} is connected and silent for {} s: the exchange may have moved this route (is there a newer version of this \
         program?), or something on the way, such as a proxy, holds the data back",
        FIRST_DATA.as_secs()
    )
}
