//! The shell: start, one thread, health, log, signals, supervisor.

mod asking; // one question at a time to an exchange
mod backoff; // the pause before another try
mod backtest; // bot backtest: recorded candles as fast as they come
mod backup; // bot backup: a copy while the bot runs
mod breakers; // limits and circuit breakers in words
pub mod clocks; // wall, monotonic and boot clock compared: jumps, suspends, stalls
mod doctor; // bot doctor: the way to an exchange and what it offers
mod download; // bot download: candles and funding rates into files
mod earnings; // what trades have earned together
mod end; // the exit summary and the exit code
mod exchange_server; // bot exchange: an exchange in the box
#[cfg(test)]
mod exits_tests; // every way out of a position, with its words
mod explain; // bot explain: why it did or did not trade
mod flatten; // bot flatten: out of the market
mod halted; // what keeps a run from opening positions
pub mod health; // the monitor: is the bot well, and if not, why
mod http_server; // requests in, responses out
mod indicators; // bot indicators: values as CSV
mod journaling; // what the trader is told and does, in blocks
mod keeping; // what must be durable, and what became of it
mod keys; // what opens an account at an exchange
pub mod launch; // from the command line to an exit code
mod layout; // columns, and lines that fit a terminal
pub mod log; // lines that are written at once or counted as lost, and never waited for
mod looking; // what the subcommands share that look into a data directory
mod loop_lines; // what the loop prints every 30 seconds
mod opening; // the data directory of a run, and what it has to say
mod pace; // market time and process time
mod preflight; // the checks of --dry-run
mod prepare; // from a configuration to all that a run needs
mod prices; // what the loop trades on
pub mod process; // what /proc says about this process
pub mod progress; // the loop's turns, told to whoever watches from outside
mod progress_bar; // how far a subcommand is
mod realtime; // the trading loop
pub mod replay; // bot replay: a journal, run again and compared
mod results; // what a run leaves in --out
#[cfg(test)]
pub(crate) mod rig; // a small market for the tests
mod rights; // what a live run may do at most, and its key
pub mod session; // what the loop hears from an exchange
pub mod signals; // Ctrl-C, SIGTERM, SIGHUP; exit codes
mod signs; // the loop's signs of life
mod source; // where candles come from
mod status; // bot status: how the bot is
mod subcommands; // init and generate
pub mod supervisor; // the parent process that starts the bot again
mod systemd; // the service manager's socket
pub mod tasks; // named tasks whose end is always heard
mod text; // the engine's notes as a person reads them
mod trades; // bot trades: a table, CSV or JSON
mod trades_csv; // one row a closed quantity
pub mod wire; // sockets and requests, carried out and told
