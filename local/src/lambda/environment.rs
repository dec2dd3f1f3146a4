use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{FunctionSpec, Platform};

/// The whole environment of one process: Lambda's variables, the platform's, then the template's, which win.
///
/// Nothing is inherited: a function that reads a variable the template does not set must fail here as it fails in AWS.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
pub(super) fn environment(
    spec: &FunctionSpec,
    platform: &Platform,
    log_stream: &str,
    runtime_api: SocketAddr,
) -> BTreeMap<String, String> {
    let lambda = [
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone()),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            spec.memory_megabytes.to_string(),
        ),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        (
            "AWS_LAMBDA_LOG_GROUP_NAME",
            format!("/aws/lambda/{}", spec.name),
        ),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream.to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string()),
        ("AWS_REGION", platform.region.clone()),
        ("AWS_DEFAULT_REGION", platform.region.clone()),
        ("AWS_ACCESS_KEY_ID", spec.credentials.access_key_id.clone()),
        (
            "AWS_SECRET_ACCESS_KEY",
            spec.credentials.secret_access_key.clone(),
        ),
        ("AWS_SESSION_TOKEN", spec.credentials.session_token.clone()),
        ("_HANDLER", "bootstrap".to_owned()),
        ("LAMBDA_TASK_ROOT", platform.binaries.display().to_string()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ];
    let mut all: BTreeMap<_, _> = lambda
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    all.extend(platform.environment.clone());
    all.extend(spec.environment.clone());
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::iam::Credentials;

    #[test]
    fn the_templates_variables_come_on_top_of_lambdas_own() {
        let spec = FunctionSpec {
            logical_id: "SmsWebhookFunction".to_owned(),
            name: "local-SmsWebhookFunction".to_owned(),
            binary: "sms-webhook".to_owned(),
            timeout: Duration::from_secs(3),
            reserved_concurrency: None,
            memory_megabytes: 256,
            environment: BTreeMap::from([("TENANTS_TABLE".to_owned(), "Tenants".to_owned())]),
            url: true,
            credentials: Credentials::random(),
        };
        let mut platform = Platform::new("/task".into(), "eu-central-1", "123456789012");
        platform.environment.insert(
            "AWS_ENDPOINT_URL_KMS".to_owned(),
            "http://127.0.0.1:1".to_owned(),
        );
        let all = environment(
            &spec,
            &platform,
            "stream",
            SocketAddr::from(([127, 0, 0, 1], 9001)),
        );
        assert_eq!(all["TENANTS_TABLE"], "Tenants");
        assert_eq!(all["AWS_ENDPOINT_URL_KMS"], "http://127.0.0.1:1");
        assert_eq!(all["AWS_LAMBDA_FUNCTION_NAME"], "local-SmsWebhookFunction");
        assert_eq!(all["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256");
        assert_eq!(all["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:9001");
        assert_eq!(all["AWS_ACCESS_KEY_ID"], spec.credentials.access_key_id);
        assert_eq!(all["AWS_REGION"], "eu-central-1");
        assert_eq!(all["TZ"], ":UTC");
    }
}
