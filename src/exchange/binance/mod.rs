//! Binance USD-M futures: the public half of its dialect, as of 2026 (routed stream paths, weights in headers).
