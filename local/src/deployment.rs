//! The functions of a template: their URLs, their environments, their processes.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::clock::Clock;

use crate::front::{FunctionUrl, HttpApiFront, Served};
use crate::iam::{Access, Caller, Credentials};
use crate::lambda::{Function, FunctionSpec, Platform};
use crate::logs::Logs;
use crate::loopback::{ListenError, Serving};
use crate::template::{self, Attributes, Fault, Template};

/// Which ports a stack takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Any free ones: for stacks side by side, as in tests.
    Free,
    /// This one and those after it, the same each time: for people and for what they have configured.
    From(u16),
}

impl Ports {
    /// The port at a fixed distance from the first; 0, which takes any free one, if there is no first.
    #[must_use]
    pub fn at(self, offset: u16) -> u16 {
        match self {
            Self::Free => 0,
            Self::From(first) => first.saturating_add(offset),
        }
    }
}

/// The port of the HTTP API, counted from the stack's first.
const API_PORT: u16 = 10;

/// Variables of single functions, by binary, that replace the template's: for tests.
pub type Overrides = BTreeMap<String, BTreeMap<String, String>>;

/// The function URLs and the HTTP API of a template, their ports taken: known before anything runs, so that any
/// environment may name them.
#[derive(Debug)]
pub struct Urls {
    functions: BTreeMap<String, FunctionUrl>,
    api: Option<(String, HttpApiFront)>,
}

impl Urls {
    /// Takes a port for each function with a URL, in the template's order from the second of `ports` on, and the
    /// eleventh for the HTTP API. `tunnels` are the Hosts answered besides loopback's.
    pub async fn bind(
        template: &Template,
        ports: Ports,
        tunnels: &[String],
    ) -> Result<Self, ListenError> {
        let mut functions = BTreeMap::new();
        let with_url = template
            .functions()
            .filter(|(_, function)| function.url.is_some());
        for (offset, (logical_id, function)) in (1..).zip(with_url) {
            let url = FunctionUrl::bind(&function.binary, ports.at(offset), tunnels).await?;
            functions.insert(logical_id.to_owned(), url);
        }
        let api = match template.http_api() {
            Some((logical_id, api)) => {
                let front = HttpApiFront::bind(api, ports.at(API_PORT), tunnels).await?;
                Some((logical_id.to_owned(), front))
            }
            None => None,
        };
        Ok(Self { functions, api })
    }

    /// What `!GetAtt SmsWebhookFunctionUrl.FunctionUrl`, `!GetAtt ClientApi.ApiEndpoint` and the like give.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        for (logical_id, url) in &self.functions {
            attributes.set(format!("{logical_id}Url"), "FunctionUrl", url.url());
        }
        if let Some((logical_id, front)) = &self.api {
            attributes.set(logical_id, "ApiEndpoint", front.url());
        }
        attributes
    }

    /// Makes the functions and opens their URLs and the API. `running` holds every attribute that the environments name. No process
    /// starts before the first invocation.
    ///
    /// # Errors
    ///
    /// The variables whose values cannot be told.
    pub fn deploy(
        mut self,
        template: &Template,
        running: &Attributes,
        overrides: &Overrides,
        around: &Surroundings,
    ) -> Result<Deployment, Vec<Fault>> {
        let mut deployment = Deployment::default();
        let mut faults = Vec::new();
        for (logical_id, declared) in template.functions() {
            let mut environment =
                template
                    .environment(logical_id, running)
                    .unwrap_or_else(|mut more| {
                        faults.append(&mut more);
                        BTreeMap::new()
                    });
            environment.extend(overrides.get(&declared.binary).cloned().unwrap_or_default());
            let Surroundings {
                platform,
                access,
                logs,
                clock,
            } = around;
            let caller = access.function_session(logical_id, &declared.name, &declared.binary);
            // Without rules nobody is anybody, and its calls are refused.
            let credentials = caller
                .as_ref()
                .map_or_else(Credentials::random, |caller| caller.credentials().clone());
            deployment
                .callers
                .extend(caller.map(|caller| (logical_id.to_owned(), caller)));
            let spec = specification(logical_id, declared, environment, credentials);
            let function = Function::new(spec, Arc::clone(platform), logs.clone(), clock.clone());
            if let Some(url) = self.functions.remove(logical_id) {
                deployment.urls.insert(declared.binary.clone(), url.url());
                let function = function.clone();
                let serving = url.serve(clock.clone(), logs.clone(), move |event| {
                    let function = function.clone();
                    async move { function.invoke(event).await }
                });
                deployment.serving.push(serving);
            }
            deployment.functions.push(function);
        }
        if let Some((_, front)) = self.api {
            deployment.api_url = Some(front.url());
            let routes = served(template, &deployment.functions);
            let serving = front.serve(routes, around.clock.clone(), around.logs.clone());
            deployment.serving.push(serving);
        }
        if faults.is_empty() {
            Ok(deployment)
        } else {
            Err(faults)
        }
    }
}

/// The routes of the API, each with its function.
fn served(template: &Template, functions: &[Function]) -> Vec<Served> {
    let routes = template.routes().filter_map(|(logical_id, route)| {
        let function = functions
            .iter()
            .find(|function| function.spec().logical_id == logical_id)?
            .clone();
        let invoke = move |event| {
            let function = function.clone();
            let answer: std::pin::Pin<Box<dyn Future<Output = _> + Send>> =
                Box::pin(async move { function.invoke(event).await });
            answer
        };
        Some(Served {
            route: route.clone(),
            invoke: Arc::new(invoke),
        })
    });
    routes.collect()
}

fn specification(
    logical_id: &str,
    declared: &template::Function,
    environment: BTreeMap<String, String>,
    credentials: Credentials,
) -> FunctionSpec {
    FunctionSpec {
        logical_id: logical_id.to_owned(),
        name: declared.name.clone(),
        binary: declared.binary.clone(),
        timeout: declared.timeout,
        reserved_concurrency: declared.reserved_concurrency,
        memory_megabytes: declared.memory,
        environment,
        url: declared.url.is_some(),
        credentials,
    }
}

/// What the functions of a deployment have in common.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Region, account, endpoints and limits.
    pub platform: Arc<Platform>,
    /// Who gives them credentials.
    pub access: Access,
    /// Where their lines go.
    pub logs: Logs,
    /// The time.
    pub clock: Clock,
}

/// Deployed functions. Their URLs close when this is dropped; [`Deployment::stop`] also waits for their processes.
#[derive(Default)]
pub struct Deployment {
    functions: Vec<Function>,
    /// Who the functions are to IAM, by logical id.
    callers: BTreeMap<String, Caller>,
    urls: BTreeMap<String, String>,
    api_url: Option<String>,
    serving: Vec<Serving>,
}

impl Deployment {
    /// The functions, in the template's order.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The function with this binary.
    #[must_use]
    pub fn function(&self, binary: &str) -> Option<&Function> {
        self.functions
            .iter()
            .find(|function| function.spec().binary == binary)
    }

    /// Who the function with this logical id is to IAM.
    #[must_use]
    pub fn caller(&self, logical_id: &str) -> Option<&Caller> {
        self.callers.get(logical_id)
    }

    /// The function URL of this binary, with a slash at the end.
    #[must_use]
    pub fn url(&self, binary: &str) -> Option<&str> {
        self.urls.get(binary).map(String::as_str)
    }

    /// The HTTP API, without a slash at the end.
    #[must_use]
    pub fn api_url(&self) -> Option<&str> {
        self.api_url.as_deref()
    }

    /// Closes the URLs and ends every process. Returns how many there were, once all are gone.
    pub async fn stop(self) -> usize {
        drop(self.serving);
        let mut processes = 0;
        for function in self.functions {
            processes += function.stop().await;
        }
        processes
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::{Value, json};

    use super::*;
    use crate::logs::Display;

    const TEMPLATE: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  FirstFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: scripted_function}}
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      Timeout: 30
      MemorySize: 512
      FunctionUrlConfig: {AuthType: NONE}
      Environment: {Variables: {OTHER_URL: !GetAtt SecondFunctionUrl.FunctionUrl, LEVEL: info}}
  SecondFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: second}}
    Properties: {Runtime: provided.al2023, Handler: bootstrap, FunctionUrlConfig: {AuthType: NONE}}
";

    fn examples() -> PathBuf {
        std::env::current_exe()
            .unwrap()
            .parent()
            .unwrap()
            .with_file_name("examples")
    }

    async fn deployed(overrides: &Overrides) -> Deployment {
        let template = Template::read(TEMPLATE, &BTreeMap::new()).unwrap();
        let urls = Urls::bind(&template, Ports::Free, &[]).await.unwrap();
        let attributes = urls.attributes();
        let clock = Clock::system();
        let around = Surroundings {
            platform: Arc::new(Platform::new(examples(), "us-east-1", "123456789012")),
            access: Access::new(clock.clone()),
            logs: Logs::new(Display::Quiet, clock.clone()),
            clock,
        };
        urls.deploy(&template, &attributes, overrides, &around)
            .unwrap()
    }

    #[tokio::test]
    async fn a_request_to_a_function_url_is_answered_by_the_functions_process() {
        let deployment = deployed(&Overrides::new()).await;
        let url = format!(
            "{}sms?account=AC1",
            deployment.url("scripted_function").unwrap()
        );
        let response = crate::http_client::client().get(url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let answer: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(answer["event"]["rawPath"], "/sms");
        assert_eq!(answer["event"]["rawQueryString"], "account=AC1");
        assert_eq!(deployment.stop().await, 1);
    }

    #[tokio::test]
    async fn an_environment_may_name_the_url_of_a_later_function() {
        let overrides = Overrides::from([(
            "scripted_function".to_owned(),
            BTreeMap::from([("LEVEL".to_owned(), "debug".to_owned())]),
        )]);
        let deployment = deployed(&overrides).await;
        let function = deployment.function("scripted_function").unwrap();
        let answer = function
            .invoke(json!({"do": "environment"}).to_string().into())
            .await
            .unwrap();
        let variables: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(variables["OTHER_URL"].as_str(), deployment.url("second"));
        assert_eq!(variables["LEVEL"], "debug");
        assert_eq!(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "512");
        assert_eq!(
            variables["AWS_LAMBDA_FUNCTION_NAME"],
            "trunkline-local-FirstFunction"
        );
        deployment.stop().await;
    }

    #[tokio::test]
    async fn ports_follow_the_order_of_the_template() {
        assert_eq!((Ports::From(9_100).at(2), Ports::Free.at(2)), (9_102, 0));
        let template = Template::read(TEMPLATE, &BTreeMap::new()).unwrap();
        let taken = Urls::bind(&template, Ports::Free, &[]).await.unwrap();
        let first = taken.functions["FirstFunction"].url();
        let port: u16 = first
            .trim_end_matches('/')
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let error = Urls::bind(&template, Ports::From(port - 1), &[])
            .await
            .unwrap_err();
        assert!(matches!(error, ListenError::InUse { port: in_use, .. } if in_use == port));
    }

    #[tokio::test]
    async fn an_attribute_that_nothing_gives_is_a_fault_of_the_template() {
        let template = Template::read(TEMPLATE, &BTreeMap::new()).unwrap();
        let urls = Urls::bind(&template, Ports::Free, &[]).await.unwrap();
        let clock = Clock::system();
        let around = Surroundings {
            platform: Arc::new(Platform::new(examples(), "us-east-1", "123456789012")),
            access: Access::new(clock.clone()),
            logs: Logs::new(Display::Quiet, clock.clone()),
            clock,
        };
        let faults = urls
            .deploy(&template, &Attributes::new(), &Overrides::new(), &around)
            .err()
            .unwrap();
        assert!(
            faults[0].to_string().starts_with("template.yaml:"),
            "{faults:?}"
        );
    }
}
