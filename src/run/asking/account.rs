//! Wishes for an account, one at a time: for what looks into it or closes it, and is no session.
//!
//! What may have been done is not asked for a second time: an order whose answer does not come is looked for in the account.

use super::{AskError, Asker, Then, Trouble, Trying, address, confused};
use crate::{
    config::{Config, Exchange as Place, Network},
    exchange::{
        Failure, FailureClass, Response,
        binance::{Binance, RIGHTS_HOST, read_rights, rights_call},
        private::{Call, Keys, OrderView, Reply, Rights, Trading, Wish},
    },
    gateway::{Lane, RequestId},
    market::{PositionView, SymbolId},
    run::wire::{Arrival, Limits, Signer, Wire, WireError},
    stop::Stop,
};
use std::{sync::Arc, time::Duration};

/// A look at the exchange's clock is good for so long.
const CLOCK_FOR: Duration = Duration::from_secs(30);
/// That of a played exchange, which may go faster.
const CLOCK_OF_LOCAL: Duration = Duration::from_millis(20);

/// Who asks for an account.
pub struct Account {
    /// Who asks about the market.
    pub asker: Asker,
    dialect: Arc<Binance>,
    keys: Keys,
    clock_for: Duration,
}

/// How a call is sent.
struct Way<'a> {
    /// By another way than the asker's, to this host.
    other: Option<(&'a str, &'a mut Wire)>,
    lane: Lane,
    /// What may have been done is not asked for again.
    once: bool,
}

/// The parts of a response.
type Came = (u16, Vec<(String, String)>, Vec<u8>);

impl Account {
    /// Asks for the account of these keys what `asker` asks of the market. Nothing is sent yet.
    #[must_use]
    pub fn new(mut asker: Asker, config: &Config, keys: Keys) -> Self {
        let dialect = Arc::new(Binance::new(&config.symbols));
        asker.wire.sign_with(Signer::new(dialect.clone(), keys.clone()));
        let is_local = config.exchange.network == Network::Local;
        let clock_for = if is_local { CLOCK_OF_LOCAL } else { CLOCK_FOR };
        Self { asker, dialect, keys, clock_for }
    }

    /// Has a wish fulfilled.
    ///
    /// # Errors
    ///
    /// It was refused, given up, or the stop signal came. One that changes something and was given up may have been fulfilled.
    pub async fn wish(&mut self, wish: &Wish, lane: Lane, stop: &Stop) -> Result<Reply, AskError> {
        let dialect = Arc::clone(&self.dialect);
        let way = Way { other: None, lane, once: matches!(wish, Wish::Place(_)) };
        self.answered(way, &dialect.call(wish), stop, |response| dialect.reply(wish, response)).await
    }

    /// Positions of the configured symbols, and how many others there are.
    ///
    /// # Errors
    ///
    /// As [`Account::wish`].
    pub async fn positions(&mut self, stop: &Stop) -> Result<(Vec<PositionView>, usize), AskError> {
        match self.wish(&Wish::Positions, Lane::Data, stop).await? {
            Reply::Positions(positions, others) => Ok((positions, others)),
            _ => Err(confused()),
        }
    }

    /// Open orders of a symbol, stops and targets with them.
    ///
    /// # Errors
    ///
    /// As [`Account::wish`].
    pub async fn orders(&mut self, symbol: SymbolId, stop: &Stop) -> Result<Vec<OrderView>, AskError> {
        let mut orders = Vec::new();
        for wish in [Wish::Orders(symbol), Wish::Conditionals(symbol)] {
            match self.wish(&wish, Lane::Data, stop).await? {
                Reply::Orders(found) => orders.extend(found),
                _ => return Err(confused()),
            }
        }
        Ok(orders)
    }

    /// Path and query of the account's stream.
    #[must_use]
    pub fn user_stream(&self, listen_key: &str) -> String {
        self.dialect.user_stream(listen_key)
    }

    /// Cancels every order of a symbol, whoever placed it.
    ///
    /// # Errors
    ///
    /// As [`Account::wish`].
    pub async fn clear(&mut self, symbol: SymbolId, stop: &Stop) -> Result<(), AskError> {
        for call in self.dialect.clear(symbol) {
            let way = Way { other: None, lane: Lane::Protection, once: false };
            self.answered(way, &call, stop, Binance::cleared).await?;
        }
        Ok(())
    }

    /// What the key may do; `None` where the exchange does not say it.
    ///
    /// # Errors
    ///
    /// It can't be had.
    pub async fn rights(&mut self, place: &Place, stop: &Stop) -> Result<Option<Rights>, AskError> {
        let Some(host) = rights_host(place) else { return Ok(None) };
        let mut wire = self.wire_to(place, host).map_err(|error| AskError::GivenUp(error.to_string()))?;
        let way = Way { other: Some((host, &mut wire)), lane: Lane::Data, once: false };
        self.answered(way, &rights_call(), stop, read_rights).await.map(Some)
    }

    /// Asks until there is an answer, or no more hope of one.
    async fn answered<T>(
        &mut self,
        Way { mut other, lane, once }: Way<'_>,
        call: &Call,
        stop: &Stop,
        read: impl Fn(&Response<'_>) -> Result<T, Failure>,
    ) -> Result<T, AskError> {
        let whose = other.as_ref().map_or_else(String::new, |(host, _)| format!("{host}: "));
        let mut trying = Trying::new(self.asker.patience);
        loop {
            self.look_at_the_clock(stop).await?;
            let wire = other.as_mut().map(|(_, wire)| &mut **wire);
            let trouble = match self.call(wire, call, lane, stop).await? {
                Ok((status, headers, body)) => match read(&Response { status, headers: &headers, body: &body }) {
                    Ok(answer) => return Ok(answer),
                    Err(failure) if once && failure.class == FailureClass::Unknown => {
                        return Err(AskError::GivenUp(failure.text));
                    }
                    Err(failure) => self.failed(failure),
                },
                Err((why, sent)) if sent && once => return Err(AskError::GivenUp(format!("no answer: {why}"))),
                Err((why, _)) => Trouble { what: format!("{whose}no answer: {why}"), then: Then::Again },
            };
            trying.rest(trouble, &*self.asker.say, stop).await?;
        }
    }

    fn wire_to(&self, place: &Place, host: &str) -> Result<Wire, WireError> {
        let mut address = address(place);
        host.clone_into(&mut address.rest);
        let mut wire = Wire::new(&address, Limits::default())?;
        wire.sign_with(Signer::new(self.dialect.clone(), self.keys.clone()));
        Ok(wire)
    }

    fn failed(&mut self, failure: Failure) -> Trouble {
        if failure.class == FailureClass::Clock {
            self.asker.stamp = None; // it is asked again
        }
        self.asker.trouble(failure)
    }

    async fn look_at_the_clock(&mut self, stop: &Stop) -> Result<(), AskError> {
        if self.asker.stamp.is_none_or(|stamp| stamp.taken.elapsed() > self.clock_for) {
            self.asker.time(stop).await?;
        }
        Ok(())
    }

    /// One try, by another way than the asker's where one is given: what came, or why nothing did and whether it was sent.
    async fn call(
        &mut self,
        other: Option<&mut Wire>,
        call: &Call,
        lane: Lane,
        stop: &Stop,
    ) -> Result<Result<Came, (String, bool)>, AskError> {
        let id = RequestId(self.asker.asked);
        self.asker.asked += 1;
        let stamp = self.asker.stamp;
        let wire = other.unwrap_or(&mut self.asker.wire);
        wire.call(id, lane, call.clone(), stamp);
        loop {
            match stop.or(wire.next()).await.ok_or(AskError::Stopped)? {
                Arrival::Response { id: of, status, headers, body, .. } if of == id => {
                    return Ok(Ok((status, headers, body)));
                }
                Arrival::NoResponse { id: of, why, sent } if of == id => return Ok(Err((why, sent))),
                _ => {}
            }
        }
    }
}

/// Whether an exchange says what a key may do.
#[must_use]
pub fn says_rights(place: &Place) -> bool {
    rights_host(place).is_some()
}

/// Where keys' rights are said: only of the real market.
fn rights_host(place: &Place) -> Option<&str> {
    let is_own = !place.rest_url.is_empty();
    (place.network == Network::Mainnet).then_some(if is_own { place.rest_url.as_str() } else { RIGHTS_HOST })
}
