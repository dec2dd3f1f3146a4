//! The local stack: everything the functions need, in one process on loopback.

pub mod twilio;
