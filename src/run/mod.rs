//! The shell: start, one thread, health, log, signals, supervisor.
