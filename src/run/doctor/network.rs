//! Names, connection, clock, limits.

use super::{Checks, confused, unanswered};
use crate::{
    config::Network,
    exchange::{Answer, Ask},
    run::{
        asking::{self, AskError},
        clocks::wall_ms,
        text::market_time,
    },
};
use std::time::Instant;

/// The clock is asked so often; the quickest answer counts.
const CLOCK_ASKS: usize = 3;
/// A clock that is farther off is wrong, in ms.
const CLOCK_MS: i64 = 1000;

impl Checks<'_> {
    pub(super) async fn names(&mut self) {
        let began = Instant::now();
        let found = self.asker.streams().0.look_up().await;
        for (host, addresses) in found {
            let found = match addresses {
                Ok(addresses) => {
                    let first = addresses.first().map(ToString::to_string).unwrap_or_default();
                    let more = addresses.len().saturating_sub(1);
                    Ok(format!(
                        "{host} is {first}{}",
                        if more > 0 { format!(" and {more} more") } else { String::new() }
                    ))
                }
                Err(why) => {
                    Err(format!("{host}: {why}; is the network up, and is there a resolver in /etc/resolv.conf?"))
                }
            };
            self.note("name", began, &found);
        }
    }

    /// The first request sets the connection up. Whether it is answered.
    pub(super) async fn connection(&mut self) -> bool {
        let (began, rest) = (Instant::now(), self.config.exchange.rest());
        let found = match self.asker.time(&self.stop).await {
            Ok(_) => {
                self.look_at_the_clock();
                let (answer, all) = (self.asker.took(), began.elapsed());
                let setting_up = all.saturating_sub(answer).as_millis();
                Ok(format!("{rest} answers in {} ms; {setting_up} ms to connect", answer.as_millis()))
            }
            Err(error @ AskError::Refused(_)) => Err(format!("{rest}: {}", unanswered(error))),
            Err(error) => Err(format!(
                "{rest}: {error}; look at the firewall, at exchange.rest_url and exchange.proxy, and for a certificate that \
                 is not known at exchange.ca_file"
            )),
        };
        self.note("requests", began, &found)
    }

    /// Ours beside the exchange's, which is what trading goes by.
    pub(super) async fn clock(&mut self) {
        let began = Instant::now();
        for _ in 1..CLOCK_ASKS {
            if self.asker.time(&self.stop).await.is_ok() {
                self.look_at_the_clock();
            }
        }
        let found = match self.clock {
            None => return,
            Some(_) if self.config.exchange.network == Network::Local => {
                Ok(format!("the exchange's own, at {}", market_time(self.asker.now())))
            }
            Some((took, ahead_ms)) => {
                let way = if ahead_ms < 0 { "behind" } else { "ahead of" };
                let off = format!("ours is {} ms {way} the exchange's", ahead_ms.abs());
                match ahead_ms.abs() {
                    ..=CLOCK_MS => Ok(format!("{off}, give or take {}", took.as_millis().div_ceil(2))),
                    _ => Err(format!(
                        "{off}. Trading goes by the exchange's, but times in the log will be wrong: sudo timedatectl set-ntp true"
                    )),
                }
            }
        };
        self.note("clock", began, &found);
    }

    /// After an answer about the time: how far ours is ahead of the exchange's, from the quickest answer so far.
    fn look_at_the_clock(&mut self) {
        let (took, ahead_ms) = (self.asker.took(), wall_ms().saturating_sub(self.asker.now().0));
        self.clock = self.clock.filter(|(quickest, _)| *quickest <= took).or(Some((took, ahead_ms)));
    }

    pub(super) async fn listed(&mut self) {
        let began = Instant::now();
        let found = match self.asker.ask(&Ask::Listing, &self.stop).await {
            Ok(Answer::Listing(listing)) => {
                let listed = listing.listed;
                self.listing = Some(listing);
                match self.asker.weight() {
                    (Some(used), limit) if asking::over_ceiling(used, 0, limit) => Err(format!(
                        "{used} of {limit} of this minute's request weight is used up already; is another program on this \
                         address using them up?"
                    )),
                    (Some(used), limit) => {
                        Ok(format!("{used} of {limit} request weight used in this minute; {listed} markets listed"))
                    }
                    (None, limit) => Ok(format!("{limit} request weight a minute; {listed} markets listed")),
                }
            }
            Ok(_) => Err(confused()),
            Err(error) => Err(format!("{}; is another program on this address using them up?", unanswered(error))),
        };
        self.note("limits", began, &found);
    }
}
