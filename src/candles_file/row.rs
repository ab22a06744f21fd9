//! One line of text to one candle.

use super::error::{RowFault, excerpt};
use super::number;
use crate::market::{Candle, Timestamp};
use std::io::BufRead;

/// The columns that a row begins with; Binance's rows have more, which are passed over.
const COLUMNS: [&str; 6] = ["open_time_ms", "open", "high", "low", "close", "volume"];

/// From here a time cannot be milliseconds (it would be the year 5138), so it is microseconds, as Binance's spot files have since 2025.
const MICROSECONDS: u64 = 100_000_000_000_000;

/// The candle of a row. Its numbers are not judged yet: `NaN` is a number to this function.
#[inline]
pub(super) fn parse(line: &[u8]) -> Result<Candle, RowFault> {
    let mut columns = Columns { rest: Some(line) };
    let open_time = columns.time()?;
    let open = columns.number("open")?;
    let high = columns.number("high")?;
    let low = columns.number("low")?;
    let close = columns.number("close")?;
    let volume = columns.number("volume")?;
    Ok(Candle { open_time, open, high, low, close, volume })
}

/// Reads the row at the beginning of `text` into `candle` and says how long it is with its line end, where it is as nearly all are: plain
/// numbers, and nothing but commas between them. `None` for the rest and where the text ends within the row; [`parse`] reads those.
#[inline]
pub(super) fn quick(text: &[u8], candle: &mut Candle) -> Option<usize> {
    let (mut end, value) = number::digits(text, 0);
    candle.open_time = milliseconds(end, value)?;
    let Candle { open, high, low, close, volume, .. } = candle;
    for number in [open, high, low, close, volume] {
        let rest = text.get(end..)?.strip_prefix(b",")?;
        let (value, length) = number::plain(rest)?;
        *number = value;
        end += 1 + length;
    }
    let length = match text.get(end..)? {
        [b'\n', ..] => end + 1,
        [b'\r', b'\n', ..] => end + 2,
        mut more @ [b',', ..] => end + more.skip_until(b'\n').ok()?,
        _ => return None,
    };
    (text[length - 1] == b'\n').then_some(length)
}

/// The time that so many digits of this value are, if it is one.
#[inline]
fn milliseconds(digits: usize, value: u64) -> Option<Timestamp> {
    let value = match value {
        _ if !(1..=18).contains(&digits) => return None,
        ..MICROSECONDS => value,
        _ if value.is_multiple_of(1_000) => value / 1_000,
        _ => return None,
    };
    i64::try_from(value).ok().filter(|_| value < MICROSECONDS).map(Timestamp)
}

/// Whether the first line of a file names columns instead of holding a row.
pub(super) fn is_header(line: &[u8]) -> bool {
    !line.first().is_some_and(|byte| byte.is_ascii_digit() || b"+-.".contains(byte))
}

/// Columns in another order would be read without a complaint, so the header must agree.
pub(super) fn check_header(line: &[u8]) -> Result<(), RowFault> {
    let mut names = line.split(|&byte| byte == b',').map(|name| name.trim_ascii().to_ascii_lowercase()).skip(1);
    let prices_agree = COLUMNS[1..5].iter().all(|column| names.next().is_some_and(|name| name == column.as_bytes()));
    let volume_agrees = names.next().is_some_and(|name| name.starts_with(b"vol"));
    if prices_agree && volume_agrees { Ok(()) } else { Err(RowFault::Header(excerpt(line))) }
}

/// What is left of a row; `None` behind its last column.
struct Columns<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn time(&mut self) -> Result<Timestamp, RowFault> {
        let text = self.rest.unwrap_or_default();
        let (count, value) = number::digits(text, 0);
        let whole = text.get(count).is_none_or(|&byte| byte == b',');
        match milliseconds(count, value).filter(|_| whole) {
            Some(time) => {
                self.pass(count);
                Ok(time)
            }
            None => Err(RowFault::Time(excerpt(self.field()))),
        }
    }

    #[inline]
    fn number(&mut self, column: &'static str) -> Result<f64, RowFault> {
        let Some(text) = self.rest else { return Err(RowFault::Missing(column)) };
        match number::quick(text) {
            Some((value, length)) => {
                self.pass(length);
                Ok(value)
            }
            None => self.unusual(column),
        }
    }

    /// A number that is not plain digits, or none.
    #[cold]
    fn unusual(&mut self, column: &'static str) -> Result<f64, RowFault> {
        let field = self.field();
        self.pass(field.len());
        number::careful(field).ok_or_else(|| RowFault::Number { column, got: excerpt(field) })
    }

    /// The text up to the next comma.
    fn field(&self) -> &'a [u8] {
        let text = self.rest.unwrap_or_default();
        let end = text.iter().position(|&byte| byte == b',').unwrap_or(text.len());
        &text[..end]
    }

    /// Goes behind the comma that follows `length` bytes.
    #[inline]
    fn pass(&mut self, length: usize) {
        self.rest = self.rest.and_then(|text| text.get(length + 1..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WANT: Candle =
        Candle { open_time: Timestamp(1_754_426_940_000), open: 10.5, high: 12.0, low: 9.0, close: 11.0, volume: 3.25 };

    #[test]
    fn the_two_kinds_of_rows_are_read() {
        for line in [
            "1754426940000,10.5,12,9,11,3.25",
            "1754426940000,10.50000000,12.0,9.0,11.00,3.25,1754426999999,35.1,7,1.5,16.2,0",
            "1754426940000000,10.5,12,9,11,3.25,1754426999999999,35.1,7,1.5,16.2,0",
            "1754426940000, 10.5 ,1.2e1,+9,11,3.25",
        ] {
            assert_eq!(parse(line.as_bytes()), Ok(WANT), "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_row_that_is_read_in_place_is_the_row_of_its_line(
            fields in prop::collection::vec("[0-9]{1,6}(\\.[0-9]{0,8})?|[0-9]{10,19}|[-+e. 0-9]{0,4}", 4..9),
            time in "[0-9]{1,13}|[0-9]{14,20}", ends in prop::sample::select(vec!["\n", "\r\n", "\r", " \n", ""])
        ) {
            let line = [&[time][..], &fields].concat().join(",");
            let text = format!("{line}{ends}1,2,3,4,5,6\n");
            let mut candle = Candle::default();
            if let Some(length) = quick(text.as_bytes(), &mut candle) {
                prop_assert_eq!(text.as_bytes()[..length].iter().filter(|&&byte| byte == b'\n').count(), 1);
                prop_assert_eq!(parse(text.as_bytes()[..length].trim_ascii()), Ok(candle));
            }
            let plain = "1754426940000,10.5,12,9,11,3.25".to_owned() + ends + "\n";
            prop_assert_eq!(quick(plain.as_bytes(), &mut candle).is_some(), ["\n", "\r\n", "\r", ""].contains(&ends));
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_column() {
        for (line, fault) in [
            ("1754426940000,10.5,12,9", "there is no column `close`; a row is open_time_ms,open,high,low,close,volume"),
            ("1754426940000,10.5,12,9,11", "there is no column `volume`"),
            ("1754426940000", "there is no column `open`"),
            ("1754426940000,10.5,,9,11,3", "high is ``, but must be a number"),
            ("1754426940000,10.5,12,9,11,", "volume is ``, but must be a number"),
            ("1754426940000,10.5,12,x\u{1b}[1m,11,3", "low is `x\\u{1b}[1m`, but must be a number"),
            ("2024-01-01 00:00,10.5,12,9,11,3", "open_time is `2024-01-01 00:00`, but must be whole milliseconds"),
            ("-1754426940000,10.5,12,9,11,3", "open_time is `-1754426940000`"),
            ("1754426940000.5,10.5,12,9,11,3", "open_time is `1754426940000.5`"),
            ("1754426940000001,10.5,12,9,11,3", "open_time is `1754426940000001`"),
            ("1754426940000000000,10.5,12,9,11,3", "open_time is `1754426940000000000`"),
            ("175442694000000000,10.5,12,9,11,3", "open_time is `175442694000000000`"),
        ] {
            let got = parse(line.as_bytes()).unwrap_err().to_string();
            assert!(got.starts_with(fault), "{line}: {got}");
        }
    }

    #[test]
    fn a_header_must_have_the_columns_in_their_order() {
        for line in [
            "open_time_ms,open,high,low,close,volume",
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
            "Date, Open, High, Low, Close, Volume BTC",
        ] {
            assert!(is_header(line.as_bytes()));
            assert_eq!(check_header(line.as_bytes()), Ok(()), "{line}");
        }
        for line in
            ["time,open,close,high,low,volume", "time,open,high,low,close", "hello", "{\"a\":1}", "\u{fffd}\0\0"]
        {
            assert!(is_header(line.as_bytes()));
            assert!(check_header(line.as_bytes()).is_err(), "{line}");
        }
    }
}
