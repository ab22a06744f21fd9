//! Flags over environment over `bot.toml` over defaults.
