//! What a key may do. The exchange says it at another host than that of the futures, and its playground not at all.

use super::errors;
use crate::exchange::{
    Failure, Garbled, Response,
    binance::fields::{self, Scalar},
    private::{Call, Method, Rights},
};
use serde::Deserialize;
use std::marker::PhantomData;

/// Where keys' rights are said.
pub const RIGHTS_HOST: &str = "https://api.binance.com";

/// The request for them.
#[must_use]
pub fn rights_call() -> Call {
    let (path, query) = ("/sapi/v1/account/apiRestrictions", String::new());
    Call { method: Method::Get, path, query, signed: true, weight: 1, orders: 0 }
}

/// What the response says.
///
/// # Errors
///
/// A [`Failure`] for everything else than the answer.
pub fn read_rights(response: &Response<'_>) -> Result<Rights, Failure> {
    if !(200..300).contains(&response.status) {
        return Err(errors::failure(response));
    }
    rights(response.body).map_err(|garbled| errors::unreadable(response, &garbled))
}

fn rights(body: &[u8]) -> Result<Rights, Garbled> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Row<'a> {
        #[serde(borrow)]
        ip_restrict: Scalar<'a>,
        enable_withdrawals: Scalar<'a>,
        enable_futures: Scalar<'a>,
        enable_internal_transfer: Scalar<'a>,
        permits_universal_transfer: Scalar<'a>,
    }

    let row: Row<'_> = fields::read("rights of a key", body, PhantomData)?;
    let flag = |of: &Scalar<'_>, what| of.flag().ok_or_else(|| of.garbled(what));
    // what is not there is not allowed, but what a bot's safety hangs on must be said
    let other = |of: &Scalar<'_>| of.flag().unwrap_or(false);
    Ok(Rights {
        futures: flag(&row.enable_futures, "right to trade futures")?,
        withdraw: flag(&row.enable_withdrawals, "right to withdraw")?,
        transfer: other(&row.enable_internal_transfer) || other(&row.permits_universal_transfer),
        by_address: other(&row.ip_restrict),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::FailureClass;

    fn read(status: u16, body: &str) -> Result<Rights, FailureClass> {
        let response = Response { status, headers: &[], body: body.as_bytes() };
        read_rights(&response).map_err(|failure| failure.class)
    }

    #[test]
    fn rights_are_read_or_unknown() {
        let body = r#"{"ipRestrict":true,"createTime":1698645219000,"enableReading":true,"enableWithdrawals":false,"enableInternalTransfer":false,
            "enableMargin":false,"enableFutures":true,"permitsUniversalTransfer":false,"enableVanillaOptions":false}"#;
        let want = Rights { futures: true, withdraw: false, transfer: false, by_address: true };
        assert_eq!(read(200, body), Ok(want));
        let body = r#"{"enableWithdrawals":true,"enableFutures":false,"permitsUniversalTransfer":true}"#;
        assert_eq!(read(200, body), Ok(Rights { futures: false, withdraw: true, transfer: true, by_address: false }));
        for (status, body, want) in [
            (200, r#"{"enableFutures":true}"#, FailureClass::Unknown),
            (200, r#"{"enableFutures":true,"enableWithdrawals":"perhaps"}"#, FailureClass::Unknown),
            (200, "<html>", FailureClass::Unknown),
            (400, r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}"#, FailureClass::Key),
            (404, "no", FailureClass::Refused),
        ] {
            assert_eq!(read(status, body), Err(want), "{body}");
        }
    }
}
