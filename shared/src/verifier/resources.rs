//! What a tenant has at Twilio: its numbers, and its TwiML App by way of [`application`].

mod application;

use tracing::{info, warn};

use super::Verifier;
use super::tenant::ACTOR;
use crate::drift::{DriftFinding, DriftOutcome, DriftProblem, DriftedResource};
use crate::integrations::IntegrationError;
use crate::phone_numbers::{Drift, Drifted, NumberError};
use crate::store::{TenantConnections, WriteError};
use crate::tenant::TenantScope;
use crate::twilio::rest::ErrorKind;
use crate::twilio::{TwilioClient, TwilioError};

/// What was found, and whether all of it could be looked at and mended. What could not is looked at again soon.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) found: Vec<DriftFinding>,
    pub(super) is_whole: bool,
}

impl Look {
    /// Takes an error of Twilio's: it may pass, or it is there tomorrow too, and the health check tells what to do about it.
    fn fail(&mut self, what: &'static str, error: &TwilioError) {
        self.is_whole &= !passes(error);
        warn!(what, %error, "what a tenant has at Twilio could not be looked at");
    }

    /// Takes something that drifted.
    fn find(&mut self, finding: DriftFinding) {
        let DriftFinding {
            resource,
            sid,
            problem,
            fields,
            outcome,
        } = &finding;
        let fields = fields.join(", ");
        info!(%resource, sid, %problem, fields, %outcome, "a Twilio resource drifted");
        self.found.push(finding);
    }
}

/// Whether an error says nothing that lasts.
fn passes(error: &TwilioError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::RateLimited { .. } | ErrorKind::Unavailable
    )
}

impl Verifier {
    /// Looks at the TwiML App and the numbers of a tenant, and mends what drifted unless the tenant wants to be told only.
    pub(super) async fn resources(
        &self,
        scope: &TenantScope,
        connections: &TenantConnections,
        client: &TwilioClient<'_>,
    ) -> Result<Look, IntegrationError> {
        let mut look = Look {
            found: Vec::new(),
            is_whole: true,
        };
        self.application(scope, connections, client, &mut look)
            .await?;
        match self.numbers.drifted(scope, client).await {
            Ok(drifted) => {
                for drifted in drifted {
                    let number = self
                        .number(scope, connections, client, drifted, &mut look)
                        .await?;
                    look.find(number);
                }
            }
            Err(NumberError::Twilio(error)) => look.fail("the phone numbers", &error),
            Err(NumberError::Write(error)) => return Err(error.into()),
            // Only a single number is ever unknown.
            Err(NumberError::Unknown) => {}
        }
        Ok(look)
    }

    /// Connects a number that drifted again.
    async fn number(
        &self,
        scope: &TenantScope,
        connections: &TenantConnections,
        client: &TwilioClient<'_>,
        drifted: Drifted,
        look: &mut Look,
    ) -> Result<DriftFinding, IntegrationError> {
        let sid = drifted.number.state.sid;
        let (problem, fields) = match drifted.how {
            Drift::Gone => (DriftProblem::Missing, Vec::new()),
            Drift::Settings(fields) => (DriftProblem::Changed, fields),
        };
        let mut finding = DriftFinding {
            resource: DriftedResource::PhoneNumber,
            sid: sid.to_string(),
            problem,
            fields: fields.into_iter().map(ToOwned::to_owned).collect(),
            outcome: DriftOutcome::Reported,
        };
        if problem == DriftProblem::Missing || !connections.is_repaired() {
            return Ok(finding);
        }
        let settings = &connections.settings;
        let connected = self
            .numbers
            .connect(scope, client, settings, &sid, &ACTOR)
            .await;
        finding.outcome = match connected {
            Ok(_) => DriftOutcome::Repaired,
            Err(NumberError::Write(WriteError::Conflict(conflict))) => {
                warn!(%sid, %conflict, "a phone number is not connected again");
                DriftOutcome::Failed
            }
            Err(NumberError::Twilio(error)) => {
                look.fail("a phone number", &error);
                DriftOutcome::Failed
            }
            // It went away between two looks.
            Err(NumberError::Unknown) => DriftOutcome::Reported,
            Err(NumberError::Write(error)) => return Err(error.into()),
        };
        Ok(finding)
    }
}
