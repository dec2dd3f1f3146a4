//! The commands that lead through the client API: a tenant, its credentials, their mask, its health, a token.

/// An account of the local Twilio (`local/demo/accounts.json`) that only these lines use: those of docs/api.md and events/ have
/// others, so that all can be followed one after the other.
const ACCOUNT: &str = r#"{"account_sid":"ACeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee","auth_token":"eeee5555eeee5555eeee5555eeee5555","api_key_sid":"SKeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee","api_key_secret":"eeeeKey5eeeeKey5eeeeKey5eeeeKey5"}"#;

/// The lines, to be typed one after the other in one shell. `data` is what names the data folder to other commands, with a
/// space before it, or nothing.
pub(super) fn lines(api: &str, data: &str) -> Vec<String> {
    let header =
        |who: &str| format!(r#""Authorization: Bearer $(cargo run --quiet -- token {who}{data})""#);
    vec![
        format!("api={api}/api json='Content-Type: application/json'"),
        format!("operator={}", header("--role operator")),
        r#"curl -sS $api/tenants -H "$operator" -H "$json" -d '{"tenant_id":"hooli","name":"Hooli"}'"#
            .to_owned(),
        format!("admin={}", header("--tenant hooli --role admin")),
        format!(r#"curl -sS -X PUT $api/integrations/twilio -H "$admin" -H "$json" -d '{ACCOUNT}'"#),
        r#"curl -sS $api/integrations/twilio -H "$admin""#.to_owned(),
        r#"curl -sS $api/health/twilio -H "$admin""#.to_owned(),
        r#"curl -sS $api/token -H "$admin" -H "$json" -d '{}'"#.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_name_the_api_and_the_data_folder() {
        let lines = lines("http://127.0.0.1:9110", " --data '/d'");
        assert!(lines[0].starts_with("api=http://127.0.0.1:9110/api "));
        assert!(lines[1].ends_with("token --role operator --data '/d')\""));
        assert!(lines[3].ends_with("token --tenant hooli --role admin --data '/d')\""));
    }

    #[test]
    fn the_account_is_json() {
        let account: serde_json::Value = serde_json::from_str(ACCOUNT).unwrap();
        assert!(account["account_sid"].as_str().unwrap().starts_with("AC"));
    }
}
