//! Wishes for an account, one at a time: for what looks into it or closes it, and is no session.
//!
//! What may have been done is not asked for a second time: an order whose answer does not come is looked for in the account.

use super::{AskError, Asker, Then, Trouble, Trying, address};
use crate::{
    config::{Config, Exchange as Place, Network},
    exchange::{
        Failure, FailureClass, Response,
        binance::{Binance, RIGHTS_HOST, read_rights, rights_call},
        private::{Call, Keys, Reply, Rights, Trading, Wish},
    },
    gateway::{Lane, RequestId},
    market::SymbolId,
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
        let (call, is_once) = (self.dialect.call(wish), matches!(wish, Wish::Place(_)));
        let mut trying = Trying::new(self.asker.patience);
        loop {
            self.look_at_the_clock(stop).await?;
            let trouble = match self.call(None, &call, lane, stop).await? {
                Ok((status, headers, body)) => {
                    match self.dialect.reply(wish, &Response { status, headers: &headers, body: &body }) {
                        Ok(reply) => return Ok(reply),
                        Err(failure) if is_once && failure.class == FailureClass::Unknown => {
                            return Err(AskError::GivenUp(failure.text));
                        }
                        Err(failure) => self.failed(failure),
                    }
                }
                Err((why, sent)) if sent && is_once => return Err(AskError::GivenUp(format!("no answer: {why}"))),
                Err((why, _)) => Trouble { what: format!("no answer: {why}"), then: Then::Again },
            };
            trying.rest(trouble, &*self.asker.say, stop).await?;
        }
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
            let mut trying = Trying::new(self.asker.patience);
            loop {
                self.look_at_the_clock(stop).await?;
                let trouble = match self.call(None, &call, Lane::Protection, stop).await? {
                    Ok((status, headers, body)) => {
                        match Binance::cleared(&Response { status, headers: &headers, body: &body }) {
                            Ok(()) => break,
                            Err(failure) => self.failed(failure),
                        }
                    }
                    Err((why, _)) => Trouble { what: format!("no answer: {why}"), then: Then::Again },
                };
                trying.rest(trouble, &*self.asker.say, stop).await?;
            }
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
        let wire = self.wire_to(place, host).map_err(|error| AskError::GivenUp(error.to_string()))?;
        let mut wire = Some(wire);
        let mut trying = Trying::new(self.asker.patience);
        loop {
            self.look_at_the_clock(stop).await?;
            let trouble = match self.call(wire.as_mut(), &rights_call(), Lane::Data, stop).await? {
                Ok((status, headers, body)) => {
                    match read_rights(&Response { status, headers: &headers, body: &body }) {
                        Ok(rights) => return Ok(Some(rights)),
                        Err(failure) => self.failed(failure),
                    }
                }
                Err((why, _)) => Trouble { what: format!("{host}: no answer: {why}"), then: Then::Again },
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

/// Where keys' rights are said: only of the real market.
fn rights_host(place: &Place) -> Option<&str> {
    let is_own = !place.rest_url.is_empty();
    (place.network == Network::Mainnet).then_some(if is_own { place.rest_url.as_str() } else { RIGHTS_HOST })
}
