//! An exchange that is a value: matching, funding and made-up prices, all pure.
