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
    /// What could not be looked at.
    pub(super) unseen: Vec<DriftedResource>,
}

impl Look {
    /// Takes an error of Twilio's: it may pass, or it is there tomorrow too, and the health check tells what to do about it.
    fn fail(&mut self, what: &'static str, error: &TwilioError) {
        self.is_whole &= !passes(error);
        warn!(what, %error, "what a tenant has at Twilio could not be looked at");
    }

    /// Takes that something could not be looked at.
    fn miss(&mut self, resource: DriftedResource, what: &'static str, error: &TwilioError) {
        self.fail(what, error);
        self.leave(resource);
    }

    /// Takes that something was not looked at.
    fn leave(&mut self, resource: DriftedResource) {
        if !self.unseen.contains(&resource) {
            self.unseen.push(resource);
        }
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
    /// Looks at the TwiML App and the numbers of a tenant, and mends what drifted unless the tenant wants to be told only. Once Twilio
    /// asks for patience or does not answer, it is left in peace: the rest is looked at again with what failed.
    pub(super) async fn resources(
        &self,
        scope: &TenantScope,
        connections: &TenantConnections,
        client: &TwilioClient<'_>,
    ) -> Result<Look, IntegrationError> {
        let mut look = Look {
            found: Vec::new(),
            is_whole: true,
            unseen: Vec::new(),
        };
        self.application(scope, connections, client, &mut look)
            .await?;
        if !look.is_whole {
            look.leave(DriftedResource::PhoneNumber);
            return Ok(look);
        }
        match self.numbers.drifted(scope, client).await {
            Ok(looked) => {
                if let Some(gap) = looked.gap {
                    let resource = DriftedResource::PhoneNumber;
                    look.miss(resource, "the messaging services", &gap);
                }
                for drifted in looked.drifted {
                    let number = self
                        .number(scope, connections, client, drifted, &mut look)
                        .await?;
                    look.find(number);
                }
            }
            Err(NumberError::Twilio(error)) => {
                look.miss(DriftedResource::PhoneNumber, "the phone numbers", &error);
            }
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
            Drift::Overruled => (DriftProblem::Overruled, Vec::new()),
        };
        let mut finding = DriftFinding {
            resource: DriftedResource::PhoneNumber,
            sid: sid.to_string(),
            problem,
            fields: fields.into_iter().map(ToOwned::to_owned).collect(),
            outcome: DriftOutcome::Reported,
        };
        if !connections.is_repaired() || problem == DriftProblem::Overruled {
            return Ok(finding);
        }
        if problem == DriftProblem::Missing {
            // It is nobody's to connect again, and told this once: whoever has it now may be called.
            self.numbers.items().forget(scope, &sid).await?;
            return Ok(finding);
        }
        if !look.is_whole {
            finding.outcome = DriftOutcome::Failed;
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
