//! The wallet of Sapwood: keys, where they are kept, and the commands that use them.

mod age;
pub mod command;
pub mod keys;
pub mod keystore;
