//! All orders of a symbol cancelled, whoever placed them: what a session never asks for.

use super::errors;
use crate::{
    exchange::{
        Failure, Response,
        binance::Binance,
        private::{Call, Method},
    },
    market::SymbolId,
};

impl Binance {
    /// The requests that cancel every order of a symbol, stops and targets with them.
    #[must_use]
    pub fn clear(&self, symbol: SymbolId) -> [Call; 2] {
        ["/fapi/v1/allOpenOrders", "/fapi/v1/algoOpenOrders"].map(|path| {
            let query = format!("symbol={}", self.name(symbol));
            Call { method: Method::Delete, path, query, signed: true, weight: 1, orders: 0 }
        })
    }

    /// Whether that was done.
    ///
    /// # Errors
    ///
    /// A [`Failure`] where it was not, or nobody knows.
    pub fn cleared(response: &Response<'_>) -> Result<(), Failure> {
        let is_done = (200..300).contains(&response.status);
        if is_done { Ok(()) } else { Err(errors::failure(response)) }
    }
}
