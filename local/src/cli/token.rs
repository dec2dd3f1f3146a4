use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Deserialize;
use shared::tenant::TenantId;

use super::Failure;
use super::output::print;
use crate::issuer::TOKEN_PATH;
use crate::running::{RunningApi, RunningStack};

/// `token --tenant acme --role admin`
#[derive(Debug, Args)]
pub(super) struct Token {
    /// Tenant that the user belongs to; an operator may belong to none
    #[arg(long, value_name = "TENANT")]
    tenant: Option<TenantId>,
    /// Role of the user; may be repeated
    #[arg(long = "role", value_name = "ROLE", default_value = "member")]
    roles: Vec<Role>,
    /// Who the user is: the claim sub [default: local-ROLE]
    #[arg(long, value_name = "SUBJECT")]
    sub: Option<String>,
    /// Seconds for which the token is good
    #[arg(long, value_name = "SECONDS", default_value_t = 43_200, value_parser = clap::value_parser!(u64).range(1..))]
    ttl: u64,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Use the tenant's telephony
    Member,
    /// Keep the tenant's credentials and settings as well
    Admin,
    /// Keep the tenants themselves
    Operator,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }
}

/// What the issuer answers (RFC 6749, 5.1 and 5.2).
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Token { access_token: String },
    Error { error_description: String },
}

impl Token {
    /// Prints one token of the running stack's issuer, and nothing else.
    pub(super) async fn run(self, folder: &Path) -> Result<ExitCode, Failure> {
        self.check()?;
        let api = RunningStack::find(folder)?.api;
        let api = api.ok_or("the running stack has no API that takes tokens")?;
        if let Some(refusal) = refusal(&api) {
            return Err(refusal.into());
        }
        let answer = crate::http_client::client()
            .post(format!("{}{TOKEN_PATH}", api.issuer_url))
            .form(&self.form())
            .send()
            .await?;
        match serde_json::from_slice(&answer.bytes().await?)? {
            Answer::Token { access_token } => {
                print(access_token)?;
                Ok(ExitCode::SUCCESS)
            }
            Answer::Error { error_description } => Err(error_description.into()),
        }
    }

    /// A token that nothing would take is a mistake on the command line.
    fn check(&self) -> Result<(), Failure> {
        if self.tenant.is_none() && !self.roles.contains(&Role::Operator) {
            return Err(
                "a member or an admin belongs to a tenant: name it with --tenant, or ask for --role operator"
                    .into(),
            );
        }
        Ok(())
    }

    fn form(&self) -> Vec<(&'static str, String)> {
        let first = self.roles.first().copied().unwrap_or(Role::Member);
        let subject = self.sub.clone();
        let subject = subject.unwrap_or_else(|| format!("local-{}", first.name()));
        let mut form = vec![("sub", subject), ("ttl", self.ttl.to_string())];
        if let Some(tenant) = &self.tenant {
            form.push(("tenant", tenant.to_string()));
        }
        form.extend(
            self.roles
                .iter()
                .map(|role| ("role", role.name().to_owned())),
        );
        form
    }
}

/// Why tokens of the stack's own issuer are of no use, if so.
fn refusal(api: &RunningApi) -> Option<String> {
    let RunningApi {
        issuer_url,
        trusted_issuer,
        ..
    } = api;
    (issuer_url != trusted_issuer).then(|| {
        format!(
            "the stack takes tokens of {trusted_issuer}: take one there, or start it without --parameter JwtIssuer"
        )
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        token: Token,
    }

    fn parsed(arguments: &[&str]) -> Token {
        let line = Line::try_parse_from([&["token"], arguments].concat()).unwrap();
        line.token
    }

    #[test]
    fn a_user_of_a_tenant_is_a_member_unless_told_otherwise() {
        let token = parsed(&["--tenant", "acme"]);
        token.check().unwrap();
        let expected = [
            ("sub", "local-member"),
            ("ttl", "43200"),
            ("tenant", "acme"),
            ("role", "member"),
        ];
        assert_eq!(
            token.form(),
            expected.map(|(name, value)| (name, value.to_owned()))
        );
    }

    #[test]
    fn an_operator_needs_no_tenant_and_others_do() {
        parsed(&["--role", "operator"]).check().unwrap();
        parsed(&["--role", "admin", "--role", "operator"])
            .check()
            .unwrap();
        let error = parsed(&["--role", "admin"]).check().unwrap_err();
        assert!(error.to_string().contains("--tenant"), "{error}");
    }

    #[test]
    fn a_role_or_tenant_that_cannot_be_is_refused_on_the_command_line() {
        for arguments in [["--role", "owner"], ["--tenant", "Acme!"], ["--ttl", "0"]] {
            let line = Line::try_parse_from([&["token"], &arguments[..]].concat());
            assert!(line.is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn where_another_issuer_is_trusted_it_is_named() {
        let mut api = RunningApi {
            url: "http://127.0.0.1:9110".to_owned(),
            issuer_url: "http://127.0.0.1:9111".to_owned(),
            trusted_issuer: "http://127.0.0.1:9111".to_owned(),
        };
        assert_eq!(refusal(&api), None);
        api.trusted_issuer = "https://login.example.com".to_owned();
        assert!(refusal(&api).unwrap().contains("https://login.example.com"));
    }
}
