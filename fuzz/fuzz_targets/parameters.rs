//! Any bytes are parsed or refused, and what was parsed is written and read back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::twilio::{InvalidParameters, Parameters};

fuzz_target!(|body: &[u8]| match Parameters::parse(body) {
    Ok(parameters) => {
        assert!(parameters.len() <= Parameters::MAXIMUM_PAIRS);
        let form = parameters.to_form();
        assert_eq!(Parameters::parse(form.as_bytes()).as_ref(), Ok(&parameters));
    }
    Err(InvalidParameters::Escape { at } | InvalidParameters::Encoding { at }) => {
        assert!(at < body.len());
    }
    Err(InvalidParameters::TooMany) => {
        assert!(body.split(|byte| *byte == b'&').count() > Parameters::MAXIMUM_PAIRS);
    }
});
