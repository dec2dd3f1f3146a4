//! What decides where an account's numbers lead: the numbers, its messaging services, and the Apps that numbers name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::sid::{ApplicationSid, PhoneNumberSid};
use crate::twilio::rest::{
    Application, ErrorKind, IncomingPhoneNumber, MessagingService, TwilioClient, TwilioError,
};

/// How many calls to Twilio are under way at once. Twilio limits an account's concurrent calls, which its senders need.
const CONCURRENCY: usize = 4;

/// The most messaging services and Apps that are looked into; an account rarely has ten.
const MOST_LOOKED_INTO: usize = 100;

/// What was learnt of the account, as far as Twilio answered.
pub(super) struct Account {
    pub(super) numbers: Vec<IncomingPhoneNumber>,
    pub(super) services: Vec<MessagingService>,
    /// The place in `services` of the service that a number is in.
    pub(super) memberships: HashMap<PhoneNumberSid, usize>,
    /// The Apps that numbers name; `None` for one that does not exist.
    pub(super) applications: BTreeMap<ApplicationSid, Option<Application>>,
    /// Why something is missing above.
    pub(super) gap: Option<TwilioError>,
}

/// Reads the numbers, and what decides about them.
pub(super) async fn learn(client: &TwilioClient<'_>) -> Result<Account, TwilioError> {
    let (numbers, services) =
        tokio::join!(client.incoming_phone_numbers(), client.messaging_services());
    Ok(learn_of(client, numbers?, services).await)
}

/// Reads what decides about some of the numbers.
pub(super) async fn learn_about(
    client: &TwilioClient<'_>,
    numbers: Vec<IncomingPhoneNumber>,
) -> Account {
    let services = client.messaging_services().await;
    learn_of(client, numbers, services).await
}

async fn learn_of(
    client: &TwilioClient<'_>,
    numbers: Vec<IncomingPhoneNumber>,
    services: Result<Vec<MessagingService>, TwilioError>,
) -> Account {
    let mut account = Account {
        numbers,
        services: Vec::new(),
        memberships: HashMap::new(),
        applications: BTreeMap::new(),
        gap: None,
    };
    match services {
        Ok(services) => account.services = services,
        Err(error) => account.gap = Some(error),
    }
    if account.services.len() > MOST_LOOKED_INTO {
        account.services.truncate(MOST_LOOKED_INTO);
        account.gap = Some(TwilioError::TooManyPages);
    }
    account.learn_members(client).await;
    account.learn_applications(client).await;
    account
}

impl Account {
    async fn learn_members(&mut self, client: &TwilioClient<'_>) {
        let mut place = 0;
        for services in self.services.chunks(CONCURRENCY) {
            let asked = services
                .iter()
                .map(|service| client.messaging_service_numbers(&service.sid));
            for members in all(asked).await {
                match members {
                    Ok(members) => {
                        let members = members.into_iter().map(|member| (member.sid, place));
                        self.memberships.extend(members);
                    }
                    Err(error) => self.gap = Some(error),
                }
                place += 1;
            }
        }
    }

    async fn learn_applications(&mut self, client: &TwilioClient<'_>) {
        let named: BTreeSet<ApplicationSid> = self
            .numbers
            .iter()
            .flat_map(|number| [&number.voice_application_sid, &number.sms_application_sid])
            .flatten()
            .cloned()
            .collect();
        if named.len() > MOST_LOOKED_INTO {
            self.gap = Some(TwilioError::TooManyPages);
        }
        let named: Vec<ApplicationSid> = named.into_iter().take(MOST_LOOKED_INTO).collect();
        for sids in named.chunks(CONCURRENCY) {
            let found = all(sids.iter().map(|sid| client.application(sid))).await;
            for (sid, application) in sids.iter().zip(found) {
                match application {
                    Ok(application) => {
                        self.applications.insert(sid.clone(), Some(application));
                    }
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        self.applications.insert(sid.clone(), None);
                    }
                    Err(error) => self.gap = Some(error),
                }
            }
        }
    }
}

/// Awaits a few futures at once, and returns what came of them in their order.
async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures
        .into_iter()
        .map(|future| (Box::pin(future), None))
        .collect();
    std::future::poll_fn(|context| {
        let mut is_done = true;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => is_done = false,
                }
            }
        }
        match is_done {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}
