//! The practice cluster held against a real API server: the same requests, watches and applies, the same answers.

mod applies;
mod difference;
mod marks;
mod requests;
mod two;
mod watches;
