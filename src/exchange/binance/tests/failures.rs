//! What a failed request means.

use super::{asks, binance};
use crate::{
    exchange::{Ask, Exchange, Failure, FailureClass, Response},
    market::Timestamp,
};

fn fail(status: u16, headers: &[(&str, &str)], body: &str) -> Failure {
    let headers: Vec<(String, String)> = headers.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    binance().answer(&Ask::Time, &Response { status, headers: &headers, body: body.as_bytes() }).unwrap_err()
}

#[test]
fn each_status_and_code_has_its_class() {
    use FailureClass::{Banned, Clock, Forbidden, Key, NoSuchSymbol, NotNow, Refused, TooMany, Unknown};
    let ban = "Way too many requests; IP(1.2.3.4) banned until 1764060000000. Please use the websocket.";
    let until = Some(Timestamp(1_764_060_000_000));
    let cases = [
        (429, -1003, "Too many requests", TooMany { pause_ms: 60_000 }),
        (429, -1003, ban, Banned { until }),
        (418, -1003, ban, Banned { until }),
        (418, -1003, "Way too many requests; banned until tomorrow", Banned { until: None }),
        (418, -1003, "banned until 99999999999999999999", Banned { until: None }),
        (400, -1003, "Too many requests", TooMany { pause_ms: 60_000 }),
        (503, -1003, "Too many requests", TooMany { pause_ms: 60_000 }),
        (400, -1015, "Too many new orders", TooMany { pause_ms: 10_000 }),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", Clock),
        (400, -5028, "Timestamp for this request is outside of the ME recvWindow.", Clock),
        (400, -1121, "Invalid symbol.", NoSuchSymbol),
        (400, -1122, "Invalid symbol status.", NoSuchSymbol),
        (400, -4141, "Symbol is closed.", NoSuchSymbol),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", Key),
        (400, -1022, "Signature for this request is not valid.", Key),
        (400, -2014, "API-key format invalid.", Key),
        (403, 0, "Forbidden", Forbidden),
        (451, 0, "Service unavailable from a restricted location", Forbidden),
        (503, 0, "Unknown error, please check your request or try again later.", Unknown),
        (503, 0, "Service Unavailable.", NotNow),
        (503, -1001, "Internal error; unable to process your request. Please try again.", NotNow),
        (500, -1001, "Internal error; unable to process your request. Please try again.", Unknown),
        (503, -1008, "Server is currently overloaded with other requests.", NotNow),
        (200, -1016, "This service is no longer available.", NotNow),
        (500, -1000, "An unknown error occurred while processing the request.", Unknown),
        (400, -1006, "An unexpected response was received from the message bus.", Unknown),
        (408, -1007, "Timeout waiting for response from backend server.", Unknown),
        (502, 0, "Service Unavailable.", Unknown),
        (504, 0, "", Unknown),
        (503, -9999, "something new", Unknown),
        (200, -9999, "something new", Unknown),
        (400, -9999, "something new", Refused),
        (400, -1130, "Data sent for parameter 'limit' is not valid.", Refused),
        (404, 0, "", Refused),
    ];
    for (status, code, words, want) in cases {
        let body = format!(r#"{{"code":{code},"msg":"{words}"}}"#);
        let failure = fail(status, &[], &body);
        assert_eq!((failure.class, failure.code), (want, code), "{status} {body}");
        assert!(failure.text.starts_with(&format!("HTTP {status}, {code}")), "{}", failure.text);
    }
}

#[test]
fn what_is_no_json_says_only_what_its_status_says() {
    use FailureClass::{Banned, Forbidden, NotNow, Refused, TooMany, Unknown};
    let html = "<html>\r\n<head><title>503 Service Unavailable.</title></head>banned until 1764060000000</html>";
    let cut = r#"{"code":-1008,"msg":"Server is cur"#;
    let pause = TooMany { pause_ms: 60_000 };
    let cases =
        [(500, Unknown), (502, Unknown), (503, Unknown), (504, Unknown), (408, Unknown), (0, Unknown), (100, Unknown)];
    let more =
        [(200, Unknown), (302, Refused), (403, Forbidden), (404, Refused), (418, Banned { until: None }), (429, pause)];
    for (status, want) in cases.into_iter().chain(more) {
        for body in [html, cut, "", "null", "[]", "\u{0}\u{1b}[2J", "{\"code\":null}"] {
            let failure = fail(status, &[], body);
            assert_eq!((failure.class, failure.code), (want, i64::from(status)), "{status} {body}");
            assert!(!failure.text.contains(char::is_control) && failure.text.chars().count() <= 300);
        }
    }
    assert_eq!(fail(503, &[], r#"{"code":-1008}"#).class, NotNow);
    assert_eq!(fail(403, &[], html).text, format!("HTTP 403: {}", html.replace("\r\n", "  ")));
}

#[test]
fn a_pause_is_read_from_the_header() {
    let refused = r#"{"code":-1003,"msg":"Too many requests"}"#;
    let pause = |text: &str, status| match fail(status, &[("retry-after", text)], refused).class {
        FailureClass::TooMany { pause_ms } => pause_ms,
        other => panic!("{other:?}"),
    };
    for (text, want) in
        [("7", 7000), (" 90 ", 90_000), ("0", 1000), ("-5", 60_000), ("Wed, 21 Oct 2026 07:28:00 GMT", 60_000)]
    {
        assert_eq!(pause(text, 429), want, "{text}");
    }
    assert_eq!(pause("4294967295", 429), 3 * 86_400_000);
    assert_eq!(pause("300", 418), 300_000, "a ban that says how long and not until when");
}

#[test]
fn words_are_cut_between_characters() {
    let failure = fail(400, &[], &format!(r#"{{"code":-1,"msg":"{}"}}"#, "é\\n".repeat(1000)));
    assert_eq!(failure.text.chars().count(), 300);
    assert_eq!(fail(500, &[], &"é".repeat(5000)).text.chars().count(), 300);
    assert_eq!(fail(500, &[], "").text, "HTTP 500");
}

#[test]
fn an_answer_that_cannot_be_read_is_unknown() {
    for ask in asks() {
        for body in ["", "{", "nonsense", "5", "null", "{\"code\":200,\"msg\":\"success\"}", "[[", "[null]", "[5]"] {
            let failure = super::answer(&ask, body).map(|answer| panic!("{ask:?} {body}: {answer:?}")).unwrap_err();
            assert_eq!((failure.class, failure.code), (FailureClass::Unknown, 200), "{ask:?} {body}");
        }
    }
}

#[test]
fn the_used_weight_is_in_a_header() {
    let used = |name: &str, value: &str| {
        let headers = [(name.to_owned(), value.to_owned())];
        binance().used_weight(&Response { status: 200, headers: &headers, body: b"" })
    };
    assert_eq!(used("x-mbx-used-weight-1m", "1234"), Some(1234));
    assert_eq!(used("x-mbx-used-weight-1m", "-1"), None);
    assert_eq!(used("x-mbx-used-weight", "1234"), None);
}

#[test]
fn the_counts_of_orders_are_in_headers() {
    let counted = |name: &str, value: &str| {
        let headers = [(name.to_owned(), value.to_owned())];
        binance().used_orders(&Response { status: 200, headers: &headers, body: b"" })
    };
    assert_eq!(counted("x-mbx-order-count-10s", "7"), [Some(7), None]);
    assert_eq!(counted("x-mbx-order-count-1m", "31"), [None, Some(31)]);
    assert_eq!(counted("x-mbx-order-count-1m", "many"), [None; 2]);
}
