//! Integrations, settings and TwiML Apps in the stores: who may write over what, whose an account is, and what the logs say.

mod accounts;
mod applications;
mod checks;
mod own_number;
mod settings;
mod world;
mod writes;
